"""Components against a dense eigen-decomposition, waves entry by entry, autocorrelation times
against processes whose autocorrelation is known."""

import numpy as np
import pytest
from scipy.optimize import brentq

from undertow.analysis import (
    autocorrelation_time,
    latent_timescales,
    principal_components,
    wave_groups,
)
from undertow.errors import DataError, UndertowError

BIN_S = 0.01


def test_shares_axes_and_scores_are_those_of_the_covariance_matrix() -> None:
    rng = np.random.default_rng(0)
    latents = (
        rng.normal(size=(7, 11, 5)) @ np.diag([4.0, 2.0, 1.0, 0.5, 0.1]) @ rng.normal(size=(5, 5))
        + 3.0
    )
    rows = latents.reshape(-1, 5)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    found = principal_components(latents, n=3)
    np.testing.assert_allclose(found.variance_share, values[::-1][:3] / values.sum())
    np.testing.assert_allclose(np.abs(found.axes @ vectors[:, ::-1][:, :3]), np.eye(3), atol=1e-8)
    np.testing.assert_allclose(found.scores, (latents - rows.mean(axis=0)) @ found.axes.T)
    assert (found.axes[np.arange(3), np.abs(found.axes).argmax(axis=1)] > 0).all()


def test_missing_and_invalid_bins_take_no_part() -> None:
    latents = np.random.default_rng(1).normal(size=(4, 6, 3))
    valid = np.ones((4, 6), bool)
    valid[0, 4:] = False
    padded = latents.copy()
    padded[1, 2, 0] = np.nan
    padded[0, 4:] = 1e6
    found = principal_components(padded, valid=valid)
    keep = valid & np.isfinite(padded).all(axis=2)
    rows = latents[keep]
    values = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
    np.testing.assert_allclose(found.variance_share, values / values.sum())
    assert np.isnan(found.scores[~keep]).all()
    assert np.isfinite(found.scores[keep]).all()


def test_some_trials_of_the_same_axes() -> None:
    whole = principal_components(np.random.default_rng(2).normal(size=(5, 4, 3)))
    some = whole.of_trials(np.array([3, 1]))
    np.testing.assert_array_equal(some.scores, whole.scores[[3, 1]])
    assert some.axes is whole.axes


def test_one_dimension_gives_one_component() -> None:
    assert principal_components(np.arange(6.0).reshape(2, 3, 1)).variance_share == pytest.approx(
        [1.0]
    )


@pytest.mark.parametrize(
    ("latents", "words"),
    [(np.full((2, 3, 2), 5.0), "do not vary"), (np.full((2, 3, 2), np.nan), "0 usable bin")],
)
def test_nothing_to_decompose_is_said(latents: np.ndarray, words: str) -> None:
    with pytest.raises(UndertowError, match=words):
        principal_components(latents)


def test_wave_groups_are_consecutive_dimensions() -> None:
    latent = np.arange(2 * 3 * 8).reshape(2, 3, 8)
    waves = wave_groups(latent, 4)
    assert waves.shape == (4, 2, 2, 3)
    for group in range(4):
        np.testing.assert_array_equal(waves[group, 1], latent[1, :, 2 * group : 2 * group + 2].T)


@pytest.mark.parametrize("n_groups", [3, 0])
def test_groups_that_do_not_divide_are_refused(n_groups: int) -> None:
    with pytest.raises(UndertowError, match=f"8 dimensions does not divide into {n_groups}"):
        wave_groups(np.zeros((1, 2, 8)), n_groups)


