"""Few-shot co-smoothing: the definition, step by step, and that it tells plain latents from padded
ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import PoissonRegressor

from undertow.errors import DataError
from undertow.evaluation import co_smoothing_bps, few_shot_co_smoothing

K, PENALTY = 5, 0.05


def example(extra: int = 0, seed: int = 0) -> dict[str, np.ndarray]:
    """Two slow latents (and `extra` that have nothing to do with the counts), counts of six
    neurons, 40 + 60 trials."""
    rng = np.random.default_rng(seed)
    slow = np.cumsum(rng.normal(size=(100, 20, 2)), axis=1) / 4
    counts = rng.poisson(np.exp(slow @ rng.normal(size=(2, 6)) - 0.7)).astype(float)
    latents = np.concatenate(
        [slow, np.random.default_rng(seed + 1).normal(size=(100, 20, extra))], axis=2
    )
    return {
        "train_latents": latents[:40],
        "train_spikes_heldout": counts[:40],
        "eval_latents": latents[40:],
        "eval_spikes_heldout": counts[40:],
    }


def test_every_draw_is_scikit_learns_regression_on_k_trials() -> None:
    data = example()
    train, spikes, new, target = data.values()
    found = few_shot_co_smoothing(**data, k=K, repeats=3, seed=7, penalty=PENALTY)
    mean, std = train.mean(axis=(0, 1)), train.std(axis=(0, 1))
    for r, score in enumerate(found.draws):
        drawn = np.random.default_rng((7, r)).permutation(40)[:K]
        rows = ((train[drawn] - mean) / std).reshape(-1, 2)
        rates = np.stack(
            [
                PoissonRegressor(alpha=PENALTY, tol=1e-10, max_iter=1000, solver="newton-cholesky")
                .fit(rows, spikes[drawn][..., neuron].ravel())
                .predict(((new - mean) / std).reshape(-1, 2))
                .reshape(new.shape[:2])
                for neuron in range(6)
            ],
            axis=2,
        )
        assert score == pytest.approx(co_smoothing_bps(rates, target), abs=1e-5)
    assert found.k == K
    np.testing.assert_array_equal(found.penalties, [PENALTY] * 3)
    assert found.value == pytest.approx(np.mean(found.draws))
    assert found.std == pytest.approx(np.std(found.draws, ddof=1))


def test_the_scale_of_a_latent_does_not_matter_and_constant_ones_add_nothing() -> None:
    data = example()
    plain = few_shot_co_smoothing(**data, k=K).draws
    for part in ("train_latents", "eval_latents"):
        scaled = data[part] * [1e3, 1e-3] - 40.0
        data[part] = np.concatenate([scaled, np.full((*scaled.shape[:2], 1), 1e5)], axis=2)
    np.testing.assert_allclose(few_shot_co_smoothing(**data, k=K).draws, plain, atol=1e-6)


def test_latents_padded_with_noise_lose_with_few_trials_and_little_with_many() -> None:
    lost = {}
    for k in (3, 40):
        plain, padded = (few_shot_co_smoothing(**example(extra), k=k).value for extra in (0, 20))
        lost[k] = plain - padded
    assert lost[3] > 0.1
    assert lost[40] < 0.25 * lost[3]


def test_more_trials_help_and_all_trials_leave_nothing_to_draw() -> None:
    data = example(extra=5)
    scores = [few_shot_co_smoothing(**data, k=k) for k in (2, 8, 40)]
    assert scores[0].value < scores[1].value < scores[2].value
    assert scores[2].std == pytest.approx(0.0, abs=1e-6)
    assert np.isnan(few_shot_co_smoothing(**data, k=K, repeats=1).std)


def test_each_draw_chooses_its_penalty_and_a_single_trial_needs_one_given() -> None:
    data = example(extra=5)
    found = few_shot_co_smoothing(**data, k=K, repeats=4)
    assert len(set(found.penalties)) > 1
    for r, penalty in enumerate(found.penalties):
        fixed = few_shot_co_smoothing(**data, k=K, repeats=4, penalty=penalty)
        assert found.draws[r] == fixed.draws[r]
    assert np.isfinite(few_shot_co_smoothing(**data, k=1, penalty=PENALTY).value)


def test_evaluation_trials_have_no_say_in_the_penalty() -> None:
    data, other = example(extra=5), example(extra=5, seed=3)
    mixed = {**data, **{name: other[name] for name in ("eval_latents", "eval_spikes_heldout")}}
    first, second = (few_shot_co_smoothing(**each, k=K) for each in (data, mixed))
    np.testing.assert_array_equal(first.penalties, second.penalties)
    assert first.value != second.value


def test_with_few_trials_a_chosen_penalty_beats_one_fit_for_many() -> None:
    data = example(extra=20)
    chosen, weak = (
        few_shot_co_smoothing(**data, k=3, penalty=penalty).value for penalty in (None, 0.001)
    )
    assert chosen > weak + 0.1


def test_missing_bins_count_nowhere() -> None:
    data = example()
    short = {name: array[:, :15] for name, array in data.items()}
    expected = few_shot_co_smoothing(**short, k=K).draws
    for array in data.values():
        array[:, 15:] = np.nan
    np.testing.assert_allclose(few_shot_co_smoothing(**data, k=K).draws, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "k is 0: a draw takes 1 to 40"),
        ({"k": 41}, "k is 41: a draw takes 1 to 40"),
        ({"k": 1}, "k is 1: .* 2 or more trials; take more trials, or give a penalty"),
        ({"repeats": 0}, "repeats is 0: .* at least 1"),
        ({"penalty": 0.0}, "penalty is 0.0: .* above 0"),
        ({"penalty": np.nan}, "penalty is nan"),
        ({"train_latents": np.zeros((40, 19, 2))}, "the first 2 size"),
        (
            {"eval_latents": np.zeros((60, 20, 3))},
            "training trials have 2 latents and 6 held-out neurons",
        ),
        (
            {"eval_latents": np.full((60, 20, 2), np.inf)},
            "eval_latents is not finite in 1200 bins .* trial 0, bin 0",
        ),
        ({"train_latents": [[1.0]]}, "train_latents has shape"),
        ({"eval_spikes_heldout": np.zeros((60, 20, 6))}, "holds no spike"),
        (
            {
                "train_latents": np.full((40, 20, 2), np.nan),
                "train_spikes_heldout": np.full((40, 20, 6), np.nan),
            },
            "no bin whose latents are all finite",
        ),
    ],
)
def test_what_is_refused(changes: Mapping[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        few_shot_co_smoothing(**{**example(), "k": K, **changes})


@settings(max_examples=15)
@given(st.integers(2, 40), st.integers(1, 2), st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_draws(k: int, repeats: int, seed: int) -> None:
    data = {name: array[:, :5, :1] for name, array in example().items()}
    first = few_shot_co_smoothing(**data, k=k, repeats=repeats, seed=seed).draws
    again = few_shot_co_smoothing(**data, k=k, repeats=repeats + 1, seed=seed).draws
    np.testing.assert_array_equal(first, again[:repeats])
