"""The recordings of the studies, under one protocol each; the files are not part of this
project."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from undertow import TrialSet, simulate_lorenz

REGIONS = ("MOp", "CP", "LSc", "PT")


@dataclass(frozen=True)
class Protocol:
    """How a recording is read and how long a model trains on it.

    Attributes:
        load: folder → trials, held-out neurons marked.
        epochs: passes over the training trials, of every arm but the preset's.
        behavior: the score of behaviour that is shown: hand velocity, or the accuracy of a label.
        folds: of the five, those that are fitted.
        arms: those that are fitted; empty for all.
        dropouts: to choose from on fold 0.
        released_epochs: those of the preset `released`; three times the others' where zero.
    """

    load: Callable[[Path], TrialSet]
    epochs: int
    behavior: str = ""
    folds: tuple[int, ...] = (0, 1, 2, 3, 4)
    arms: tuple[str, ...] = ()
    dropouts: tuple[float, ...] = (0.05, 0.2, 0.35)
    released_epochs: int = 0


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


def visual_decision(folder: Path) -> TrialSet:
    """Mouse, session 11, neurons of four regions above 1 spike/s, 0.4 s from stimulus onset in 20
    ms bins."""
    trials = TrialSet.from_npz(
        folder / "visual_decision_s11_10ms.npz", bin_s=0.02, condition="feedback", label="feedback"
    )
    fast = np.nanmean(trials.spikes, axis=(0, 1)) / trials.bin_s > 1
    trials = trials.select(neurons=fast & np.isin(trials.region, REGIONS))
    return trials.hold_out(trials.n_neurons // 4, seed=0)


def prefrontal(folder: Path) -> TrialSet:
    """Macaque area 8A, 399 trials, the 3 s around the cue in 30 ms bins, 129 neurons, a quarter
    held out."""
    trials = TrialSet.from_npz(folder / "prefrontal_K070217_30ms.npz", condition="cue", label="cue")
    trials = trials.select(time=slice(0, 100))
    return trials.hold_out(trials.n_neurons // 4, seed=0)


def lorenz(folder: Path) -> TrialSet:
    """The default Lorenz set, 1300 trials of 1 s, 30 neurons at 7 spikes/s, 8 held out; the folder
    is not read."""
    trials = simulate_lorenz()
    return replace(trials, split=None).hold_out(8, seed=0)


RECORDINGS = {
    "maze_reach": Protocol(maze_reach, 200, "velocity R2 log-rate"),
    "delayed_reach": Protocol(
        delayed_reach,
        150,
        "label accuracy target",
        (0, 1, 2),
        dropouts=(0.05, 0.2),
        released_epochs=150,
    ),
    "visual_decision": Protocol(
        visual_decision,
        250,
        "label accuracy feedback",
        (0, 1, 2),
        dropouts=(0.05, 0.2),
        released_epochs=300,
    ),
    "prefrontal": Protocol(prefrontal, 60, "label accuracy cue", (0, 1), dropouts=(0.2,)),
    "maze_reach_5ms": Protocol(
        partial(maze_reach, bin_s=0.005),
        200,
        "velocity R2 log-rate",
        arms=("full",),
        dropouts=(0.35,),
    ),
    "lorenz": Protocol(lorenz, 20, folds=(0,), dropouts=(0.05,)),
}
"""Fewer folds and dropouts where a fit takes longer; all of them are a matter of an hour or two
more."""