def ornstein_uhlenbeck(tau_s: float, n_trials: int, n_time: int, seed: int) -> np.ndarray:
    """Stationary paths of unit variance with ρ = exp(−t / τ), exact at the bins: (trials, time,
    1)."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-BIN_S / tau_s)
    x = rng.normal(size=(n_trials, n_time, 1))
    for t in range(1, n_time):
        x[:, t] = keep * x[:, t - 1] + np.sqrt(1 - keep**2) * x[:, t]
    return x


@pytest.mark.parametrize("tau_s", [0.03, 0.1, 0.25])
def test_an_ornstein_uhlenbeck_process_gives_its_time_constant(tau_s: float) -> None:
    n_trials, n_time = 400, 100
    found = autocorrelation_time(ornstein_uhlenbeck(tau_s, n_trials, n_time, seed=1), BIN_S)
    # Bartlett: var ρ̂(τ) ≈ (τ_c / T)(1 − e⁻²) − 2 e⁻² … < 2 τ / T of a record of length T; dρ/dt =
    # −1/(e τ)
    relative_std = np.e * np.sqrt(2 * tau_s / (n_trials * n_time * BIN_S))
    bend = (BIN_S / tau_s) ** 2 / 8  # a chord lies above an exponential by at most this share
    assert found == pytest.approx([tau_s], rel=4 * relative_std + bend)


def test_a_damped_oscillation_crosses_where_its_autocorrelation_does() -> None:
    """x = A cos ωt + B sin ωt, A and B independent over trials, each decaying: ρ(k) = cos(ω k) over
    all pairs."""
    rng = np.random.default_rng(0)
    omega, decay_s, n_time, n_trials = 2 * np.pi * 2.0, 0.4, 120, 20_000
    t = np.arange(n_time) * BIN_S
    envelope = np.exp(-t / decay_s)
    a, b = rng.normal(size=(2, n_trials, 1))
    x = envelope * (a * np.cos(omega * t) + b * np.sin(omega * t))

    def expected(lag_s: float) -> float:
        return float(np.cos(omega * lag_s)) - np.exp(
            -1
        )  # the decay cancels: each factor has its own norm

    found = autocorrelation_time(x[..., None], BIN_S)
    crossing = brentq(expected, 0, np.pi / omega)
    # the correlation of A and B and their variances err by about 1/√n; dρ/dt = −ω sin ωt
    slope = omega * np.sin(omega * crossing)
    assert found == pytest.approx(
        [crossing], abs=4 / np.sqrt(n_trials) / slope + omega**2 * BIN_S**2 / 8 / slope
    )


def test_what_all_trials_share_does_not_count() -> None:
    x = ornstein_uhlenbeck(0.05, 50, 60, seed=2)
    wave = 100 * np.sin(np.arange(60) / 30)[:, None]
    assert autocorrelation_time(x + wave, BIN_S) == pytest.approx(autocorrelation_time(x, BIN_S))


def test_interpolates_between_bins_exactly() -> None:
    """Two opposite trials [1, 1 − d, …] against a direct computation of ρ(1) and ρ(2)."""
    one = np.array([1.0, 0.3, -0.4, -0.2])
    x = np.stack([one, -one])[..., None]
    rho = [1.0] + [
        (one[:-k] @ one[k:]) / np.sqrt((one[:-k] @ one[:-k]) * (one[k:] @ one[k:])) for k in (1, 2)
    ]
    k = next(k for k in (1, 2) if rho[k] < np.exp(-1))
    expected = k - 1 + (rho[k - 1] - np.exp(-1)) / (rho[k - 1] - rho[k])
    assert autocorrelation_time(x, BIN_S) == pytest.approx([expected * BIN_S])


def test_bins_past_the_end_are_left_out() -> None:
    x = ornstein_uhlenbeck(0.04, 30, 40, seed=3)
    padded = np.concatenate([x, np.full((30, 10, 1), np.nan)], axis=1)
    assert autocorrelation_time(padded, BIN_S) == pytest.approx(autocorrelation_time(x, BIN_S))


def test_no_crossing_and_no_difference_are_nan() -> None:
    steady = np.broadcast_to(np.random.default_rng(0).normal(size=(20, 1, 1)), (20, 15, 1))
    same = np.broadcast_to(np.linspace(0.1, 0.7, 15)[:, None], (20, 15, 1))
    assert np.isnan(autocorrelation_time(np.concatenate([steady, same], axis=2), BIN_S)).all()
    assert np.isnan(autocorrelation_time(ornstein_uhlenbeck(0.05, 1, 30, seed=0), BIN_S)).all()


def test_latents_are_taken_by_name() -> None:
    z, h = (ornstein_uhlenbeck(tau, 40, 50, seed=4) for tau in (0.05, 0.1))
    found = latent_timescales({"z": z, "h": h}, BIN_S)
    assert list(found) == ["z"]
    assert found["z"].shape == (1,)
    with pytest.raises(
        DataError, match=r"shape \(40, 50\): it must be \(trials, time, dimension\)"
    ):
        autocorrelation_time(z[..., 0], BIN_S)
