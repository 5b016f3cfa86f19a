"""Building the network of a `LangevinFlow` from its settings and a population."""

from typing import Literal, NamedTuple

from undertow import checks
from undertow.dynamics import Dynamics
from undertow.dynamics.limits import WIDEST
from undertow.errors import ModelError
from undertow.inference import Share, check_share
from undertow.models.langevin_flow.inferred import Head
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.options import Langevin, LangevinPosterior, Variant
from undertow.models.langevin_flow.pool import Pool
from undertow.models.pieces import Counts, Decoding, GRUEncoding, LinearEncoding
from undertow.models.population import Population
from undertow.models.sizes import NOTHING, Size, decoder_size, encoder_size

DROPOUT_BINS, MOST_DROPOUT = 200, 0.2
"""Of the dropout by the number of training bins: √(200 / bins), and no larger share."""


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
    encoder = settings.encoder.build(n_heldin, initial_bins, dropout)
    dynamics: Dynamics | None = None
    inputs: tuple[str, ...] = ("h",)
    if settings.dynamics is not None:
        width = encoder.context_dim
        dynamics = settings.dynamics.build(settings.latent_dim, n_heldin, bin_s, width)
        dynamics.check_settings(bin_s)
        inputs = seen_by_decoder(settings)
    direct: Head | None = None
    if apart(settings):
        inputs = tuple(name for name in inputs if name != "h")
        decoder = settings.decoder.build(encoder.context_dim, dropout, settings.causal)
        observation = settings.observation.build(decoder.feature_dim, population)
        direct = Head(decoder, observation)
    widths = {"z": settings.latent_dim, "v": settings.latent_dim, "h": encoder.context_dim}
    n_inputs = sum(widths[name] for name in inputs)
    decoder = settings.decoder.build(n_inputs, dropout, settings.causal)
    return LangevinNetwork(
        encoder,
        dynamics,
        decoder,
        settings.observation.build(decoder.feature_dim, population),
        inputs,
        bin_s,
        direct,
        settings.posterior.kind == "controlled",
        settings.posterior.path_prior,
        settings.variant.likelihood,
        settings.variant.learn_from_kept,
        settings.decoder.withhold_h,
        _pool(settings, population, direct is not None),
    )


def _pool(settings: Settings, population: Population, direct: bool) -> Pool | None:
    """Build the pool of what makes rates; None where it is the decoder alone."""
    regression = settings.pool is not None and any(population.heldout)
    return Pool(population, direct, regression, settings.causal) if direct or regression else None


def apart(settings: Settings) -> bool:
    """Whether latents and h have a decoder each."""
    seen = settings.decoder.inputs
    both = settings.dynamics is not None and "h" in seen and len(seen) > 1
    return both and settings.decoder.read == "apart"


def seen_by_decoder(settings: Settings) -> tuple[str, ...]:
    """Return the names of what the decoder sees; first-order dynamics have no 'v'."""
    second = settings.dynamics is not None and settings.dynamics.order == 2
    return tuple(name for name in settings.decoder.inputs if name != "v" or second)


def check_settings(settings: Settings) -> None:
    """Refuse settings that contradict each other; each piece has already checked its own."""
    checks.whole("latent_dim", settings.latent_dim, 1, WIDEST)
    if settings.dropout is not None:
        checks.share("dropout", settings.dropout)
    check_share("coordinated_dropout", settings.coordinated_dropout)
    if settings.pool is not None:
        checks.one_of("pool", settings.pool, ("regression",))
    if apart(settings) and not settings.decoder.withhold_h:
        raise ModelError(
            "decoder.withhold_h is 0: with decoder.read 'apart' the latents' decoder learns from "
            "that share of the trials; give one above 0, or read 'together'."
        )
    dynamics = settings.dynamics
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


def dropout_for(bins: int) -> float:
    """Return the dropout for so many bins of training trials: the fewer, the more regularised."""
    return min(MOST_DROPOUT, (DROPOUT_BINS / max(bins, 1)) ** 0.5)


def network_size(settings: Settings, population: Population) -> Size:
    """Size of the network that these settings make, at least.

    Raises:
        ModelError: for settings that break a rule.
    """
    check_settings(settings)
    encoder, latent_dim = settings.encoder, settings.latent_dim
    context = encoder.hidden_dim * (1 + encoder.bidirectional)
    size = encoder_size(encoder, population.n_heldin)
    latents, inputs = NOTHING, context
    if settings.dynamics is not None:
        names = seen_by_decoder(settings)
        inputs = latent_dim * len({"z", "v"} & {*names})
        if apart(settings):
            size += decoder_size(settings.decoder, context, len(population.neuron_ids))
        else:
            inputs += context * ("h" in names)
        state_dim = latent_dim * settings.dynamics.order
        control = context * latent_dim * (settings.posterior.kind == "controlled")
        latents = Size(2 * encoder.hidden_dim * state_dim + control, 6 * state_dim)
    return size + latents + decoder_size(settings.decoder, inputs, len(population.neuron_ids))
