"""Reading NWB files: the units kept with their spike times, the trials, the signals named."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from undertow.data import tables
from undertow.data.readers.events import AroundEvents, bin_or_cut
from undertow.data.readers.nwb_file import (
    Objects,
    damaged,
    opened_nwb,
    read_series,
    series_line,
    time_series,
)
from undertow.data.readers.nwb_source import name_of
from undertow.data.readers.nwb_tables import (
    interval_table,
    interval_tables,
    observed_intervals,
    plain_columns,
    region,
    row_ids,
    spike_times,
)
from undertow.data.recording import Recording
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed

NwbSource = Any
"""A path, an open `h5py.File`, a `pynwb.NWBFile`, or a binary file that can be read from any
place."""


def read_nwb(
    path: NwbSource,
    bin_s: float | None = None,
    units: Any = None,
    behavior: str | Sequence[str] = (),
    cut_s: float = 1.0,
    table: str | None = None,
    **options: Unpack[AroundEvents],
) -> TrialSet:
    """Read any NWB file with units, by its path or open; bins of 20 ms by default.

    With a trial table the arguments are those of `Recording.bin`. Without one, the recording is cut
    into windows of `cut_s` seconds, as in `Recording.cut`. `behavior` names time series anywhere in
    the file, `stimulus` those or trial columns (a time series goes first where both have the name).
    `table` names another table of intervals to take as trials, such as 'epochs'.

    Raises:
        DataError: for a file that is not there, cut short or no NWB, without units, or as in
            `Recording.bin`.
    """
    recording = read_recording(path, units, behavior, options.get("stimulus", ()), table)
    return bin_or_cut(name_of(path), recording, bin_s, cut_s, behavior=behavior, **options)


def read_recording(
    path: NwbSource,
    units: Any = None,
    signals: str | Sequence[str] = (),
    stimuli: str | Sequence[str] = (),
    table: str | None = None,
) -> Recording:
    """Read a `Recording`: both tables, the spike times of the units kept, the signals named.

    No other array is loaded.

    Args:
        path: the file, or one that is open and stays so: an `h5py.File`, a `pynwb.NWBFile`, or a
            binary file that can be read from any place, such as a remote one of fsspec or remfile.
        units: which units: a mask, unit ids, or a rule such as ``"region==M1"``.
        signals: names of time series, as `list_contents` gives them.
        stimuli: names of time series, or of trial columns, which are read anyway.
        table: the table of intervals to take as trials; 'trials' by default.

    Raises:
        DataError: for a file that cannot be read as NWB, without units, or an unknown unit or
            signal.
    """
    source, path = path, name_of(path)
    with opened_nwb(source) as (file, objects):
        cells = _units(path, file)
        ids, columns = row_ids(path, cells), plain_columns(path, cells)
        columns |= region(path, cells, columns)
        rows = tables.select_rows("units", units, ids, columns)
        intervals = interval_table(path, objects, table)
        trials = plain_columns(path, intervals)
        times = spike_times(path, cells, rows, ids.size)
        return Recording(
            spike_times=times,
            unit_ids=ids[rows],
            units={name: values[rows] for name, values in columns.items()},
            trials=trials,
            trial_ids=None if intervals is None else row_ids(path, intervals),
            signals=_signals(
                path, objects, tables.as_names(signals), tables.as_names(stimuli), trials
            ),
            obs_intervals=observed_intervals(path, cells, rows, times, ids.size),
        )


def list_contents(path: NwbSource, table: str | None = None) -> dict[str, list[str]]:
    """What a file offers to align to, select by and read.

    The keys are 'trial_columns' (of the table of intervals chosen), 'unit_columns', 'tables' with
    their rows and columns, 'time_series' and, in words, 'signals' with shapes, units and rates.
    """
    source, path = path, name_of(path)
    with opened_nwb(source) as (file, objects):
        cells, series = file.get("units"), time_series(objects)
        units = plain_columns(path, cells)
        units |= {} if cells is None else region(path, cells, units)
        return {
            "trial_columns": list(plain_columns(path, interval_table(path, objects, table))),
            "unit_columns": list(units),
            "tables": [
                f"{name} ({row_ids(path, each).size} rows): {listed(plain_columns(path, each), 40)}"
                for name, each in interval_tables(objects).items()
            ],
            "time_series": list(series),
            "signals": [series_line(name, each) for name, each in series.items()],
        }


def _units(path: str | Path, file: Any) -> Any:
    table = file.get("units")
    # in a dataset, `in` looks through all its values
    if not hasattr(table, "keys") or "spike_times" not in table:
        raise DataError(f"{path} has no units with spike times: undertow needs sorted spikes.")
    return table


def _signals(
    path: str | Path,
    objects: Objects,
    signals: tuple[str, ...],
    stimuli: tuple[str, ...],
    trials: tables.Columns,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    there = time_series(objects) if signals or stimuli else {}
    wanted = dict.fromkeys(
        (*signals, *(name for name in stimuli if name in there or name not in trials))
    )
    if unknown := [name for name in wanted if name not in there]:
        columns = f", and the trial columns {listed(trials)}" if unknown[0] not in signals else ""
        raise DataError(
            f"{path} has no time series {listed(unknown)}: there is {listed(there)}{columns}."
        )
    return {name: read_series(path, name, there[name]) for name in wanted}


@contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """pynwb's object of an open file; every failure to read it becomes a `DataError`."""
    with opened_nwb(path):
        pass  # a file that is none, or leads out of itself, never reaches pynwb
    with warnings.catch_warnings():
        _silence_reader()
        try:
            from pynwb import NWBHDF5IO

            with NWBHDF5IO(str(path), "r") as reader:
                yield reader.read()
        except DataError:
            raise
        except Exception as error:  # pynwb raises many kinds for a file that breaks the format
            raise damaged(path, error) from error


def _silence_reader() -> None:
    """Leave out what pynwb says to its own developers; its other warnings stay."""
    warnings.filterwarnings(
        "ignore", message=r"Ignoring (the following )?cached namespace", category=UserWarning
    )
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(hdmf|pynwb)(\.|$)")
