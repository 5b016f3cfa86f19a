"""What needs no dynamics: the rows that stand under the tables of the latent SDE.

    python benchmarks/trivial_rows.py DATA_FOLDER [--fit] [--split-seed 1]

The same folds and scores as in latent_sde_table.py and rate_network.py:

- PSTH: the mean of the training trials in each bin, smoothed by 20 ms.
- PSTH × gain: times one number for each trial and neuron, its spikes in the first bins over those
  expected there; κ spikes are added to both.
- condition averages × gain: the same with the mean of each condition (the reach, which no model is
  told, or the contrasts, which all are), drawn towards the PSTH as by so many trials of it.
  κ and that number are chosen by 5 folds inside the training trials.
- ridge: velocity in each bin from the neurons' spikes in the first bins, penalty chosen by leaving
  out one training trial.
- smoothing: held-out neurons from Gaussian smoothing and Poisson regression of the others.

With --fit, `LatentSDE` with coupled oscillators is fitted to both recordings, a quarter of the
neurons held out, and its co-smoothing stands beside that of smoothing, one split (minutes).
Intervals are 95 % bootstraps over test trials.
"""

import argparse
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from sklearn.linear_model import RidgeCV

import recordings
from intervals import Folds, differences, scores, shown
from latent_sde_table import FOLDS, RECORDINGS, Protocol
from rate_network import FOLDS as NETWORK_FOLDS
from rate_network import SIGMAS, T0_S, simulate
from undertow import LatentSDE, Smoothing, TrialSet, split_trials
from undertow.data import Prediction, fold_trials
from undertow.evaluation import generation_statistics, score_prediction, sufficient_statistics
from undertow.training import Training

STD_S, FLOOR_HZ = 0.02, 0.1
ADDED_SPIKES = (1.0, 3.0, 10.0, 30.0, 100.0)
ADDED_TRIALS = (1.0, 3.0, 10.0, 30.0)
WITHOUT = np.inf  # so many added spikes: no gain; so many added trials: one PSTH for all conditions
ROWS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "PSTH": ((WITHOUT,), (WITHOUT,)),
    "PSTH × gain": (ADDED_SPIKES, (WITHOUT,)),
    "condition averages × gain": (ADDED_SPIKES, ADDED_TRIALS),
}
"""Row → (κ to choose from, added trials to choose from)."""
PENALTIES = np.logspace(0, 5, 11)
NAMES = {"generated bps": "bits per spike", "generated behavior R2": "velocity R²"}


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


def averages(train: TrialSet, test: TrialSet, added_trials: float) -> np.ndarray:
    """Spikes per bin expected of the test trials by their condition, (trials, time, neurons)."""
    overall, learned, wanted = psth(train), conditions(train), conditions(test)
    expected = np.broadcast_to(overall, test.spikes.shape).copy()
    for condition in np.unique(wanted) if added_trials < WITHOUT else ():
        mine = np.flatnonzero(learned == condition)
        if mine.size:
            own = psth(train[mine])
            mixed = (mine.size * own + added_trials * overall) / (mine.size + added_trials)
            expected[wanted == condition] = mixed
    return expected


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
    for (learn, held), (spikes, n_trials) in product(fold_trials(train, 5, seed=1), found):
        test = train[held]
        rates = scaled(averages(train[learn], test, n_trials), test, seen, spikes)[:, seen:]
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


def generated(row: str, train: TrialSet, test: TrialSet, seen: int) -> Prediction:
    """What a row generates for the test trials; the ridge stands beside the PSTH."""
    spikes, n_trials = choose(row, train, seen)
    counts = scaled(averages(train, test, n_trials), test, seen, spikes)
    behavior = ridge(train, test, seen) if row == "PSTH" else None
    return Prediction(counts / test.bin_s, test, behavior=behavior)


def generation(
    trials: TrialSet, folds: int, seen_s: float, rows: Iterable[str] = ROWS
) -> dict[str, Folds]:
    """Folds of statistics for each row."""
    seen, found = round(seen_s / trials.bin_s), {}
    for name in rows:
        found[name] = []
        for learn, held in fold_trials(trials, folds, 0):
            made = generated(name, trials[learn], trials[held], seen)
            each = generation_statistics(made, made, seen, trials[learn])
            found[name].append([{NAMES[key]: each[key] for key in NAMES if key in each}])
    return found


def smoothing(trials: TrialSet, folds: int) -> Folds:
    """Co-smoothing of Gaussian smoothing, the width chosen on 15 % of the training trials."""
    found: Folds = []
    for learn, held in fold_trials(trials, folds, 0):
        model = Smoothing().fit(trials[learn])
        found.append([{"co-bps": sufficient_statistics(model.predict(trials[held]))["co-bps"]}])
    return found


def show(rows: Mapping[str, Folds]) -> None:
    """One line for each row and score."""
    for row, folds in rows.items():
        for name, score in scores(folds).items():
            print(f"  {'ridge' if 'velocity' in name else row}: {name} {shown(score)}", flush=True)


def beside_smoothing(name: str, trials: TrialSet, seed: int, settings: dict[str, Any]) -> None:
    """Fit a latent SDE and smoothing to one split; print co-smoothing and the paired difference."""
    parts = split_trials(trials, seed=seed)
    models = {
        "latent SDE": LatentSDE(training=Training(epochs=300, learning_rate=1e-2), **settings),
        "smoothing": Smoothing(),
    }
    found = {}
    for row, model in models.items():
        prediction = model.fit(parts.train, parts.validation).predict(parts.test)
        print(f"  {row}: co-bps {shown(score_prediction(prediction)['co-bps'])}", flush=True)
        found[row] = [[{"co-bps": sufficient_statistics(prediction)["co-bps"]}]]
    apart = differences(found["latent SDE"], found["smoothing"])["co-bps"]
    print(f"  {name}, latent SDE − smoothing: {shown(apart, '+')}", flush=True)


def table_rows(name: str, protocol: Protocol, folder: Path) -> None:
    trials = protocol.load(folder)
    print(f"{name}, generated from the first bins: {trials!r}", flush=True)
    show(generation(trials, FOLDS, float(protocol.settings["posterior__initial_s"])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the latent SDE, too")
    parser.add_argument("--split-seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name, protocol in RECORDINGS.items():
        table_rows(name, protocol, options.data)
    for sigma in SIGMAS:
        trials = simulate(sigma, 300)
        print(f"rate network, σ = {sigma:g}", flush=True)
        show(
            generation(trials, NETWORK_FOLDS, T0_S)
            | {"smoothing": smoothing(trials, NETWORK_FOLDS)}
        )
    print("maze_reach, the folds of docs/research/how-many-latents.md", flush=True)
    show({"smoothing": smoothing(recordings.maze_reach(options.data), 3)})
    if options.fit:
        for name, load in (
            ("maze_reach", recordings.maze_reach),
            ("visual_decision", recordings.visual_decision),
        ):
            trials = load(options.data)
            print(f"{name}, co-smoothing, split seed {options.split_seed}: {trials!r}", flush=True)
            beside_smoothing(name, trials, options.split_seed, {})


if __name__ == "__main__":
    main()
