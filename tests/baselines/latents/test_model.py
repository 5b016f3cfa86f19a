"""What LDS, GPFA and SLDS share: stopping and resuming, readouts of rates, refits, refusals."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.baselines.planted import fit_quietly, switching
from undertow.baselines import GPFA, LDS, SLDS
from undertow.baselines.latents import LatentBaseline
from undertow.baselines.latents.regression import choose_penalty, heldout_bps
from undertow.data import TrialSet, split_validation
from undertow.errors import DataError, ModelError
from undertow.models import load_model
from undertow.training import Interrupted

MODELS: dict[str, LatentBaseline] = {
    "lds": LDS(2),
    "gpfa": GPFA(2, "poisson", timescale_s=0.06),
    "gaussian gpfa": GPFA(2, timescale_s=0.06),
    "slds": SLDS(2, 2, False),
    "recurrent slds": SLDS(2, 2, True),
}
QUICK: dict[str, Any] = {
    "em__iterations": 4,
    "em__validate_every": 1,
    "em__inference_steps": 10,
    "em__refit": 2,
    "em__restarts": 1,
}
every = pytest.mark.parametrize("which", MODELS)


def make_trials() -> TrialSet:
    made = switching(False, n_trials=30, n_time=16, n_neurons=12, count=0.8).trials
    return made.replace(forward_bins=3).hold_out(3, seed=0)


TRIALS = make_trials()
TRAIN, VALIDATION = TRIALS[:24], TRIALS[24:]


def small(which: str, **settings: Any) -> LatentBaseline:
    model = MODELS[which]
    known = {name: value for name, value in QUICK.items() if name in model.get_params()}
    return model.copy(**{**known, **settings})


def fit(which: str, trials: TrialSet = TRAIN, **settings: Any) -> LatentBaseline:
    return fit_quietly(small(which, **settings), trials, VALIDATION)


@cache
def fitted(which: str) -> LatentBaseline:
    """One fit for all who only look."""
    return fit(which)


@every
@pytest.mark.parametrize("after", [1, 3])
def test_a_resumed_fit_ends_as_one_never_interrupted(
    which: str, after: int, tmp_path: Path
) -> None:
    seen: list[float] = []

    def stop(row: dict[str, float], share: float, left: float) -> None:
        seen.append(share)
        if len(seen) == after:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="its state is saved"):
        small(which).fit(TRAIN, VALIDATION, checkpoint=tmp_path, progress=stop)
    resumed = small(which).fit(TRAIN, VALIDATION, checkpoint=tmp_path, resume=True)
    whole = fitted(which)
    for name, value in whole.network_.state_dict().items():
        assert torch.equal(value, resumed.network_.state_dict()[name]), name
    kept = [{k: v for k, v in row.items() if k != "seconds"} for row in whole.history_]
    assert kept == [{k: v for k, v in row.items() if k != "seconds"} for row in resumed.history_]
    assert resumed.notes_ == whole.notes_
    with pytest.raises(ModelError, match="no checkpoint of this fit"):
        small(which, latent_dim=3).fit(TRAIN, VALIDATION, checkpoint=tmp_path, resume=True)


@every
def test_it_is_saved_and_read_back_whole(which: str, tmp_path: Path) -> None:
    model = fitted(which)
    loaded = load_model(model.save(tmp_path / "model.safetensors"))
    assert isinstance(loaded, type(model))
    for name, value in model.network_.state_dict().items():
        assert torch.equal(value, loaded.network_.state_dict()[name]), name
    a, b = (each.predict(VALIDATION, samples=2) for each in (model, loaded))
    assert a.latents.keys() == b.latents.keys()
    for name in a.latents:
        assert np.array_equal(a.latents[name], b.latents[name])
    assert np.array_equal(a.rate_samples, b.rate_samples)
    assert np.array_equal(model.sample(3, 5).spikes, loaded.sample(3, 5).spikes)
    assert loaded.notes_ == []


@every
def test_trials_are_inferred_as_they_are_alone(which: str) -> None:
    """However many are put together, and whatever stands past their end; samples too."""
    lengths = np.full(len(TRIALS), TRIALS.n_time)
    lengths[[0, 2]] = [5, 9]
    spikes = np.array(TRIALS.spikes, float)
    spikes[0, 5:], spikes[2, 9:], spikes[1, 4] = 50.0, 50.0, np.nan
    ragged = TRIALS.replace(spikes=spikes, lengths=lengths, forward_bins=0)[:6]
    parts = TRAIN.replace(forward_bins=0), VALIDATION.replace(forward_bins=0)
    model = fit_quietly(small(which, rates="model", em__refit=0), *parts)
    together = model.predict(ragged, samples=2)
    in_threes = model.copy(em__batch_size=3)
    in_threes.__dict__ |= {k: v for k, v in model.__dict__.items() if k.endswith("_")}
    apart = in_threes.predict(ragged, samples=2)
    np.testing.assert_allclose(apart.rates, together.rates, rtol=1e-5)
    np.testing.assert_allclose(apart.rate_samples, together.rate_samples, rtol=1e-5)
    for trial in range(3):
        alone = ragged[trial : trial + 1].select(time=slice(0, int(ragged.lengths[trial])))
        found = model.predict(alone)
        inside = ragged.valid[trial]
        np.testing.assert_allclose(found.rates[0], together.rates[trial, inside], rtol=1e-5)
        for name in found.latents:
            own = together.latents[name][trial, inside]
            np.testing.assert_allclose(found.latents[name][0], own, atol=1e-5)
        evidence = model.evidence(ragged)["elbo"][trial]
        assert model.evidence(alone)["elbo"][0] == pytest.approx(evidence, rel=1e-8)


@every
def test_forward_bins_and_held_out_neurons_are_learned_but_never_read(which: str) -> None:
    model = fitted(which)
    learning, predicting = model.given(TRIALS, True), model.given(TRIALS)
    assert bool(learning.seen.all())
    assert not predicting.seen[..., torch.tensor(TRIALS.heldout)].any()
    assert not predicting.seen[:, -3:].any()
    assert not predicting.counts[:, -3:].any()


@every
def test_forward_bins_are_predicted_better_than_by_mean_rates(which: str) -> None:
    """The planted state goes on turning; in bits per spike, mean rates are at zero."""
    score = fitted(which).score(VALIDATION)["fp-bps"]
    assert score.value > 0.05


# --- how rates are read --------------------------------------------------------------------------


def test_a_regression_is_chosen_where_it_predicts_validation_trials_better() -> None:
    """'auto' is whichever of the two had the higher co-smoothing, by numbers computed here."""
    plain = fit("lds", rates="model", em__refit=0)
    assert not plain.network_.regressed
    assert plain.notes_ == []
    shown, held = plain.predict(TRAIN), plain.predict(VALIDATION)
    own = heldout_bps(held.rates, VALIDATION)
    penalty, bps = choose_penalty(shown.latents["x"], TRAIN, held.latents["x"], VALIDATION)
    model = fit("lds", rates="auto", em__refit=0)
    assert bool(model.network_.regressed) == (bps > own)
    assert f"{bps:.4f}" in model.notes_[0]
    assert f"{own:.4f}" in model.notes_[0]
    always = fit("lds", rates="regression", em__refit=0)
    assert always.network_.regressed
    assert f"penalty {penalty:g}" in always.notes_[0]
    weights = always.network_.regression.numpy()
    latents = always.predict(VALIDATION).latents["x"].astype(float)
    rates = np.exp(latents @ weights[:, :-1].T + weights[:, -1]) / VALIDATION.bin_s
    np.testing.assert_allclose(always.predict(VALIDATION).rates, rates, rtol=1e-4)


def test_nothing_held_out_leaves_rates_to_the_model() -> None:
    trials = TRIALS.replace(heldout=np.zeros(12, bool))
    model = fit_quietly(small("lds"), trials[:24], trials[24:])
    assert not model.network_.regressed
    with pytest.raises(ModelError, match="rates is 'regression' but no neuron is held out"):
        fit_quietly(small("lds", rates="regression"), trials[:24], trials[24:])


def test_silent_held_out_neurons_leave_nothing_to_choose_on() -> None:
    spikes = np.array(TRIALS.spikes)
    spikes[24:, :, TRIALS.heldout] = 0
    silent = TRIALS.replace(spikes=spikes)
    with pytest.raises(ModelError, match="no held-out neuron spikes in the validation trials"):
        fit_quietly(small("lds"), silent[:24], silent[24:])


# --- refits and choices --------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["lds", "gaussian gpfa", "slds"])
def test_a_refit_learns_from_validation_trials_too(which: str) -> None:
    """The bound on all trials rises with the iterations that follow."""
    models = [fit(which, em__refit=n, rates="model") for n in (0, 3)]
    bounds = [float(m.network_.infer(m.given(TRIALS, True), m.em, 60).elbo.sum()) for m in models]
    assert bounds[1] > bounds[0]
    assert models[0].history_[-1]["elbo"] == models[1].history_[-1]["elbo"]


def test_the_iteration_that_validates_best_is_kept() -> None:
    model = fit("lds", em__refit=0, em__iterations=8, rates="model")
    rows = model.history_
    best = max(rows, key=lambda row: row["validation_score"])
    assert model.validation_score_ == best["validation_score"]
    again = fit("lds", em__refit=0, em__iterations=int(best["epoch"]))
    for name, value in again.network_.state_dict().items():
        if not name.startswith("regress"):
            assert torch.equal(value, model.network_.state_dict()[name]), name


def test_co_smoothing_or_the_bound_is_monitored() -> None:
    by_bps = fit("lds", rates="model", em__refit=0)
    held = heldout_bps(by_bps.predict(VALIDATION).rates, VALIDATION)
    assert by_bps.validation_score_ == pytest.approx(held, rel=1e-4)
    by_bound = fit("lds", rates="model", em__refit=0, em__monitor="likelihood")
    bound = by_bound.evidence(VALIDATION)["elbo"].sum() / np.log(2)
    spikes = float(by_bound.given(VALIDATION).counts.sum())
    assert by_bound.validation_score_ == pytest.approx(bound / spikes, rel=1e-9)


@pytest.mark.parametrize("monitor", ["co-bps", "likelihood"])
def test_what_is_validated_is_what_is_predicted(monitor: str) -> None:
    """Rates that a regression makes are those scored, where held-out neurons are."""
    model = fit("lds", rates="regression", em__monitor=monitor)
    (note,) = (each for each in model.notes_ if each.startswith("rates: regression"))
    said = f"({model.validation_score_:.4f}; the model's readout"
    assert (said in note) == (monitor == "co-bps")


def test_validation_trials_are_split_off_by_seed() -> None:
    parts = split_validation(TRIALS, 0.15, seed=0)
    given = fit_quietly(small("lds"), *parts)
    found = fit_quietly(small("lds"), TRIALS)
    assert found.validation_score_ == given.validation_score_


@pytest.mark.parametrize(
    ("which", "wrong", "words"),
    [
        ("lds", {"latent_dim": 0}, "latent_dim is 0"),
        ("lds", {"observed": "binomial"}, "observed is 'binomial'"),
        ("lds", {"rates": "both"}, "rates is 'both'"),
        ("lds", {"em__refit": -1}, r"em\.refit is -1"),
        ("lds", {"em__step_size": 0.0}, r"em\.step_size is 0"),
        ("lds", {"em__monitor": "generate"}, r"em\.monitor is 'generate': LDS infers every bin"),
        ("gpfa", {"timescale_s": 0.0}, "timescale_s is 0"),
        ("slds", {"regimes": 0}, "regimes is 0"),
        ("slds", {"em__restarts": 0}, r"em\.restarts is 0"),
    ],
)
def test_settings_that_break_a_rule_are_refused(
    which: str, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        fit(which, **wrong)


def test_monitors_and_latents_that_the_trials_do_not_allow_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trials = TRIALS.replace(heldout=np.zeros(12, bool))
    with pytest.raises(ModelError, match=r"em\.monitor is 'co-bps' but no neuron is held out"):
        fit_quietly(small("lds", em__monitor="co-bps"), trials[:24], trials[24:])
    with pytest.raises(DataError, match="cannot be joined: forward_bins differs"):
        fit_quietly(small("lds"), TRAIN.replace(forward_bins=2), VALIDATION)
    monkeypatch.setattr("undertow.memory.machine_memory", lambda: 10**8)
    with pytest.raises(ModelError, match=r"latents of 24 trials.*lower latent_dim"):
        fit("lds", latent_dim=60)
    with pytest.raises(ModelError, match=r"matrices of 24 trials.*em\.batch_size"):
        fit("gpfa", latent_dim=25)
    fit("gaussian gpfa", latent_dim=25, em__iterations=1, em__refit=0, rates="model")


def test_samples_and_seeds_are_checked() -> None:
    model = fitted("lds")
    with pytest.raises(ModelError, match="samples is 0"):
        model.predict(TRIALS, samples=0)
    with pytest.raises(ModelError, match="seed is -1"):
        model.predict(TRIALS, seed=-1)
    with pytest.raises(ModelError, match="not fitted"):
        LDS().sample(2, 3)


@every
def test_orthonormal_latents_are_read_by_orthonormal_columns(which: str) -> None:
    """C x = U (D Vᵀ x) with U orthonormal: distances in them are distances of the readout."""
    model = fitted(which)
    latents = model.predict(VALIDATION).latents
    weight = model.network_.readout.weight.detach().numpy()
    x, turned = (latents[name].reshape(-1, 2).astype(float) for name in ("x", "orthonormal"))
    np.testing.assert_allclose((x @ weight.T) @ (x @ weight.T).T, turned @ turned.T, atol=1e-3)
    sizes = model.network_.orthonormal.detach().norm(dim=1).numpy()
    np.testing.assert_allclose(sizes, np.linalg.svd(weight, compute_uv=False), rtol=1e-9)
