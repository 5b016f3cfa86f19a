"""LangevinFlow, the same model without latents, and smoothing on maze_reach: co-smoothing and velocity decoding.

    python benchmarks/maze_reach.py DATA_FOLDER [--out RESULTS] [--seeds 3] [--workers 2]

20 ms bins; 40 neurons held out by `numpy.random.default_rng(0).permutation(162)[:40]`; 5 folds by
`StratifiedKFold(5, shuffle=True, random_state=0)`. In each fold 15 % of the training trials are kept for validation;
on these, with seed 0, each model's dropout is chosen by the score at the end of training; then each seed is fitted on
all training trials for as many epochs. Test trials choose nothing. Finished fits are not run again.
"""

import argparse
from pathlib import Path

from undertow import LangevinFlow, Smoothing, TrialSet
from undertow.experiments import CellResult, run_grid, score_table
from undertow.training import Training

DROPOUTS = (0.35, 0.5)
ARMS = {"langevin-flow": {}, "no-latents": {"latents": False}}
SHOWN = ("co-bps", "velocity R2 log-rate", "velocity R2", "psth R2")


def load_trials(folder: Path) -> TrialSet:
    """The recording under the protocol."""
    return TrialSet.from_npz(folder / "maze_reach_5ms.npz", bin_s=0.02).hold_out(40, seed=0)


def say(result: CellResult, done: int, total: int) -> None:
    """One line per fit; what is chosen on is the validation score."""
    outcome = result.error or f"validation {result.validation_score:.4f} ({result.fit_s:.0f} s)"
    print(f"{done}/{total} {result.cell.name}: {outcome}", flush=True)


def choose_dropout(trials: TrialSet, arm: str, out: Path, workers: int) -> list[float]:
    """For each fold the dropout that validates best with seed 0."""
    training = Training(keep="last")
    models = {f"{arm}-dropout{d}": LangevinFlow(dropout=d, training=training, **ARMS[arm]) for d in DROPOUTS}
    cells = run_grid(models, {"maze": trials}, out / "choice", folds=5, workers=workers, report=say)
    scores: dict[int, dict[float, float]] = {}
    for cell, dropout in zip(cells, [d for d in DROPOUTS for _ in range(5)], strict=True):
        scores.setdefault(cell.cell.fold, {})[dropout] = cell.validation_score
    return [max(fold, key=fold.get) for _, fold in sorted(scores.items())]


def fit_arm(trials: TrialSet, arm: str, out: Path, seeds: int, workers: int) -> list[list[CellResult]]:
    """Fold → seed → result, with the dropout chosen for each fold."""
    chosen = choose_dropout(trials, arm, out, workers)
    print(f"{arm}: dropout by fold {chosen}")
    found: dict[int, list[CellResult]] = {}
    for dropout in sorted(set(chosen)):
        model = LangevinFlow(dropout=dropout, training=Training(keep="last", refit=True), **ARMS[arm])
        folds = [k for k, d in enumerate(chosen) if d == dropout]
        for cell in run_grid(
            {arm: model}, {"maze": trials}, out / "final", folds=5, seeds=range(seeds), workers=workers,
            only_folds=folds, report=say,
        ):  # fmt: skip
            found.setdefault(cell.cell.fold, []).append(cell)
    return [cells for _, cells in sorted(found.items())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/maze_reach"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    trials = load_trials(options.data)
    results = {arm: fit_arm(trials, arm, options.out, options.seeds, options.workers) for arm in ARMS}
    smoothing = run_grid(
        {"smoothing": Smoothing()}, {"maze": trials}, options.out / "final", folds=5, report=say
    )
    results["smoothing"] = [[cell] for cell in smoothing]
    statistics = {arm: [[c.statistics() for c in fold] for fold in folds] for arm, folds in results.items()}
    statistics["smoothing"] = [fold * options.seeds for fold in statistics["smoothing"]]
    for other in ("no-latents", "smoothing"):
        table = score_table({"langevin-flow": statistics["langevin-flow"], other: statistics[other]})
        for name in SHOWN:
            for model, scores in table.scores.items():
                print(
                    f"{name:22s} {model:14s} {scores[name]}  sd over folds {scores[name].std_over_folds:.3f}"
                )
            print(f"{name:22s} difference     {table.differences[name]}")
    for arm, folds in results.items():
        seconds = [cell.fit_s for fold in folds for cell in fold]
        print(f"{arm}: {min(seconds):.0f} to {max(seconds):.0f} s a fit")


if __name__ == "__main__":
    main()
