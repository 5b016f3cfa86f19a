"""A small made recording of each set, written as its train and test part, with all that went in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.nlb.nwb_writer import (
    Signal,
    cut_test_part,
    write_area2_bump,
    write_dmfc_rsg,
    write_mc_maze,
    write_mc_rtt,
    write_test_part,
)
from undertow.nlb import nlb_set

HELDOUT = (False, True, False, False, True, False)
UNIT_IDS = (11, 12, 21, 30, 31, 44)
RATE_HZ = 30.0


@dataclass(frozen=True)
class MadePart:
    """What went into one file."""

    path: Path
    spike_times: list[np.ndarray]
    heldout: tuple[bool, ...]
    trials: dict[str, Any]
    obs_intervals: np.ndarray
    signal: Signal | None = None


@dataclass(frozen=True)
class MadeSet:
    """A set's files, in the order of their names."""

    name: str
    folder: Path
    parts: tuple[MadePart, ...]


def make_set(
    name: str, folder: Path, seed: int = 0, n_trials: int = 18, cut_short: bool = False
) -> MadeSet:
    """Write the two files of a set; 'val' trials among 'train' ones, and some of split 'none'.

    With `cut_short`, the recording ends before the forward bins and the behaviour of a trial do.
    """
    rng = np.random.default_rng(seed)
    path = folder / f"sub-Made_{name}_desc-train_behavior+ecephys.nwb"
    train = _maker(name)(path, rng, n_trials, 0.52 if cut_short else 0.85)
    test = _test_part(name, folder / f"sub-Made_{name}_desc-test_ecephys.nwb", train, rng)
    return MadeSet(name, folder, (test, train))


def _maker(name: str) -> Callable[[Path, np.random.Generator, int, float], MadePart]:
    special = {"mc_rtt": _rtt, "area2_bump": _bump, "dmfc_rsg": _rsg}
    return special.get(name, _maze)


def _splits(rng: np.random.Generator, n_trials: int) -> list[str]:
    """A quarter 'val', the last two 'none'."""
    return [
        *rng.permutation(np.where(np.arange(n_trials - 2) % 4 == 0, "val", "train")).tolist(),
        "none",
        "none",
    ]


def _spikes(rng: np.random.Generator, stop_s: float) -> list[np.ndarray]:
    """Random trains, half of the spikes on whole milliseconds; also where nothing is observed."""
    trains = []
    for _ in HELDOUT:
        times = np.sort(rng.uniform(0, stop_s, rng.poisson(RATE_HZ * stop_s)))
        trains.append(
            np.sort(np.where(rng.random(times.size) < 0.5, np.round(times, 3), np.round(times, 5)))
        )
    return [times[times < stop_s] for times in trains]


