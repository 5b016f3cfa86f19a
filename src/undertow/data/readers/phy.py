"""Phy and Kilosort folders: sorted spikes, cluster tables and an optional event table."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from undertow.checks import number
from undertow.data import tables
from undertow.data.readers.cluster_tables import cluster_columns
from undertow.data.readers.events import AroundEvents, bin_or_cut, event_columns
from undertow.data.readers.text_tables import read_npy
from undertow.data.recording import Recording
from undertow.data.trialset import TrialSet
from undertow.errors import DataError, DataWarning
from undertow.files import existing_file
from undertow.names import listed

SPIKE_TIMES = "spike_times.npy"
CLUSTERS = ("spike_clusters.npy", "spike_templates.npy")
EVENTS = ("events.csv", "events.tsv", "events.npy", "trials.csv", "trials.tsv")
GOOD = "group==good"
MOST_SECONDS = 1e8
"""Three years: a spike beyond is none."""
_RATE = re.compile(
    r"^sample_rate\s*(?::\s*\w+\s*)?=\s*(?:(?:np|numpy)\.\w+\()?['\"]?"
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)['\"]?\)?\s*;?\s*(?:#.*)?$",
    re.MULTILINE,
)


def is_phy_folder(path: str | Path) -> bool:
    """True for a folder that holds sorted spikes as Phy and Kilosort write them."""
    return (Path(path) / SPIKE_TIMES).is_file()


def read_phy(
    folder: str | Path,
    bin_s: float | None = None,
    units: Any = None,
    events: Any = None,
    cut_s: float = 1.0,
    sample_rate_hz: float | None = None,
    **options: Unpack[AroundEvents],
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
        cut_s: window length in seconds, for a folder without events.
        sample_rate_hz: samples per second; that of params.py by default, which is parsed and never
            executed.
        options: of `Recording.bin`, those of `AroundEvents`.

    Raises:
        DataError: for files that are missing, damaged or do not fit together, no sample rate, or as
            in `Recording.bin`.
    """
    recording = read_recording(folder, units, events, sample_rate_hz)
    return bin_or_cut(folder, recording, bin_s, cut_s, **options)


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
    samples, clusters = _spikes(folder, rate_hz)
    ids, starts = np.unique(clusters, return_index=True)
    spike_times = np.split(samples / rate_hz, starts[1:])
    columns = {
        **cluster_columns(folder, ids),
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


def _spikes(folder: Path, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples and cluster of every spike, sorted by cluster and then in time."""
    name = next((name for name in CLUSTERS if (folder / name).is_file()), CLUSTERS[0])
    samples = _whole_numbers(folder, SPIKE_TIMES)
    clusters = _whole_numbers(folder, name)
    if samples.size != clusters.size:
        raise DataError(
            f"{folder}: {SPIKE_TIMES} has {samples.size} spikes and {name} {clusters.size}: both "
            "list every spike once."
        )
    if samples.size == 0:
        raise DataError(f"{folder}: {SPIKE_TIMES} holds no spike.")
    if (last := int(samples.max())) > MOST_SECONDS * rate_hz:
        raise DataError(
            f"{folder}: {SPIKE_TIMES} holds sample {last}, {last / rate_hz:.3g} s at "
            f"{rate_hz:g} samples/s: the file is damaged, or the sample rate is wrong."
        )
    inside = samples >= 0
    if before := int((~inside).sum()):
        warnings.warn(
            f"{folder}: {before} of {samples.size} spikes lie before the recording (negative "
            "samples) and are left out.",
            DataWarning,
            stacklevel=4,
        )
    if before == samples.size:
        raise DataError(f"{folder}: all samples in {SPIKE_TIMES} are negative.")
    samples, clusters = (samples, clusters) if not before else (samples[inside], clusters[inside])
    order = np.lexsort((samples, clusters))
    return samples[order], clusters[order]


def _whole_numbers(folder: Path, name: str) -> np.ndarray:
    """A list of whole numbers, as int64."""
    array = read_npy(folder / name).ravel()
    if array.dtype.kind not in "iuf":
        raise DataError(f"{folder}: {name} has dtype {array.dtype}: it must hold whole numbers.")
    if array.dtype.kind == "f":
        array = array.astype(np.float64)  # half precision has no number above 65,504
        wrong = ~np.isfinite(array) | (np.trunc(array) != array)  # a remainder of inf warns
        if wrong.any():
            raise DataError(
                f"{folder}: {name} holds {array[wrong][0]:g}: it must hold whole numbers "
                "(samples and clusters, not seconds)."
            )
    if array.size and array.max() > 2.0**62:
        raise DataError(f"{folder}: {name} holds {array.max():g}: the file is damaged.")
    return array.astype(np.int64)


def _sample_rate(folder: Path) -> float:
    """`sample_rate` of params.py, read as text line by line: the file is Python, and is not run.

    Other lines may be anything, such as paths of Windows that Python itself would not take.
    """
    path = existing_file(folder / "params.py")
    with path.open("rb") as file:
        text = file.read(1_000_000).decode("utf-8", "replace")
    found = _RATE.findall(text)
    if not found:
        raise DataError(
            f"{path} has no line `sample_rate = <number>`: write one, or pass sample_rate_hz=…."
        )
    return float(found[-1])


# --- units and events -------------------------------------------------------------------------


def _rule(folder: Path, units: Any, columns: Mapping[str, np.ndarray]) -> Any:
    """Which units: those asked for, else the good ones, else (with a warning) all."""
    if units is not None:
        return units
    if "group" not in columns or (columns["group"] == "").all():
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
