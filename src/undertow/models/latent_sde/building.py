"""Building the network of a `LatentSDE` from its settings and a population."""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from undertow import checks
from undertow.data.batches import Batch
from undertow.dynamics import DiscreteDynamics, Dynamics
from undertow.dynamics.base import TRIAL_UNITS
from undertow.dynamics.limits import WIDEST
from undertow.dynamics.named import make_dynamics, setting_defaults
from undertow.dynamics.starting import LogFrequencies
from undertow.encoders import LSTMEncoder, Presence, StimulusEncoder
from undertow.errors import ModelError
from undertow.inference import ParameterLaw, Steering
from undertow.models.latent_sde.dealing import deal_units
from undertow.models.latent_sde.free import FreePosterior
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.options import PathPosterior, Signals, Solver
from undertow.models.lstm_encoding import LSTMEncoding
from undertow.models.pieces import Counts, RegionalDecoding
from undertow.models.population import Population
from undertow.models.sizes import Size, encoder_size, marginals_size, steering_size
from undertow.observations import (
    BehaviorObservation,
    CategoricalChannels,
    CategoricalObservation,
    GaussianObservation,
    Observation,
    ReadoutLaw,
)


class Settings(NamedTuple):
    """Pieces that a network is built from; see `LatentSDE`."""

    dynamics: Dynamics | str
    latent_dim: int
    regions: str | Mapping[str, int] | None
    encoder: LSTMEncoding
    decoder: RegionalDecoding
    observation: Counts
    posterior: PathPosterior
    signals: Signals
    solver: Solver
    dropout: float
    training_path: str


def build_network(settings: Settings, population: Population) -> LatentSDENetwork:
    """Build an untrained network.

    Weights are drawn from torch's global generator, which the caller has seeded.

    Raises:
        ModelError: naming the setting and the rule it breaks.
    """
    check_settings(settings)
    dynamics, stimulus = build_dynamics(settings, population)
    if isinstance(dynamics, DiscreteDynamics):
        _check_discrete(dynamics, settings.solver, population)
    bins_per_step = solver_step(dynamics, settings.solver.bins_per_step, population.bin_s)
    dynamics.check_settings(bins_per_step * population.bin_s)
    encoder = _encoder(settings, population, dynamics)
    free, steering = _posterior(settings, dynamics, encoder.context_dim)
    initial = settings.posterior.build_initial(encoder.initial_dim, dynamics.state_dim)
    units = deal_units(
        settings.regions, population.regions, n_units(dynamics), still_units(dynamics)
    )
    numbers = dynamics.units(torch.zeros(1, dynamics.state_dim)).shape[-1]
    width = n_units(dynamics) * numbers
    decoder = settings.decoder.build(width, units.read, numbers, settings.dropout)
    network = LatentSDENetwork(
        encoder,
        stimulus,
        dynamics,
        steering,
        initial,
        decoder,
        settings.observation.build(decoder.feature_dim, population),
        _behavior(population, width),
        _labels(population, width),
        population.bin_s,
        bins_per_step,
        settings.solver.interpolation,
        settings.signals.encode_behavior,
        not population.regular,
        settings.signals.behavior_weight,
        settings.signals.label_weight,
        settings.solver.checkpointed,
        settings.posterior.initial_bins(population.bin_s),
        units.own,
        units.shared,
        _presence(settings.encoder, population),
        settings.posterior.initial_share,
        free,
    )
    if settings.posterior.uncertain_readouts:
        network.readout_law = ReadoutLaw(len(population.neuron_ids), decoder.feature_dim)
    if settings.posterior.uncertain_dynamics:
        network.parameter_law = _parameter_law(dynamics, settings.solver)
    return network


def _parameter_law(dynamics: Dynamics, solver: Solver) -> ParameterLaw:
    if solver.checkpointed:
        raise ModelError(
            "solver.checkpointed=True runs steps again when the parameters they were drawn with "
            "are gone: leave it out, or posterior.uncertain_dynamics."
        )
    return ParameterLaw(dynamics)


def _posterior(
    settings: Settings, dynamics: Dynamics, context_dim: int
) -> tuple[FreePosterior | None, Steering | None]:
    """Build the marginals, where no path is simulated in training, and what steers paths."""
    if settings.training_path == "free":
        return settings.posterior.build_free(dynamics, context_dim)
    return None, settings.posterior.build(dynamics, context_dim)


def check_settings(settings: Settings) -> None:
    """Refuse settings that break a rule; each piece has already checked its own."""
    checks.whole("latent_dim", settings.latent_dim, 1, WIDEST)
    checks.share("dropout", settings.dropout)
    checks.one_of("training_path", settings.training_path, ("simulated", "free"))
    if isinstance(settings.regions, Mapping):
        for name, units in settings.regions.items():
            checks.whole(f"regions[{name!r}]", units, 1, WIDEST)