def _velocity(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """A smooth random velocity with a little noise, (samples, 2)."""
    phase, frequency = rng.uniform(0, 2 * np.pi, (4, 2)), rng.uniform(0.3, 6.0, (4, 2))
    waves = np.sin(2 * np.pi * frequency * times[:, None, None] + phase).sum(axis=1)
    return 100 * waves + rng.normal(size=(len(times), 2))


def _samples(intervals: np.ndarray) -> np.ndarray:
    """Milliseconds within intervals, as times in seconds."""
    pieces = [
        np.arange(np.ceil(np.round(a * 1e3, 6)), np.floor(np.round(b * 1e3, 6)))
        for a, b in intervals
    ]
    return np.concatenate(pieces) / 1000


def _maze(path: Path, rng: np.random.Generator, n_trials: int, after_s: float) -> MadePart:
    """Trials observed one by one, with gaps between some of them."""
    lengths = np.round(rng.uniform(1.9, 2.3, n_trials), 3)
    lengths[6] = 1.0 + after_s
    gaps = np.where(
        np.arange(n_trials) % 3 == 0, np.round(rng.uniform(0.01, 0.3, n_trials), 3), 0.0
    )
    starts = np.round(0.1 + np.cumsum(np.append(0, (lengths + gaps)[:-1])), 3)
    onsets = np.round(starts + 0.95 + rng.uniform(0, 0.05, n_trials), 4)
    onsets[::5] = np.round(onsets[::5], 2)  # some on the grid of bins
    trials = {
        "start_time": starts,
        "stop_time": np.round(starts + lengths, 3),
        "move_onset_time": onsets,
        "split": _splits(rng, n_trials),
        "trial_type": rng.integers(1, 4, n_trials),
        "trial_version": rng.integers(0, 2, n_trials),
    }
    observed = np.stack([trials["start_time"], trials["stop_time"]], axis=1)
    times = _samples(observed)
    signal = (times, _velocity(rng, times))
    spikes = _spikes(rng, observed.max())
    write_mc_maze(path, spikes, trials, signal, HELDOUT, unit_ids=UNIT_IDS)
    return MadePart(path, spikes, HELDOUT, trials, observed, signal)


def _rtt(path: Path, rng: np.random.Generator, n_trials: int, after_s: float) -> MadePart:
    """Trials of 600 ms side by side in two stretches."""
    half = n_trials // 2
    edges = [
        np.round(begin + 0.6 * np.arange(count), 4)
        for begin, count in ((0.0, half), (20.3, n_trials - half))
    ]
    starts = np.concatenate(edges)
    observed = np.array([[0.0, edges[0][-1] + 0.1 + after_s], [20.3, edges[1][-1] + 0.1 + after_s]])
    split = [*_splits(rng, n_trials + 2)[: n_trials - 1], "train"]
    trials = {"start_time": starts, "stop_time": np.round(starts + 0.6, 4), "split": split}
    times = _samples(observed)
    signal = (times, _velocity(rng, times))
    spikes = _spikes(rng, observed.max())
    write_mc_rtt(path, spikes, trials, signal, HELDOUT, observed, UNIT_IDS)
    return MadePart(path, spikes, HELDOUT, trials, observed, signal)


def _bump(path: Path, rng: np.random.Generator, n_trials: int, after_s: float) -> MadePart:
    """Active and passive trials; two pairs of the same condition so close that PSTH windows run
    into each other."""
    onsets = np.round(1.0 + 1.7 * np.arange(n_trials) + rng.uniform(0, 0.3, n_trials), 4)
    split = _splits(rng, n_trials)
    direction, passive = (
        90.0 * rng.integers(0, 2, n_trials),
        rng.integers(0, 2, n_trials).astype(bool),
    )
    for first, gap_s in ((2, 0.55), (8, 0.3)):
        split[first : first + 2] = ["train", "val"]
        onsets[first + 1] = np.round(onsets[first] + gap_s, 4)
        direction[first + 1], passive[first + 1] = direction[first], passive[first]
    trials = {
        "start_time": np.round(onsets - 0.15, 4),
        "stop_time": np.round(onsets + 0.9, 4),
        "move_onset_time": np.where(np.array(split) == "none", np.nan, onsets),
        "split": split,
        "cond_dir": direction,
        "ctr_hold_bump": passive,
    }
    times = np.arange(round(1000 * (onsets[-1] + 1.5))) / 1000
    observed = np.array([[0.0, onsets[12] + after_s], [onsets[13] - 0.3, times.size / 1000]])
    values = _velocity(rng, times)
    values[(times >= observed[0, 1]) & (times < observed[1, 0])] = np.nan
    spikes = _spikes(rng, observed.max())
    write_area2_bump(path, spikes, trials, (times, values), HELDOUT, observed, UNIT_IDS)
    return MadePart(path, spikes, HELDOUT, trials, observed, (times, values))


def _rsg(path: Path, rng: np.random.Generator, n_trials: int, after_s: float) -> MadePart:
    """Intervals produced from 0.7 to 1.4 s, one longer than the window, one far too short, some
    outliers."""
    produced = np.round(rng.uniform(900, 1400, n_trials), 1)
    produced[[1, 4]] = 1620.0, 500.0
    starts = np.round(0.2 + 4.0 * np.arange(n_trials) + rng.uniform(0, 0.2, n_trials), 4)
    sets = np.round(starts + 1.3 + rng.uniform(0, 0.1, n_trials), 4)
    goes = np.round(sets + produced / 1000, 4)
    split = _splits(rng, n_trials)
    bad = np.array(split) == "none"
    short = rng.integers(0, 2, n_trials).astype(bool)
    trials = {
        "start_time": starts,
        "stop_time": np.round(starts + 3.7, 4),
        "set_time": sets,
        "go_time": np.where(bad, np.nan, goes),
        "split": split,
        "is_eye": rng.integers(0, 2, n_trials).astype(bool),
        "theta": np.zeros(n_trials),
        "is_short": short,
        "ts": np.where(short, 640.0, 1200.0),
        "tp": np.where(bad, np.nan, produced),
        "is_outlier": np.arange(n_trials) % 7 == 3,
    }
    observed = np.array(
        [[0.0, goes[6] + after_s - 0.5], [starts[7], trials["stop_time"][-1] + 0.5]]
    )
    spikes = _spikes(rng, observed.max())
    write_dmfc_rsg(path, spikes, trials, HELDOUT, observed, UNIT_IDS)
    return MadePart(path, spikes, HELDOUT, trials, observed)


def _test_part(name: str, path: Path, train: MadePart, rng: np.random.Generator) -> MadePart:
    """Windows of held-in units around random events of the same recording."""
    entry = nlb_set(name)
    window_s = (entry.window_ms[0] / 1000, entry.window_ms[1] / 1000)
    last = float(train.obs_intervals.max())
    events = np.round(np.sort(rng.uniform(2.0, last - 2.0, 7)), 3)
    heldin = _kept(train.spike_times, False)
    spikes, trials = cut_test_part(heldin, events, window_s, entry.align)
    write_test_part(path, spikes, trials, _kept(UNIT_IDS, False))
    observed = np.stack([trials["start_time"], trials["stop_time"]], axis=1)
    return MadePart(path, spikes, (False,) * len(spikes), trials, observed)


def _kept(values: Sequence[Any], heldout: bool) -> list[Any]:
    return [value for value, mask in zip(values, HELDOUT, strict=True) if mask == heldout]
