"""Phy and Kilosort folders: sorted spikes, cluster tables and an optional event table."""

import ast
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from undertow.checks import number
from undertow.data import tables
from undertow.data.aligning import Window
from undertow.data.readers.events import bin_or_cut, event_columns
from undertow.data.readers.text_tables import read_npy, read_text_table
from undertow.data.recording import Recording
from undertow.data.trialset import TrialSet
from undertow.errors import DataError, DataWarning
from undertow.files import existing_file
from undertow.names import listed

SPIKE_TIMES = "spike_times.npy"
CLUSTERS = ("spike_clusters.npy", "spike_templates.npy")
EVENTS = ("events.csv", "events.tsv", "events.npy", "trials.csv", "trials.tsv")
IDS = ("cluster_id", "id")
NEW_NAMES = {"ch": "channel", "sh": "shank", "brain_region": "region", "acronym": "region"}
GOOD = "group==good"


def is_phy_folder(path: str | Path) -> bool:
    """True for a folder that holds sorted spikes as Phy and Kilosort write them."""
    return (Path(path) / SPIKE_TIMES).is_file()


def read_phy(
    folder: str | Path,
    bin_s: float | None = None,
    units: Any = None,
    events: Any = None,
    align: str | None = None,
    window_s: Window | None = None,
    trials: Any = None,
    condition: str | Sequence[str] | None = None,
    stimulus: str | Sequence[str] = (),
    label: str | Sequence[str] = (),
    min_rate_hz: float = 0.0,
    forward_bins: int = 0,
    cut_s: float = 1.0,
    sample_rate_hz: float | None = None,
) -> TrialSet:
    """Read a Phy or Kilosort folder as binned trials.

    Bins lie around events, or fill windows of `cut_s` seconds where there are none.

    Args:
        folder: holds spike_times.npy (samples) and spike_clusters.npy (else spike_templates.npy),
            params.py, and cluster_info.tsv, cluster_group.tsv or cluster_KSLabel.tsv.
        bin_s: bin width in seconds, 20 ms by default.
        units: which clusters: a mask, cluster ids, or a rule such as ``"group!=noise and
            depth>1000"``; by default those labelled good, ``"group==good"``. `group` is the label
            given by hand, else Kilosort's.
        events: event times in seconds on the clock of the spikes: an array or table, or the path of
            a .npy, .csv or .tsv file; by default events.csv, .tsv or .npy or trials.csv or .tsv in
            the folder.
        align, window_s, trials, condition, stimulus, label, min_rate_hz, forward_bins: see
            `Recording.bin`.
        cut_s: window length in seconds, for a folder without events.
        sample_rate_hz: samples per second; that of params.py by default, which is parsed and never
            executed.

    Raises:
        DataError: for files that are missing, damaged or do not fit together, no sample rate, or as
            in `Recording.bin`.
    """
    recording = read_recording(folder, units, events, sample_rate_hz)
    return bin_or_cut(
        folder,
        recording,
        bin_s,
        cut_s,
        align=align,
        window_s=window_s,
        trials=trials,
        condition=condition,
        stimulus=stimulus,
        label=label,
        min_rate_hz=min_rate_hz,
        forward_bins=forward_bins,
    )


def read_recording(
    folder: str | Path, units: Any = None, events: Any = None, sample_rate_hz: float | None = None
) -> Recording:
    """Read the clusters chosen and the events of a folder as a `Recording`.

    Arguments are as in `read_phy`.

    The unit table holds every column of the cluster tables, with `group` as described there,
    `channel`, `shank`, `depth` and `region` (from a column region, brain_region or acronym) where
    they are known, and `n_spikes`.

    Raises:
        DataError: as `read_phy`.
    """
    folder = Path(folder)
    rate_hz = _sample_rate(folder) if sample_rate_hz is None else sample_rate_hz
    rate_hz = number("sample_rate_hz", rate_hz, 0, above=True, unit="samples/s", error=DataError)
    samples, clusters = _spikes(folder)
    ids, starts = np.unique(clusters, return_index=True)
    spike_times = np.split(samples / rate_hz, starts[1:])
    columns = {
        **_cluster_columns(folder, ids),
        "n_spikes": np.array([times.size for times in spike_times]),
    }
    rows = tables.select_rows("units", _rule(folder, units, columns), ids, columns)
    return Recording(
        spike_times=[spike_times[row] for row in rows],
        unit_ids=ids[rows],
        units={name: values[rows] for name, values in columns.items()},
        trials=_events(folder, events),
    )


