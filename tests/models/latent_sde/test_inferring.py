"""`predict(refine=…, particles=…)`: what it may see, what it reports, and what it refuses."""

from functools import cache
from typing import Any, Literal

import numpy as np
import pytest
import torch

from tests.models.small_sde import BIN_S, TRIALS, fit, with_times
from undertow.data import Prediction, TrialSet
from undertow.dynamics import CoupledOscillators
from undertow.errors import ModelError, UndertowError
from undertow.models import LatentSDE

Mode = Literal["smooth", "generate"]
EFFORTS: dict[str, dict[str, Any]] = {
    "refined": {"refine": 6},
    "particles": {"particles": 60},
    "both": {"refine": 4, "particles": 40},
}
each_effort = pytest.mark.parametrize("effort", EFFORTS.values(), ids=EFFORTS)
each_mode = pytest.mark.parametrize("mode", ["smooth", "generate"])
HELD = TRIALS.replace(heldout=np.arange(TRIALS.n_neurons) < 2)


@cache
def made(irregular: bool = False, held: bool = False, **settings: Any) -> LatentSDE:
    """A short fit whose rates depend on its states, as those of a long one do."""
    trials = HELD if held else TRIALS
    model = fit(with_times(trials, 0.004) if irregular else trials, **settings)
    with torch.no_grad():
        for parameter in model.network_.observation.parameters():
            if parameter.ndim == 2:
                parameter.mul_(20)
    return model


def same(one: Prediction, other: Prediction) -> bool:
    return np.array_equal(one.rates, other.rates, equal_nan=True)


@each_effort
@each_mode
def test_all_of_a_prediction_is_there(mode: Mode, effort: dict[str, Any]) -> None:
    found = made().predict(TRIALS, 4, mode=mode, **effort)
    plain = made().predict(TRIALS, 4, mode=mode)
    assert np.isfinite(found.rates[TRIALS.valid]).all()
    assert np.isnan(found.rates[~TRIALS.valid]).all()
    assert found.latents.keys() == plain.latents.keys()
    assert found.behavior is not None
    assert np.isfinite(found.label_probabilities["choice"]).all()
    assert not same(found, plain)
    for name in ("amortised_bound", "refined_bound")[: 2 * ("refine" in effort)]:
        assert np.isfinite(found.terms[name]).all()
    if "particles" in effort:
        assert found.effective_samples is not None
        inside = found.effective_samples[TRIALS.valid]
        assert inside.min() >= 1 - 1e-4
        assert inside.max() <= effort["particles"] * (1 + 1e-4)
        assert np.isnan(found.effective_samples[~TRIALS.valid]).all()
        assert np.isfinite(found.terms["log_evidence"]).all()
        assert "kl_path" not in found.terms


@each_effort
@each_mode
def test_the_same_seed_gives_the_same_prediction(mode: Mode, effort: dict[str, Any]) -> None:
    first, again, other = (made().predict(TRIALS, 3, seed, mode, **effort) for seed in (5, 5, 6))
    assert same(first, again)
    assert not same(first, other)
    for name, term in first.terms.items():
        np.testing.assert_array_equal(term, again.terms[name])


@each_effort
@each_mode
def test_only_what_the_encoder_sees_is_looked_at(mode: Mode, effort: dict[str, Any]) -> None:
    """Not held-out neurons, behaviour or labels; in mode 'generate' nothing after the window."""
    spikes = np.array(HELD.spikes)
    spikes[..., :2] += 3
    if mode == "generate":
        spikes[:, round(0.06 / BIN_S) :] += 2
    assert HELD.behavior is not None
    changed = HELD.replace(
        spikes=spikes,
        behavior=HELD.behavior + 10,
        labels={"choice": np.where(np.arange(len(HELD)) % 3, "left", "right")},
    )
    one, other = (made(held=True).predict(each, 3, mode=mode, **effort) for each in (HELD, changed))
    assert same(one, other)
    seen = np.array(HELD.spikes)
    seen[:, 0, 3] += 5
    assert not same(one, made(held=True).predict(HELD.replace(spikes=seen), 3, mode=mode, **effort))


@each_effort
def test_hidden_entries_are_not_looked_at(effort: dict[str, Any]) -> None:
    hidden, more = np.array(TRIALS.spikes), np.array(TRIALS.spikes)
    hidden[:, 4, 2] = np.nan
    more[:, 4, 2] += 4
    found = made().predict(TRIALS.replace(spikes=hidden), 3, **effort)
    assert not same(found, made().predict(TRIALS.replace(spikes=more), 3, **effort))
    assert np.isfinite(found.rates[TRIALS.valid]).all()


