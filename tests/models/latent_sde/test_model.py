"""`LatentSDE` with every dynamics there is: fit, predict, save, load."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.dynamics.variants import FAMILY, STATE_DIM, takes
from tests.models.small_sde import TRIALS, fit, fitted, make_trials
from undertow.dynamics import CoupledOscillators, Dynamics, from_function
from undertow.errors import ModelError
from undertow.models import LatentSDE
from undertow.names import kebab
from undertow.training import read_tensors, write_tensors

VARIANTS = [(cls, {}) for cls in FAMILY] + [
    (cls, {"noise": False}) for cls in FAMILY if takes(cls, "noise")
]
IDS = [", ".join([kebab(cls.__name__), *settings]) for cls, settings in VARIANTS]


def settings_for(cls: type[Dynamics], **options: Any) -> dict[str, Any]:
    """Dynamics with all else that they allow: stimulus where they take one."""
    return {"dynamics": cls(STATE_DIM, **options), "signals__stimulus": takes(cls, "input_dim")}


@pytest.mark.parametrize(("cls", "options"), VARIANTS, ids=IDS)
def test_any_dynamics_fit_predict_and_come_back_from_a_file(
    cls: type[Dynamics], options: dict[str, Any], tmp_path: Path
) -> None:
    model = fit(**settings_for(cls, **options))
    inside = TRIALS.valid
    loaded = LatentSDE.load(model.save(tmp_path / "model.safetensors"))
    assert type(loaded.dynamics_) is cls
    assert loaded.dynamics_.settings == model.dynamics_.settings
    for mode in ("smooth", "generate"):
        mine, theirs = (m.predict(TRIALS, samples=2, seed=3, mode=mode) for m in (model, loaded))
        assert np.isfinite(mine.rates[inside]).all()
        assert np.isnan(mine.rates[~inside]).all()
        assert mine.rate_samples is not None
        assert mine.rate_samples.shape == (2, *TRIALS.spikes.shape)
        assert np.isfinite(mine.behavior[inside]).all()
        assert np.allclose(mine.label_probabilities["choice"].sum(1), 1, atol=1e-5)
        same_predictions(mine, theirs)
    counts = model.parameter_counts()
    learned = [p for p in model.dynamics_.parameters() if p.requires_grad]
    assert counts == loaded.parameter_counts()
    assert counts["dynamics"] == sum(p.numel() for p in learned)
    assert counts["all"] > counts["dynamics"]


def same_predictions(mine: Any, theirs: Any) -> None:
    for name in ("rates", "rate_samples", "behavior", "behavior_std", "behavior_samples"):
        assert np.array_equal(getattr(mine, name), getattr(theirs, name), equal_nan=True), name
    for name in ("latents", "latent_samples", "terms", "label_probabilities"):
        for key, value in getattr(mine, name).items():
            assert np.array_equal(value, getattr(theirs, name)[key], equal_nan=True), (name, key)


def test_fits_differ_in_their_dynamics_alone() -> None:
    """Encoder and decoders are of the same shapes wherever as many numbers are read off the
    state."""
    networks = [fit(**settings_for(cls)).network_ for cls in FAMILY if takes(cls, "input_dim")]
    alike = [n for n in networks if n.dynamics.units(torch.zeros(STATE_DIM)).numel() == STATE_DIM]
    assert len(alike) > 8
    for network in alike[1:]:
        for part in ("encoder", "decoder", "observation", "behavior", "labels"):
            mine, first = (getattr(n, part).state_dict() for n in (network, alike[0]))
            assert {k: v.shape for k, v in mine.items()} == {k: v.shape for k, v in first.items()}


def test_files_that_hold_frequencies_and_no_logarithms_are_read(tmp_path: Path) -> None:
    path = fitted().save(tmp_path / "model.safetensors")
    tensors, header = read_tensors(path)
    omega = tensors.pop("dynamics.log_omega").exp()
    write_tensors(path, tensors | {"dynamics.omega": omega}, header)
    assert torch.allclose(LatentSDE.load(path).dynamics_.omega, omega)
    write_tensors(path, tensors | {"dynamics.omega": -omega}, header)
    with pytest.raises(ModelError, match=r"model.safetensors holds .* turn backwards"):
        LatentSDE.load(path)


def test_dynamics_of_ones_own_are_asked_for_again(tmp_path: Path) -> None:
    pull = from_function(lambda x, u, rate: -rate * x, 3, parameters={"rate": 2.0})
    model = fit(dynamics=pull, signals__stimulus=False)
    path = model.save(tmp_path / "model.safetensors")
    with pytest.raises(
        ModelError, match=r"fitted with dynamics=.*lambda.*pass it again, load\(path, dynamics=…\)"
    ):
        LatentSDE.load(path)
    loaded = LatentSDE.load(path, dynamics=pull)
    same_predictions(*(m.predict(TRIALS, samples=2) for m in (model, loaded)))


def test_fitting_again_gives_the_same_and_leaves_the_given_dynamics_alone() -> None:
    given = CoupledOscillators(4)
    before = {k: v.clone() for k, v in given.state_dict().items()}
    first, second = (fit(dynamics=given) for _ in range(2))
    assert np.array_equal(first.predict(TRIALS).rates, second.predict(TRIALS).rates, equal_nan=True)
    assert all((before[k] == v).all() for k, v in given.state_dict().items())


# --- times ------------------------------------------------------------------------------------


def test_longer_trials_begin_as_the_shorter_ones_when_generated() -> None:
    longer = make_trials(n_time=15)
    long, short = (
        fitted().predict(t, mode="generate", samples=2)
        for t in (longer, longer.select(time=slice(0, 8)))
    )
    both = short.trials.valid
    assert np.allclose(long.rates[:, :8][both], short.rates[both], rtol=1e-5)


def test_trials_of_one_bin_are_fitted_and_predicted() -> None:
    one = TRIALS.select(time=slice(0, 1))
    model = fit(one)
    assert np.isfinite(model.predict(one).rates).all()
    assert np.isfinite(model.evidence(one)["importance_weighted"]).all()


# --- evidence ---------------------------------------------------------------------------------


def test_more_paths_raise_the_bound() -> None:
    bounds = fitted().evidence(TRIALS, paths=100)
    assert bounds["elbo"].shape == bounds["importance_weighted"].shape == (len(TRIALS),)
    assert (bounds["importance_weighted"] > bounds["elbo"]).all()
    one = fitted().evidence(TRIALS, paths=1)
    assert (one["importance_weighted"] <= bounds["importance_weighted"] + np.log(100)).all()


def test_a_history_says_what_each_modality_costs() -> None:
    row = fitted().history_[-1]
    terms = {k for k in row if k.startswith(("negative_log_likelihood", "kl_"))}
    assert terms == {
        *(f"negative_log_likelihood_{k}" for k in ("spikes", "behavior", "choice")),
        "kl_initial",
        "kl_path",
    }
    assert np.isfinite([row[k] for k in terms]).all()


def test_a_label_that_is_partly_missing_is_learned_from_the_rest() -> None:
    labels = TRIALS.labels["choice"].copy()
    labels[:5] = ""
    trials = TRIALS.replace(labels={"choice": labels})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(trials)
    assert model.population_.categories == {"choice": ["left", "right"]}
    assert np.isfinite(model.predict(trials).label_probabilities["choice"]).all()
