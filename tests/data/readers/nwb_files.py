"""Small NWB files for tests, written with pynwb."""

import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np


def write_nwb(
    path: Path,
    spike_times: Sequence[np.ndarray] | None,
    trials: Mapping[str, Sequence[Any]] | None = None,
    units: Mapping[str, Sequence[Any]] | None = None,
    unit_ids: Sequence[int] | None = None,
    obs_intervals: Sequence[np.ndarray] | None = None,
    series: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    locations: Sequence[str] | None = None,
    conversion: float = 1.0,
) -> Path:
    """Write units, trials and time series; `locations` gives each unit one electrode there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writer's warnings are not under test
        from pynwb import NWBHDF5IO, NWBFile, TimeSeries

        nwb = NWBFile("a test", "test", datetime(2024, 1, 1, tzinfo=UTC))
        _add_units(nwb, spike_times, units or {}, unit_ids, obs_intervals, locations)
        _add_trials(nwb, trials or {})
        module = nwb.create_processing_module("behavior", "signals") if series else None
        for name, (timestamps, values) in (series or {}).items():
            module.add(
                TimeSeries(
                    name=name, data=values, unit="m/s", timestamps=timestamps, conversion=conversion
                )
            )
        with NWBHDF5IO(str(path), "w") as writer:
            writer.write(nwb)
    return path


def _add_units(
    nwb: Any,
    spike_times: Sequence[np.ndarray] | None,
    columns: Mapping[str, Sequence[Any]],
    unit_ids: Sequence[int] | None,
    obs_intervals: Sequence[np.ndarray] | None,
    locations: Sequence[str] | None,
) -> None:
    if locations is not None:
        device = nwb.create_device("array")
        for name in locations:
            group = nwb.electrode_groups.get(name) or nwb.create_electrode_group(
                name, "group", name, device
            )
            nwb.add_electrode(location=name, group=group)
    for name in columns:
        nwb.add_unit_column(name, name)
    for row, times in enumerate(spike_times or ()):
        extra: dict[str, Any] = {name: values[row] for name, values in columns.items()}
        if unit_ids is not None:
            extra["id"] = unit_ids[row]
        if obs_intervals is not None:
            extra["obs_intervals"] = obs_intervals[row]
        if locations is not None:
            extra["electrodes"] = [row]
        nwb.add_unit(spike_times=times, **extra)


def _add_trials(nwb: Any, columns: Mapping[str, Sequence[Any]]) -> None:
    for name in columns:
        if name not in ("start_time", "stop_time"):
            nwb.add_trial_column(name, name)
    for row in range(len(columns.get("start_time", ()))):
        nwb.add_trial(**{name: values[row] for name, values in columns.items()})
