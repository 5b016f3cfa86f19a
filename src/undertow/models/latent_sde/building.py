"""From the settings of a `LatentSDE` to its network."""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from undertow.data.batches import Batch
from undertow.decoders import RegionalDecoder
from undertow.dynamics import DiscreteDynamics, Dynamics
from undertow.dynamics.base import TRIAL_UNITS
from undertow.dynamics.named import make_dynamics, setting_defaults
from undertow.encoders import LSTMEncoder, StimulusEncoder
from undertow.errors import ModelError
from undertow.inference import ControlSteering, DriftSteering, InitialHead, KLSchedule, Steering
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.population import Population
from undertow.observations import (
    BehaviorObservation,
    CategoricalChannels,
    CategoricalObservation,
    GaussianObservation,
    NegativeBinomialObservation,
    Observation,
    PoissonObservation,
)
from undertow.training import Training

if TYPE_CHECKING:
    from undertow.models.latent_sde import LatentSDE

COUNTS = {"poisson": PoissonObservation, "negative-binomial": NegativeBinomialObservation}


def build_network(model: "LatentSDE", population: Population) -> LatentSDENetwork:
    """An untrained network; weights are drawn from torch's global generator, which the caller has
    seeded.

    Raises:
        ModelError: naming the setting and the rule it breaks.
    """
    check_settings(model)
    dynamics, stimulus = build_dynamics(model, population)
    if isinstance(dynamics, DiscreteDynamics):
        _check_discrete(dynamics, model, population)
    bins_per_step = solver_step(dynamics, model.bins_per_step, population.bin_s)
    dynamics.check_settings(bins_per_step * population.bin_s)
    encoder = _encoder(model, population)
    steering = _steering(model, dynamics, encoder.context_dim)
    initial = (
        InitialHead(encoder.initial_dim, dynamics.state_dim, model.full_initial)
        if encoder.initial_dim
        else None
    )
    groups = unit_groups(model.regions, population.regions, n_units(dynamics))
    numbers = dynamics.units(torch.zeros(1, dynamics.state_dim)).shape[-1]
    width = n_units(dynamics) * numbers
    decoder = RegionalDecoder(width, groups, numbers, model.decoder_width, model.dropout)
    rates = torch.tensor(population.mean_rates)
    region = population.region_of if len(population.regions) > 1 else None
    observation = COUNTS[model.counts](
        decoder.feature_dim, rates, population.bin_s, model.rate_floor_hz, model.link, region
    )
    return LatentSDENetwork(
        encoder,
        stimulus,
        dynamics,
        steering,
        initial,
        decoder,
        observation,
        _behavior(population, width),
        _labels(population, width),
        population.bin_s,
        bins_per_step,
        model.interpolation,
        model.encode_behavior,
        not population.regular,
        model.behavior_weight,
        model.label_weight,
        model.checkpointed,
        initial_bins(model.t0_s, population.bin_s),
    )


def solver_step(dynamics: Dynamics, bins_per_step: float, bin_s: float) -> float:
    """Bins a step of the solver spans: as asked for, but that no step is longer than the dynamics'
    `max_step`."""
    if bins_per_step * bin_s <= _longest_step_s(dynamics):
        return bins_per_step
    return 1 / dynamics.steps_per_bin(bin_s)


def check_gaps(network: LatentSDENetwork, batch: Batch) -> None:
    """Refuse gaps between irregular times that a step of the dynamics cannot cross.

    Raises:
        ModelError: naming the longest; `StabilityError` where a step would grow without bound.
    """
    if batch.irregular_times_s is None:
        return
    gaps_s = batch.irregular_times_s.diff(dim=1)
    inside = torch.arange(1, gaps_s.shape[1] + 1, device=gaps_s.device) < batch.lengths[:, None]
    longest_s = max(gaps_s[inside].tolist(), default=0.0)
    if longest_s * network.bins_per_step > _longest_step_s(network.dynamics):
        raise ModelError(
            f"the trials have a gap of {longest_s:.4g} s, too long for the steps of "
            f"{type(network.dynamics).__name__}: fit with a lower bins_per_step (0.5 for two steps "
            "from one time to the next) or a longer timescale_s."
        )
    network.dynamics.check_settings(longest_s * network.bins_per_step)


def _longest_step_s(dynamics: Dynamics) -> float:
    return dynamics.max_step * float(dynamics.timescale_s.detach()) * (1 + 1e-4)


def build_dynamics(
    model: "LatentSDE", population: Population
) -> tuple[Dynamics, StimulusEncoder | None]:
    """Fresh dynamics of the kind asked for, as wide in input as the encoded stimulus, and its
    encoder."""
    given = model.dynamics
    if isinstance(given, str):
        given = make_dynamics(given, {"state_dim": model.state_dim})
    stimulus = StimulusEncoder(
        population.stimulus_channels, given.state_dim, model.time_input, population.duration_s
    )
    changes: dict[str, Any] = {}
    if "input_dim" in given.settings:
        changes["input_dim"] = stimulus.output_dim
    elif stimulus.output_dim:
        raise ModelError(
            f"{type(given).__name__} takes no input: leave time_input=False and stimulus=False, or "
            "choose other dynamics."
        )
    if (setting_defaults(type(given)) | given.settings).get("timescale_s", 0) is None:
        changes["timescale_s"] = population.duration_s / TRIAL_UNITS
    fresh = copy.deepcopy(given).remade(
        **changes
    )  # parts given as such, like a potential, stay untrained
    return fresh, stimulus if stimulus.output_dim else None


