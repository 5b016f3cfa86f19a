"""What needs no dynamics: the rows that stand in the tables of the latent SDE.

    python benchmarks/trivial_rows.py DATA_FOLDER [--fit] [--seeds 3] [--split-seed 3]

The same folds and scores as in latent_sde_table.py and rate_network.py:

- PSTH: the mean of the training trials in each bin, smoothed by 20 ms.
- PSTH × gain: times one number for each trial and neuron, its spikes in the first bins over those
  expected there; κ spikes are added to both.
- condition averages × gain: the same with the mean of each condition (the reach or the cue, which
  no model is told, or the contrasts, which visual_decision's are), drawn towards the PSTH as by so
  many trials of it. κ and that number are chosen by 5 folds inside the training trials.
- ridge: velocity in each bin from the neurons' spikes in the first bins, penalty chosen by leaving
  out one training trial.
- logistic: a label from the neurons' spikes in the first bins, and in all; penalty chosen by 5
  folds inside the training trials.
- smoothing: held-out neurons from Gaussian smoothing and Poisson regression of the others.

Printed here: smoothing of maze_reach; the others are part of latent_sde_table.py and of
rate_network.py. With --fit, `LatentSDE` at its default is fitted to two recordings, a quarter of
the neurons held out, and its co-smoothing, by the encoder and with the posterior of each trial
refined by 100 steps, before and after the fit has learned again (`relearned`), and of the mean of
all fits, stands beside that of smoothing, one split (half an hour).
Intervals are 95 % bootstraps over test trials and seeds, differences from smoothing paired.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV

import recordings
from intervals import Folds, differences, scores, shown
from latent_sde_recordings import SPIKES
from undertow import LatentSDE, Smoothing, TrialSet, split_trials
from undertow.data import Prediction, fold_trials
from undertow.evaluation import Statistic, generation_statistics, sufficient_statistics
from undertow.models import Ensemble

STD_S, FLOOR_HZ = 0.02, 0.1
ADDED_SPIKES = (1.0, 3.0, 10.0, 30.0, 100.0)
ADDED_TRIALS = (1.0, 3.0, 10.0, 30.0)
WITHOUT = np.inf  # so many added spikes: no gain; so many added trials: one PSTH for all conditions
GUESSED = "guessed averages × gain"
ROWS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "PSTH": ((WITHOUT,), (WITHOUT,)),
    "PSTH × gain": (ADDED_SPIKES, (WITHOUT,)),
    "condition averages × gain": (ADDED_SPIKES, ADDED_TRIALS),
    GUESSED: (ADDED_SPIKES, ADDED_TRIALS),
}
"""Row → (κ to choose from, added trials to choose from)."""
PENALTIES = np.logspace(0, 5, 11)
REFINE, RELEARN = 100, 120
READ = "ridge and logistic regression"
INVERSE_PENALTIES = np.logspace(-4, 0, 5)


def psth(train: TrialSet) -> np.ndarray:
    """Spikes per bin, (time, neurons)."""
    mean = np.nanmean(train.spikes, axis=0, dtype=np.float64)
    smoothed = gaussian_filter1d(mean, STD_S / train.bin_s, axis=0, mode="nearest")
    return np.maximum(smoothed, FLOOR_HZ * train.bin_s)


def conditions(trials: TrialSet) -> np.ndarray:
    """The stimulus as text where trials have one, else their condition, (trials,)."""
    if trials.stimulus is None:
        return np.zeros(trials.n_trials) if trials.condition is None else trials.condition
    return np.array([str(each) for each in trials.stimulus[:, 0].tolist()])


def condition_weights(train: TrialSet, test: TrialSet, bins: int | None) -> np.ndarray:
    """Each test trial's condition, 1 for its own and 0 elsewhere, or its probabilities given so
    many bins, (trials, conditions of the training trials)."""
    learned = conditions(train)
    if bins is None:
        return np.equal.outer(conditions(test), np.unique(learned)).astype(float)
    first, asked = (np.sqrt(np.nansum(each.spikes[:, :bins], axis=1)) for each in (train, test))
    discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    weights: np.ndarray = discriminant.fit(first, learned).predict_proba(asked)
    return weights


def averages(train: TrialSet, weights: np.ndarray, added_trials: float) -> np.ndarray:
    """Spikes per bin expected by condition, (trials, time, neurons)."""
    overall, learned = psth(train), conditions(train)
    own = np.zeros((weights.shape[1], *overall.shape))
    for k, condition in enumerate(np.unique(learned)) if added_trials < WITHOUT else ():
        mine = np.flatnonzero(learned == condition)
        own[k] = mine.size / (mine.size + added_trials) * (psth(train[mine]) - overall)
    return overall + np.tensordot(weights, own, axes=1)


def scaled(expected: np.ndarray, trials: TrialSet, seen: int, added: float) -> np.ndarray:
    """What is expected times the gains, (trials, time, neurons)."""
    if added == WITHOUT:
        return expected
    spikes = np.nansum(trials.spikes[:, :seen], axis=1, dtype=np.float64)
    gain = (spikes + added) / (expected[:, :seen].sum(axis=1) + added)
    return gain[:, None] * expected


def choose(row: str, train: TrialSet, seen: int) -> tuple[float, float]:
    """κ and the number of added trials with the best generation inside the training trials."""
    found = dict.fromkeys(product(*ROWS[row]), 0.0)
    for learn, held in fold_trials(train, 5, seed=1):
        test = train[held]
        weights = condition_weights(train[learn], test, seen if row == GUESSED else None)
        for spikes, n_trials in found:
            expected = averages(train[learn], weights, n_trials)
            rates = scaled(expected, test, seen, spikes)[:, seen:]
            counts = test.spikes[:, seen:]
            found[spikes, n_trials] += float(np.nansum(counts * np.log(rates) - rates))
    return max(found, key=found.__getitem__)


def ridge(train: TrialSet, test: TrialSet, seen: int) -> np.ndarray | None:
    """Behaviour of the test trials, (trials, time, channels), from their first bins."""
    if train.behavior is None:
        return None
    first = [np.nansum(each.spikes[:, :seen], axis=1) for each in (train, test)]
    target = train.behavior.reshape(train.n_trials, -1)
    fitted = RidgeCV(PENALTIES).fit(np.sqrt(first[0]), target)
    return fitted.predict(np.sqrt(first[1])).reshape(test.n_trials, *train.behavior.shape[1:])


def mean_behavior(train: TrialSet, weights: np.ndarray | None) -> np.ndarray | None:
    """Mean behaviour of the training trials, by condition where there are weights of each,
    (time, channels) or (trials, time, channels)."""
    if train.behavior is None:
        return None
    overall: np.ndarray = np.nanmean(train.behavior, axis=0)
    if weights is None:
        return overall
    learned = conditions(train)
    every = [train.behavior[learned == condition] for condition in np.unique(learned)]
    own = np.stack([np.nanmean(each, axis=0) for each in every]) - overall
    return overall + np.tensordot(weights, own, axes=1)


def label_probabilities(
    train: TrialSet, test: TrialSet, bins: int | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Label → its categories and their probabilities in the test trials, from so many bins."""
    counts = [np.sqrt(np.nansum(each.spikes[:, :bins], axis=1)) for each in (train, test)]
    mean, std = counts[0].mean(0), counts[0].std(0) + 1e-6
    known, asked = ((each - mean) / std for each in counts)
    found = {}
    for name, values in train.labels.items():
        regression = LogisticRegression(max_iter=5000)
        fitted = GridSearchCV(regression, {"C": INVERSE_PENALTIES}, scoring="neg_log_loss")
        fitted.fit(known, values)
        found[name] = fitted.classes_, fitted.predict_proba(asked)
    return found


