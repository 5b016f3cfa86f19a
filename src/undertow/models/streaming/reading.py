"""`ReadRow`: what an encoder reads in each bin of a stream."""

import numpy as np

from undertow.encoders import Encoder, GRUEncoder, LinearEncoder
from undertow.models.streaming.stepper import BinSeen


class ReadRow:
    """The input of a causal encoder in each bin: counts and a stimulus, or what it learned to read.

    Counts go through its read-in, where it has one.

    Args:
        encoder: a `GRUEncoder` or `LinearEncoder`.
        row: where the input is written, (inputs,).
    """

    def __init__(self, encoder: Encoder, row: np.ndarray) -> None:
        assert isinstance(encoder, GRUEncoder | LinearEncoder)
        self._reads = encoder.reads if isinstance(encoder, GRUEncoder) else "current"
        self._no_input, self._row = encoder.no_input.detach().cpu().numpy(), row
        self._last = self._no_input.copy()
        self._read_in: tuple[np.ndarray, np.ndarray] | None = None
        if encoder.read_in is not None:
            linear = encoder.read_in.linear
            weight, bias = (each.detach().cpu().numpy() for each in (linear.weight, linear.bias))
            self._read_in = np.ascontiguousarray(weight.T), bias

    def reset(self) -> None:
        """Forget the bin before."""
        self._last[...] = self._no_input

    def step(self, seen: BinSeen, first: bool) -> None:
        """Write the input of the next bin; see `GRUEncoder`."""
        if self._reads == "current":
            self._write(seen, self._row)
        elif self._reads == "previous":
            np.copyto(self._row, self._last)
            self._write(seen, self._last)
        else:
            # the first bin is read twice, and one that was not seen reads as the last that was
            if first:
                self._write(seen, self._last)
            np.copyto(self._row, self._last)
            if not first and seen.observed:
                self._write(seen, self._last)

    def _write(self, seen: BinSeen, row: np.ndarray) -> None:
        if seen.observed:
            n_read = len(seen.counts) if self._read_in is None else len(self._read_in[1])
            if self._read_in is None:
                row[:n_read] = seen.counts
            else:
                np.matmul(seen.counts, self._read_in[0], out=row[:n_read])
                row[:n_read] += self._read_in[1]
            if len(row) > n_read:
                row[n_read:] = seen.stimulus
        else:
            np.copyto(row, self._no_input)

    def state(self, name: str) -> dict[str, np.ndarray]:
        """The array that the next bins depend on."""
        return {f"{name}.last": self._last}
