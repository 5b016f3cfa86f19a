"""Does the physics help? LangevinFlow whole and with its parts taken out, on all recordings.

    python benchmarks/does_the_physics_help.py DATA_FOLDER [--out RESULTS] [--only maze_reach …]
        [--stages arms curve forward thinned condition] [--seeds 3] [--split-seed 1]

Every fit is what a user gets from `fit(train)`: validation trials among the training trials choose
the epoch and the shares of the pool, then the model is fitted again on all training trials. Folds
of 5 (those named in recordings.py), the same folds and seeds for every arm; test trials choose
nothing. Stages:

- arms: one part changed at a time; the first two with three seeds, the others with one. Where
  fits are long, of the others the published structure and smoothing alone.
- curve: 25, 50 and 100 training trials (all is the arms'), two arms and smoothing.
- forward: the last 5 or 10 bins are predicted from those before.
- thinned: every spike is kept with probability 0.5 or 0.25, in training and test trials.
- condition: each condition in turn is left out of the training trials and predicted.

Values are means over folds; intervals are 95 % bootstraps over folds, seeds and test trials,
differences are paired. Finished fits are not run again: two processes of one thread. The models of
the first stage are kept; latents_and_ensembles.py reads them.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch

from arms import ARMS, FEW, FIRST_TWO, SMOOTHING, make
from intervals import Folds, differences, folds_of, scores, shown
from recordings import BEHAVIOR, RECORDINGS
from study_data import left_out, thinned
from undertow import TrialSet
from undertow.experiments import CellResult, run_grid

SHOWN = ("co-bps", "co-bps exchanged", "psth R2", *BEHAVIOR)
CURVE = ("maze_reach", "visual_s11", "visual_s12", "delayed_reach", "prefrontal_K")
AHEAD = ("maze_reach", "delayed_reach", "visual_s11", "prefrontal_K")
LONG = ("visual_s11", "delayed_reach", "prefrontal_K", "prefrontal_B", "lorenz")
ON_LONG = (*FIRST_TWO, "published-structure", SMOOTHING)
STAGES = ("arms", "curve", "forward", "thinned", "condition")


def say(result: CellResult, done: int, total: int) -> None:
    """One line per fit."""
    outcome = result.error or f"{result.fit_s:.0f} s, validation {result.validation_score:.4f}"
    print(f"{done}/{total} {result.cell.name}: {outcome}", flush=True)


class Study:
    """Fits of arms on recordings, kept in one folder each, and their tables."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def load(self, name: str) -> TrialSet:
        """The trials of a recording."""
        return RECORDINGS[name].load(self.options.data)

    def fit(
        self, stage: str, data: Mapping[str, TrialSet], arms: list[str], seeds: int, folds: object
    ) -> list[CellResult]:
        """Fit every arm on every data set, a recording at a time."""
        cells = []
        for name, trials in data.items():
            models = {arm: make(arm) for arm in arms}
            cells += run_grid(
                models,
                {name: trials},
                self.options.out / stage,
                folds=None if folds is None else 5,
                only_folds=folds,  # type: ignore[arg-type]
                split_seed=self.options.split_seed,
                seeds=range(seeds),
                workers=self.options.workers,
                keep_models=stage == "arms",
                report=say,
            )
        return cells

    def arms(self, name: str) -> None:
        """Every arm on one recording."""
        trials, folds = {name: self.load(name)}, RECORDINGS[name].folds
        first = [arm for arm in ARMS if arm in FIRST_TWO]
        cells = self.fit("arms", trials, first, self.options.seeds, folds)
        wanted = ON_LONG if name in LONG else tuple(ARMS)
        others = [arm for arm in wanted if arm not in FIRST_TWO]
        cells += self.fit("arms", trials, others, 1, folds)
        label = RECORDINGS[name].label
        names = [*SHOWN, *([label] if label else [])]
        print(table(name, {arm: folds_of(cells, arm, name, dict(zip(names, names, strict=True)))
                           for arm in wanted}, names), flush=True)  # fmt: skip

    def curve(self, name: str) -> None:
        """Fewer training trials."""
        if name not in CURVE:
            return
        trials, folds = {name: self.load(name)}, RECORDINGS[name].folds[:3]
        found: dict[str, Folds] = {}
        for arms in FEW.values():
            cells = self.fit("curve", trials, list(arms), self.options.seeds, folds)
            found |= {arm: folds_of(cells, arm, name, dict(zip(SHOWN, SHOWN, strict=True)))
                      for arm in arms}  # fmt: skip
        for size, arms in FEW.items():
            few = {arm: found[arm] for arm in arms}
            print(table(f"{name}, {size} trials", few, ["co-bps", "psth R2"]), flush=True)

    def forward(self, name: str) -> None:
        """Bins after the last one seen."""
        if name not in AHEAD:
            return
        for bins in (5, 10):
            key = f"{name}-ahead{bins}"
            data = {key: self.load(name).replace(forward_bins=bins)}
            arms = [*FIRST_TWO, SMOOTHING]
            cells = self.fit("forward", data, arms, 1, RECORDINGS[name].folds[:3])
            found = {arm: folds_of(cells, arm, key, {"fp-bps": "fp-bps", "co-bps": "co-bps"})
                     for arm in arms}  # fmt: skip
            print(table(key, found, ["fp-bps", "co-bps"]), flush=True)

    def thinned(self, name: str) -> None:
        """Fewer spikes."""
        if name not in AHEAD:
            return
        for share in (0.5, 0.25):
            key = f"{name}-thinned{share}"
            data, arms = {key: thinned(self.load(name), share)}, [*FIRST_TWO, SMOOTHING]
            cells = self.fit("thinned", data, arms, self.options.seeds, RECORDINGS[name].folds)
            names = ["co-bps", "psth R2", *BEHAVIOR]
            found = {arm: folds_of(cells, arm, key, dict(zip(names, names, strict=True)))
                     for arm in arms}  # fmt: skip
            print(table(key, found, names), flush=True)

    def condition(self, name: str) -> None:
        """A condition that no training trial shows."""
        if name not in ("maze_reach", "delayed_reach"):
            return
        data = left_out(self.load(name), name)
        arms = [*FIRST_TWO, SMOOTHING]
        cells = self.fit("condition", data, arms, 1, None)
        names = ["co-bps", *BEHAVIOR]
        wanted = dict(zip(names, names, strict=True))
        # each condition left out is a fold
        found = {
            arm: [fold for key in data for fold in folds_of(cells, arm, key, wanted)]
            for arm in arms
        }
        print(table(f"{name}, a condition left out", found, names), flush=True)


def table(title: str, found: Mapping[str, Folds], names: list[str]) -> str:
    """Arms down, scores across; under each its paired difference from the first arm."""
    reference = next(iter(found.values()))
    values = {arm: scores(each, over_folds=True) for arm, each in found.items() if each}
    names = [name for name in names if any(name in each for each in values.values())]
    lines = [f"\n| {title} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for arm, each in found.items():
        apart = differences(each, reference, over_folds=True) if each is not reference else {}
        cells = []
        for name in names:
            cell = shown(values[arm][name]) if name in values.get(arm, {}) else "–"
            if name in apart:
                cell += f"<br>{shown(apart[name], '+')}"
            cells.append(cell)
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/physics"))
    parser.add_argument("--only", nargs="+", choices=RECORDINGS, default=list(RECORDINGS))
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split-seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    study = Study(options)
    for stage in options.stages:
        for name in options.only:
            getattr(study, stage)(name)


if __name__ == "__main__":
    main()
