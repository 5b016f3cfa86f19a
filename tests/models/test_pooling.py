"""Log-linear pools: shares that make held-back counts likeliest."""

import numpy as np
import pytest

from undertow.models.pooling import (
    GAIN_STD,
    MOST_SHARE,
    OWN_STD,
    choose_by_neuron,
    choose_shares,
    log_ratio,
)


def planted(shares: tuple[float, ...], n: int = 40_000) -> tuple[list[np.ndarray], np.ndarray]:
    """Sources of log rates and counts drawn from their pool, at a mean of 2 spikes."""
    rng = np.random.default_rng(0)
    sources = [rng.normal(0, 0.5, (n // 10, 10)) for _ in shares]
    logs = sum(share * each for share, each in zip(shares, sources, strict=True))
    return sources, rng.poisson(2.0 * np.exp(logs)).astype(float)


@pytest.mark.parametrize("shares", [(0.9, 0.1), (0.3, 0.7), (0.5, 0.0), (0.4, 0.4, 0.6)])
def test_planted_shares_are_found(shares: tuple[float, ...]) -> None:
    sources, counts = planted(shares)
    found = choose_shares(sources, counts, np.array(2.0), np.full(len(shares), 0.5))
    # the information of a share is Σ rate · source² ≥ 40,000 · 2 · 0.25: a std of at most 0.0071
    assert found == pytest.approx(shares, abs=4 * 0.0071)


def test_missing_counts_change_nothing() -> None:
    sources, counts = planted((0.9, 0.1))
    start, mean = np.array([1.0, 0.0]), np.array(2.0)
    holes = np.random.default_rng(1).random(counts.shape) < 0.5
    gone = choose_shares([np.where(holes, 1e3, s) for s in sources],
                         np.where(holes, np.nan, counts), mean, start)  # fmt: skip
    kept = choose_shares([s[~holes] for s in sources], counts[~holes], mean, start)
    assert gone == pytest.approx(kept, abs=1e-6)


def test_without_spikes_to_choose_on_shares_stay_and_few_move_them_little() -> None:
    start = np.array([0.7, 0.2])
    nothing = np.full((3, 2), np.nan)
    assert choose_shares([nothing, nothing], nothing, np.array(1.0), start) == pytest.approx(start)
    sources, counts = planted((0.0, 1.5))
    moved = choose_shares([s[:1] for s in sources], counts[:1], np.array(2.0), start)
    whole = choose_shares(sources, counts, np.array(2.0), start)
    assert np.abs(moved - start).sum() < np.abs(whole - start).sum()


def test_a_narrow_prior_moves_a_share_by_its_own_width() -> None:
    sources, counts = planted((0.9, 0.9), n=400)
    start, mean = np.array([0.5, 0.5]), np.array(2.0)
    narrow = choose_shares(sources, counts, mean, start, np.array([0.01, 0.5]))
    # the prior's information on the first is 10,000, that of 400 counts at most 400 · 2 · 0.25 · e
    assert abs(narrow[0] - 0.5) < 0.03
    assert narrow[1] - 0.5 > 0.2


def test_shares_stay_between_zero_and_two() -> None:
    for planted_shares in ((-1.0, 0.5), (3.0, 0.5)):
        sources, counts = planted(planted_shares)
        found = choose_shares(sources, counts, np.array(2.0), np.array([0.5, 0.5]))
        assert (found >= 0).all()
        assert (found <= MOST_SHARE).all()


def test_a_neuron_has_powers_and_a_gain_of_its_own() -> None:
    rng, shares = np.random.default_rng(0), np.array([0.6, 0.3])
    sources = [rng.normal(0, 0.5, (20_000, 4)) for _ in shares]
    own = shares[:, None] + np.array([[0.0, 0.1, 0.0, 0.0], [0.0, -0.1, 0.0, 0.0]])
    gains = np.array([0.0, 0.0, 0.1, 0.0])
    logs = gains + sum(w * s for w, s in zip(own, sources, strict=True))
    counts = rng.poisson(2.0 * np.exp(logs)).astype(float)
    counts[:, 3] = np.nan
    found, log_gains = choose_by_neuron(sources, counts, np.full(4, 2.0), shares)
    # 20,000 bins of 2 spikes: a std of 0.01 for a power and 0.005 for a gain, both far below the
    # priors', which draw by 2 and 1 %
    assert found == pytest.approx(own, abs=4 * 0.01 + 0.02 * 0.1)
    assert log_gains == pytest.approx(gains, abs=4 * 0.005 + 0.01 * 0.1)
    assert found[:, 3] == pytest.approx(shares)
    assert log_gains[3] == 0


def test_few_spikes_move_a_neuron_little_and_a_power_of_zero_stays() -> None:
    sources, counts = planted((1.5, 1.5))
    shares = np.array([0.5, 0.0])
    few = [each[:2] for each in sources]
    found, gains = choose_by_neuron(few, counts[:2], np.full(10, 2.0), shares)
    assert (np.abs(found[0] - 0.5) < OWN_STD).all()
    assert (np.abs(gains) < GAIN_STD).all()
    assert (found[1] == 0).all()


def test_ratios_are_finite_for_rates_of_zero() -> None:
    ratio = log_ratio(np.array([0.0, 5.0, np.nan]), np.array([5.0, 5.0, 5.0]))
    assert ratio[:2] == pytest.approx([np.log(1e-3 / 5), 0.0])
    assert np.isnan(ratio[2])