def generated(row: str, train: TrialSet, test: TrialSet, seen: int) -> Prediction:
    """Spikes that a row expects in the test trials."""
    spikes, n_trials = choose(row, train, seen)
    weights = condition_weights(train, test, seen if row == GUESSED else None)
    rates = scaled(averages(train, weights, n_trials), test, seen, spikes) / test.bin_s
    behavior = mean_behavior(train, weights if n_trials < WITHOUT else None)
    if behavior is not None:
        behavior = np.broadcast_to(behavior, test.behavior.shape)
    return Prediction(rates, test, behavior=behavior)


def read(train: TrialSet, test: TrialSet, bins: int | None, seen: int) -> Prediction:
    """Behaviour from the first bins, and labels from so many, beside the PSTH."""
    labels = label_probabilities(train, test, bins)
    return Prediction(
        np.broadcast_to(psth(train) / test.bin_s, test.spikes.shape),
        test,
        behavior=ridge(train, test, seen),
        label_probabilities={name: found for name, (_, found) in labels.items()},
        label_categories={name: categories for name, (categories, _) in labels.items()},
    )


def generation(
    trials: TrialSet,
    folds: int,
    seen: int,
    names: Mapping[str, str],
    split_seed: int = 0,
    only: Sequence[int] | None = None,
) -> Iterator[tuple[str, Folds]]:
    """Rows with their statistics of all folds, or of some; names: score → what a table calls it."""
    parts = [
        (trials[learn], trials[held]) for learn, held in fold_trials(trials, folds, split_seed)
    ]
    parts = parts if only is None else [parts[fold] for fold in only]
    told = trials.stimulus is not None or trials.condition is None
    for name in (row for row in ROWS if not (told and row == GUESSED)):
        found: Folds = []
        for train, test in parts:
            made = generated(name, train, test, seen)
            found.append([_named(generation_statistics(made, made, seen, train), names)])
        yield name, found
    beside = {key: names[key] for key in names if key not in SPIKES}
    if beside:
        found = []
        for train, test in parts:
            inferred, made = (read(train, test, bins, seen) for bins in (None, seen))
            found.append([_named(generation_statistics(inferred, made, seen, train), beside)])
        yield READ, found


