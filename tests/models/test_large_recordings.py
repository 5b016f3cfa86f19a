"""Models learn from counts that are read by and by what they learn from the same in memory."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import make_small_trials
from tests.models import small, small_lfads, small_ndt, small_sde
from tests.models.joint.planted import A, B, joint
from tests.quick import quick
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import Estimator, JointModel, LangevinFlow
from undertow.models.loading import model_choices
from undertow.models.trained import TrainedModel
from undertow.training import Training

MODELS: dict[str, Any] = {
    "langevin-flow": lambda: small.small(pool="regression"),
    "latent-sde": lambda: small_sde.small(),
    "latent-sde, readouts solved": lambda: small_sde.small(signals__solve_readouts=True),
    "lfads": lambda: small_lfads.small(),
    "ndt": lambda: small_ndt.small(),
}
TRIALS = small.trials_with_gaps(forward_bins=0)


def fitted(model: TrainedModel[Any], trials: TrialSet, **options: Any) -> TrainedModel[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(trials, verbose=False, **options)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_is_learned(name: str) -> None:
    array, lazily = fitted(MODELS[name](), TRIALS), fitted(MODELS[name](), TRIALS.pack())
    assert lazily.history_[0]["loss"] == array.history_[0]["loss"]
    assert lazily.validation_score_ == pytest.approx(array.validation_score_, nan_ok=True)
    for trials in (TRIALS, TRIALS.pack()):
        np.testing.assert_array_equal(lazily.predict(trials).rates, array.predict(TRIALS).rates)


@pytest.mark.parametrize("cls", model_choices().values(), ids=list(model_choices()))
def test_every_model_takes_counts_that_are_no_array(cls: type[Estimator]) -> None:
    """Also those that read all of them at once."""
    trials = make_small_trials(24, 12, 6).hold_out(2, seed=0)
    rates = []
    for each in (trials, trials.pack()):
        model = quick(cls)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rates.append(model.fit(each, verbose=False).predict(each).rates)
    np.testing.assert_allclose(rates[1], rates[0], rtol=1e-6)


def test_from_a_memory_mapped_file(tmp_path: Path) -> None:
    counts = np.random.default_rng(0).poisson(1.0, (24, 10, 6)).astype(np.uint8)
    np.save(tmp_path / "counts.npy", counts)
    heldout = np.arange(6) < 2
    stored = TrialSet(np.load(tmp_path / "counts.npy", mmap_mode="r"), 0.02, heldout=heldout)
    array = TrialSet(counts, 0.02, heldout=heldout)
    one, other = (fitted(small.small(), each) for each in (stored, array))
    np.testing.assert_array_equal(one.predict(stored).rates, other.predict(array).rates)


def test_more_than_is_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then what is chosen on all trials is chosen on some, and the rest goes on as before."""
    monkeypatch.setattr("undertow.data.lazy_batch.MOST_AT_ONCE", TRIALS.spikes.nbytes / 6)
    for name in MODELS:
        model = fitted(MODELS[name](), TRIALS.pack())
        assert np.isfinite(model.predict(TRIALS).rates[TRIALS.valid]).all()


def test_sessions_of_stored_counts_are_joined() -> None:
    def rates(given: dict[str, TrialSet]) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model: JointModel = joint("langevin-flow").fit(given, verbose=False)
        return model["b"].predict(B).rates

    np.testing.assert_array_equal(rates({"a": A.pack(), "b": B.pack()}), rates({"a": A, "b": B}))


def test_distilling_is_refused_before_anything_is_learned() -> None:
    model = LangevinFlow.preset("causal", training=Training(epochs=1, distill=0.5))
    with pytest.raises(ModelError, match="distill holds the rates of all training trials"):
        model.fit(TRIALS.pack(), verbose=False)
