"""Building the network of an `NDT` or `STNDT` from its settings and a population."""

from typing import NamedTuple

from undertow.decoders import TransformerLayer
from undertow.models.ndt.network import NDTNetwork
from undertow.models.ndt.neurons import TOKEN_WIDTH, WAVES, NeuronAttention
from undertow.models.ndt.options import Mixes, TransformerEncoding
from undertow.models.pieces import Counts
from undertow.models.population import Population
from undertow.models.sizes import Size


class Settings(NamedTuple):
    """What a network is built from; see `NDT`."""

    encoder: TransformerEncoding
    observation: Counts
    dropout: float
    causal: bool
    mixes: Mixes | None


def build_network(settings: Settings, population: Population) -> NDTNetwork:
    """Build an untrained network; weights come from torch's global generator, already seeded."""
    options, n_heldin, bin_s = settings.encoder, population.n_heldin, population.bin_s
    width, count = features_of(settings, n_heldin), range(options.layers)
    scale = options.initial_scale * options.layers**-0.25
    sizes = (width, options.heads, options.feedforward)
    layers = [TransformerLayer(*sizes, settings.dropout, options.norm, scale) for _ in count]
    of_neurons = (n_heldin, settings.dropout)
    counts = NeuronAttention(*of_neurons) if settings.mixes == "counts" else None
    features = [NeuronAttention(*of_neurons) for _ in count if settings.mixes == "features"]
    return NDTNetwork(
        n_heldin,
        layers,
        settings.observation.build(width, population),
        bin_s,
        settings.dropout,
        _back(settings, population),
        0 if settings.causal else _bins(options.ahead_s, bin_s),
        _learned_bins(options, population),
        population.longest_bins if settings.causal else None,
        counts,
        features,
    )


def _back(settings: Settings, population: Population) -> int | None:
    """Return how many bins a bin looks back; a causal one no more than the longest trial has."""
    back, bin_s = settings.encoder.back_s, population.bin_s
    if not settings.causal:
        return _bins(back, bin_s)
    longest = population.longest_bins - 1
    return longest if back is None else min(longest, round(back / bin_s))


def features_of(settings: Settings, n_heldin: int) -> int:
    """Return the number of features of a bin; as many for each held-in neuron where they mix."""
    width = settings.encoder.width
    return n_heldin * -(-width // n_heldin) if settings.mixes == "features" else width


def _bins(seconds: float | None, bin_s: float) -> int | None:
    return None if seconds is None else round(seconds / bin_s)


def _learned_bins(options: TransformerEncoding, population: Population) -> int | None:
    """Return how many bins have a position that is learned: those of the longest trial."""
    return (
        _bins(population.duration_s, population.bin_s) if options.positions == "learned" else None
    )


def network_size(settings: Settings, population: Population) -> Size:
    """Size of the network that these settings make, at least."""
    options, n_heldin = settings.encoder, population.n_heldin
    width = features_of(settings, n_heldin)
    hidden = 2 * width if options.feedforward is None else options.feedforward
    n_neurons = len(population.neuron_ids)
    learned = _learned_bins(options, population) or 0
    size = Size(width * (n_heldin + n_neurons + learned), width + 3 * n_neurons)
    of_neurons = Size(TOKEN_WIDTH * (n_heldin + 2 * TOKEN_WIDTH + WAVES), 2 * n_heldin)
    if settings.mixes == "counts":
        size += of_neurons
    for _ in range(options.layers):
        size += Size(width * (4 * width + 2 * hidden), 8 * width + 2 * hidden)
        if settings.mixes == "features":
            size += of_neurons
    return size
