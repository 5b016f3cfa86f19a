"""What sessions gain from one model: joint fits beside single ones, and decoders that transfer.

    python benchmarks/sessions.py DATA_FOLDER [--groups maze_halves prefrontal visual]
        [--model langevin-flow] [--rows single joint adapted ...] [--folds 0 1 2 3 4] [--seeds 2]
        [--out runs/sessions] [--split-seed 1] [--table]

Of each group of recordings (see recordings.py) and each fold of 5, every row is fitted on the
training trials of the fold, makes its choices on validation trials inside them, and predicts the
test trials once:

- single: each session by itself, at the model's default.
- single, read-in: the same with the read-in of 64 channels that joint models have.
- joint: all sessions together (`JointModel`).
- adapted: the other sessions together, and then the session's own layers (`JointModel.adapt`).
- smoothing, ridge, PSTH × gain: references.
- aligned channels: what read-ins start at, the spikes of single bins regressed on what condition
  averages have in common, smoothed by 40 ms; of these only velocity is decoded.

Velocity is decoded from latents by ridge regression, learned in one session and tested in another.
Intervals are over folds, seeds and test trials; differences from 'single' are paired. Finished
fits are not run again, and `--table` fits none: run two processes of one thread, with other folds.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from intervals import differences, scores, shown
from recordings import GROUPS
from undertow.baselines import GainedAverage, Smoothing, SpikeRidge
from undertow.data import Prediction, Splits, TrialSet, fold_splits, join_trials
from undertow.evaluation import (
    Statistic,
    load_statistics,
    save_statistics,
    sufficient_statistics,
    transfer_statistic,
    velocity_channels,
)
from undertow.experiments.fitting import train_prediction
from undertow.models import JointModel
from undertow.models.base import Estimator
from undertow.models.joint.alignment import SMOOTHING_S, Alignment
from undertow.models.loading import model_class

Parts = Mapping[str, Splits]
Fitted = dict[str, Mapping[str, Estimator]]
"""Session → the models of all sessions that its own model was fitted with, or beside."""
SHOWN = ("co-bps", "velocity R2", "velocity R2 log-rate", "psth R2")
ALIGNED = "aligned channels"


def learned(parts: Splits) -> TrialSet:
    """The trials that a fit sees."""
    return join_trials(parts.train, parts.validation)


def single(model: Estimator, parts: Parts) -> Fitted:
    """Each session by itself."""
    models = {
        name: model.copy().fit(each.train, each.validation, verbose=False)
        for name, each in parts.items()
    }
    return dict.fromkeys(parts, models)


def joint(model: Any, parts: Parts) -> JointModel:
    """All sessions together."""
    train = {name: each.train for name, each in parts.items()}
    held = {name: each.validation for name, each in parts.items()}
    return JointModel(model).fit(train, held, verbose=False)


def adapted(model: Any, parts: Parts, seconds: dict[str, float]) -> Fitted:
    """Each session, to what the others have learned."""
    found: Fitted = {}
    for name, each in parts.items():
        base = joint(model, {k: other for k, other in parts.items() if k != name})
        started = time.process_time()
        base.adapt(each.train, each.validation, name=name, verbose=False)
        found[name] = dict(base.sessions_)
        seconds[f"adapting {name}"] = time.process_time() - started
    return found


def rows(name: str) -> dict[str, Callable[[Parts, int, dict[str, float]], Fitted]]:
    """Row → how its models are fitted."""

    def model(seed: int, **settings: Any) -> Any:
        return model_class(name)(seed=seed).set_params(**settings)

    return {
        "single": lambda parts, seed, _: single(model(seed), parts),
        "single, read-in": lambda parts, seed, _: single(model(seed, encoder__read_in=64), parts),
        "joint": lambda parts, seed, _: dict.fromkeys(parts, joint(model(seed), parts).sessions_),
        "adapted": lambda parts, seed, taken: adapted(model(seed), parts, taken),
        "smoothing": lambda parts, *_: single(Smoothing(), parts),
        "ridge": lambda parts, *_: single(SpikeRidge(), parts),
        "PSTH × gain": lambda parts, *_: single(GainedAverage(), parts),
    }


def decoders(test: Prediction, train: Mapping[str, Prediction]) -> dict[str, Statistic]:
    """'decoder of …' → the statistic of the velocity that it decodes in the test trials."""
    if not (test.latents and velocity_channels(test.trials)):
        return {}
    return {f"decoder of {k}": transfer_statistic(test, each) for k, each in train.items()}


def aligned(parts: Parts) -> dict[str, dict[str, Statistic]]:
    """Velocity decoded from the channels that read-ins start at."""
    trials = {name: learned(each) for name, each in parts.items()}
    alignment = Alignment.of(trials, 64)
    if alignment is None:
        return {name: {} for name in parts}
    train, test = dict[str, Prediction](), dict[str, Prediction]()
    for name, each in parts.items():
        weights, offsets = alignment.read_in(trials[name])
        for found, some in ((train, trials[name]), (test, each.test)):
            channels = np.nan_to_num(some.spikes[:, :, ~some.heldout]) @ weights + offsets
            smooth = gaussian_filter1d(channels, SMOOTHING_S / some.bin_s, axis=1, mode="nearest")
            found[name] = Prediction(np.ones(some.shape), some, latents={"aligned": smooth})
    return {name: decoders(each, train) for name, each in test.items()}


def measure(fitted: Fitted, parts: Parts) -> dict[str, dict[str, Statistic]]:
    """Session → the sums behind the scores of its test trials."""
    found = {}
    for name, models in fitted.items():
        trials = {k: learned(parts[k]) for k in models}
        if velocity_channels(trials[name]):
            train = {k: model.predict(trials[k]) for k, model in models.items()}
        else:
            train = {name: train_prediction(models[name], trials[name])}
        test = models[name].predict(parts[name].test)
        found[name] = {**sufficient_statistics(test, train[name]), **decoders(test, train)}
    return found


def fit_all(options: argparse.Namespace, group: str, folder: Path) -> None:
    """Fit what is not there yet."""
    sessions = GROUPS[group](options.data)
    for seed in range(options.seeds):
        for fold in options.folds:
            parts = {
                name: fold_splits(trials, 5, options.split_seed)[fold]
                for name, trials in sessions.items()
            }
            for row, fit in rows(options.model).items():
                if row in options.rows:
                    once = row in ("smoothing", "ridge", "PSTH × gain")
                    one_row(folder, row, fold, 0 if once else seed, fit, parts)
            one_row(folder, ALIGNED, fold, 0, None, parts)


def one_row(
    folder: Path, row: str, fold: int, seed: int, fit: Callable[..., Fitted] | None, parts: Parts
) -> None:
    """Fit and score one row of one fold, and write its sums."""
    place = folder / row / f"fold{fold}_seed{seed}"
    if (place / "seconds.json").exists():
        return
    taken: dict[str, float] = {}
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = fit(parts, seed, taken) if fit else {}
        taken["fit"] = time.process_time() - started
        found = measure(fitted, parts) if fit else aligned(parts)
    place.mkdir(parents=True, exist_ok=True)
    for name, statistics in found.items():
        save_statistics(place / f"{name}.npz", statistics)
    (place / "seconds.json").write_text(json.dumps(taken))
    print(f"{place}: {taken}", flush=True)


def read_row(folder: Path, session: str) -> dict[tuple[int, int], dict[str, Statistic]]:
    """(Fold, seed) → the sums of a session."""
    found = {}
    for place in sorted(folder.glob("fold*_seed*")):
        fold, seed = (int(part.lstrip("foldse")) for part in place.name.split("_"))
        if (place / "seconds.json").exists():
            found[fold, seed] = load_statistics(place / f"{session}.npz")
    return found


def tables(folder: Path, sessions: list[str]) -> None:
    """Print a table for each session, over the folds and seeds that all rows have."""
    seconds: dict[str, list[float]] = {}
    for file in folder.glob("*/fold*/seconds.json"):
        for what, taken in json.loads(file.read_text()).items():
            row = file.parts[-3] if what == "fit" else what
            seconds.setdefault(row, []).append(taken)
    for session in sessions:
        found = {p.name: read_row(p, session) for p in sorted(folder.iterdir()) if p.is_dir()}
        seeded = {row: {k for k, _ in cells} for row, cells in found.items()}
        folds = sorted(set.intersection(*seeded.values()))
        first = found["single"]
        seeds = sorted({seed for fold, seed in first if fold in folds})
        print(f"\n### {session}: folds {folds}, seeds {seeds}\n")
        for name in (*SHOWN, *(f"decoder of {k}" for k in sessions)):
            lines = list(lines_of(found, name, folds, seeds))
            if lines:
                print(f"| {name} | | from single |\n| --- | --- | --- |")
                print("\n".join(lines) + "\n")
    print("processor seconds, median:")
    for row, taken in seconds.items():
        print(f"  {row}: {np.median(taken):.0f} (up to {max(taken):.0f}; {len(taken)} fits)")


def lines_of(
    found: Mapping[str, Mapping[tuple[int, int], dict[str, Statistic]]],
    name: str,
    folds: list[int],
    seeds: list[int],
) -> Any:
    """The lines of one score, a row each."""

    def cells(row: str) -> list[list[dict[str, Statistic]]]:
        own = found[row]
        return [
            [
                {name: own.get((k, s), own.get((k, 0), {}))[name]}
                for s in seeds
                if name in own.get((k, s), own.get((k, 0), {}))
            ]
            for k in folds
        ]

    for row in found:
        mine, first = cells(row), cells("single")
        if all(mine):
            value = shown(scores(mine)[name])
            gain = shown(differences(mine, first)[name], "+") if row != "single" else ""
            yield f"| {row} | {value} | {gain} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--groups", nargs="+", default=list(GROUPS))
    parser.add_argument("--model", default="langevin-flow")
    parser.add_argument("--rows", nargs="+", default=list(rows("langevin-flow")))
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/sessions"))
    parser.add_argument("--split-seed", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for group in options.groups:
        folder = options.out / f"{group}_{options.model}_split{options.split_seed}"
        if not options.table:
            fit_all(options, group, folder)
        print(f"\n## {group}, {options.model}, split {options.split_seed}")
        tables(folder, list(GROUPS[group](options.data)))


if __name__ == "__main__":
    main()
