"""Reading NWB files: the units kept with their spike times, the trials, the signals named."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import tables
from undertow.data.aligning import Window
from undertow.data.readers.events import bin_or_cut
from undertow.data.readers.hdf5_file import opened_hdf5
from undertow.data.recording import Recording
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed

REGIONS = ("region", "brain_region", "brain_area", "location")


def read_nwb(
    path: str | Path,
    bin_s: float | None = None,
    align: str | None = None,
    window_s: Window | None = None,
    units: Any = None,
    trials: Any = None,
    condition: str | Sequence[str] | None = None,
    behavior: str | Sequence[str] = (),
    stimulus: str | Sequence[str] = (),
    label: str | Sequence[str] = (),
    min_rate_hz: float = 0.0,
    forward_bins: int = 0,
    cut_s: float = 1.0,
) -> TrialSet:
    """Read any NWB file with units; bins of 20 ms by default.

    With a trial table the arguments are those of `Recording.bin`. Without one, the recording is cut
    into windows of `cut_s` seconds, as in `Recording.cut`. `behavior` names time series anywhere in
    the file, `stimulus` those or trial columns (a time series goes first where both have the name).

    Raises:
        DataError: for a file that is not there, cut short or no NWB, without units, or as in
            `Recording.bin`.
    """
    recording = read_recording(path, units=units, signals=behavior, stimuli=stimulus)
    return bin_or_cut(
        path,
        recording,
        bin_s,
        cut_s,
        align=align,
        window_s=window_s,
        trials=trials,
        condition=condition,
        behavior=behavior,
        stimulus=stimulus,
        label=label,
        min_rate_hz=min_rate_hz,
        forward_bins=forward_bins,
    )


def read_recording(
    path: str | Path,
    units: Any = None,
    signals: str | Sequence[str] = (),
    stimuli: str | Sequence[str] = (),
) -> Recording:
    """Read a `Recording`: both tables, the spike times of the units kept, the signals named.

    No other array is loaded.

    Args:
        path: the file.
        units: which units: a mask, unit ids, or a rule such as ``"region==M1"``.
        signals: names of time series, as `list_contents` gives them.
        stimuli: names of time series, or of trial columns, which are read anyway.

    Raises:
        DataError: for a file that cannot be read as NWB, without units, or an unknown unit or
            signal.
    """
    with opened(path) as nwb:
        if nwb.units is None or "spike_times" not in nwb.units.colnames:
            raise DataError(f"{path} has no units with spike times: undertow needs sorted spikes.")
        table = nwb.units
        ids, columns = np.asarray(table.id[:]), _plain_columns(table)
        columns |= _region(table, columns)
        rows = tables.select_rows("units", units, ids, columns)
        observed = "obs_intervals" in table.colnames
        trials = _plain_columns(nwb.trials)
        return Recording(
            spike_times=[table.get_unit_spike_times(int(row)) for row in rows],
            unit_ids=ids[rows],
            units={name: values[rows] for name, values in columns.items()},
            trials=trials,
            trial_ids=None if nwb.trials is None else np.asarray(nwb.trials.id[:]),
            signals=_read_signals(
                path, nwb, tables.as_names(signals), tables.as_names(stimuli), trials
            ),
            obs_intervals=[table.get_unit_obs_intervals(int(row)) for row in rows]
            if observed
            else None,
        )


def list_contents(path: str | Path) -> dict[str, list[str]]:
    """What a file offers to align to, select by and read.

    The keys are 'trial_columns', 'unit_columns' and 'time_series'.
    """
    with opened(path) as nwb:
        units = _plain_columns(nwb.units)
        return {
            "trial_columns": list(_plain_columns(nwb.trials)),
            "unit_columns": list(units | _region(nwb.units, units)) if units else [],
            "time_series": list(_time_series(nwb)),
        }


@contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """An open NWB file; every failure to read it becomes a `DataError`."""
    with opened_hdf5(path) as file:
        if "nwb_version" not in file.attrs:
            there = listed(list(file))
            raise DataError(
                f"{path} is HDF5 but no NWB file: it has no nwb_version; there is {there}."
            )
    with warnings.catch_warnings():
        _silence_reader()
        try:
            from pynwb import NWBHDF5IO

            with NWBHDF5IO(str(path), "r") as reader:
                yield reader.read()
        except DataError:
            raise
        except Exception as error:  # pynwb raises many kinds for a file that breaks the format
            raise DataError(
                f"{path} cannot be read as NWB: {type(error).__name__}: {error}"
            ) from error


def _silence_reader() -> None:
    """Leave out what pynwb says to its own developers; its other warnings stay."""
    warnings.filterwarnings(
        "ignore", message=r"Ignoring (the following )?cached namespace", category=UserWarning
    )
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(hdmf|pynwb)(\.|$)")


def _plain_columns(table: Any) -> dict[str, np.ndarray]:
    """The columns with one number, boolean or string per row.

    Ragged columns and references are left out.
    """
    if table is None:
        return {}
    columns: dict[str, np.ndarray] = {}
    for name in table.colnames:
        if type(table[name]).__name__ in (
            "VectorIndex",
            "DynamicTableRegion",
            "TimeSeriesReferenceVectorData",
        ):
            continue
        values = tables.plain(table[name][:])
        if values.ndim == 1 and values.dtype.kind in "biufU":
            columns[name] = values
    return columns


def _region(table: Any, columns: tables.Columns) -> dict[str, np.ndarray]:
    """A 'region' column: from the unit table, else the location of each unit's first electrode."""
    for name in REGIONS:
        if name in columns:
            return {"region": columns[name].astype(str)}
    if "electrodes" not in table.colnames:
        return {}
    link = table["electrodes"]
    target, ends = link, np.arange(1, len(table) + 1)
    if type(link).__name__ == "VectorIndex":  # several electrodes a unit
        target, ends = link.target, np.asarray(link.data[:])
    starts = np.append(0, ends[:-1])
    if "location" not in target.table.colnames or (starts == ends).any():
        return {}
    locations = tables.plain(target.table["location"][:]).astype(str)
    return {"region": locations[np.asarray(target.data[:])[starts]]}


