"""From NWB files to the benchmark's tensors."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import final, get_args

import numpy as np

from undertow.data.overlaps import covered_share, percent, sharing
from undertow.data.readers.nlb_sets import FORWARD_MS, NLBSet, nlb_set
from undertow.errors import DataError, DataWarning
from undertow.nlb.cutting import (
    cut_spikes,
    end_bin,
    first_bin,
    gather,
    jitter_bins,
    resample_signal,
)
from undertow.nlb.opening import TRAIN_SPLITS, Paths
from undertow.nlb.psth import psth_targets
from undertow.nlb.session import NS_PER_MS, POPULATIONS, Session, read_session
from undertow.nlb.tensors import Phase, Tensors

Arrays = dict[str, np.ndarray]


@final
@dataclass(frozen=True, eq=False)
class Part:
    """Some trials of a session.

    Attributes:
        session: what the files hold.
        entry: the set.
        bin_ms: 5 or 20.
        rows: rows of the trials in the session's table.
        signal: the series decoded, in bins, (bins, channels); None where there is none.
    """

    session: Session
    entry: NLBSet
    bin_ms: int
    rows: np.ndarray
    signal: np.ndarray | None

    def column(self, name: str) -> np.ndarray:
        """A trial column of these trials, (trials,)."""
        return np.asarray(self.session.trials[name][self.rows])

    @cached_property
    def jitter(self) -> np.ndarray:
        """Bins by which each trial is aligned late, (trials,).

        They are 0 where no file tells produced times, as in test parts.
        """
        if self.entry.produced_column not in self.session.trials:
            return np.zeros(len(self.rows), int)
        shifted = self.column("split") != "test"
        return jitter_bins(self.column(self.entry.produced_column), shifted, self.bin_ms)

    def spikes(self) -> dict[str, np.ndarray]:
        """`spikes_{heldin,heldout}[_forward]`, (trials, bins, units)."""
        start_ms, stop_ms = self.entry.window_ms
        windows = {
            "": (start_ms, self.entry.n_bins(self.bin_ms)),
            "_forward": (stop_ms, FORWARD_MS // self.bin_ms),
        }
        return {
            f"spikes_{name}{suffix}": cut_spikes(
                self.session.populations[name], self._first_bin(edge_ms), n_bins, self.bin_ms
            )
            for suffix, (edge_ms, n_bins) in windows.items()
            for name in POPULATIONS
        }

    @property
    def window_s(self) -> np.ndarray:
        """Start and stop of each trial's window on the session's clock, (trials, 2) seconds."""
        first = self._first_bin(self.entry.window_ms[0])
        return np.stack([first, first + self.entry.n_bins(self.bin_ms)], 1) * self.bin_ms / 1e3

    def behavior(self) -> np.ndarray:
        """The behaviour decoded, as a series or as columns.

        A series, (trials, bins, channels), is taken the set's lag later than the spikes. Columns
        are (trials, columns).

        Columns of outliers are NaN.
        """
        if self.signal is not None:
            # motor areas lead movement (lag above zero), sensory ones follow it (below)
            first = self._first_bin(self.entry.window_ms[0] + self.entry.lag_ms)
            return gather(self.signal, first, self.entry.n_bins(self.bin_ms)).astype(float)
        columns = np.stack([self.column(name) for name in self.entry.behavior_columns], axis=1)
        columns[self.column(self.entry.outlier_column) != 0] = np.nan
        return columns

    def scored(self, spikes: np.ndarray) -> np.ndarray:
        """Spikes of the window, NaN outside the bins that are scored.

        Where the set has a start column, these lie from it up to the event.
        """
        if not self.entry.start_column:
            return spikes
        bins = self._first_bin(self.entry.window_ms[0])[:, None] + np.arange(spikes.shape[1])
        start = first_bin(self.column(self.entry.start_column), self.bin_ms)
        end = end_bin(self.column(self.entry.align), self.bin_ms)
        inside = (bins >= start[:, None]) & (bins < end[:, None])
        return np.where(inside[:, :, None], spikes, np.float32(np.nan))

    def decode_mask(self) -> np.ndarray:
        """Which of two decoders each trial is for, (trials, 2)."""
        values = self.column(self.entry.decode_column)
        return np.stack([values == 0, values == 1], axis=1)

    def _first_bin(self, offset_ms: int) -> np.ndarray:
        """The first bin of each trial in a window that starts at an offset from its event."""
        start_ns = self.column(self.entry.align) + offset_ms * NS_PER_MS
        return np.asarray(first_bin(start_ns, self.bin_ms) + self.jitter)


def make_tensors(paths: Paths, set_name: str, bin_ms: int = 5, phase: Phase = "val") -> Tensors:
    """Make the tensors of a set from its NWB files.

    In phase 'val' the split 'train' is learned from and 'val' scored; in 'test' both are learned
    from and 'test' scored. Files are joined in the order of their names; each is read once.

    Spikes are (trials, bins, units) float32 counts per bin, NaN where not recorded; the window's,
    and those of the 200 ms after it (`*_forward`). Behaviour is (trials, bins, channels) in the
    file's unit, or (trials, columns) for 'dmfc_rsg'. Inputs are
    `train_spikes_{heldin,heldout}[_forward]`, `train_behavior` and `eval_spikes_heldin`; where the
    files have no training trial, the last alone, with a warning. Targets are

    - `eval_spikes_heldout`, `eval_spikes_{heldin,heldout}_forward`, `{train,eval}_behavior`;
    - `psth`, (conditions, bins, held-in and held-out units) in spikes per bin, and
      `{train,eval}_cond_idx`, for each condition the indices of its trials; not for 'mc_rtt';
    - `{train,eval}_decode_mask`, (trials, 2): which of two decoders a trial is for ('area2_bump');
    - `{train,eval}_jitter`, bins by which a trial was aligned late ('dmfc_rsg').

    There are none in phase 'test' where the files lack the evaluation trials' held-out spikes, as
    the public ones do.

    Args:
        paths: an NWB file, a folder of them, or a list of files.
        set_name: 'mc_maze', 'mc_rtt', 'area2_bump', 'dmfc_rsg', 'mc_maze_large', 'mc_maze_medium'
            or 'mc_maze_small'.
        bin_ms: 5 or 20.
        phase: 'val' or 'test'.

    Raises:
        DataError: for an unknown set, bin width or phase, files that are not of the set (the
            column, time series or unit named), or no trials for the phase; before spikes are read.
    """
    entry = nlb_set(set_name)
    if phase not in get_args(Phase):
        raise DataError(f"phase is {phase!r}: it is 'val' or 'test'.")
    Tensors(set_name, bin_ms, phase, {}, {})  # the bin width is refused before anything is read
    session = read_session(paths, entry, phase)
    signal = None if session.behavior is None else resample_signal(session.behavior, bin_ms)
    split = session.trials["split"]
    chosen = (np.isin(split, TRAIN_SPLITS[phase]), split == phase)
    train, evaluation = (
        Part(session, entry, bin_ms, np.flatnonzero(rows), signal) for rows in chosen
    )
    _warn_shared(train, evaluation)
    spikes = evaluation.spikes()
    inputs = {"eval_spikes_heldin": spikes["spikes_heldin"]}
    if train.rows.size:
        inputs |= {f"train_{name}": array for name, array in train.spikes().items()}
        inputs["train_behavior"] = train.behavior()
    known = train.rows.size > 0 and _has_truth(evaluation, spikes)
    targets = _targets(train, evaluation, spikes) if known else {}
    return Tensors(set_name, bin_ms, phase, inputs, targets)


def _warn_shared(train: Part, evaluation: Part) -> None:
    """Say how much of the trials that are predicted is learned from, too."""
    learned_s, scored_s = train.window_s, evaluation.window_s
    shared = sharing(scored_s, learned_s)
    if shared.any():
        warnings.warn(
            f"{percent(covered_share(scored_s, learned_s))} of the bins of the evaluation trials "
            f"({shared.sum()} of {shared.size} trials) are bins of training trials too, for the "
            f"windows of {train.entry.name} overlap there: the split is the files' own, so compare "
            "scores with others of the same files only.",
            DataWarning,
            stacklevel=3,
        )


def _has_truth(evaluation: Part, spikes: Arrays) -> bool:
    """Whether the files hold the evaluation trials' held-out spikes.

    The time from which these are scored must be known too.
    """
    start = evaluation.entry.start_column
    timed = not start or bool(np.isfinite(evaluation.column(start)).all())
    return timed and bool(np.isfinite(spikes["spikes_heldout"]).any())


def _targets(train: Part, evaluation: Part, spikes: Arrays) -> Arrays:
    """What predictions are scored against; `spikes` are those of the evaluation trials."""
    entry, parts = evaluation.entry, {"train": train, "eval": evaluation}
    targets = {"eval_spikes_heldout": evaluation.scored(spikes["spikes_heldout"])}
    targets |= {
        f"eval_{name}": array for name, array in spikes.items() if name.endswith("_forward")
    }
    targets |= {f"{name}_behavior": part.behavior() for name, part in parts.items()}
    if entry.decode_column:
        targets |= {f"{name}_decode_mask": part.decode_mask() for name, part in parts.items()}
    if entry.conditions:
        rows = {name: part.rows for name, part in parts.items()}
        targets |= psth_targets(evaluation.session, entry, evaluation.bin_ms, rows)
    if entry.produced_column:
        targets |= {f"{name}_jitter": part.jitter for name, part in parts.items()}
    return targets
