"""NWB files in the structure of the benchmark's sets: columns, series, splits, held-out units,
observed intervals.

Each set is published as a train part (training and validation trials, all units, behaviour) and a
test part (windows of trials cut out and laid side by side, held-in units alone, no behaviour).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

Columns = Mapping[str, Sequence[Any] | np.ndarray]
Signal = tuple[np.ndarray, np.ndarray]
"""Sample times in seconds, (samples,), and values, (samples, channels)."""
TEST_GAP_S = 0.1


@dataclass(frozen=True)
class Series:
    """A time series of a file; on a regular grid where `rate` is given."""

    name: str
    signal: Signal
    unit: str
    conversion: float = 1.0
    rate: float | None = None


def write_mc_maze(
    path: Path,
    spike_times: Sequence[np.ndarray],
    trials: Columns,
    hand_vel: Signal,
    heldout: Sequence[bool],
    obs_intervals: np.ndarray | None = None,
    unit_ids: Sequence[int] | None = None,
) -> Path:
    """Write the train part of MC_Maze or a set of its family.

    Args:
        path: the file to write.
        spike_times: of each unit, in seconds.
        trials: start_time, stop_time, move_onset_time, split, trial_type and trial_version; others
            are filled in.
        hand_vel: times in seconds and velocity in mm/s, (samples, 2).
        heldout: whether each unit is held out.
        obs_intervals: (n, 2) in seconds; by default the trials.
        unit_ids: 1, 2, … by default.
    """
    onset, n_trials = np.asarray(trials["move_onset_time"]), len(trials["start_time"])
    filled = {
        "target_on_time": onset - 0.9,
        "go_cue_time": onset - 0.3,
        "rt": np.full(n_trials, 300),
        "delay": np.full(n_trials, 600),
        "num_targets": np.ones(n_trials, int),
        "num_barriers": np.zeros(n_trials, int),
        "active_target": np.zeros(n_trials, int),
        "success": np.ones(n_trials, bool),
        "maze_id": np.asarray(trials["trial_type"]),
        "target_pos": [np.array([[100, -20]])] * n_trials,
        **trials,
    }
    position = (hand_vel[0], np.cumsum(np.nan_to_num(hand_vel[1]), axis=0) * 1e-3)
    series = [
        Series("hand_pos", position, "m", 1e-3),
        Series("cursor_pos", position, "m", 1e-3),
        Series("hand_vel", hand_vel, "m/s", 1e-3),
    ]
    if obs_intervals is None:
        obs_intervals = np.stack([trials["start_time"], trials["stop_time"]], axis=1)
    return write_part(path, spike_times, filled, heldout, obs_intervals, series, unit_ids)


def write_mc_rtt(
    path: Path,
    spike_times: Sequence[np.ndarray],
    trials: Columns,
    finger_vel: Signal,
    heldout: Sequence[bool],
    obs_intervals: np.ndarray,
    unit_ids: Sequence[int] | None = None,
) -> Path:
    """Write the train part of MC_RTT; trials: start_time, stop_time, split; velocity in mm/s,
    (samples, 2)."""
    times, velocity = finger_vel
    position = np.cumsum(np.nan_to_num(velocity), axis=0) * 1e-3
    series = [
        Series("finger_pos", (times, np.pad(position, ((0, 0), (0, 1)))), "m", 1e-3),
        Series("finger_vel", finger_vel, "m/s", 1e-3),
        Series("target_pos", (times, np.round(position)), "m", 1e-3),
    ]
    return write_part(path, spike_times, trials, heldout, obs_intervals, series, unit_ids)


def write_area2_bump(
    path: Path,
    spike_times: Sequence[np.ndarray],
    trials: Columns,
    hand_vel: Signal,
    heldout: Sequence[bool],
    obs_intervals: np.ndarray,
    unit_ids: Sequence[int] | None = None,
) -> Path:
    """Write the train part of Area2_Bump.

    Trials: start_time, stop_time, move_onset_time, split, cond_dir and ctr_hold_bump; velocity in
        cm/s, sampled
    regularly at 1 kHz, (samples, 2).
    """
    onset, passive = (
        np.asarray(trials["move_onset_time"]),
        np.asarray(trials["ctr_hold_bump"], bool),
    )
    direction = np.asarray(trials["cond_dir"], float)
    filled = {
        "ctr_hold": np.full(len(onset), 0.5),
        "bump_time": np.where(passive, onset, np.nan),
        "bump_dir": np.where(passive, direction, np.nan),
        "target_dir": np.where(passive, np.nan, direction),
        "target_on_time": onset - 0.2,
        "go_cue_time": onset - 0.1,
        "result": ["R"] * len(onset),
        **trials,
    }
    series = [
        Series("force", (hand_vel[0], np.zeros((len(hand_vel[0]), 6))), "N", rate=1000.0),
        Series("hand_vel", hand_vel, "m/s", 1e-2, rate=1000.0),
    ]
    return write_part(path, spike_times, filled, heldout, obs_intervals, series, unit_ids)


def write_dmfc_rsg(
    path: Path,
    spike_times: Sequence[np.ndarray],
    trials: Columns,
    heldout: Sequence[bool],
    obs_intervals: np.ndarray,
    unit_ids: Sequence[int] | None = None,
) -> Path:
    """Write the train part of DMFC_RSG; it has no time series.

    Trials: start_time, stop_time, set_time, go_time, split, is_eye, theta, is_short, ts, tp (ms)
        and is_outlier.
    """
    set_time = np.asarray(trials["set_time"])
    filled = {
        "ready_time": set_time - np.asarray(trials["ts"]) / 1000,
        "target_on_time": set_time - 1.5,
        "reward_time": np.asarray(trials["go_time"]) + 0.1,
        "bad_time": np.full(len(set_time), np.nan),
        "iti": np.where(trials["is_short"], 500.0, 1220.0),
        **trials,
    }
    return write_part(path, spike_times, filled, heldout, obs_intervals, (), unit_ids)


def cut_test_part(
    spike_times: Sequence[np.ndarray], events: np.ndarray, window_s: tuple[float, float], align: str
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Cut windows around events and lay them side by side, as test parts are: spike times and
    trials."""
    length = window_s[1] - window_s[0]
    starts = np.round(np.arange(len(events)) * (length + TEST_GAP_S), 6)
    shifts = starts - (np.asarray(events) + window_s[0])
    moved = []
    for times in spike_times:
        inside = [
            times[(times >= s - d) & (times < s - d + length)] + d
            for s, d in zip(starts, shifts, strict=True)
        ]
        moved.append(np.round(np.concatenate(inside), 6))
    trials = {
        "start_time": starts,
        "stop_time": np.round(starts + length, 6),
        "split": ["test"] * len(events),
    }
    return moved, {**trials, align: np.round(starts - window_s[0], 6)}


