"""The recordings that the latent SDE and its rivals generate; the files are not part of this
project.

- maze_reach: macaque motor cortex, 129 trials of 0.5 s, 162 neurons, 20 ms bins; hand velocity is
  predicted too; 0.1 s are seen.
- visual_decision: mouse, session 11, 342 trials of 0.4 s, the neurons of four regions above 1
  spike/s, 10 ms bins; the contrasts of both sides are the input, constant over the trial; 0.05 s
  are seen.
- visual_side: the same, with time as the input; which side has the higher contrast is predicted.
- prefrontal: macaque area 8A, 399 trials, the 1.5 s from the cue on, 129 neurons, 30 ms bins;
  which of four cues it was is predicted; 0.3 s are seen.

Time is the input where no other is named. Steps span two bins on the last three, as in the paper,
but for recurrent networks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recordings import REGIONS
from undertow import TrialSet

SIDES = np.array(["left", "neither", "right"])
CUE_ON, CUE_OFF = 50, 100  # bins of the file


def maze_reach(folder: Path) -> TrialSet:
    """129 trials of 0.5 s, 162 neurons, hand velocity, 9 conditions."""
    return TrialSet.from_npz(folder / "maze_reach_5ms.npz", bin_s=0.02, behavior="hand_vel")


def visual_decision(folder: Path) -> TrialSet:
    """342 trials of 0.4 s, the neurons of four regions above 1 spike/s, contrasts, feedback."""
    trials = TrialSet.from_npz(
        folder / "visual_decision_s11_10ms.npz",
        condition="feedback",
        label="feedback",
        stimulus=("contrast_left", "contrast_right"),
    )
    return trials.select(neurons=(trials.mean_rates > 1) & np.isin(trials.region, REGIONS))


def visual_side(folder: Path) -> TrialSet:
    """The same, labelled by the side of higher contrast; the pair of contrasts is the condition."""
    trials = visual_decision(folder)
    left, right = trials.stimulus[:, 0].T
    pair = np.array([f"{a:g} {b:g}" for a, b in zip(left, right, strict=True)])
    side = SIDES[1 + np.sign(right - left).astype(int)]
    return trials.replace(stimulus=None, condition=pair, labels={"side": side})


def prefrontal(folder: Path) -> TrialSet:
    """399 trials of 1.5 s from the cue on, 129 neurons, four cues."""
    trials = TrialSet.from_npz(folder / "prefrontal_K070217_30ms.npz", condition="cue", label="cue")
    return trials.select(time=slice(CUE_ON, CUE_OFF))


SPIKES = {"generated bps": "bits per spike"}


def label_scores(name: str) -> dict[str, str]:
    """Of a label: which scores are shown, and what a table calls them."""
    return SPIKES | {
        f"predicted accuracy {name}": f"{name} right, all seen",
        f"predicted log-loss {name}": f"log-loss of {name}, all seen",
        f"generated accuracy {name}": f"{name} right, start seen",
    }


@dataclass(frozen=True)
class Protocol:
    """How a recording is read, and what all its models share.

    Attributes:
        load: folder → trials.
        seen_s: seconds from which trials are generated.
        dim: width of the state where it is not a recurrent network's.
        steps: optimiser steps of a fit.
        on_all: learn from all training trials to the last step, choosing nothing; else from 85 %
            of them, the step chosen by generation on the others.
        settings: of `LatentSDE`.
        scores: what is shown, and what the table calls it.
        arrangements: how states are dealt out to regions, beside one that all share.
        bins_per_step: of the solver.
        time: whether time is the input.
    """

    load: Callable[[Path], TrialSet]
    seen_s: float
    dim: int
    steps: int
    on_all: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, str] = field(default_factory=lambda: SPIKES)
    arrangements: tuple[str, ...] = ()
    bins_per_step: float = 2.0
    time: bool = True

    def seen_bins(self, trials: TrialSet) -> int:
        """How many bins those seconds are."""
        return round(self.seen_s / trials.bin_s)


RECORDINGS = {
    "maze_reach": Protocol(
        maze_reach,
        0.1,
        16,
        1500,
        on_all=True,
        scores=SPIKES | {"generated behavior R2": "velocity R²"},
        bins_per_step=1.0,
    ),
    "visual_decision": Protocol(
        visual_decision,
        0.05,
        32,
        600,
        settings={"signals__labels": ()},
        arrangements=("split", "shared+split"),
        time=False,
    ),
    "visual_side": Protocol(visual_side, 0.05, 32, 600, scores=label_scores("side")),
    "prefrontal": Protocol(prefrontal, 0.3, 16, 600, scores=label_scores("cue")),
}