def _check_discrete(dynamics: DiscreteDynamics, model: "LatentSDE", population: Population) -> None:
    """A discrete model takes one step a bin, of whatever width."""
    dynamics.check_steps_per_bin(1 / model.bins_per_step)
    if not population.regular:
        raise ModelError(
            f"{type(dynamics).__name__} takes one step a bin whatever lies between: irregular "
            "times need an SDE."
        )


def n_units(dynamics: Dynamics) -> int:
    """Units decoders see."""
    return dynamics.units(torch.zeros(1, dynamics.state_dim)).shape[-2]


def unit_groups(
    wanted: str | Mapping[str, int] | None, regions: Sequence[str], units: int
) -> list[list[int]]:
    """Units of each region, dealt out in turn: units that start alike (slow oscillators come first)
    go to all regions.

    Raises:
        ModelError: where there are not enough units, or others than asked for.
    """
    if wanted is None:
        return [list(range(units))]
    if isinstance(wanted, str):
        sizes = [units // len(regions) + (k < units % len(regions)) for k in range(len(regions))]
    else:
        sizes = [int(wanted[name]) for name in regions]
    if min(sizes) < 1 or sum(sizes) != units:
        raise ModelError(
            f"regions asks for {dict(zip(regions, sizes, strict=True))} units: at least 1 each, "
            f"{units} in all, as the dynamics have."
        )
    turns = sorted((turn, k) for k, size in enumerate(sizes) for turn in range(size))
    return [
        [unit for unit, (_, owner) in enumerate(turns) if owner == k] for k in range(len(sizes))
    ]


def _encoder(model: "LatentSDE", population: Population) -> LSTMEncoder:
    n_inputs = population.n_heldin + (not population.regular)
    if model.encode_behavior:
        if not population.behavior_names:
            raise ModelError(
                "encode_behavior=True, but the trials hold no behaviour (or behavior=False)."
            )
        n_inputs += population.behavior_inputs
    bins: int | None = initial_bins(model.t0_s, population.bin_s)
    if bins and not population.regular:
        bins = None  # as many as there are before t0, which the network then counts
    return LSTMEncoder(n_inputs, model.hidden_dim, 2, bins, model.context, model.dropout)


def initial_bins(t0_s: float, bin_s: float) -> int:
    """Bins the initial state is inferred from."""
    return 0 if t0_s == 0 else max(1, round(t0_s / bin_s))


def _steering(model: "LatentSDE", dynamics: Dynamics, context_dim: int) -> Steering | None:
    kind = model.posterior
    if kind == "auto":
        kind = "controlled" if dynamics.noise_dim else "initial-state"
    if kind == "initial-state" and dynamics.noise_dim:
        raise ModelError(
            "posterior='initial-state' needs dynamics without noise, which "
            f"{type(dynamics).__name__} has: use noise=False, or posterior='autonomous'."
        )
    if kind in ("autonomous", "initial-state"):
        return None
    return {"controlled": ControlSteering, "drift": DriftSteering}[kind](
        dynamics, context_dim, model.steering_width
    )


def _behavior(population: Population, width: int) -> BehaviorObservation | None:
    if not population.behavior_names:
        return None
    if population.behavior_categories:
        return CategoricalChannels(
            width, population.behavior_categories, population.behavior_shares
        )
    means, stds = torch.tensor(population.behavior_means), torch.tensor(population.behavior_stds)
    return GaussianObservation(width, len(means), means, stds)


def _labels(population: Population, width: int) -> dict[str, Observation]:
    return {
        name: CategoricalObservation(width, len(categories), "trial", population.shares[name])
        for name, categories in population.categories.items()
    }


def check_settings(model: "LatentSDE") -> None:
    """Refuse settings that are not among their choices."""
    for name, kind in (("training", Training), ("kl", KLSchedule)):
        if not isinstance(getattr(model, name), kind):
            raise ModelError(f"{name} is {getattr(model, name)!r}: it must be a {kind.__name__}.")
    choices = {
        "posterior": ("auto", "controlled", "drift", "autonomous", "initial-state"),
        "interpolation": ("linear", "previous"),
        "counts": tuple(COUNTS),
        "monitor": ("smooth", "generate"),
    }
    for name, allowed in choices.items():
        if getattr(model, name) not in allowed:
            raise ModelError(
                f"{name} is {getattr(model, name)!r}: it must be one of "
                f"{', '.join(map(repr, allowed))}."
            )
    for name in ("state_dim", "hidden_dim", "steering_width", "decoder_width", "samples"):
        if not (getattr(model, name) >= 1 and getattr(model, name) % 1 == 0):
            raise ModelError(
                f"{name} is {getattr(model, name)}: it must be a whole number, at least 1."
            )
    for name in ("t0_s", "behavior_weight", "label_weight"):
        if not getattr(model, name) >= 0:
            raise ModelError(f"{name} is {getattr(model, name)}: it must be at least 0.")
