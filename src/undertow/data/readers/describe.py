"""`describe`: what a data file holds, in one dictionary."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data.counts import totals
from undertow.data.readers.load import FORMATS, format_of, load
from undertow.data.trialset import TrialSet
from undertow.errors import DataWarning


def describe(path: str | Path, **options: Any) -> dict[str, Any]:
    """Summarise a data file as `load(path, **options)` reads it.

    Returns plain numbers, strings, lists and dictionaries: 'path', 'kind', the entries of
    `summarize`, what the file holds, and the 'warnings' said while reading. What the file holds is
    'arrays' with their shapes; for NWB 'trial_columns' to align to, 'unit_columns' to select by,
    'tables' of intervals, 'time_series' to read and 'signals', the same in words; for Phy folders
    and tables of spikes the first two.

    Raises:
        DataError: when the file cannot be read.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        trials = load(path, **options)
    said = [str(w.message) for w in caught if issubclass(w.category, DataWarning)]
    held = contents(path, options.get("table"))
    kind = held.pop("kind")
    return {"path": str(path), "kind": kind, **summarize(trials), **held, "warnings": said}


def contents(path: str | Path, table: str | None = None) -> dict[str, Any]:
    """The 'kind' of a data file and what it holds, as in `describe`, without reading trials of it.

    Args:
        path: the file.
        table: of an NWB file, the table of intervals that is taken as trials.

    Raises:
        DataError: when it cannot be opened.
    """
    form = FORMATS[format_of(path)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # reading says them
        found = form.contents(path) if table is None else form.contents(path, table)
    return {"kind": form.name, **(found if isinstance(found, dict) else {"arrays": found})}


def summarize(trials: TrialSet) -> dict[str, Any]:
    """The size and contents of a `TrialSet` as plain numbers, strings, lists and dictionaries."""
    observed = trials.mean_rates[np.isfinite(trials.mean_rates)]
    lengths_s = _lengths_s(trials)
    return {
        "trials": trials.n_trials,
        "bins": trials.n_time,
        "bin_s": trials.bin_s,
        "times": "regular" if trials.times is None else "irregular",
        "window_s": [trials.start_s, trials.start_s + _window_s(trials)],
        "event": trials.event,
        "trial_length_s": [float(length_s) for length_s in (lengths_s.min(), lengths_s.max())],
        "neurons": trials.n_neurons,
        "spikes": int(totals(trials.spikes)[0].sum()),
        "missing_bins": int(trials.lengths.sum() * trials.n_neurons - _observed(trials)),
        "rate_hz": {
            name: float(f(observed))
            for name, f in (("min", np.min), ("median", np.median), ("max", np.max))
        },
        "silent_neurons": trials.neuron_ids[trials.silent].tolist(),
        "heldout_neurons": trials.neuron_ids[trials.heldout].tolist(),
        "forward_bins": trials.forward_bins,
        "conditions": _counts(trials.condition),
        "regions": _counts(trials.region),
        "splits": _counts(trials.split),
        "labels": {name: _counts(values) for name, values in trials.labels.items()},
        "behavior": list(trials.behavior_names),
        "stimulus": list(trials.stimulus_names),
        "truth": trials.truth is not None,
    }


def _observed(trials: TrialSet) -> int:
    """Bins of neurons that were observed; past a trial's end none is."""
    return int(totals(trials.spikes)[1].sum())


def _lengths_s(trials: TrialSet) -> np.ndarray:
    """From the window's start to the right edge of each trial's last bin, (trials,) seconds."""
    if trials.times is None:
        return trials.lengths * trials.bin_s
    return np.nanmax(trials.times, axis=1) + trials.bin_s / 2 - trials.start_s


def _window_s(trials: TrialSet) -> float:
    return trials.n_time * trials.bin_s if trials.times is None else float(_lengths_s(trials).max())


def _counts(labels: np.ndarray | None) -> dict[str, int]:
    if labels is None:
        return {}
    values, counts = np.unique(labels, return_counts=True)
    return {
        str(value): int(count)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True)
    }