def list_phy(folder: str | Path) -> dict[str, list[str]]:
    """What a folder offers: 'trial_columns' to align to and 'unit_columns' to select by."""
    recording = read_recording(folder, units="n_spikes>0")
    return {"trial_columns": list(recording.trials), "unit_columns": list(recording.units)}


# --- spikes and sample rate -------------------------------------------------------------------


def _spikes(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Samples and cluster of every spike, sorted by cluster and then in time."""
    name = next((name for name in CLUSTERS if (folder / name).is_file()), CLUSTERS[0])
    samples = read_npy(folder / SPIKE_TIMES).ravel()
    clusters = read_npy(folder / name).ravel()
    if samples.size != clusters.size:
        raise DataError(
            f"{folder}: {SPIKE_TIMES} has {samples.size} spikes and {name} {clusters.size}: both "
            "list every spike once."
        )
    if samples.size == 0:
        raise DataError(f"{folder}: {SPIKE_TIMES} holds no spike.")
    for file, array in ((SPIKE_TIMES, samples), (name, clusters)):
        if array.dtype.kind not in "iuf":
            raise DataError(
                f"{folder}: {file} has dtype {array.dtype}: it must hold whole numbers."
            )
    order = np.lexsort((samples, clusters))
    return samples[order], clusters[order].astype(np.int64)


def _sample_rate(folder: Path) -> float:
    """`sample_rate` of params.py, read as text: the file is Python, and is not run."""
    path = existing_file(folder / "params.py")
    try:
        lines = ast.parse(path.read_text(encoding="utf-8", errors="replace")).body
        named = {
            target.id: line.value
            for line in lines
            if isinstance(line, ast.Assign)
            for target in line.targets
            if isinstance(target, ast.Name)
        }
        return float(ast.literal_eval(named["sample_rate"]))
    except (KeyError, TypeError, ValueError, SyntaxError, RecursionError, MemoryError):
        raise DataError(
            f"{path} has no line `sample_rate = <number>`: write one, or pass sample_rate_hz=…."
        ) from None


# --- clusters and events ----------------------------------------------------------------------


def _cluster_columns(folder: Path, ids: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of all cluster tables, one value for each of `ids`.

    The value is '' or NaN where a table has none.
    """
    columns: dict[str, np.ndarray] = {}
    files = [*sorted(folder.glob("cluster_*.tsv")), *folder.glob("cluster_groups.csv")]
    for path in sorted(files, key=lambda path: path.name == "cluster_info.tsv"):
        table = read_text_table(path, "\t")
        key = next((name for name in IDS if name in table), None)
        if key is None or table[key].dtype.kind != "i":
            raise DataError(
                f"{path} has no column cluster_id of whole numbers: there is {listed(table)}."
            )
        rows = {int(cluster): row for row, cluster in enumerate(table.pop(key))}
        where = np.array([rows.get(int(cluster), -1) for cluster in ids])
        for name, values in table.items():
            columns[NEW_NAMES.get(name, name)] = _spread(values, where)
    labels = [columns[name].astype(str) for name in ("group", "KSLabel") if name in columns]
    if labels:
        unnamed = np.isin(labels[0], ("", "unsorted"))
        columns["group"] = np.where(unnamed & (labels[-1] != ""), labels[-1], labels[0])
    return columns


def _spread(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Values at the rows given; '' or NaN for row −1."""
    if values.dtype.kind == "U":
        return np.append(values, "")[where]
    known = values[where]
    return known if (where >= 0).all() else np.where(where >= 0, known, np.nan)


def _rule(folder: Path, units: Any, columns: Mapping[str, np.ndarray]) -> Any:
    """Which units: those asked for, else the good ones, else (with a warning) all."""
    if units is not None:
        return units
    if "group" not in columns:
        warnings.warn(
            f"{folder} has no cluster labels (cluster_info.tsv, cluster_group.tsv or "
            "cluster_KSLabel.tsv): all clusters are kept.",
            DataWarning,
            stacklevel=3,
        )
        return None
    if not (columns["group"] == "good").any():
        there = [
            f"{name or 'no label'} ({n})" for name, n in zip(*_tally(columns["group"]), strict=True)
        ]
        raise DataError(
            f"{folder} has no cluster labelled good: there is {listed(there)}; choose with "
            'units="group!=noise".'
        )
    return GOOD


def _tally(labels: np.ndarray) -> tuple[list[str], list[int]]:
    values, counts = np.unique(labels, return_counts=True)
    return values.tolist(), counts.tolist()


def _events(folder: Path, events: Any) -> Mapping[str, Any]:
    if events is None:
        events = next((folder / name for name in EVENTS if (folder / name).is_file()), None)
    return {} if events is None else event_columns(events)