def write_test_part(
    path: Path,
    spike_times: Sequence[np.ndarray],
    trials: Columns,
    unit_ids: Sequence[int] | None = None,
) -> Path:
    """Write the test part of any set: held-in units, observed during the trials; start, stop, event
    and split alone."""
    intervals = np.stack([trials["start_time"], trials["stop_time"]], axis=1)
    return write_part(
        path, spike_times, trials, [False] * len(spike_times), intervals, (), unit_ids
    )


def write_part(
    path: Path,
    spike_times: Sequence[np.ndarray],
    trials: Columns,
    heldout: Sequence[bool] | None,
    obs_intervals: np.ndarray | None,
    series: Sequence[Series] = (),
    unit_ids: Sequence[int] | None = None,
) -> Path:
    """Write one file; a column of arrays becomes a ragged one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the writer's warnings are not under test
        from pynwb import NWBHDF5IO, NWBFile

        nwb = NWBFile("made for a test", path.stem, datetime(2024, 1, 1, tzinfo=UTC))
        _add_units(nwb, spike_times, heldout, obs_intervals, unit_ids)
        _add_trials(nwb, trials)
        _add_series(nwb, series)
        with NWBHDF5IO(str(path), "w") as writer:
            writer.write(nwb)
    return path


def _add_units(
    nwb: Any,
    spike_times: Sequence[np.ndarray],
    heldout: Sequence[bool] | None,
    obs_intervals: np.ndarray | None,
    unit_ids: Sequence[int] | None,
) -> None:
    if heldout is not None:
        nwb.add_unit_column("heldout", "held out in the test part")
    for row, times in enumerate(spike_times):
        fields: dict[str, Any] = {"id": row + 1 if unit_ids is None else int(unit_ids[row])}
        if heldout is not None:
            fields["heldout"] = bool(heldout[row])
        if obs_intervals is not None:
            fields["obs_intervals"] = obs_intervals
        nwb.add_unit(spike_times=times, **fields)


def _add_trials(nwb: Any, trials: Columns) -> None:
    for name, values in trials.items():
        if name not in ("start_time", "stop_time"):
            nwb.add_trial_column(name, name, index=np.ndim(values[0]) > 0)
    for row in range(len(trials["start_time"])):
        nwb.add_trial(**{name: values[row] for name, values in trials.items()})


def _add_series(nwb: Any, series: Sequence[Series]) -> None:
    from pynwb import TimeSeries

    module = nwb.create_processing_module("behavior", "behaviour") if series else None
    for each in series:
        times, values = each.signal
        clock = (
            {"timestamps": times}
            if each.rate is None
            else {"rate": each.rate, "starting_time": float(times[0])}
        )
        module.add(
            TimeSeries(
                name=each.name, data=values, unit=each.unit, conversion=each.conversion, **clock
            )
        )
