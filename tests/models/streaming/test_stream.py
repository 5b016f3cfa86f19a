"""What a stream does beside its steps: state, warm starts, decoding, what it refuses."""

import numpy as np
import pytest
import torch

from tests.models import small, small_lfads, small_ndt, small_sde
from tests.models.streaming.equality import fitted, streamed_trials
from tests.models.streaming.test_equality import FORWARD, LANGEVIN
from undertow.baselines import LDS, Smoothing, SpikeRidge
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.evaluation import decode_velocity
from undertow.evaluation.scores.velocity import LogRates
from undertow.inference import run_particles
from undertow.models import Estimator
from undertow.models.latent_sde.inferring import SMOOTHING
from undertow.models.latent_sde.seen import SeenLikelihood, seen_of
from undertow.models.streaming import PastSmoother, StreamedBin
from undertow.randomness import path_generator

TRIALS = streamed_trials()
LATE = {"posterior__initial_s": 0.06}
MODELS: dict[str, Estimator] = {
    "langevin-flow": small.small(**LANGEVIN["default"]),
    "latent-sde": small_sde.small(**FORWARD),
    "lfads": small_lfads.small(causal=True, encoder__bidirectional=False),
    "ndt": small_ndt.small(causal=True),
    "kalman": LDS(latent_dim=2, observed="gaussian"),
    "smoothing": Smoothing(causal=True),
    "ridge": SpikeRidge(causal=True, lags=2),
}


@pytest.fixture(scope="module", params=MODELS, name="model")
def fixture_model(request: pytest.FixtureRequest) -> Estimator:
    return fitted(MODELS[request.param], TRIALS)


def seen(now: StreamedBin) -> dict[str, np.ndarray]:
    held = now.copy()
    found = {"rates": held.rates, **held.latents}
    return found if held.behavior is None else {**found, "behavior": held.behavior}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name, each in expected.items():
        np.testing.assert_array_equal(found[name], each, err_msg=name)


@pytest.mark.parametrize("at", [0, 1, 2, 5])
def test_a_stream_goes_on_from_bytes(model: Estimator, at: int) -> None:
    """From wherever it was, also amid the window of an initial state, in another stream."""
    counts = TRIALS.spikes[0]
    first, other = model.stream(TRIALS, lag_s=0.04), model.stream(TRIALS, lag_s=0.04)
    for t in range(at):
        first.step(counts[t])
    state = first.to_bytes()
    for t in range(3):  # the other has been elsewhere
        other.step(counts[-1 - t])
    other.restore(state)
    assert other.bins == at
    for t in range(at, len(counts)):
        assert_same(seen(other.step(counts[t])), seen(first.step(counts[t])))


def test_a_particle_filter_goes_on_from_bytes() -> None:
    model, counts = fitted(MODELS["latent-sde"], TRIALS), TRIALS.spikes[2]
    for at in (1, 6):
        first, other = model.stream(particles=20), model.stream(particles=20)
        for t in range(at):
            first.step(counts[t])
        other.restore(first.to_bytes())
        for t in range(at, len(counts)):
            assert_same(seen(other.step(counts[t])), seen(first.step(counts[t])))
            assert other.step is not first.step


def test_a_stream_begins_anew_and_warm(model: Estimator) -> None:
    stream, counts = model.stream(), TRIALS.spikes[0]
    for t in range(5):
        found = seen(stream.step(counts[t]))
    stream.reset()
    assert stream.bins == 0
    for t in range(5):
        again = seen(stream.step(counts[t]))
    assert_same(again, found)
    stream.warm_start(counts[:4])
    assert stream.bins == 4
    assert_same(seen(stream.step(counts[4])), found)


def test_held_in_neurons_alone_are_enough(model: Estimator) -> None:
    whole, heldin = model.stream(), model.stream()
    for counts in TRIALS.spikes[0]:
        expected = seen(whole.step(counts))
        assert_same(seen(heldin.step(counts[~TRIALS.heldout])), expected)


def test_held_out_counts_are_not_read(model: Estimator) -> None:
    stream, other = model.stream(), model.stream()
    for counts in TRIALS.spikes[2]:
        hidden = np.where(TRIALS.heldout, np.nan, counts)
        assert_same(seen(other.step(hidden)), seen(stream.step(counts)))


def test_none_is_a_bin_of_which_nothing_is_known(model: Estimator) -> None:
    stream, other = model.stream(), model.stream()
    for counts in (TRIALS.spikes[2, 0], None, TRIALS.spikes[2, 2]):
        given = np.full(6, np.nan) if counts is None else counts
        assert_same(seen(stream.step(counts)), seen(other.step(given)))


@pytest.mark.parametrize(
    ("counts", "match"),
    [
        (np.zeros(5), r"shape \(5,\): the model reads 6 neurons, or its 4 held-in"),
        (np.zeros((1, 6)), r"shape \(1, 6\)"),
        (np.full(6, -1.0), "below zero"),
        (np.full(6, np.inf), "infinite"),
        (np.array(["1"] * 6), "must be numbers"),
    ],
)
def test_bins_that_are_none_are_refused(counts: np.ndarray, match: str) -> None:
    stream = fitted(MODELS["smoothing"], TRIALS).stream()
    stream.step(np.ones(6))
    with pytest.raises(ModelError, match=match):
        stream.step(counts)
    if counts.ndim == 1 and counts.dtype.kind == "f":
        with pytest.raises(ModelError, match=match):
            stream.warm_start(np.stack([np.ones_like(counts), counts]))
    assert stream.bins == 1  # where it was


