"""`Stream`: a fitted model that reads one bin after another and says what it knows by then."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike
from safetensors import SafetensorError
from safetensors.numpy import load as read_bytes
from safetensors.numpy import save as write_bytes

from undertow.errors import ModelError
from undertow.models.streaming.decoding import BehaviorDecoder
from undertow.models.streaming.stepper import BinSeen, Stepper

BINS = "stream.bins"
"""How many bins were read, among the arrays of a state."""


@dataclass
class StreamedBin:
    """What is known of a bin from this and earlier bins.

    A stream has one of these and overwrites its arrays at every step: `copy` what is to be kept.

    Attributes:
        bin: number of the bin since the stream began, from 0.
        rates: of all neurons, spikes/s, (neurons,).
        latents: name → (dim,).
        behavior: decoded, in its own units, (channels,); None where it was not asked for.
        behavior_std: its standard deviation, (channels,); None where the model has none.
        behavior_names: names of the channels.
        effective: particles of equal weight that would carry what is known; None without
            particles.
    """

    bin: int
    rates: np.ndarray
    latents: Mapping[str, np.ndarray] = field(default_factory=dict)
    behavior: np.ndarray | None = None
    behavior_std: np.ndarray | None = None
    behavior_names: tuple[str, ...] = ()
    effective: float | None = None

    def copy(self) -> "StreamedBin":
        """One whose arrays no step overwrites."""
        return replace(
            self,
            rates=self.rates.copy(),
            latents={name: each.copy() for name, each in self.latents.items()},
            behavior=None if self.behavior is None else self.behavior.copy(),
            behavior_std=None if self.behavior_std is None else self.behavior_std.copy(),
        )


class Stream:
    """A fitted model bin by bin: `step` gives what `predict` gives in the last bin it is shown.

    Made by a model's `stream`. It needs no autograd and holds the same memory however long it
    runs. It is not safe to share between threads.

    Args:
        stepper: the model as it goes from bin to bin.
        model: its name.
        neuron_ids: of all its neurons.
        heldout: neurons that it predicts and does not see.
        bin_s: bin width in seconds.
        decoder: reads behaviour from rates; None for none.
        own_behavior: give the behaviour that the model itself predicts.

    Attributes:
        neuron_ids, heldout, bin_s: as given.
        stimulus_channels: external inputs that it reads.
        bins: how many bins it has read since it began, or since `reset`.
    """

    def __init__(
        self,
        stepper: Stepper,
        model: str,
        neuron_ids: np.ndarray,
        heldout: np.ndarray,
        bin_s: float,
        decoder: BehaviorDecoder | None = None,
        own_behavior: bool = False,
    ) -> None:
        self._model, self._stepper, self._decoder = model, stepper, decoder
        self.neuron_ids, self.heldout, self.bin_s = neuron_ids, heldout, bin_s
        self.stimulus_channels, self.bins = stepper.stimulus_channels, 0
        self._heldin = np.flatnonzero(~heldout)
        n_heldin = len(self._heldin)
        self._ones = np.ones(n_heldin, np.float32)
        self._stimulus = np.zeros(stepper.stimulus_channels, np.float32)
        self._seen = BinSeen(
            np.zeros(n_heldin, np.float32), np.ones(n_heldin, bool), self._stimulus
        )
        self._bin = StreamedBin(-1, stepper.rates, stepper.latents)
        if decoder is not None:
            self._bin.behavior, self._bin.behavior_names = decoder.values, decoder.names
        elif own_behavior:
            self._bin.behavior, self._bin.behavior_std = stepper.behavior, stepper.behavior_std
            self._bin.behavior_names = stepper.behavior_names
        self.reset()

    @property
    def n_heldin(self) -> int:
        """Number of neurons that it reads."""
        return len(self._heldin)

    def step(self, counts: ArrayLike | None, stimulus: ArrayLike | None = None) -> StreamedBin:
        """Read the next bin.

        Args:
            counts: spikes of all the model's neurons, (neurons,), of which held-out ones are not
                read; or of its held-in neurons alone, (held-in,). NaN where a neuron was not
                observed; None for a bin of which nothing is known.
            stimulus: external input, (channels,), where the model was fitted with one; NaN or None
                for its last known value.

        Returns:
            what is known now; its arrays are overwritten by the next step.

        Raises:
            ModelError: for another width, counts below zero or infinite, or a stimulus the model
                does not read. The stream is then where it was.
        """
        self._read_counts(counts)
        self._read_stimulus(stimulus)
        self._stepper.step(self._seen)
        if self._decoder is not None:
            self._decoder.step(self._stepper.rates)
        now, effective = self._bin, self._stepper.effective
        now.bin, self.bins = self.bins, self.bins + 1
        if effective is not None:
            now.effective = float(effective[0])
        return now

    def warm_start(self, counts: ArrayLike, stimulus: ArrayLike | None = None) -> None:
        """Begin anew and read bins that have passed, (time, neurons), so that the next is theirs.

        `stimulus` is (time, channels).

        Raises:
            ModelError: as `step`, before anything is read.
        """
        rows = np.asarray(counts, dtype=np.float64)
        if rows.ndim != 2:
            raise ModelError(f"counts have shape {rows.shape}: they must be (time, neurons).")
        inputs = None if stimulus is None else np.asarray(stimulus, dtype=np.float64)
        if inputs is not None and len(inputs) != len(rows):
            raise ModelError(
                f"counts are of {len(rows)} bins and the stimulus of {len(inputs)}: give as many."
            )
        for k, row in enumerate(rows):
            _refuse_infinite(self._checked(row))
            self._checked_stimulus(None if inputs is None else inputs[k])
        self.reset()
        for k, row in enumerate(rows):
            self.step(row, None if inputs is None else inputs[k])

    def reset(self) -> None:
        """Begin anew: the next bin is the first of a trial."""
        self._stepper.reset()
        if self._decoder is not None:
            self._decoder.reset()
        self._stimulus[...] = 0.0
        self.bins, self._bin.bin = 0, -1

    # --- state -------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """All that the next steps depend on, in safetensors' format; for `restore`."""
        state = {name: np.ascontiguousarray(each) for name, each in self._state().items()}
        state[BINS] = np.array([self.bins])
        return bytes(write_bytes(state, {"stream": self._model}))

    def restore(self, state: bytes) -> None:
        """Go on from where a stream of the same model was when it gave these bytes.

        Raises:
            ModelError: for bytes of another model, or none of a stream. The stream is then where
                it was.
        """
        try:
            found = read_bytes(state)
        except SafetensorError as error:
            raise ModelError(f"the bytes are no state of a stream: {error}.") from error
        mine = self._state()
        expected = {name: (each.shape, each.dtype) for name, each in mine.items()}
        expected[BINS] = ((1,), np.dtype(np.int64))
        if {name: (each.shape, each.dtype) for name, each in found.items()} != expected:
            raise ModelError(
                f"the bytes are the state of another stream than this one of {self._model}: make "
                "it of the same model, with the same options."
            )
        for name, each in mine.items():
            each[...] = found[name]
        self.bins = int(found[BINS][0])
        self._bin.bin = self.bins - 1
        self._stepper.restored()

    def _state(self) -> dict[str, np.ndarray]:
        decoded = {} if self._decoder is None else self._decoder.state()
        return {**self._stepper.state(), **decoded, "stream.stimulus": self._stimulus}

    # --- reading -----------------------------------------------------------------------------

    def _read_counts(self, counts: ArrayLike | None) -> None:
        seen = self._seen
        if counts is None:
            seen.counts[...], seen.known[...] = 0.0, False
            seen.complete = seen.observed = False
            return
        np.copyto(seen.counts, self._checked(counts))
        total = float(np.dot(seen.counts, self._ones))
        if isfinite(total):
            if not seen.complete:
                seen.known.fill(True)
            seen.complete = seen.observed = True
            return
        _refuse_infinite(seen.counts)
        np.logical_not(np.isnan(seen.counts), out=seen.known)
        seen.counts[~seen.known] = 0.0
        seen.complete, seen.observed = False, bool(seen.known.any())

    def _checked(self, counts: ArrayLike) -> np.ndarray:
        """Counts of the held-in neurons, or an error."""
        given = np.asarray(counts)
        if given.shape == self.neuron_ids.shape:
            given = given[self._heldin]
        elif given.shape != self._heldin.shape:
            raise ModelError(
                f"a bin has counts of shape {given.shape}: the model reads "
                f"{len(self.neuron_ids)} neurons, or its {len(self._heldin)} held-in ones alone."
            )
        if given.dtype.kind not in "uifb":
            raise ModelError(f"counts are {given.dtype}: they must be numbers.")
        if np.fmin.reduce(given, initial=0.0) < 0:  # NaN is not
            raise ModelError("a bin has counts below zero: give spikes per bin, NaN if unknown.")
        return given

    def _read_stimulus(self, stimulus: ArrayLike | None) -> None:
        given = self._checked_stimulus(stimulus)
        if given is not None:
            np.copyto(self._stimulus, given, where=~np.isnan(given))

    def _checked_stimulus(self, stimulus: ArrayLike | None) -> np.ndarray | None:
        if stimulus is None:
            return None
        given = np.asarray(stimulus, np.float32)
        if given.shape != self._stimulus.shape:
            raise ModelError(
                f"a bin has a stimulus of shape {given.shape}: the model reads "
                f"{len(self._stimulus) or 'no'} channels."
            )
        return given


def _refuse_infinite(counts: np.ndarray) -> None:
    if np.isposinf(counts).any():
        raise ModelError("a bin has infinite counts: give spikes per bin, NaN if unknown.")
