"""`Recording`: spike times, signals and a trial table, before binning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from undertow.data import aligning, binning, plausible, signals, tables, validation
from undertow.data.aligning import Window
from undertow.data.labels import check_ids
from undertow.data.notebook import few, html_table
from undertow.data.observing import observed_counts
from undertow.data.overlaps import warn_overlap
from undertow.data.plain import as_mask
from undertow.data.splits import split_labels
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed


@dataclass(frozen=True, eq=False)
class Recording:
    """Spike times of one population, with what was recorded beside them.

    All times are in seconds on one clock.

    Attributes:
        spike_times: one 1-D array per unit, in seconds.
        unit_ids: unique labels, 0, 1, … by default.
        units: unit table, column → one value per unit; 'region' and 'heldout' are used when there.
        trials: trial table, column → one value per trial; times of events, conditions, 'split'.
        trial_ids: unique labels, 0, 1, … by default.
        signals: name → (timestamps (samples,), values (samples, channels)).
        obs_intervals: when each unit was observed, (n, 2) start and stop for all or a list with one
            array per unit; None means always.

    Raises:
        DataError: naming the unit, column or signal, and the rule it breaks.
    """

    spike_times: Sequence[np.ndarray]
    unit_ids: Any = None
    units: Mapping[str, Any] = field(default_factory=dict)
    trials: Mapping[str, Any] = field(default_factory=dict)
    trial_ids: Any = None
    signals: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    obs_intervals: Any = None

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        rule = "it must be one array of seconds per unit"
        spike_times = validation.as_list("spike_times", self.spike_times, rule)
        n_units = len(spike_times)
        if n_units == 0:
            raise DataError("the recording has no units: at least one is needed.")
        put("unit_ids", check_ids("unit_ids", self.unit_ids, n_units))
        units = zip(self.unit_ids, spike_times, strict=True)
        put("spike_times", [validation.check_spike_times(*each) for each in units])
        put("units", tables.as_columns("units", self.units, n_units))
        put("trials", tables.as_columns("trials", self.trials))
        put("trial_ids", check_ids("trial_ids", self.trial_ids, self.n_trials))
        put("signals", signals.as_signals(self.signals))
        put("obs_intervals", validation.check_intervals(self.obs_intervals, n_units))

    @property
    def n_units(self) -> int:
        return len(self.spike_times)

    @property
    def n_trials(self) -> int:
        return len(next(iter(self.trials.values()), ()))

    def __repr__(self) -> str:
        return (
            f"Recording({self.n_units} units, {self.n_trials} trials, signals: "
            f"{listed(self.signals)})"
        )

    def _repr_html_(self) -> str:
        rows = {
            "unit columns": few(self.units),
            "spikes": sum(times.size for times in self.spike_times),
            "trial columns": few(self.trials),
            "signals": few(self.signals),
        }
        return html_table(repr(self), rows)

    @classmethod
    def from_nwb(
        cls,
        path: Any,
        units: Any = None,
        signals: str | Sequence[str] = (),
        table: str | None = None,
    ) -> "Recording":
        """Read an NWB file, by its path or open: the units kept and the signals named.

        See `undertow.data.readers.nwb.read_recording`.
        """
        from undertow.data.readers.nwb import read_recording

        return read_recording(path, units=units, signals=signals, table=table)

    @classmethod
    def from_phy(cls, folder: str | Path, units: Any = None, **options: Any) -> "Recording":
        """Read a Phy or Kilosort folder; see `undertow.data.readers.phy.read_recording`."""
        from undertow.data.readers.phy import read_recording

        return read_recording(folder, units=units, **options)

    @classmethod
    def from_pynapple(cls, spikes: Any, trials: Any = None, **options: Any) -> "Recording":
        """From pynapple objects; see `undertow.data.readers.pynapple`."""
        from undertow.data.readers.pynapple import from_pynapple

        return from_pynapple(spikes, trials, **options)

    @classmethod
    def from_spike_times(
        cls, spike_times: Sequence[Any] | Mapping[Any, Any], events: Any = None, **fields: Any
    ) -> Self:
        """Make a recording from spike times in seconds.

        They are a list with one array per unit, or a mapping unit id → array.

        Args:
            spike_times: times of each unit's spikes.
            events: event times in seconds, (trials,), or a mapping (a data frame too) column → one
                value per trial.
            fields: any other attribute of `Recording`.
        """
        if isinstance(spike_times, Mapping):
            fields = {"unit_ids": np.array(list(spike_times)), **fields}
            spike_times = list(spike_times.values())
        if events is not None:
            fields["trials"] = aligning.events_table(events)
        return cls(spike_times, **fields)

    def select_units(self, units: Any) -> "Recording":
        """Keep units by mask, ids or a rule such as ``"region==M1"``."""
        rows = tables.select_rows("units", units, self.unit_ids, self.units)
        return replace(
            self,
            spike_times=[self.spike_times[row] for row in rows],
            unit_ids=self.unit_ids[rows],
            units={name: values[rows] for name, values in self.units.items()},
            obs_intervals=self.obs_intervals and [self.obs_intervals[row] for row in rows],
        )

    def bin(
        self,
        align: str | None = None,
        window_s: Window | None = None,
        bin_s: float = 0.02,
        units: Any = None,
        trials: Any = None,
        condition: str | Sequence[str] | None = None,
        behavior: str | Sequence[str] = (),
        stimulus: str | Sequence[str] = (),
        label: str | Sequence[str] = (),
        min_rate_hz: float = 0.0,
        forward_bins: int = 0,
    ) -> TrialSet:
        """Count spikes in bins around an event of each trial.

        Bins outside the recording (`undertow.data.observing.recorded_span_s`) are NaN, with a
        warning; another says what share of the bins lies in several trials.

        Args:
            align: trial column with the event's times; 'start_time', or the only column, by
                default. Trials where it is NaN are dropped, with a warning.
            window_s: (start, stop) in seconds from the event; by default from the event to the
                trial's stop_time, which gives trials of different length. Whole bins only.
            bin_s: bin width in seconds.
            units: which units, as in `select_units`.
            trials: which trials: a mask, trial ids or a rule such as ``"split==train"``.
            condition: trial column(s) to label trials by, several joined; 'condition' by default
                when there is one.
            behavior: names of signals, brought into bins by `undertow.data.signals.sample_signal`.
            stimulus: external input: names of signals, or of trial columns of numbers, which are
                constant over the trial.
            label: trial columns of categories, a choice or an outcome, to decode from each trial.
            min_rate_hz: leave out units that fire less, in spikes/s over these bins.
            forward_bins: last bins of the window to predict without seeing them.

        Raises:
            DataError: for an unknown column, unit, trial or signal, a window that is no whole
                number of bins, times that count no seconds, more bins than fit into memory, or
                when no trial, unit or spike is left.
        """
        bin_s = plausible.counting_width(bin_s)
        window_s = None if window_s is None else aligning.as_window(window_s)
        kept = self.select_units(units)
        align = aligning.align_column(kept.trials, align)
        rows = tables.select_rows("trials", trials, kept.trial_ids, kept.trials)
        rows, lengths = aligning.timed_trials(
            kept.trials, rows, align, window_s, bin_s, kept.trial_ids, trials is not None
        )
        start_s = 0.0 if window_s is None else window_s[0]
        starts_s = kept.trials[align][rows].astype(float) + start_s
        span_s = aligning.extent_s(kept.spike_times, kept.obs_intervals)
        windows = starts_s, starts_s + lengths * bin_s
        plausible.check_rates(kept.spike_times, span_s)
        plausible.check_trials(kept.trials[align], windows, window_s, span_s, align)
        ids = kept.trial_ids[rows]
        way_out = plausible.way_out(window_s, ids, lengths, bin_s)
        shape = rows.size, int(lengths.max()), kept.n_units
        plausible.check_size(shape, bin_s, kept.signals, (behavior, stimulus), way_out)
        edges = binning.bin_edges(starts_s, int(lengths.max()), bin_s)
        own = tuple(name for name in ("condition",) if name in kept.trials)
        labels = tables.chosen(kept.trials, tables.as_names(condition) or own, rows)
        split = kept.trials.get("split")
        return kept._binned(
            edges,
            bin_s,
            behavior,
            stimulus,
            min_rate_hz,
            rows,
            labels=tables.chosen(kept.trials, tables.as_names(label), rows),
            lengths=lengths,
            start_s=start_s,
            event=align,
            condition=tables.join_labels(list(labels.values())) if labels else None,
            trial_ids=ids,
            split=None if split is None else split[rows],
            forward_bins=forward_bins,
        )

    def cut(
        self,
        window_s: float = 1.0,
        bin_s: float = 0.02,
        fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
        blocks: int = 1,
        units: Any = None,
        behavior: str | Sequence[str] = (),
        stimulus: str | Sequence[str] = (),
        min_rate_hz: float = 0.0,
    ) -> TrialSet:
        """Cut a recording without trials into windows of `window_s` seconds.

        Each is labelled 'train', 'val' or 'test'.

        It runs from the first to the last observed moment (spike, where no `obs_intervals` are
        given); windows never observed are left out. See `undertow.data.splits.split_labels` for
        `fractions` and `blocks`.
        """
        bin_s = plausible.counting_width(bin_s)
        n_time = binning.whole_bins(window_s, bin_s)
        kept = self.select_units(units)
        start_s, stop_s = aligning.extent_s(kept.spike_times, kept.obs_intervals)
        plausible.check_rates(kept.spike_times, (start_s, stop_s))
        n_windows = plausible.whole_windows(stop_s - start_s, n_time * bin_s)
        shape = n_windows, n_time, kept.n_units
        plausible.check_size(shape, bin_s, kept.signals, (behavior, stimulus), plausible.SHORTER)
        edges = binning.bin_edges(start_s + np.arange(n_windows) * n_time * bin_s, n_time, bin_s)
        observed = binning.ObservedBins(kept.obs_intervals, edges)
        edges = edges[np.any([observed[unit].any(1) for unit in range(kept.n_units)], axis=0)]
        given = bin_s, behavior, stimulus, min_rate_hz
        split = split_labels(len(edges), fractions, blocks)
        return kept._binned(edges, *given, lengths=np.full(len(edges), n_time), split=split)

    def _binned(
        self,
        edges: np.ndarray,
        bin_s: float,
        behavior: str | Sequence[str],
        stimulus: str | Sequence[str],
        min_rate_hz: float,
        rows: np.ndarray | None = None,
        *,
        lengths: np.ndarray,
        **fields: Any,
    ) -> TrialSet:
        plausible.warn_coarse(self.spike_times, bin_s)
        recorded_s = np.stack([edges[:, 0], edges[:, 0] + lengths * bin_s], axis=1)
        warn_overlap(recorded_s)
        ids = np.arange(len(edges)) if rows is None else self.trial_ids[rows]
        spikes = observed_counts(
            self.spike_times, self.obs_intervals, self.trials, edges, lengths, ids
        )
        columns = {} if rows is None else {name: c[rows] for name, c in self.trials.items()}
        sampled = signals.sampled_fields(self.signals, columns, behavior, stimulus, edges, bin_s)
        keep = binning.fast_units(spikes, bin_s, min_rate_hz)
        column = lambda name: self.units[name][keep] if name in self.units else None  # noqa: E731
        heldout = column("heldout")
        return TrialSet(
            spikes=binning.of_units(spikes, keep),
            bin_s=bin_s,
            neuron_ids=self.unit_ids[keep],
            region=column("region"),
            heldout=None if heldout is None else as_mask("heldout", heldout),
            lengths=lengths,
            recorded_s=recorded_s,
            **sampled,
            **fields,
        )