def _named(found: Mapping[str, Statistic], names: Mapping[str, str]) -> dict[str, Statistic]:
    return {names[key]: found[key] for key in names if key in found}


def smoothing(trials: TrialSet, folds: int, only: Sequence[int] | None = None) -> Folds:
    """Co-smoothing of Gaussian smoothing, the width chosen on 15 % of the training trials."""
    found: Folds = []
    parts = fold_trials(trials, folds, 0)
    for learn, held in parts if only is None else [parts[fold] for fold in only]:
        model = Smoothing().fit(trials[learn])
        found.append([{"co-bps": sufficient_statistics(model.predict(trials[held]))["co-bps"]}])
    return found


def show(rows: Mapping[str, Folds]) -> None:
    """One line for each row and score."""
    for row, folds in rows.items():
        for name, score in scores(folds).items():
            print(f"  {row}: {name} {shown(score)}", flush=True)


def beside_smoothing(name: str, trials: TrialSet, split_seed: int, seeds: int) -> None:
    """Fit latent SDEs and smoothing to one split; print co-smoothing and paired differences."""
    parts = split_trials(trials, seed=split_seed)
    fits = [LatentSDE(seed=seed).fit(parts.train, parts.validation) for seed in range(seeds)]
    again = [fit.relearned(parts.train, RELEARN) for fit in fits]
    several, smoothed = Ensemble.of([*again]), Smoothing().fit(parts.train, parts.validation)
    predicted = {
        "smoothing": [smoothed.predict(parts.test)],
        "latent SDE": [fit.predict(parts.test) for fit in fits],
        "latent SDE, refined": [fit.predict(parts.test, refine=REFINE) for fit in fits],
        "relearned": [fit.predict(parts.test) for fit in again],
        "relearned, refined": [fit.predict(parts.test, refine=REFINE) for fit in again],
        f"mean of {seeds} relearned, refined": [several.predict(parts.test, refine=REFINE)],
    }
    found: dict[str, Folds] = {
        row: [[{"co-bps": sufficient_statistics(one)["co-bps"]} for one in each]]
        for row, each in predicted.items()
    }
    for row, folds in found.items():
        apart = differences(folds, found["smoothing"])["co-bps"]
        print(f"  {row}: {shown(scores(folds)['co-bps'])}, {shown(apart, '+')}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the latent SDE, too")
    parser.add_argument("--seeds", type=int, default=3, help="of the latent SDE")
    parser.add_argument("--split-seed", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("maze_reach, the folds of docs/research/how-many-latents.md", flush=True)
    show({"smoothing": smoothing(recordings.maze_reach(options.data), 3)})
    if options.fit:
        for name, load in (
            ("maze_reach", recordings.maze_reach),
            ("visual_decision", recordings.visual_decision),
        ):
            trials = load(options.data)
            print(f"{name}, co-smoothing, split seed {options.split_seed}: {trials!r}", flush=True)
            beside_smoothing(name, trials, options.split_seed, options.seeds)


if __name__ == "__main__":
    main()
