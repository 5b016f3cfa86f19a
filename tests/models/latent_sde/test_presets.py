"""The two published presets, line by line, and the options that only they use."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.latent_sde.test_masks import FULL, changed
from tests.models.latent_sde.test_network import doubled, equal, generator, moved
from tests.models.small_sde import TRIALS, fit, make_trials, small, with_times
from undertow.dynamics import CoupledOscillators, NeuralSDE
from undertow.dynamics.diffusions import ConstantDiffusion
from undertow.errors import ModelError
from undertow.inference import DriftSteering, GaussianHead
from undertow.models import LatentSDE, PathPosterior
from undertow.models.latent_sde.presets import PRESETS
from undertow.models.parameters import parameter_names

both = pytest.mark.parametrize("name", list(PRESETS))
TABLE_2 = {
    "batch size": ("training__batch_size", 128),
    "Adam: no decay": ("training__weight_decay", 0.0),
    "learning rate": ("training__learning_rate", 1e-3),
    "its schedule: none": ("training__schedule", "constant"),
    "its warm-up: none": ("training__warmup_epochs", 0),
    "epochs at most": ("training__epochs", 2000),
    "patience": ("training__patience", 20),
    "paths in prediction": ("samples", 30),
    "KL annealing": ("kl__shape", "cyclic"),
    "solver": ("dynamics__integrator", "euler"),
    "step": ("solver__bins_per_step", 2.0),
    "discretised, then optimised": ("solver__checkpointed", False),
}
SUPPLEMENT = {
    "cycles": ("kl__cycles", 4),
    "half a cycle rises": ("kl__rise", 0.5),
    "window of the initial state": ("posterior__initial_share", 0.3),
    "LSTM units": ("encoder__hidden_dim", 64),
    "initial variance": ("posterior__initial_variance", "softplus"),
    "initial covariances: none": ("posterior__full_initial", False),
    "interpolation": ("solver__interpolation", "linear"),
    "time as an input": ("signals__time", True),
    "posterior drift": ("posterior__kind", "drift"),
    "its hidden units": ("posterior__hidden_dim", 64),
    "diffusion: diagonal weights": ("dynamics__diffusion", "constant"),
    "learned term of the drift": ("dynamics__drive", True),
    "decoder": ("decoder__width", 128),
    "rates are exponents": ("observation__link", "exp"),
    "of what is decoded alone": ("observation__rate_floor_hz", 0.0),
    "counts": ("observation__kind", "poisson"),
    "readouts are descended": ("signals__solve_readouts", False),
    "weights are not averaged": ("training__average_decay", 0.0),
    "gradients are not clipped": ("training__clip_norm", 1e12),
}
DIFFERENCES = {
    "peak of the KL weight": ("kl__peak", 10.0, 1.0),
    "form": ("dynamics__form", "stuart-landau", "bistable"),
    "coupling": ("dynamics__coupling", "scalar", "none"),
    "its network": ("dynamics__coupling_network", 64, 0),
    "bounded posterior drift": ("posterior__bounded", False, True),
}
LINES = TABLE_2 | SUPPLEMENT


@both
@pytest.mark.parametrize(("option", "value"), LINES.values(), ids=LINES.keys())
def test_every_line_of_table_2_and_the_supplement_is_set(
    name: str, option: str, value: Any
) -> None:
    assert LatentSDE.preset(name).get_params()[option] == value


def test_the_presets_differ_wherever_paper_and_code_do_and_nowhere_else() -> None:
    paper, released = (LatentSDE.preset(name).get_params() for name in ("paper", "released"))
    named = {option for option, *_ in DIFFERENCES.values()}
    pieces = {option.partition("__")[0] for option in named}
    assert {k for k in paper.keys() - pieces if paper[k] != released[k]} == named
    for option, printed, coded in DIFFERENCES.values():
        assert (paper[option], released[option]) == (printed, coded)


@both
def test_nothing_is_left_to_the_defaults(name: str) -> None:
    assert set(PRESETS[name]) == set(parameter_names(LatentSDE)) - {"seed", "device"}
    assert PRESETS[name]["training_path"] == "simulated"


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(
        ModelError, match="there is no preset 'sketchy': choose one of auto, default"
    ):
        LatentSDE.preset("sketchy")


@both
def test_fitted_it_has_the_published_parts(name: str) -> None:
    """Trials of fifty bins: a step of two is a tenth of a unit. Euler's diverges in the bistable
    form from r⁴ > 2 / h, a start that one oscillator in nine has."""
    trials = make_trials(n_time=50)
    model = LatentSDE.preset(name, training__epochs=1, samples=2)
    if name == "released":
        model.set_params(dynamics__integrator="splitting")
    before = [p.clone() for p in PRESETS[name]["dynamics"].parameters()]
    network = model.fit(trials).network_
    dynamics = network.dynamics
    assert isinstance(dynamics, CoupledOscillators)
    assert isinstance(dynamics.diffusivity, ConstantDiffusion)
    assert isinstance(network.steering, DriftSteering)
    assert (dynamics.coupling.network is not None) == (name == "paper")
    assert dynamics.network is not None
    # trials span 2.5 units of internal time; two channels of stimulus and time
    assert float(dynamics.timescale_s) == pytest.approx(50 * 0.02 / 2.5)
    assert dynamics.input_dim == 3
    assert [len(each.all_weights) for each in network.encoder.contexts] == [2]
    assert np.isfinite(model.predict(trials).rates[trials.valid]).all()
    assert all(map(torch.equal, before, PRESETS[name]["dynamics"].parameters()))


# --- the start --------------------------------------------------------------------------------


@pytest.mark.parametrize("irregular", [False, True], ids=["regular", "irregular"])
def test_a_share_of_the_trial_sets_the_start_unless_it_is_generated(irregular: bool) -> None:
    """Half of ten bins when inferred; the first 60 ms, three bins, when generated."""
    trials = with_times(FULL) if irregular else FULL
    model = moved(fit(trials, posterior__initial_share=0.5))
    network, batch = doubled(model, trials)
    mask = network._start(batch, generating=False)
    assert mask is not None
    assert (mask.sum(1) == 5).all()
    for bins, mode, differs in (
        (slice(3, None), "generate", False),
        (slice(2, 3), "generate", True),
    ):
        other = model.predict(changed(trials, bins), mode=mode)
        assert equal(model.predict(trials, mode=mode), other) != differs
    with torch.no_grad():
        same, moved_law = (
            network.encode(network_batch).initial
            for network_batch in (
                doubled(model, changed(trials, slice(5, None)))[1],
                doubled(model, changed(trials, slice(4, 5)))[1],
            )
        )
        first = network.encode(batch).initial
    assert first is not None
    assert torch.equal(first, same)
    assert not torch.allclose(first, moved_law)


def test_the_variance_of_the_start_is_a_softplus_where_asked_for() -> None:
    head = GaussianHead(3, 2, "softplus").double()
    features = torch.randn(5, 3, generator=generator()).double()
    mean, std = head(features)
    raw = head.linear(features)
    assert torch.equal(mean, raw[:, :2])
    assert torch.allclose(std**2, torch.nn.functional.softplus(raw[:, 2:]) + 1e-6)
    start = head(torch.zeros(1, 3).double())[1]
    assert start.flatten().tolist() == pytest.approx([1.0, 1.0], rel=1e-5)


def test_a_bounded_drift_is_a_tanh() -> None:
    torch.manual_seed(0)
    dynamics, h = NeuralSDE(2).double(), torch.tensor(0.1).double()
    free, bound = (DriftSteering(dynamics, 3, 4, bounded).double() for bounded in (False, True))
    bound.load_state_dict(free.state_dict())
    with torch.no_grad():
        for steering in (free, bound):
            steering.network.out.bias.fill_(3.0)
        x, context = torch.ones(1, 2).double(), torch.ones(1, 1, 3).double()
        mean, std = dynamics.step(0.0, x, h)
        drifts = []
        for steering in (free, bound):
            prepared = steering.prepare(context, None)
            assert prepared is not None
            control = steering(x, prepared[:, 0], mean, std, h)
            drifts.append((mean + std * h.sqrt() * control - x) / h)
    assert drifts[0].flatten().tolist() == pytest.approx([3.0, 3.0])
    assert drifts[1].flatten().tolist() == pytest.approx([math.tanh(3.0)] * 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial_share": 0.0}, r"posterior.initial_share is 0"),
        ({"initial_share": 0.3, "initial_s": 0.0}, "initial_s=0, which infers no initial state"),
        ({"bounded": True}, "posterior.bounded is True with posterior.kind='auto'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        PathPosterior(**options)


def test_readouts_are_solved_unless_that_is_left_to_the_optimiser() -> None:
    solved, descended = (fit(FULL, signals__solve_readouts=each) for each in (True, False))
    batch = solved.read(FULL)
    assert solved.closed_form(batch) is not None
    assert descended.closed_form(batch) is None


@pytest.mark.parametrize("kind", ["controlled", "drift"])
@pytest.mark.parametrize("diffusion", ["network", "full"])
def test_every_diffusion_is_fitted_under_both_posteriors(kind: str, diffusion: str) -> None:
    model = fit(dynamics=NeuralSDE(3, diffusion=diffusion), posterior=kind)
    assert np.isfinite(model.predict(TRIALS).rates[TRIALS.valid]).all()
    bounds = model.evidence(TRIALS, paths=3)
    assert all(np.isfinite(each).all() for each in bounds.values())


def test_auto_races_both_ways_to_train() -> None:
    trials = make_trials(n_trials=40)
    model = small(training__recipes=LatentSDE.preset("auto").training.recipes)
    told = model.copy().fit(trials).notes_[0]
    assert told.startswith("recipe: ")
    assert "free" in told
    assert "default" in told
    assert LatentSDE.preset("auto").set_params(training__recipes=()).get_params() == (
        LatentSDE().get_params()
    )
    # without noise there is no posterior over paths, and one way to train
    silent = model.set_params(dynamics=CoupledOscillators(4, noise=False)).fit(trials)
    assert silent.notes_[0].endswith("the only one; not with these settings: free.")