def test_a_stimulus_that_is_none_is_refused() -> None:
    stream = fitted(MODELS["smoothing"], TRIALS).stream()
    with pytest.raises(ModelError, match="reads no channels"):
        stream.step(np.ones(6), np.zeros(2))
    with pytest.raises(ModelError, match="of 2 bins and the stimulus of 3"):
        stream.warm_start(np.ones((2, 6)), np.zeros((3, 1)))
    with pytest.raises(ModelError, match=r"must be \(time, neurons\)"):
        stream.warm_start(np.ones(6))


def test_bytes_of_something_else_are_refused() -> None:
    smoothing = fitted(MODELS["smoothing"], TRIALS).stream()
    wider = fitted(Smoothing(width_s=0.15, floor_hz=1.0, penalty=0.1, causal=True), TRIALS).stream()
    for state, match in (
        (b"spam", "no state of a stream"),
        (wider.to_bytes(), "state of another stream"),
        (smoothing.to_bytes()[:-8], "no state of a stream"),
    ):
        with pytest.raises(ModelError, match=match):
            smoothing.restore(state)


# --- behaviour ------------------------------------------------------------------------------


def test_velocity_is_decoded_as_in_the_scores() -> None:
    model = fitted(Smoothing(causal=True), TRIALS)
    stream = model.stream(TRIALS, lag_s=0.04)
    one = TRIALS[5:6]
    expected = decode_velocity(model.predict(one), model.predict(TRIALS), LogRates(0.04))[0]
    found = np.stack([stream.step(each).behavior.copy() for each in one.spikes[0]])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.isnan(found[:2]).all()
    assert stream.step(one.spikes[0, 0]).behavior_names == ("x_vel", "y_vel")


def test_without_velocity_all_of_behaviour_is_decoded() -> None:
    trials = TRIALS.replace(behavior_names=("angle", "x"))
    found = fitted(Smoothing(causal=True), trials).stream(trials, lag_s=0.0).step(np.ones(6))
    assert found.behavior_names == ("angle", "x")
    assert np.isfinite(found.behavior).all()


def test_behaviour_that_cannot_be_decoded_says_why() -> None:
    model = fitted(Smoothing(causal=True), TRIALS)
    with pytest.raises(ModelError, match=r"stream\(behavior=trials\)"):
        model.stream(True)
    with pytest.raises(ModelError, match="hold no continuous behaviour"):
        model.stream(TRIALS.replace(behavior=None, behavior_names=()))
    with pytest.raises(ModelError, match="lag_s"):
        model.stream(TRIALS, lag_s=-1.0)


# --- samples and particles ------------------------------------------------------------------


def test_the_noise_is_that_of_the_seed() -> None:
    model = fitted(MODELS["langevin-flow"], TRIALS)
    one, other, same = (model.stream(seed=seed) for seed in (0, 1, 0))
    counts = TRIALS.spikes[0, 0]
    found = [seen(each.step(counts))["z"] for each in (one, other, same)]
    assert not np.array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize(
    "settings", [{}, {"observation": "negative-binomial"}, {"posterior__initial_s": 0}]
)
@pytest.mark.parametrize("substeps", [1, 2])
def test_a_particle_filter_is_that_of_the_smoother(settings: dict, substeps: int) -> None:
    """Weights, effective number and evidence are those of `run_particles` on the bins so far."""
    made = small_sde.small(**FORWARD, solver__bins_per_step=1 / substeps).set_params(**settings)
    model, particles = fitted(made, TRIALS), 50
    network, stream = model.network_, model.stream(particles=particles, seed=3)
    for row in (0, 2):
        stream.reset()
        for t in range(TRIALS.n_time):
            now = stream.step(TRIALS.spikes[row, t])
            part = TRIALS[row : row + 1].select(time=slice(0, t + 1))
            batch = seen_of(network, model.read(part), False, False)
            with torch.no_grad():
                law = network.path_law(batch, network.encode(batch))
                found = run_particles(
                    law.chain(network.dynamics),
                    law.initial,
                    SeenLikelihood(network, batch, substeps),
                    particles,
                    path_generator(torch.device("cpu"), 3, 0, SMOOTHING),
                )
                weights = found.log_weights[-1, 0].softmax(0)
                expected = weights @ network.dynamics.readout(found.states[-1, 0])["a"]
            np.testing.assert_allclose(now.latents["a"], expected, atol=2e-4)
            assert now.effective == pytest.approx(1 / float(weights.square().sum()), rel=2e-3)
            evidence = float(stream._stepper.log_evidence[0])
            assert evidence == pytest.approx(float(found.log_evidence[0]), abs=1e-3)


def test_few_particles_are_refused() -> None:
    model = fitted(MODELS["latent-sde"], TRIALS)
    with pytest.raises(ModelError, match="particles"):
        model.stream(particles=1)
    assert model.stream().step(np.ones(6)).effective is None


# --- smoothing over the past ----------------------------------------------------------------


def test_a_neuron_that_was_not_observed_for_long_has_its_mean_rate() -> None:
    smoother = PastSmoother(np.array([3.0, 4.0]), 0.02, 0.02)
    trials = TrialSet(np.ones((1, 2, 2)), 0.02)
    assert trials.n_time == 2
    stream = fitted(Smoothing(width_s=0.02, floor_hz=1.0, causal=True), TRIALS).stream()
    rates = [stream.step(None).rates.copy() for _ in range(3)]
    np.testing.assert_allclose(rates[0], rates[2])  # nothing was ever seen
    assert smoother.rates.shape == (2,)
