"""One fit of several sessions: what is shared, what is not, and each session's model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.joint.planted import SMALL, A, B, C, adapted, fitted, joint, quietly, session
from undertow.baselines import LDS
from undertow.data import Sessions, TrialSet
from undertow.encoders import ReadIn
from undertow.errors import DataError, ModelError
from undertow.evaluation import score_prediction
from undertow.inference import KLSchedule
from undertow.models import JointModel, LangevinFlow, LatentSDE
from undertow.models.joint.learning import build_together, describe
from undertow.models.joint.tying import of_neurons, shared_parameters
from undertow.training import Interrupted, Training

KINDS = sorted(SMALL)
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
def test_all_but_the_neurons_layers_are_the_same_tensors(kind: str) -> None:
    first, second = (fitted(kind)[name].network_ for name in "ab")
    shared = {id(p) for p in shared_parameters(first)}
    assert shared == {id(p) for p in shared_parameters(second)}
    both = {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}
    assert both == shared
    own = [m for m in first.modules() if of_neurons(m)]
    assert any(isinstance(m, ReadIn) for m in own)
    assert len(shared) >= 10


@each_kind
def test_the_layers_of_every_session_learn(kind: str) -> None:
    trials = {"a": A, "b": B}
    fresh = {name: joint(kind).template() for name in trials}
    build_together(fresh, describe(fresh, trials), trials)
    start = {name: dict(model.network_.named_parameters()) for name, model in fresh.items()}
    model = quietly(joint(kind, training__refit=False), trials, trials)
    for name in trials:
        network = model[name].network_
        shared, compared = {id(p) for p in shared_parameters(network)}, 0
        for key, end in network.named_parameters():
            if id(end) not in shared:
                compared += 1
                assert end.shape == start[name][key].shape
                assert not torch.equal(end, start[name][key]), key
        assert compared >= 4  # weights and offsets of the read-in and of the readout


@each_kind
def test_a_sessions_model_predicts_scores_and_is_saved_as_any_other(
    kind: str, tmp_path: Path
) -> None:
    model = fitted(kind)
    for name, trials in {"a": A, "b": B}.items():
        one = model[name]
        prediction = one.predict(trials)
        assert prediction.rates.shape == trials.shape
        assert np.isfinite(score_prediction(prediction, prediction, resamples=5)["co-bps"].value)
        again = type(one).load(one.save(tmp_path / f"{name}.safetensors"))
        assert np.array_equal(again.predict(trials).rates, prediction.rates)


@each_kind
def test_the_same_seed_gives_the_same_model(kind: str) -> None:
    again = quietly(joint(kind), Sessions({"a": A, "b": B}))
    for name in "ab":
        trials = A if name == "a" else B
        rates = again[name].predict(trials).rates
        assert np.array_equal(rates, fitted(kind)[name].predict(trials).rates)
    assert again.validation_score_ == fitted(kind).validation_score_
    assert again.history_[0]["loss"] == fitted(kind).history_[0]["loss"]


@each_kind
def test_the_validation_score_is_the_mean_over_sessions(kind: str) -> None:
    model = quietly(joint(kind, training__refit=False), {"a": A, "b": B}, {"a": C_A, "b": C_B})
    scores = [model[name].validation_score_ for name in "ab"]
    assert model.validation_score_ == pytest.approx(np.mean(scores), abs=1e-6)


C_A = A.select(slice(0, 12))
C_B = B.select(slice(0, 12))


@each_kind
def test_a_session_alone_is_fitted_too(kind: str) -> None:
    model = quietly(joint(kind), [A])
    assert list(model) == ["session1"]
    assert len(model) == 1
    assert np.isfinite(model["session1"].predict(A).rates).all()


def test_sessions_may_differ_in_length_conditions_and_trials() -> None:
    longer = session(20, 5, seed=3)
    cut = TrialSet(longer.spikes[:, :8], longer.bin_s, heldout=longer.heldout)
    model = quietly(joint("langevin-flow"), {"a": A, "cut": cut})
    for name, trials in (("a", A), ("cut", cut)):
        assert model[name].predict(trials).rates.shape == trials.shape
        assert model[name].population_.duration_s == pytest.approx(A.n_time * A.bin_s)


def test_irregular_times_and_stimuli_are_joined() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.03, (20, 12)), axis=1)
    given = {
        name: TrialSet(
            rng.poisson(1.0, (20, 12, n)),
            0.02,
            times=times,
            stimulus=rng.normal(size=(20, 12, 1)),
            heldout=np.arange(n) < 2,
        )
        for name, n in (("a", 6), ("b", 5))
    }
    model = quietly(joint("latent-sde"), given)
    assert all(np.isfinite(model[n].predict(t).rates).all() for n, t in given.items())


def test_regions_that_a_session_lacks_are_allowed() -> None:
    a = session(20, 6, seed=4, region=["V1", "V1", "V1", "MOs", "MOs", "MOs"])
    b = session(20, 4, seed=5, region=["MOs", "CA1", "CA1", "MOs"])
    model = quietly(
        joint("latent-sde", latent_dim=6, regions="split"),
        {"a": a, "b": b},
    )
    assert model["a"].population_.regions == model["b"].population_.regions
    assert set(model["a"].population_.regions) == {"V1", "MOs", "CA1"}
    for name, trials in (("a", a), ("b", b)):
        assert np.isfinite(model[name].predict(trials).rates).all()
    with pytest.raises(ModelError, match="neurons in CP"):
        adapted(model, session(20, 4, seed=6, region=["MOs", "CP", "CP", "V1"]), name="c")


def test_an_interrupted_fit_goes_on(tmp_path: Path) -> None:
    """Ctrl-C in the third epoch, then `resume`: the weights are those of a fit without it."""
    whole = quietly(joint("langevin-flow", epochs=4), {"a": A, "b": B})
    model, seen = joint("langevin-flow", epochs=4), []

    def stop(row: dict[str, float], *_: float) -> None:
        seen.append(row)
        if len(seen) == 2:
            raise KeyboardInterrupt

    folder = tmp_path / "checkpoint"
    with pytest.raises(Interrupted):
        quietly(model, {"a": A, "b": B}, checkpoint=folder, progress=stop)
    resumed = quietly(
        joint("langevin-flow", epochs=4), {"a": A, "b": B}, checkpoint=folder, resume=True
    )
    for name, trials in (("a", A), ("b", B)):
        assert np.array_equal(
            resumed[name].predict(trials).rates, whole[name].predict(trials).rates
        )


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (LDS(), "model is LDS"),
        (LangevinFlow(training=Training(recipes=("light",))), "training.recipes"),
        (LangevinFlow(training=Training(max_seconds=5.0)), "max_seconds"),
        (LatentSDE().set_params(posterior__relearn=3), "posterior.relearn"),
        (LangevinFlow(latent_dim=-1), "latent_dim"),
    ],
)
def test_what_sessions_cannot_share_is_refused_before_anything_is_learned(
    model: object, words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        JointModel(model).fit([A, B], verbose=False)  # type: ignore[arg-type]


def test_dynamics_that_read_single_neurons_are_refused() -> None:
    model = joint("langevin-flow", dynamics__potential="input-driven")
    with pytest.raises(ModelError, match="counts of single neurons"):
        quietly(model, [A, B])


def test_wrong_use_is_one_sentence() -> None:
    with pytest.raises(ModelError, match="not fitted"):
        JointModel()["a"]
    with pytest.raises(ModelError, match="not fitted"):
        JointModel().adapt(A, name="a")
    with pytest.raises(ModelError, match="channels"):
        JointModel(channels=0).fit([A, B])
    with pytest.raises(DataError, match="no sessions"):
        JointModel().fit([])
    with pytest.raises(ModelError, match="validation has sessions b"):
        JointModel().fit({"a": A}, {"b": B})
    model = fitted("langevin-flow")
    with pytest.raises(ModelError, match="no session 'z': a, b"):
        model["z"]
    with pytest.raises(ModelError, match="session 'a' already"):
        model.adapt(A, name="a")
    other = TrialSet(C.spikes, 0.05, heldout=C.heldout)
    with pytest.raises(ModelError, match="rebin"):
        model.adapt(other, name="c")


def test_settings_are_those_of_other_models() -> None:
    model = JointModel(LangevinFlow(), channels=7)
    assert model.get_params()["channels"] == 7
    model.set_params(model__latent_dim=12, model__encoder__hidden_dim=9)
    assert model.template().latent_dim == 12
    assert model.template().encoder.read_in == 7
    assert JointModel(LangevinFlow().set_params(encoder__read_in=3)).template().encoder.read_in == 3
    kl = KLSchedule("linear")
    assert JointModel(LangevinFlow(kl=kl)).template().kl == kl
