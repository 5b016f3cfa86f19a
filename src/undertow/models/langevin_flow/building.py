"""Building the network of a `LangevinFlow` from its settings and a population."""

from typing import Literal, NamedTuple

from undertow import checks
from undertow.dynamics import Dynamics
from undertow.dynamics.limits import WIDEST
from undertow.errors import ModelError
from undertow.inference import Share, check_share
from undertow.models.encoding import GRUEncoding, LinearEncoding
from undertow.models.langevin_flow.inferred import Head
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.options import Langevin, LangevinPosterior, Variant
from undertow.models.langevin_flow.pool import Pool
from undertow.models.pieces import Counts, Decoding
from undertow.models.population import Population
from undertow.models.sizes import Size, decoder_size, encoder_size

DROPOUT_SPIKES, MOST_DROPOUT = 40, 0.2
"""Of the dropout by the spikes of a neuron: √(40 / spikes), and no larger share."""


class Settings(NamedTuple):
    """Pieces that a network is built from; see `LangevinFlow`."""

    latent_dim: int
    dynamics: Langevin | None
    encoder: GRUEncoding | LinearEncoding
    decoder: Decoding
    observation: Counts
    posterior: LangevinPosterior
    variant: Variant
    dropout: float | None
    coordinated_dropout: Share
    causal: bool
    pool: Literal["regression"] | None


def build_network(settings: Settings, population: Population) -> LangevinNetwork:
    """Build an untrained network.

    Weights are drawn from torch's global generator, which the caller has seeded.

    Raises:
        ModelError: naming the setting and the rule it breaks.
    """
    check_settings(settings)
    bin_s, n_heldin = population.bin_s, population.n_heldin
    initial_bins = settings.posterior.initial_bins(bin_s)
    dropout = settings.dropout or 0.0
    others = population.stimulus_channels
    encoder = settings.encoder.build(n_heldin + others, initial_bins, dropout, others)
    dynamics: Dynamics | None = None
    if settings.dynamics is not None:
        width = encoder.context_dim
        dynamics = settings.dynamics.build(settings.latent_dim, n_heldin, bin_s, width)
        dynamics.check_settings(bin_s)
    widths = {"z": settings.latent_dim, "v": settings.latent_dim, "h": encoder.context_dim}
    each = decoders(settings)
    heads, window_bins = [], population.longest_bins
    for one in each:
        read = sum(widths[k] for k in one.reads)
        decoder = one.decoding.build(read, dropout, settings.causal, window_bins)
        heads.append(Head(decoder, settings.observation.build(decoder.feature_dim, population)))
    return LangevinNetwork(
        encoder,
        dynamics,
        heads[0].decoder,
        heads[0].observation,
        each[0].reads,
        bin_s,
        heads[1:],
        settings.posterior.kind == "controlled",
        settings.posterior.path_prior,
        settings.variant.likelihood,
        settings.variant.learn_from_kept,
        settings.decoder.withhold_h,
        _pool(settings, population, [one.name for one in each]),
    )


def _pool(settings: Settings, population: Population, names: list[str]) -> Pool | None:
    """Build the pool of what makes rates; None where it is one decoder alone."""
    regression = settings.pool is not None and any(population.heldout)
    if len(names) == 1 and not regression:
        return None
    return Pool(population, names, regression, settings.causal)


class Reading(NamedTuple):
    """A decoder: its name, what it reads of 'z', 'v' and 'h', and its options."""

    name: str
    reads: tuple[str, ...]
    decoding: Decoding


def decoders(settings: Settings) -> list[Reading]:
    """Return the decoders; all but the first read h alone."""
    decoding, seen = settings.decoder, seen_by_decoder(settings)
    latents = tuple(name for name in seen if name != "h")
    if decoding.read == "together" or "h" not in seen:
        return [Reading("network", seen, decoding)]
    found = [Reading("latents", latents, decoding.by_bins)] if latents else []
    found.append(Reading("h", ("h",), decoding))
    if decoding.by_bins is not decoding:
        found.append(Reading("h bin by bin", ("h",), decoding.by_bins))
    return found


def seen_by_decoder(settings: Settings) -> tuple[str, ...]:
    """Return the names of what is decoded; first-order dynamics have no 'v'."""
    if settings.dynamics is None:
        return ("h",)
    return tuple(k for k in settings.decoder.inputs if k != "v" or settings.dynamics.order == 2)


def check_settings(settings: Settings) -> None:
    """Refuse settings that contradict each other; each piece has already checked its own."""
    checks.whole("latent_dim", settings.latent_dim, 1, WIDEST)
    if settings.dropout is not None:
        checks.share("dropout", settings.dropout)
    check_share("coordinated_dropout", settings.coordinated_dropout)
    if settings.pool is not None:
        checks.one_of("pool", settings.pool, ("regression",))
    decoder, dynamics = settings.decoder, settings.dynamics
    if decoder.withhold_h and decoder.read == "apart":
        raise ModelError(
            f"decoder.withhold_h is {decoder.withhold_h:g} and decoder.read 'apart': decoders "
            "apart withhold nothing from each other; leave it at 0, or read 'together'."
        )
    if dynamics is not None and dynamics.order == 1:
        if settings.posterior.path_prior != "dynamics":
            raise ModelError(
                "dynamics.order=1 has no velocity: leave posterior.path_prior 'dynamics'."
            )
        if not seen_by_decoder(settings):
            raise ModelError("dynamics.order=1 has no velocity: decoder.inputs needs 'z' or 'h'.")
    looks_ahead = dynamics is not None and settings.posterior.initial_s != "first"
    if settings.causal and (settings.encoder.bidirectional or looks_ahead):
        raise ModelError(
            "causal=True needs encoder.bidirectional=False and posterior.initial_s='first': "
            "nothing may look at later bins."
        )


def dropout_for(spikes: float) -> float:
    """Return the dropout for so many training spikes a neuron: the fewer, the more regularised."""
    return min(MOST_DROPOUT, (DROPOUT_SPIKES / max(spikes, 1.0)) ** 0.5)


def network_size(settings: Settings, population: Population) -> Size:
    """Size of the network that these settings make, at least.

    Raises:
        ModelError: for settings that break a rule.
    """
    check_settings(settings)
    encoder, latent_dim = settings.encoder, settings.latent_dim
    context = encoder.hidden_dim * (1 + encoder.bidirectional)
    others = population.stimulus_channels
    size = encoder_size(encoder, population.n_heldin + others, n_others=others)
    widths = {"z": latent_dim, "v": latent_dim, "h": context}
    for one in decoders(settings):
        inputs = sum(widths[name] for name in one.reads)
        size += decoder_size(one.decoding, inputs, len(population.neuron_ids))
    if settings.dynamics is not None:
        state_dim = latent_dim * settings.dynamics.order
        control = context * latent_dim * (settings.posterior.kind == "controlled")
        size += Size(2 * encoder.hidden_dim * state_dim + control, 6 * state_dim)
    return size