def test_refining_raises_each_trials_bound_and_leaves_the_network_alone() -> None:
    model = made()
    model.network_.zero_grad()  # of its training
    before = {name: value.clone() for name, value in model.network_.state_dict().items()}
    found = model.predict(TRIALS, refine=40)
    gain = found.terms["refined_bound"] - found.terms["amortised_bound"]
    assert (gain >= 0).all()
    assert gain.mean() > 0.2
    for name, value in model.network_.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in model.network_.parameters())
    assert all(parameter.requires_grad for parameter in model.network_.steering.parameters())  # type: ignore[union-attr]


def test_particles_find_the_evidence_that_bounds_stay_below() -> None:
    """Of as many bins as its bound is of; twice the particles find the same."""
    found = made().predict(TRIALS, 2, refine=60, particles=400)
    more = made().predict(TRIALS, 2, seed=1, particles=800)
    np.testing.assert_allclose(found.terms["log_evidence"], more.terms["log_evidence"], atol=0.15)
    # a bound of 32 paths errs by less than this
    assert (found.terms["refined_bound"] < more.terms["log_evidence"] + 1.0).all()
    assert found.terms["refined_bound"].mean() < more.terms["log_evidence"].mean()
    iwae = made().evidence(TRIALS.replace(behavior=None, labels=None), paths=400)
    np.testing.assert_allclose(iwae["importance_weighted"], more.terms["log_evidence"], atol=0.5)


def test_behavior_that_is_shown_is_explained_too() -> None:
    model = made(signals__encode_behavior=True)
    assert TRIALS.behavior is not None
    moved = TRIALS.replace(behavior=TRIALS.behavior + 1.0)
    for effort in EFFORTS.values():
        one, other = (
            model.predict(each, 2, show_behavior=True, **effort) for each in (TRIALS, moved)
        )
        assert not same(one, other)
        assert same(*(model.predict(each, 2, **effort) for each in (TRIALS, moved)))


@pytest.mark.filterwarnings("ignore::UserWarning")
@each_effort
@each_mode
def test_irregular_times_are_inferred_too(mode: Mode, effort: dict[str, Any]) -> None:
    trials = with_times(TRIALS, 0.004)
    model = made(irregular=True)
    found = model.predict(trials, 3, mode=mode, **effort)
    assert np.isfinite(found.rates[trials.valid]).all()


@each_effort
@each_mode
@pytest.mark.parametrize(
    "settings",
    [
        {"solver__bins_per_step": 2.0},
        {"solver__bins_per_step": 0.5},
        {"dynamics": CoupledOscillators(4, noise=False), "posterior__kind": "auto"},
        {"posterior__kind": "autonomous"},
        {"posterior__initial_s": 0.0},
        {"dynamics": "second-order-oscillators"},
    ],
    ids=str,
)
def test_every_posterior_is_inferred(
    mode: Mode, effort: dict[str, Any], settings: dict[str, Any]
) -> None:
    model = made(**settings)
    found = model.predict(TRIALS, 3, mode=mode, **effort)
    assert np.isfinite(found.rates[TRIALS.valid]).all()


def test_intervals_of_too_few_effective_particles_are_refused() -> None:
    few = made().predict(TRIALS, 200, particles=20)
    with pytest.raises(UndertowError, match=r"fewer than 50 effective particles.*more particles"):
        few.interval()
    low, high = made().predict(TRIALS, 200, particles=400).interval()
    inside = TRIALS.valid
    assert (low[inside] < high[inside]).all()


def test_effective_particles_are_written_with_the_rest() -> None:
    found = made().predict(TRIALS, 3, particles=40)
    data = found.to_xarray()
    assert data["effective_samples"].dims == ("trial", "time")
    np.testing.assert_array_equal(data["log_evidence"], found.terms["log_evidence"])


@pytest.mark.parametrize(
    ("effort", "message"),
    [
        ({"refine": -1}, "refine is -1: it must be a whole number"),
        ({"refine": 0.5}, r"refine is 0.5: it must be a whole number"),
        ({"particles": 1}, "particles is 1: it must be a whole number, at least 2"),
    ],
)
def test_numbers_out_of_range_are_refused(effort: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        made().predict(TRIALS, **effort)


def test_particles_that_could_not_fit_into_memory_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("undertow.memory.machine_memory", lambda: 10**8)
    with pytest.raises(ModelError, match=r"with 1000000 particles would take .* fewer particles"):
        made().predict(TRIALS, 2, particles=1_000_000)


def test_one_bin_is_enough() -> None:
    one: TrialSet = TRIALS[:, :1]
    for effort in EFFORTS.values():
        assert np.isfinite(made().predict(one, 2, **effort).rates).all()
