"""Sizes of networks, known from their settings before anything is built."""

from dataclasses import dataclass, replace

from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.memory import check_memory
from undertow.models.encoding import Encoding, GRUEncoding
from undertow.models.lstm_encoding import LSTMEncoding
from undertow.models.pieces import Decoding, MLPDecoding, TransformerDecoding

COPIES = 8
"""Weights, gradients, two optimiser moments, running average, best, and the last good state with
its optimiser."""
NUMBER_BYTES = 4


@dataclass(frozen=True)
class Size:
    """What a network holds, at least: biases and small parts are left out.

    Attributes:
        weights: numbers in its matrices.
        per_bin: numbers that a training step keeps for each bin of each trial.
    """

    weights: int
    per_bin: int

    def __add__(self, other: "Size") -> "Size":
        """The size of two parts together."""
        return Size(self.weights + other.weights, self.per_bin + other.per_bin)


NOTHING = Size(0, 0)


def encoder_size(
    encoding: Encoding,
    n_inputs: int,
    initial: bool = True,
    simulated: bool = True,
    n_others: int = 0,
) -> Size:
    """Size of an encoder, of whose inputs the last `n_others` are of no neuron.

    `initial` counts the network that an LSTM has for the initial state.
    """
    hidden, read_in = encoding.hidden_dim, encoding.read_in
    if read_in is not None:
        neurons = n_inputs - n_others
        inside = encoder_size(
            replace(encoding, read_in=None), read_in + n_others, initial, simulated
        )
        return inside + Size(neurons * read_in, read_in)
    if isinstance(encoding, GRUEncoding):
        turns = 1 + encoding.bidirectional
        return Size(3 * turns * hidden * (n_inputs + hidden), 4 * turns * hidden)
    if isinstance(encoding, LSTMEncoding):
        contexts = 1 + (encoding.direction(simulated) == "both")
        one = 4 * hidden * (n_inputs + 3 * hidden)  # two layers
        return Size((contexts + initial) * one, 10 * contexts * hidden // encoding.stride)
    return Size(n_inputs * hidden, hidden)


def decoder_size(decoding: Decoding, n_inputs: int, n_outputs: int) -> Size:
    """Size of a decoder, with the readout of so many neurons from its features."""
    if isinstance(decoding, TransformerDecoding):
        width, hidden = decoding.width, decoding.feedforward or 2 * decoding.width
        inside = Size(width * (n_inputs + 4 * width + 2 * hidden), 8 * width + 2 * hidden)
    elif isinstance(decoding, MLPDecoding):
        width = decoding.width
        inside = Size(width * (n_inputs + width), 2 * width)
    else:
        width, inside = n_inputs, NOTHING
    return inside + Size(width * n_outputs, 3 * n_outputs)


def steering_size(hidden: int, context: int, dynamics: Dynamics) -> Size:
    """Size of a control network of two hidden layers; none for dynamics without noise."""
    if not dynamics.noise_dim:
        return NOTHING
    read = context + dynamics.input_dim + dynamics.state_dim
    return Size(hidden * (read + hidden + dynamics.noise_dim), 3 * hidden)


def marginals_size(hidden: int, context: int, dynamics: Dynamics, full: bool) -> Size:
    """Size of the network of a posterior's marginals; each pair of coordinates has a turn."""
    dim, read = dynamics.state_dim, context + dynamics.input_dim
    outputs = 2 * dim + (1 + full) * dim * (dim - 1) // 2
    return Size(hidden * read + (hidden + read) * outputs, hidden)


def check_training(size: Size, bins: int, what_to_lower: str) -> None:
    """Refuse a network whose training would take more memory than there is.

    Args:
        size: of the network.
        bins: trials × bins of one batch.
        what_to_lower: settings, the end of the message.

    Raises:
        ModelError: with the memory it would take.
    """
    held = COPIES * size.weights + size.per_bin * bins
    check_memory(
        NUMBER_BYTES * held,
        f"training {size.weights:,} weights on batches of {bins:,} bins",
        f"lower {what_to_lower} or training.batch_size.",
        ModelError,
    )
