"""What `LatentSDE` refuses, each with the reason."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.models.small_sde import N_TIME, TRIALS, fit, fitted, small, with_times
from undertow.data import TrialSet
from undertow.dynamics import (
    GRU,
    LDS,
    CoupledOscillators,
    Dynamics,
    HarmonicPotential,
    LinearSDE,
    NeuralSDE,
    UnderdampedLangevin,
)
from undertow.errors import ModelError, UndertowError

NO_STIMULUS = {"signals__stimulus": False}
SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a control without noise": (
        {"dynamics": NeuralSDE(4, noise=False), "posterior": "controlled"},
        "NeuralSDE has no noise: .*infinite divergence.*'initial-state'",
    ),
    "a control of a recurrent network": (
        {"dynamics": GRU(4), "posterior": "controlled"},
        "GRU has no noise: .*infinite divergence",
    ),
    "a drift without noise": (
        {"dynamics": LinearSDE(4, noise=False), "posterior": "drift"},
        "noise in every coordinate of an SDE, which LinearSDE has not",
    ),
    "a drift where positions have no noise": (
        {
            "dynamics": UnderdampedLangevin(4, HarmonicPotential),
            "posterior": "drift",
            **NO_STIMULUS,
        },
        "noise in every coordinate of an SDE, which UnderdampedLangevin has not.*infinite",
    ),
    "a drift of a discrete model": (
        {"dynamics": LDS(4), "posterior": "drift"},
        "noise in every coordinate of an SDE, which LDS has not",
    ),
    "an initial state alone under noise": (
        {"posterior": "initial-state"},
        "needs dynamics without noise, which CoupledOscillators has: use noise=False, or "
        "posterior.kind='autonomous'",
    ),
    "Euler steps that turn too far": (
        {"dynamics": CoupledOscillators(4, integrator="euler", start_cycles=(0.5, 3.0))},
        r"turns the fastest oscillator \(15 Hz\) by 1\.88 radians.*integrator='splitting'",
    ),
    "several steps a bin of a discrete model": (
        {"dynamics": GRU(4), "solver__bins_per_step": 0.5},
        "GRU got 2 steps per bin: it is discrete and takes exactly one",
    ),
    "a step over bins of a discrete model": (
        {"dynamics": LDS(4), "solver__bins_per_step": 2},
        "LDS got 0.5 steps per bin: it is discrete and takes exactly one",
    ),
    "a stimulus that nothing takes": (
        {"dynamics": UnderdampedLangevin(4, HarmonicPotential)},
        "UnderdampedLangevin takes no input: leave signals.time=False and signals.stimulus=False",
    ),
    "unknown regions": (
        {"regions": {"V1": 1, "CA3": 1}},
        "regions names V1, CA3: the trials have CA1, MOs, V1",
    ),
    "a rule of its own for regions": ({"regions": "even"}, "regions is 'even': it must be 'split'"),
    "too few units": ({"regions": "split"}, r"regions asks for .*: at least 1 each, 2 in all"),
    "units of other number": (
        {"regions": {"V1": 1, "CA1": 1, "MOs": 1}},
        r"regions asks for .*: at least 1 each, 2 in all",
    ),
    "a share of a bin": (
        {"solver__bins_per_step": 0.3},
        "bins_per_step is 0.3: it must be a whole number of bins",
    ),
    "unknown dynamics": (
        {"dynamics": "oscillators"},
        "there is no dynamics 'oscillators': did you mean 'coupled-oscillators'",
    ),
    "an odd width": ({"latent_dim": 5}, "state_dim is 5: oscillators take two coordinates"),
    "posterior": (
        {"posterior": "exact"},
        "posterior is 'exact': choose one of auto, autonomous, controlled, drift, initial-state",
    ),
    "context": ({"encoder__context": "up"}, "encoder.context is 'up'"),
    "interpolation": ({"solver__interpolation": "cubic"}, "solver.interpolation is 'cubic'"),
    "counts": ({"observation": "gaussian"}, "observation is 'gaussian': choose one of"),
    "link": ({"observation__link": "relu"}, "observation.link is 'relu'"),
    "monitor": ({"training__monitor": "loss"}, "training.monitor is 'loss'"),
    "t0": ({"posterior__initial_s": -0.1}, "posterior.initial_s is -0.1: .* at least 0"),
    "weights": ({"signals__behavior_weight": -1.0}, "signals.behavior_weight is -1.0"),
    "samples": ({"samples": 0}, "samples is 0: it must be a whole number, at least 1"),
    "widths": ({"encoder__hidden_dim": 2.5}, "encoder.hidden_dim is 2.5"),
    "KL": ({"kl": 1.0}, "kl is 1.0: it must be KLSchedule"),
    "training": ({"training": {"epochs": 1}}, "training is .*: it must be Training"),
    "a label there is none of": ({"signals__labels": ("outcome",)}, "has no label 'outcome'"),
}


@pytest.mark.parametrize(("settings", "message"), SETTINGS.values(), ids=SETTINGS.keys())
def test_settings_are_refused_with_the_reason(settings: dict[str, Any], message: str) -> None:
    model = small()
    with pytest.raises(UndertowError, match=message):
        model.set_params(**settings).fit(TRIALS)
    with pytest.raises(ModelError, match="not fitted"):
        model.predict(TRIALS)


def without(*names: str) -> TrialSet:
    """The trials, some signals left out."""
    fields = (
        "spikes",
        "bin_s",
        "lengths",
        "neuron_ids",
        "behavior",
        "behavior_names",
        "stimulus",
        "region",
    )
    return TrialSet(
        **{
            k: getattr(TRIALS, k)
            for k in fields
            if k not in (*names, *(f"{n}_names" for n in names))
        }
    )


FITS: dict[str, tuple[dict[str, Any], Callable[[], TrialSet], str]] = {
    "no regions": (
        {"regions": "split"},
        lambda: without("region"),
        "regions is 'split' but the trials name no region",
    ),
    "no behaviour to encode": (
        {"signals__encode_behavior": True},
        lambda: without("behavior"),
        "encode_behavior=True, but the trials hold no behaviour",
    ),
    "behaviour of one category": (
        {},
        lambda: TRIALS.replace(behavior=0 * TRIALS.behavior + [2, 3], behavior_kind="categorical"),
        "behaviour 'x' is 2 in every bin of the training trials: there is nothing to choose from",
    ),
    "behaviour never observed": (
        {},
        lambda: TRIALS.replace(behavior=np.where([True, False], TRIALS.behavior, np.nan)),
        "behaviour 'y' is missing in every trial: leave the channel out",
    ),
    "irregular times for a discrete model": (
        {"dynamics": GRU(4)},
        lambda: with_times(TRIALS, 0.004),
        "GRU takes one step a bin whatever lies between: irregular times need an SDE",
    ),
    "a gap longer than a step": (
        {},
        lambda: gapped(0.4),
        "a gap of .* s, too long for the steps of CoupledOscillators: .*lower solver.bins_per_step",
    ),
    "a gap that turns too far": (
        {
            "dynamics": CoupledOscillators(
                4, integrator="euler", timescale_s=1.0, start_cycles=(0.5, 3.0)
            )
        },
        lambda: gapped(0.2),
        "turns the fastest oscillator",
    ),
}


def gapped(gap_s: float) -> TrialSet:
    """Trials of which the first has a gap in its middle."""
    trials = with_times(TRIALS.replace(lengths=np.full(len(TRIALS), N_TIME)))
    times = np.array(trials.times)
    times[0, 5:] += gap_s
    return trials.replace(times=times)


@pytest.mark.parametrize(("settings", "make", "message"), FITS.values(), ids=FITS.keys())
def test_trials_that_lack_what_is_asked_for_are_refused(
    settings: dict[str, Any], make: Callable[[], TrialSet], message: str
) -> None:
    with pytest.raises(UndertowError, match=message):
        small(**settings).fit(make())


PREDICTIONS: dict[str, tuple[Callable[[], TrialSet], dict[str, Any], str]] = {
    "no stimulus": (
        lambda: without("stimulus"),
        {},
        "no stimulus channels, the model was fitted with 2",
    ),
    "another stimulus": (
        lambda: TRIALS.replace(stimulus=TRIALS.stimulus[..., :1]),
        {},
        "1 stimulus channels, the model was fitted with 2",
    ),
    "other behaviour": (
        lambda: TRIALS.replace(behavior_names=("y", "x")),
        {},
        "behaviour is y, x, the model's x, y",
    ),
    "another kind of behaviour": (
        lambda: TRIALS.replace(behavior_kind="categorical"),
        {},
        "the trials' behaviour is categorical, the model's continuous: give the same kind, or none",
    ),
    "irregular times": (
        lambda: with_times(TRIALS),
        {},
        "irregular times: the model was fitted on regular ones",
    ),
    "another mode": (
        lambda: TRIALS,
        {"mode": "filter"},
        "mode is 'filter': it must be one of 'smooth', 'generate'",
    ),
    "no samples": (
        lambda: TRIALS,
        {"samples": 0},
        "samples is 0: it must be a whole number, at least 1",
    ),
}


@pytest.mark.parametrize(
    ("make", "options", "message"), PREDICTIONS.values(), ids=PREDICTIONS.keys()
)
def test_predictions_are_refused_with_the_reason(
    make: Callable[[], TrialSet], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        fitted().predict(make(), **options)


def test_a_gap_in_other_trials_is_refused_when_predicting() -> None:
    model = fit(with_times(TRIALS, 0.004))
    with pytest.raises(ModelError, match="too long for the steps"):
        model.predict(gapped(0.4))


@pytest.mark.parametrize(
    "dynamics", [CoupledOscillators(4), LinearSDE(4)], ids=lambda d: type(d).__name__
)
def test_a_step_is_never_longer_than_the_dynamics_allow(dynamics: Dynamics) -> None:
    model = fit(dynamics=dynamics.remade(timescale_s=0.015))
    assert model.network_.bins_per_step == 0.5
    assert np.isfinite(model.predict(TRIALS).rates[TRIALS.valid]).all()
