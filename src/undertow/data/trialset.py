"""`TrialSet`: binned trials, validated once, immutable; what every model and score takes."""

import dataclasses
from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from undertow.data import binning, selecting, validation
from undertow.data.times import bin_centres_s, check_times
from undertow.errors import DataError


@dataclass(frozen=True, eq=False)
class TrialSet:
    """Binned trials of one population.

    Attributes:
        spikes: counts per bin, (trials, time, neurons) float32; NaN where not observed.
        bin_s: bin width in seconds.
        start_s: time of the first bin's left edge, in seconds from `event`.
        event: the name of the event trials are aligned to.
        lengths: bins in each trial, (trials,); what lies past a trial's end is NaN.
        behavior: (trials, time, channels) with `behavior_names`; NaN where missing.
        behavior_kind: 'continuous' or 'categorical'.
        stimulus: external input, (trials, time, inputs) with `stimulus_names`; NaN where missing.
        condition: one label per trial; splits, PSTHs and intervals are stratified by it.
        region: one label per neuron.
        neuron_ids, trial_ids: unique labels, 0, 1, … by default.
        heldout: True for neurons that are predicted but never given to the encoder.
        forward_bins: the last bins of the window, predicted but never given to the encoder.
        truth: true rates in spikes/s for synthetic sets, shaped like spikes.
        split: the file's own label per trial ('train', 'val', 'test', 'none').
        labels: name → one category per trial, (trials,) of whole numbers, numbers or strings; NaN
            or '' where missing. What is decoded from a trial as a whole, such as a choice; never
            given to an encoder.
        times: bin centres of each trial in seconds from `event`, (trials, time), strictly
            increasing, NaN past a trial's end; only where they are irregular. `bin_s` stays the
            width in which spikes are counted.

    Raises:
        DataError: naming the field, the trial or neuron, and the rule it breaks.
    """

    spikes: np.ndarray
    bin_s: float
    start_s: float = 0.0
    event: str = "window start"
    lengths: Any = None
    behavior: Any = None
    behavior_names: Sequence[str] = ()
    behavior_kind: Literal["continuous", "categorical"] = "continuous"
    stimulus: Any = None
    condition: Any = None
    region: Any = None
    neuron_ids: Any = None
    trial_ids: Any = None
    heldout: Any = None
    forward_bins: int = 0
    truth: Any = None
    split: Any = None
    stimulus_names: Sequence[str] = ()
    labels: Any = None
    times: Any = None
    derived: InitVar[bool] = False

    def __post_init__(self, derived: bool) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        spikes = validation.as_numeric("spikes", self.spikes, 3)
        validation.check_counts(spikes)
        n_trials, n_time, n_neurons = spikes.shape
        put("bin_s", validation.check_positive("bin_s", self.bin_s, "seconds"))
        put("lengths", validation.check_lengths(self.lengths, n_trials, n_time))
        put("spikes", self._blank_past_end(spikes))
        put("trial_ids", self._labels("trial_ids", np.arange(n_trials), n_trials, unique=True))
        put("neuron_ids", self._labels("neuron_ids", np.arange(n_neurons), n_neurons, unique=True))
        put("condition", self._labels("condition", None, n_trials))
        put("split", self._labels("split", None, n_trials))
        put("region", self._labels("region", None, n_neurons))
        put("heldout", self._check_heldout(n_neurons))
        put("start_s", validation.check_finite("start_s", self.start_s, "seconds"))
        put(
            "forward_bins", validation.check_whole("forward_bins", self.forward_bins, 0, n_time - 1)
        )
        if self.times is not None:
            put("times", check_times(self.times, self.lengths, n_time, self.start_s))
        for name in ("behavior", "stimulus"):
            if getattr(self, name) is not None:
                signal = validation.check_signal(name, getattr(self, name), n_trials, n_time)
                put(name, self._blank_past_end(signal))
        if self.truth is not None:
            put("truth", validation.check_truth(self.truth, spikes.shape))
        self._check_names("behavior")
        self._check_names("stimulus")
        if self.behavior_kind not in ("continuous", "categorical"):
            raise DataError(
                f"behavior_kind is {self.behavior_kind!r}: it must be 'continuous' or "
                "'categorical'."
            )
        put("labels", validation.check_categories(self.labels, n_trials))
        if not derived:
            validation.check_shared(self.labels)
            validation.check_any_spikes(self.spikes)
            validation.warn_silent(self.spikes, self.neuron_ids)

    def _labels(self, name: str, default: Any, n: int, unique: bool = False) -> Any:
        value = getattr(self, name)
        value = default if value is None else value
        return None if value is None else validation.check_labels(name, value, n, unique)

    def _blank_past_end(self, array: np.ndarray) -> np.ndarray:
        if (self.lengths == array.shape[1]).all():
            return array
        valid = np.arange(array.shape[1])[None] < self.lengths[:, None]
        return validation.frozen(np.where(valid[..., None], array, np.float32(np.nan)))

    def _check_heldout(self, n_neurons: int) -> np.ndarray:
        heldout = np.zeros(n_neurons, bool) if self.heldout is None else np.asarray(self.heldout)
        if heldout.shape != (n_neurons,) or heldout.dtype != bool:
            raise DataError(
                f"heldout has shape {heldout.shape}, dtype {heldout.dtype}: it must be {n_neurons} "
                "booleans."
            )
        if heldout.all():
            raise DataError(
                f"all {n_neurons} neurons are held out: at least one must be given to the encoder."
            )
        return validation.frozen(heldout)

    def _check_names(self, signal: str) -> None:
        values, given = getattr(self, signal), getattr(self, f"{signal}_names")
        n = 0 if values is None else values.shape[2]
        names = tuple(given) or tuple(f"{signal}_{k}" for k in range(n))
        if len(names) != n:
            raise DataError(f"{signal}_names has {len(names)} entries: {signal} has {n} channels.")
        object.__setattr__(self, f"{signal}_names", names)

    # --- sizes and axes -----------------------------------------------------------------------

    @property
    def n_trials(self) -> int:
        return self.spikes.shape[0]

    @property
    def n_time(self) -> int:
        return self.spikes.shape[1]

    @property
    def n_neurons(self) -> int:
        return self.spikes.shape[2]

    @property
    def time_s(self) -> np.ndarray:
        """Bin centres in seconds from the event, (time,), which all trials share.

        Raises:
            DataError: when times are irregular: trials share none.
        """
        if self.times is not None:
            raise DataError(f"the bins of {self} share no times: use observation_times_s.")
        return bin_centres_s(self.start_s, self.bin_s, self.n_time)

    @property
    def observation_times_s(self) -> np.ndarray:
        """Bin centres of each trial in seconds from the event, (trials, time): `times`, or the
        regular ones."""
        if self.times is not None:
            return self.times
        return np.broadcast_to(self.time_s, (self.n_trials, self.n_time))

    @property
    def valid(self) -> np.ndarray:
        """True inside each trial, (trials, time)."""
        return np.arange(self.n_time)[None] < self.lengths[:, None]

    @property
    def silent(self) -> np.ndarray:
        """True for neurons without a single spike here, (neurons,)."""
        return ~(np.nansum(self.spikes, axis=(0, 1)) > 0)

    @property
    def mean_rates(self) -> np.ndarray:
        """Mean rate of each neuron in spikes/s over observed bins, (neurons,); NaN if never
        observed."""
        observed = np.isfinite(self.spikes).sum(axis=(0, 1))
        return (
            np.nansum(self.spikes, axis=(0, 1)) / np.where(observed, observed, np.nan) / self.bin_s
        )

    def __len__(self) -> int:
        return self.n_trials

    def __repr__(self) -> str:
        extra = f", {int(self.heldout.sum())} held out" if self.heldout.any() else ""
        forward = f", {self.forward_bins} forward bins" if self.forward_bins else ""
        when = "" if self.times is None else " at irregular times"
        return (
            f"TrialSet({self.n_trials} trials × {self.n_time} bins of {1e3 * self.bin_s:g} "
            f"ms{when} × {self.n_neurons} neurons{extra}{forward})"
        )

    # --- new sets from this one ---------------------------------------------------------------

    def replace(self, **changes: Any) -> "TrialSet":
        """A copy with some fields changed, validated again; new signals of another width lose old
        names."""
        for signal in ("behavior", "stimulus"):
            if signal in changes:
                width = validation.as_array(signal, changes[signal]).shape[2:]
                if width != np.shape(getattr(self, signal))[2:]:
                    changes.setdefault(f"{signal}_names", ())
        return dataclasses.replace(self, derived=True, **changes)

    def select(
        self, trials: Any = None, time: slice | None = None, neurons: Any = None
    ) -> "TrialSet":
        """A subset by trial index or mask, slice of bins (step 1), neuron index or mask.

        Raises:
            DataError: when nothing is left or an index is out of range.
        """
        return selecting.select(self, trials, time, neurons)

    def __getitem__(self, trials: Any) -> "TrialSet":
        """Trials by index, slice or mask."""
        return self.select(trials=trials)

    def hold_out(self, k: int, seed: int = 0) -> "TrialSet":
        """Mark `k` neurons as held out: `numpy.random.default_rng(seed).permutation(n)[:k]`."""
        if not 0 <= k < self.n_neurons:
            raise DataError(
                f"cannot hold out {k} of {self.n_neurons} neurons: at least one must stay held in."
            )
        heldout = np.zeros(self.n_neurons, bool)
        heldout[np.random.default_rng(seed).permutation(self.n_neurons)[:k]] = True
        return self.replace(heldout=heldout)

    def rebin(self, bin_s: float) -> "TrialSet":
        """Sum counts into bins a whole multiple as wide; see `undertow.data.binning.rebin`."""
        return binning.rebin(self, bin_s)

    def filter_rates(self, minimum_hz: float) -> "TrialSet":
        """Keep neurons whose mean rate is at least `minimum_hz` spikes/s."""
        keep = self.mean_rates >= minimum_hz
        if not keep.any():
            raise DataError(
                f"no neuron fires at {minimum_hz:g} spikes/s or more: lower the minimum rate."
            )
        return self.select(neurons=keep)

    # --- files --------------------------------------------------------------------------------

    @classmethod
    def from_npz(cls, path: str | Path, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """Read a `.npz` file; see `undertow.data.npz.read_npz`."""
        from undertow.data.npz import read_npz

        return read_npz(path, bin_s=bin_s, **options)

    @classmethod
    def from_hdf5(cls, path: str | Path, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """Read an LFADS-layout HDF5 file; see `undertow.data.hdf5.read_hdf5`."""
        from undertow.data.hdf5 import read_hdf5

        return read_hdf5(path, bin_s=bin_s, **options)

    @classmethod
    def from_nwb(cls, path: str | Path, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """Read any NWB file with units and trials; see `undertow.data.nwb.read_nwb`."""
        from undertow.data.nwb import read_nwb

        return read_nwb(path, bin_s=bin_s, **options)

    @classmethod
    def from_mat(cls, path: str | Path, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """Read a MATLAB file; see `undertow.data.mat.read_mat`."""
        from undertow.data.mat import read_mat

        return read_mat(path, bin_s=bin_s, **options)

    @classmethod
    def from_xarray(cls, data: Any, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """From an xarray array or data set; see `undertow.data.from_xarray`."""
        from undertow.data.from_xarray import from_xarray

        return from_xarray(data, bin_s=bin_s, **options)
