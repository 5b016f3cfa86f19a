"""`TrialSet`: binned trials, validated once, immutable; what every model and score takes."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import InitVar, dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from undertow.checks import number, one_of, whole
from undertow.data import counts, labels, large, validation
from undertow.data.binning import rebinned_fields
from undertow.data.notebook import html_table, trial_rows
from undertow.data.overlaps import check_recorded
from undertow.data.plausible import warn_width
from undertow.data.selecting import by_axis, selected_fields
from undertow.data.times import bin_centres_s, check_times
from undertow.errors import DataError
from undertow.names import shown

BehaviorKind = Literal["continuous", "categorical"]


@dataclass(frozen=True, eq=False)
class TrialSet:
    """Binned trials of one population.

    Attributes:
        spikes: counts per bin, (trials, time, neurons) float32; NaN where not observed. Arrays that
            are memory-mapped, HDF5 or Zarr are read a few trials at a time (`data.large`).
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
        recorded_s: start and stop of each trial in the recording, (trials, 2) s, where known.

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
    behavior_kind: BehaviorKind = "continuous"
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
    recorded_s: Any = None
    derived: InitVar[bool] = False

    def __post_init__(self, derived: bool) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        spikes = large.as_counts(self.spikes)
        n_trials, n_time, n_neurons = spikes.shape
        put("bin_s", validation.bin_width(self.bin_s))
        put("lengths", validation.check_lengths(self.lengths, n_trials, n_time))
        put("spikes", large.ended(spikes, self.lengths))
        for name, n in (("trial_ids", n_trials), ("neuron_ids", n_neurons)):
            put(name, labels.check_ids(name, getattr(self, name), n))
        for name, n in (("condition", n_trials), ("split", n_trials), ("region", n_neurons)):
            put(name, labels.check_groups(name, getattr(self, name), n))
        put("heldout", labels.check_heldout(self.heldout, n_neurons))
        start_s, forward = validation.scalar(self.start_s), validation.scalar(self.forward_bins)
        put("start_s", number("start_s", start_s, unit="seconds", error=DataError))
        put("forward_bins", whole("forward_bins", forward, 0, n_time - 1, error=DataError))
        if self.times is not None:
            put("times", check_times(self.times, self.lengths, n_time, self.start_s))
        put("recorded_s", check_recorded(self.recorded_s, n_trials))
        for name in ("behavior", "stimulus"):
            if (values := getattr(self, name)) is not None:
                signal = validation.check_signal(name, values, n_trials, n_time)
                put(name, validation.blank_past_end(signal, self.lengths))
            names = getattr(self, f"{name}_names")
            put(f"{name}_names", validation.check_names(name, names, getattr(self, name)))
        put("truth", validation.check_truth(self.truth, spikes.shape))
        for name in ("event", "behavior_kind"):
            put(name, validation.check_text(name, getattr(self, name)))
        one_of("behavior_kind", self.behavior_kind, get_args(BehaviorKind), DataError)
        put("labels", labels.check_categories(self.labels, n_trials))
        if not derived:
            labels.check_shared(self.labels)
            counts.check_spiking(self.spikes, self.neuron_ids)
            warn_width(self.bin_s)

    # --- sizes and axes -----------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int, int]:
        """Trials, bins and neurons."""
        return self.n_trials, self.n_time, self.n_neurons

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
        """Bin centres of each trial in seconds from the event, (trials, time).

        They are `times` where these are irregular.
        """
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
        return ~(counts.totals(self.spikes)[0] > 0)

    @property
    def mean_rates(self) -> np.ndarray:
        """Mean rate of each neuron in spikes/s over observed bins, (neurons,).

        NaN for a neuron that was never observed.
        """
        total, observed = counts.totals(self.spikes)
        return total / np.where(observed, observed, np.nan) / self.bin_s

    def __len__(self) -> int:
        return self.n_trials

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The counts, (trials, time, neurons)."""
        return np.array(self.spikes, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        more = f", {int(self.heldout.sum())} held out" if self.heldout.any() else ""
        more += f", {self.forward_bins} forward bins" if self.forward_bins else ""
        bins = f"{self.n_time} bins of {1e3 * self.bin_s:g} ms"
        bins += "" if self.times is None else " at irregular times"
        return f"TrialSet({self.n_trials} trials × {bins} × {self.n_neurons} neurons{more})"

    def _repr_html_(self) -> str:
        return html_table(repr(self), trial_rows(self._fields()))

    # --- new sets from this one ---------------------------------------------------------------

    def _fields(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    def replace(self, **changes: Any) -> "TrialSet":
        """A copy with some fields changed, validated again.

        New signals of another width lose the old channel names.
        """
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

        Forward bins in the slice of bins stay forward bins (of a slice that holds nothing else, the
        first is shown to the encoder).

        Raises:
            DataError: when nothing is left or an index is out of range.
        """
        return self.replace(**selected_fields(self._fields(), trials, time, neurons))

    def __getitem__(self, key: Any) -> "TrialSet":
        """Trials by index, slice or mask; `trials[i, t, n]` bins and neurons too, as `select`.

        Always a set of all three axes: `trials[0]` holds one trial. Each axis is chosen by itself
        (`trials[[0, 1], :, [3, 4]]` is two trials of two neurons), and bins stay side by side.
        """
        return self.select(*by_axis(key, self.n_time))

    def __iter__(self) -> Iterator["TrialSet"]:
        """Each trial as a set of one."""
        return (self[trial] for trial in range(self.n_trials))

    def hold_out(self, k: int, seed: int = 0) -> "TrialSet":
        """Mark `k` neurons as held out: `numpy.random.default_rng(seed).permutation(n)[:k]`."""
        n = self.n_neurons
        if not isinstance(k, Integral) or not 0 <= k < n:
            raise DataError(
                f"cannot hold out {shown(k)} of {n} neurons: at least one must stay held in."
            )
        order = np.random.default_rng(whole("seed", seed, 0, error=DataError)).permutation(n)
        return self.replace(heldout=np.isin(np.arange(n), order[:k]))

    def rebin(self, bin_s: float) -> "TrialSet":
        """Sum counts into bins a whole multiple as wide.

        See `undertow.data.binning.rebinned_fields`.
        """
        changed = rebinned_fields(self._fields(), bin_s)
        return self.replace(**changed) if changed else self

    def pack(self) -> "TrialSet":
        """The same with counts in as few bytes as hold them: see `undertow.data.large.packed`."""
        return self.replace(spikes=large.packed(self.spikes))

    def filter_rates(self, minimum_hz: float) -> "TrialSet":
        """Keep neurons whose mean rate is at least `minimum_hz` spikes/s."""
        keep = self.mean_rates >= number("minimum_hz", minimum_hz, error=DataError)
        if not keep.any():
            rate = f"{minimum_hz:g} spikes/s"
            raise DataError(f"no neuron fires at {rate} or more: lower the minimum rate.")
        return self.select(neurons=keep)

    # --- files --------------------------------------------------------------------------------

    @classmethod
    def from_npz(cls, path: str | Path, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """Read a `.npz` file; see `undertow.data.readers.npz.read_npz`."""
        from undertow.data.readers.npz import read_npz

        return read_npz(path, bin_s=bin_s, **options)

    @classmethod
    def from_hdf5(cls, path: str | Path, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """Read an LFADS-layout HDF5 file; see `undertow.data.readers.hdf5.read_hdf5`."""
        from undertow.data.readers.hdf5 import read_hdf5

        return read_hdf5(path, bin_s=bin_s, **options)

    @classmethod
    def from_nwb(cls, path: Any, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """Read any NWB file with units, open too; see `undertow.data.readers.nwb.read_nwb`."""
        from undertow.data.readers.nwb import read_nwb

        return read_nwb(path, bin_s=bin_s, **options)

    @classmethod
    def from_mat(cls, path: str | Path, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """Read a MATLAB file; see `undertow.data.readers.mat.read_mat`."""
        from undertow.data.readers.mat import read_mat

        return read_mat(path, bin_s=bin_s, **options)

    @classmethod
    def from_xarray(cls, data: Any, bin_s: float | None = None, **options: Any) -> "TrialSet":
        """From an xarray array or data set; see `undertow.data.readers.netcdf`."""
        from undertow.data.readers.netcdf import from_xarray

        return from_xarray(data, bin_s=bin_s, **options)
