"""Trials that LangevinFlow makes without data: are they like recorded ones?

    python benchmarks/generation.py DATA_FOLDER [--out RESULTS] [--only maze_reach …]
        [--split-seed 1]

Reads the models that does_the_physics_help.py has kept (fold 0; nothing is fitted here). Each
generates ten times as many trials as the fold has for testing: latents run from the prior, without
any push, rates from the latents' decoder, Poisson counts from these. What is compared with the test
trials, as correlations:

- time courses: of all neurons' counts averaged over trials, each neuron's mean over time taken out;
- covariances: of each pair of neurons, of counts in windows of five bins about the average time
  course, over trials and windows;
- covariances in time: of the population's count in a window and in each later one, over trials.

Rows: generated trials, training trials (as near as recorded trials come), and Poisson counts drawn
from the training trials' average time courses, whose covariances are those of chance.
"""

import numpy as np

from arms import PHYSICS
from latents_and_ensembles import models_of, study_options
from recordings import RECORDINGS
from undertow import TrialSet
from undertow.data import fold_splits, join_trials

WINDOW, TIMES = 5, 10


def windows(spikes: np.ndarray) -> np.ndarray:
    """Counts in windows of some bins, (trials, windows, neurons)."""
    n = spikes.shape[1] // WINDOW
    cut = np.nan_to_num(spikes[:, : n * WINDOW])
    return cut.reshape(len(cut), n, WINDOW, -1).sum(2)


def courses(spikes: np.ndarray) -> np.ndarray:
    """Average time courses, about each neuron's mean, (windows × neurons,)."""
    average = windows(spikes).mean(0)
    return (average - average.mean(0)).ravel()


def pair_covariances(spikes: np.ndarray) -> np.ndarray:
    """Covariances of pairs of neurons about the average time course, (pairs,)."""
    counts = windows(spikes)
    apart = (counts - counts.mean(0)).reshape(-1, counts.shape[2])
    return (apart.T @ apart / len(apart))[np.triu_indices(counts.shape[2], 1)]


def time_covariances(spikes: np.ndarray) -> np.ndarray:
    """Covariances of the population's counts in two windows, (pairs of windows,)."""
    total = windows(spikes).sum(2)
    return np.cov(total.T)[np.triu_indices(total.shape[1], 1)]


MEASURES = {
    "time courses": courses,
    "covariances of neurons": pair_covariances,
    "covariances in time": time_covariances,
}


def alike(made: np.ndarray, test: np.ndarray) -> list[float]:
    """The correlation with the test trials, measure by measure."""
    return [float(np.corrcoef(of(made), of(test))[0, 1]) for of in MEASURES.values()]


def chance(train: TrialSet, n: int) -> np.ndarray:
    """Poisson counts about the training trials' average."""
    average = np.nan_to_num(train.spikes).mean(0)
    return np.random.default_rng(0).poisson(average, (n, *average.shape)).astype(float)


def main() -> None:
    options = study_options(__doc__)
    print(f"| recording, trials | {' | '.join(MEASURES)} |\n|---|{'---|' * len(MEASURES)}")
    for name in options.only:
        parts = fold_splits(RECORDINGS[name].load(options.data), 5, options.split_seed)[0]
        train, test = join_trials(parts.train, parts.validation), parts.test
        n = TIMES * len(test)
        rows = {
            f"generated, seed {seed}": model.sample(n, test.n_time, seed=seed).spikes
            for seed in range(3)
            for model in models_of(options.out, PHYSICS, name, 0, (seed,))
        }
        rows |= {"training trials": train.spikes, "averages alone": chance(train, n)}
        for row, spikes in rows.items():
            found = " | ".join(f"{value:.2f}" for value in alike(spikes, test.spikes))
            print(f"| {name}, {row} | {found} |".replace("-", "−"), flush=True)


if __name__ == "__main__":
    main()