def network_size(settings: Settings, population: Population) -> Size:
    """Size of the network that these settings make, at least.

    Raises:
        ModelError: for settings that break a rule.
    """
    check_settings(settings)
    dynamics, _ = build_dynamics(settings, population)
    hidden, state_dim = settings.encoder.hidden_dim, dynamics.state_dim
    posterior = settings.posterior
    has_initial = posterior.initial_s > 0
    simulated = settings.training_path == "simulated"
    others = 0 if simulated else dynamics.input_dim
    inputs = _neuron_inputs(settings, population) + others
    encoder = encoder_size(settings.encoder, inputs, has_initial, simulated, others)
    initial = 2 * state_dim
    if posterior.full_initial:
        initial += state_dim * (state_dim - 1) // 2
    context = hidden * (1 + (settings.encoder.direction(simulated) == "both"))
    own = sum(p.numel() for p in dynamics.parameters()) + has_initial * hidden * initial
    size = encoder + Size(own, 4 * state_dim)
    if not simulated:
        size += marginals_size(posterior.hidden_dim, context, dynamics, posterior.full_marginals)
    elif posterior.kind in ("auto", "controlled", "drift"):
        size += steering_size(posterior.hidden_dim, context, dynamics)
    width, neurons = settings.decoder.width, len(population.neuron_ids)
    size += Size(posterior.uncertain_readouts * neurons * (width + 1) ** 2, 0)
    return size + Size(width * neurons, width + 3 * neurons)


def solver_step(dynamics: Dynamics, bins_per_step: float, bin_s: float) -> float:
    """Return the number of bins that one step of the solver spans.

    It is the number asked for, reduced where a step would be longer than the dynamics' `max_step`.
    """
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
    ends = torch.arange(1, gaps_s.shape[1] + 1, device=gaps_s.device)
    longest_s = max(gaps_s[ends < batch.lengths[:, None]].tolist(), default=0.0)
    if longest_s * network.bins_per_step > _longest_step_s(network.dynamics):
        raise ModelError(
            f"the trials have a gap of {longest_s:.4g} s, too long for the steps of "
            f"{type(network.dynamics).__name__}: fit with a lower solver.bins_per_step (0.5 for "
            "two steps from one time to the next) or a longer timescale_s."
        )
    network.dynamics.check_settings(longest_s * network.bins_per_step)


def _longest_step_s(dynamics: Dynamics) -> float:
    return dynamics.max_step * float(dynamics.timescale_s.detach()) * (1 + 1e-4)


def build_dynamics(
    settings: Settings, population: Population
) -> tuple[Dynamics, StimulusEncoder | None]:
    """Build the dynamics asked for, with fresh weights, and the encoder of the stimulus.

    The dynamics have as many inputs as the encoded stimulus has channels.
    """
    given = settings.dynamics
    if isinstance(given, str):
        given = make_dynamics(given, {"state_dim": settings.latent_dim})
    stimulus = StimulusEncoder(
        population.stimulus_channels,
        given.state_dim,
        settings.signals.time,
        population.duration_s,
    )
    changes: dict[str, Any] = {}
    if "input_dim" in given.settings:
        changes["input_dim"] = stimulus.output_dim
    elif stimulus.output_dim:
        raise ModelError(
            f"{type(given).__name__} takes no input: leave signals.time=False and "
            "signals.stimulus=False, or choose other dynamics."
        )
    if (setting_defaults(type(given)) | given.settings).get("timescale_s", 0) is None:
        changes["timescale_s"] = population.duration_s / TRIAL_UNITS
    # parts given as such, like a potential, stay untrained
    fresh = copy.deepcopy(given).remade(**changes)
    return fresh, stimulus if stimulus.output_dim else None


def _check_discrete(dynamics: DiscreteDynamics, solver: Solver, population: Population) -> None:
    """Refuse several steps per bin for discrete dynamics, which step once a bin."""
    dynamics.check_steps_per_bin(1 / solver.bins_per_step)
    if not population.regular:
        raise ModelError(
            f"{type(dynamics).__name__} takes one step a bin whatever lies between: irregular "
            "times need an SDE."
        )


def n_units(dynamics: Dynamics) -> int:
    """Number of units that decoders see."""
    return dynamics.units(torch.zeros(1, dynamics.state_dim)).shape[-2]


def still_units(dynamics: Dynamics) -> int:
    """Number of units that do not turn, the last ones."""
    return dynamics.n_still if isinstance(dynamics, LogFrequencies) else 0


def _encoder(settings: Settings, population: Population, dynamics: Dynamics) -> LSTMEncoder:
    free = settings.training_path == "free"
    others = (not population.regular) + free * dynamics.input_dim
    if settings.signals.encode_behavior:
        if not population.behavior_names:
            raise ModelError(
                "signals.encode_behavior=True, but the trials hold no behaviour (or "
                "signals.behavior=False)."
            )
        others += population.behavior_inputs
    bins: int | None = settings.posterior.initial_bins(population.bin_s)
    if bins and not population.regular:
        bins = None  # as many as there are in the window, which the network then counts
    n_inputs = _neuron_inputs(settings, population) + others
    return settings.encoder.build(n_inputs, bins, settings.dropout, not free, others)


def _presence(encoding: LSTMEncoding, population: Population) -> Presence | None:
    """Build what tells missing counts from zeros; None where they read the same."""
    channels = encoding.missing == "neurons" or encoding.neuron_dropout > 0
    if encoding.missing == "bins" or (population.missing_counts is None and not channels):
        return None
    channels = channels or bool(population.missing_counts)
    heldin = ~torch.tensor(population.heldout)
    counts = torch.tensor(population.mean_rates)[heldin] * population.bin_s
    return Presence(counts, encoding.neuron_dropout, channels)


def _neuron_inputs(settings: Settings, population: Population) -> int:
    """Number of inputs that tell the encoder of the neurons."""
    presence = _presence(settings.encoder, population)
    return population.n_heldin if presence is None else presence.n_outputs


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
