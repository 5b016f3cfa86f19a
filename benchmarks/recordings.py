"""The recordings of the studies, each read in one way; the files are not part of this project."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from undertow import TrialSet, load, simulate_lorenz
from undertow.systems import RateNetwork

REGIONS = ("MOp", "CP", "LSc", "PT")
BEHAVIOR = ("velocity R2 log-rate", "velocity R2", "rate R2")


@dataclass(frozen=True)
class Protocol:
    """How a recording is read and which of its folds are fitted.

    Attributes:
        load: folder → trials, held-out neurons marked.
        folds: of the five, those that are fitted; fewer where a fit takes long.
        label: score of the label that is shown.
    """

    load: Callable[[Path], TrialSet]
    folds: tuple[int, ...] = (0, 1, 2)
    label: str = ""


def maze_reach(folder: Path, bin_s: float = 0.02) -> TrialSet:
    """Macaque motor cortex, 129 trials of 0.5 s, 162 neurons, 40 held out."""
    return TrialSet.from_npz(folder / "maze_reach_5ms.npz", bin_s=bin_s).hold_out(40, seed=0)


def delayed_reach(folder: Path) -> TrialSet:
    """Macaque premotor cortex, the plan period, 728 trials of 0.7 s to 8 targets, 97 neurons, a
    quarter held out."""
    trials = TrialSet.from_npz(
        folder / "delayed_reach_plan_1ms.npz", bin_s=0.02, condition="target", label="target"
    )
    return trials.hold_out(trials.n_neurons // 4, seed=0)


def visual_decision(folder: Path, session: str = "s11") -> TrialSet:
    """Mouse, neurons above 1 spike/s (of session s11 those of four regions), 0.4 s from stimulus
    onset in 20 ms bins, a quarter held out."""
    trials = TrialSet.from_npz(
        folder / f"visual_decision_{session}_10ms.npz",
        bin_s=0.02,
        condition="feedback",
        label="feedback",
    )
    shown = np.nanmean(trials.spikes, axis=(0, 1)) / trials.bin_s > 1
    if session == "s11":
        shown &= np.isin(trials.region, REGIONS)
    trials = trials.select(neurons=shown)
    return trials.hold_out(trials.n_neurons // 4, seed=0)


def prefrontal(folder: Path, session: str = "K070217") -> TrialSet:
    """Macaque area 8A, the 3 s around the cue in 30 ms bins, a quarter of the neurons held out."""
    trials = TrialSet.from_npz(
        folder / f"prefrontal_{session}_30ms.npz", condition="cue", label="cue"
    )
    trials = trials.select(time=slice(0, 100))
    return trials.hold_out(trials.n_neurons // 4, seed=0)


def lorenz(folder: Path) -> TrialSet:
    """The default Lorenz set, 1300 trials of 1 s, 30 neurons at 7 spikes/s, 8 held out; the folder
    is not read."""
    trials = simulate_lorenz()
    return replace(trials, split=None).hold_out(8, seed=0)


def lorenz_sparse(folder: Path) -> TrialSet:
    """A Lorenz file in the LFADS layout, its own split left aside, a quarter of the neurons held
    out."""
    trials = replace(load(folder / "lorenz_10ms.h5"), split=None)
    return trials.hold_out(trials.n_neurons // 4, seed=0)


def rate_network(folder: Path) -> TrialSet:
    """A noisy rate network (ElGazzar & van Gerven, eq. 13) at σ = 1, 300 trials of 1 s, 50 neurons,
    10 held out, with its input; the folder is not read."""
    return RateNetwork.random(noise=1.0, seed=0).simulate(300, seed=0).hold_out(10, seed=0)


RECORDINGS = {
    "maze_reach": Protocol(maze_reach, (0, 1, 2, 3, 4)),
    "visual_s01": Protocol(
        partial(visual_decision, session="s01"), (0, 1, 2, 3, 4), "label accuracy feedback"
    ),
    "visual_s11": Protocol(visual_decision, label="label accuracy feedback"),
    "visual_s12": Protocol(
        partial(visual_decision, session="s12"), label="label accuracy feedback"
    ),
    "delayed_reach": Protocol(delayed_reach, label="label accuracy target"),
    "prefrontal_K": Protocol(prefrontal, (0, 1), "label accuracy cue"),
    "prefrontal_B": Protocol(partial(prefrontal, session="B040917"), (0, 1), "label accuracy cue"),
    "lorenz": Protocol(lorenz, (0,)),
}
MADE = {
    "lorenz_sparse": Protocol(lorenz_sparse, (0, 1, 2)),
    "rate_network": Protocol(rate_network, (0, 1, 2)),
}
"""Further sets whose true rates are known."""


def maze_halves(folder: Path) -> dict[str, TrialSet]:
    """maze_reach as two sessions: half of the neurons in half of the trials, the other half in the
    others, of each condition alike; 20 held out of each."""
    trials = TrialSet.from_npz(folder / "maze_reach_5ms.npz", bin_s=0.02)
    assert trials.condition is not None
    rng = np.random.default_rng(0)
    order, rows = rng.permutation(trials.n_neurons), np.zeros(trials.n_trials, bool)
    for name in np.unique(trials.condition):
        own = rng.permutation(np.flatnonzero(trials.condition == name))
        rows[own[: len(own) // 2]] = True
    halves = np.array_split(order, 2)
    return {
        name: trials.select(chosen, neurons=np.sort(neurons)).hold_out(20, seed=0)
        for name, neurons, chosen in zip("ab", halves, (rows, ~rows), strict=True)
    }


def prefrontal_pair(folder: Path) -> dict[str, TrialSet]:
    """Sessions of two animals in one task."""
    return {name: prefrontal(folder, name) for name in ("K070217", "B040917")}


def visual_three(folder: Path) -> dict[str, TrialSet]:
    """Sessions of two animals in one task."""
    return {name: visual_decision(folder, name) for name in ("s01", "s11", "s12")}


GROUPS = {
    "maze_halves": maze_halves,
    "prefrontal": prefrontal_pair,
    "visual": visual_three,
}
"""Recordings that are sessions of one joint model: name → folder → trials of each."""
