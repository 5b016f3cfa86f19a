"""What it costs to see the past alone, and what of it distillation gives back.

    python benchmarks/causality.py DATA_FOLDER [--recordings maze_reach visual_s11] [--seeds 2]
        [--folds 0 1] [--out runs/causality] [--split-seed 1]

LangevinFlow as it is (whole trials), with nothing but what causality asks for changed, with a
state as wide as both directions have together (`preset("causal")`), and the same learning from a
model of whole trials beside the spikes; causal and other references. Folds of 5, those named in
recordings.py; every fit chooses on validation trials inside its training trials, test trials are
predicted once. Intervals are over folds, seeds and test trials; differences are paired, from the
first. Finished fits are not run again: two processes of one thread.
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from recordings import RECORDINGS
from undertow import compare
from undertow.baselines import GainedAverage, Smoothing, SpikeRidge
from undertow.models import LangevinFlow
from undertow.models.base import Estimator

CAUSAL: dict[str, Any] = {
    "causal": True,
    "encoder__bidirectional": False,
    "posterior__initial_s": "first",
}


def models() -> dict[str, Estimator]:
    """The rows of the table."""
    return {
        "whole trials": LangevinFlow(),
        "causal": LangevinFlow().set_params(**CAUSAL),
        "causal, wider (preset)": LangevinFlow.preset("causal"),
        "the same, distilled": LangevinFlow.preset("causal", training__distill=0.5),
        "smoothing": Smoothing(),
        "smoothing, causal": Smoothing(causal=True),
        "ridge": SpikeRidge(),
        "ridge, causal": SpikeRidge(causal=True),
        "PSTH × gain": GainedAverage(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recordings", nargs="+", default=["maze_reach", "visual_s11"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--folds", type=int, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("runs/causality"))
    parser.add_argument("--split-seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.recordings:
        recording = RECORDINGS[name]
        found = compare(
            recording.load(options.data),
            options.out / f"{name}_split{options.split_seed}",
            models(),
            seeds=range(options.seeds),
            only_folds=options.folds or recording.folds,
            split_seed=options.split_seed,
            workers=2,
            data_name=name,
        )
        print(f"## {name}\n\n{found.markdown()}\n", flush=True)


if __name__ == "__main__":
    main()
