"""Building the network of an `LFADS` from its settings and a population."""

from typing import NamedTuple

from undertow import checks
from undertow.dynamics.limits import WIDEST
from undertow.errors import ModelError
from undertow.inference import Share, check_share
from undertow.models.encoding import GRUEncoding
from undertow.models.lfads.generator import Controller, Generator
from undertow.models.lfads.network import Costs, LFADSNetwork
from undertow.models.lfads.options import GRUController, GRUGenerator, InitialCondition
from undertow.models.lfads.priors import InitialPrior
from undertow.models.pieces import Counts
from undertow.models.population import Population
from undertow.models.sizes import Size, encoder_size


class Settings(NamedTuple):
    """Pieces that a network is built from; see `LFADS`."""

    latent_dim: int
    inputs: int
    encoder: GRUEncoding
    generator: GRUGenerator
    controller: GRUController
    initial: InitialCondition
    observation: Counts
    dropout: float
    coordinated_dropout: Share
    causal: bool


def check_settings(settings: Settings) -> None:
    """Refuse settings out of bounds; each piece has already checked its own."""
    checks.whole("latent_dim", settings.latent_dim, 1, WIDEST)
    checks.whole("inputs", settings.inputs, 0, WIDEST)
    checks.share("dropout", settings.dropout)
    check_share("coordinated_dropout", settings.coordinated_dropout)
    if settings.causal and (settings.encoder.bidirectional or not settings.inputs):
        raise ModelError(
            "causal=True needs encoder.bidirectional=False and inputs above 0: nothing may look at "
            "later bins, and what follows the first bin must be told of what is seen there."
        )


def build_network(settings: Settings, population: Population) -> LFADSNetwork:
    """Build an untrained network.

    Weights are drawn from torch's global generator, which the caller has seeded.

    Raises:
        ModelError: naming the setting and the rule it breaks.
    """
    check_settings(settings)
    initial, controlled, n_heldin = settings.initial, settings.inputs > 0, population.n_heldin
    first = 1 if settings.causal else None
    encoder = settings.encoder.build(n_heldin, first, settings.dropout)
    generator = Generator(
        settings.generator.hidden_dim,
        initial.dim,
        settings.latent_dim,
        settings.inputs,
        population.stimulus_channels,
    )
    second = settings.encoder.build(n_heldin, first, settings.dropout) if controlled else None
    return LFADSNetwork(
        encoder,
        generator,
        settings.observation.build(settings.latent_dim, population),
        InitialPrior(initial.dim, initial.prior == "learned"),
        second,
        None
        if second is None
        else Controller(
            settings.inputs,
            settings.latent_dim,
            second.context_dim,
            second.initial_dim,
            population.bin_s,
            settings.controller,
        ),
        population.bin_s,
        settings.dropout,
        _costs(settings),
    )


def _costs(settings: Settings) -> Costs:
    return Costs(
        settings.initial.kl_weight,
        settings.controller.kl_weight,
        settings.generator.l2_penalty,
        settings.controller.l2_penalty,
    )


def network_size(settings: Settings, population: Population) -> Size:
    """Size of the network that these settings make, at least.

    Raises:
        ModelError: for settings that break a rule.
    """
    check_settings(settings)
    factors, units, initial = (
        settings.latent_dim,
        settings.generator.hidden_dim,
        settings.initial.dim,
    )
    context = settings.encoder.hidden_dim * (1 + settings.encoder.bidirectional)
    neurons, driving = len(population.neuron_ids), settings.inputs + population.stimulus_channels
    size = encoder_size(settings.encoder, population.n_heldin)
    size += Size(units * (3 * units + 3 * driving + factors + initial), 16 * units)
    size += Size(2 * context * initial + factors * neurons, factors + 3 * neurons)
    if settings.inputs:
        own = settings.controller.hidden_dim
        read = 4 * context + 3 * factors + 3 * own + 2 * settings.inputs
        size += encoder_size(settings.encoder, population.n_heldin) + Size(own * read, 16 * own)
    return size