def _time_series(nwb: Any) -> dict[str, Any]:
    """Time series anywhere in the file by name; 'parent/name' where several share one."""
    from pynwb import TimeSeries

    found = [item for item in nwb.objects.values() if isinstance(item, TimeSeries)]
    names = [item.name for item in found]
    named = {i.name if names.count(i.name) == 1 else f"{i.parent.name}/{i.name}": i for i in found}
    return dict(sorted(named.items()))


def _read_signals(
    path: str | Path,
    nwb: Any,
    signals: tuple[str, ...],
    stimuli: tuple[str, ...],
    trials: tables.Columns,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    there = _time_series(nwb) if signals or stimuli else {}
    wanted = dict.fromkeys(
        (*signals, *(name for name in stimuli if name in there or name not in trials))
    )
    if unknown := [name for name in wanted if name not in there]:
        columns = f", and the trial columns {listed(trials)}" if unknown[0] not in signals else ""
        raise DataError(
            f"{path} has no time series {listed(unknown)}: there is {listed(there)}{columns}."
        )
    return {name: (_timestamps(there[name]), _values(there[name])) for name in wanted}


def _timestamps(series: Any) -> np.ndarray:
    if series.timestamps is not None:
        return np.asarray(series.timestamps[:], float)
    return float(series.starting_time) + np.arange(len(series.data)) / float(series.rate)


def _values(series: Any) -> np.ndarray:
    """Samples in the unit the series names: conversion (per channel too) and offset applied."""
    scale: Any = float(series.conversion)
    if (per_channel := getattr(series, "channel_conversion", None)) is not None:
        scale = scale * np.asarray(per_channel[:], float)
    return np.asarray(series.data[:], float) * scale + float(series.offset or 0.0)
