"""Simulation-based calibration: inference tested on trials that the model itself has made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from undertow import checks
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.evaluation import PitDeviation, Statistic, combine, pit_bars
from undertow.evaluation.scores.score import Scores
from undertow.evaluation.scores.sums import ShareCorrect
from undertow.models import LatentSDE
from undertow.models.empty_trials import empty_trials
from undertow.models.latent_sde import sampling

BARS = 20
MOST_TRIALS, MOST_SAMPLES = 10**6, 10**5
AT_ONCE = 25_000_000
"""Sampled rates held at a time."""


@dataclass(frozen=True, eq=False)
class CalibrationRanks:
    """Rank of each true value among posterior samples given the spikes that it made.

    Where inference is exact, each is uniform on 0, 1, …, samples, whatever the model (Talts et al.
    2018, arXiv 1804.06788, theorem 1). Too many at both ends: the posterior is too narrow; too many
    in the middle: too wide; too many at one end: biased.

    Attributes:
        ranks: 'rates' → (trials, time, neurons), and each latent by name → (trials, time,
            dimension); −1 past a trial's end. Those of one trial are not independent.
        samples: posterior samples that each is ranked among.
        trials: the simulated trials, with the true rates as `truth`.
    """

    ranks: Mapping[str, np.ndarray]
    samples: int
    trials: TrialSet

    def bars(self, name: str, bars: int = BARS) -> np.ndarray:
        """Share of the ranks of each trial in equal parts of 0 to `samples`, (trials, bars)."""
        ranks = self._ranks(name)
        known, size = ranks >= 0, self.samples + 1
        low = np.where(known, ranks / size, np.nan)
        return pit_bars(low, low + 1 / size, bars).mean(axis=(1, 2)) / known.mean((1, 2))[:, None]

    def scores(self, resamples: int = 2000, seed: int = 0) -> Scores:
        """Score how calibrated inference is, with intervals over the simulated trials.

        'NAME coverage' is the share of true values inside the central 90 % of the samples, 0.9
        where inference is exact; 'NAME rank deviation' by how much the bars of the histogram of
        ranks differ from equal heights, root mean square, 0 where it is.
        """
        found = {each.name: each for name in self.ranks for each in self._statistics(name)}
        return combine([[found]], split="simulated", resamples=resamples, seed=seed)

    def _statistics(self, name: str) -> Iterator[Statistic]:
        bars, n = self.bars(name), np.ones(self.trials.n_trials)
        known: dict[str, Any] = {
            "unit": "share",
            "trial_ids": self.trials.trial_ids,
            "condition": None,
            "bin_s": self.trials.bin_s,
            "n_neurons": self._ranks(name).shape[2],
        }
        inside = bars[:, 1:-1].sum(axis=1)
        yield ShareCorrect(correct=inside, scored=n, name=f"{name} coverage", **known)
        yield PitDeviation(bars=bars, scored=n, name=f"{name} rank deviation", **known)

    def _ranks(self, name: str) -> np.ndarray:
        checks.one_of("name", name, tuple(self.ranks))
        return self.ranks[name]


def simulation_based_calibration(
    model: LatentSDE,
    n: int = 200,
    samples: int = 200,
    seed: int = 0,
    *,
    trials: TrialSet | None = None,
    stimulus: ArrayLike | None = None,
    n_time: int | None = None,
) -> CalibrationRanks:
    """Test the inference of a fitted model on trials simulated from its own prior.

    Their true rates and latents are known, and their law is the model's, however wrong it may be of
    the recording: what is found here is error of inference, not of the model. Where intervals fail
    on recordings and not here, the model is wrong, or its parameters are.

    Args:
        model: fitted.
        n: simulated trials.
        samples: posterior samples of each.
        seed: of the simulation and, apart from it, of the samples.
        trials: whose stimulus, times and lengths the simulated trials have; their spikes are not
            looked at, and the paths start from the prior N(0, I) all the same.
        stimulus, n_time: as in `LatentSDE.sample`.

    Raises:
        ModelError: for what is no fitted `LatentSDE`, and as `LatentSDE.sample`.
    """
    if not isinstance(model, LatentSDE):
        raise ModelError(
            f"calibration is of a LatentSDE, and was given {type(model).__name__}: other models "
            "have no prior over rates to simulate from."
        )
    checks.whole("n", n, 2, MOST_TRIALS)
    checks.whole("samples", samples, 10, MOST_SAMPLES)
    checks.seed("seed", seed, checks.MOST_SEED - 1)
    trials = None if trials is None else model.checked(trials)
    made, latents = _simulated(model, n, seed, trials, stimulus, n_time)
    parts = [
        _ranks_of(model, made[rows], {k: v[rows] for k, v in latents.items()}, samples, seed + 1)
        for rows in _parts(made, samples)
    ]
    ranks = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return CalibrationRanks(ranks, samples, made)


@torch.no_grad()
def _simulated(
    model: LatentSDE,
    n: int,
    seed: int,
    trials: TrialSet | None,
    stimulus: ArrayLike | None,
    n_time: int | None,
) -> tuple[TrialSet, dict[str, np.ndarray]]:
    """Trials of the prior, and the latents that made them."""
    model.parameter_counts()  # refuses a model that is not fitted
    network, population = model.network_, model.population_
    window = empty_trials(population, n, stimulus, n_time, trials)
    drawn = sampling.draw(network, model.read(window), None, None, seed)
    made = window.replace(**sampling.observed(network, population, drawn, "drawn", seed))
    latents = network.dynamics.readout(drawn[1].states)
    return made, {name: value.cpu().numpy() for name, value in latents.items()}


def _ranks_of(
    model: LatentSDE, made: TrialSet, latents: Mapping[str, np.ndarray], samples: int, seed: int
) -> dict[str, np.ndarray]:
    # another seed than the simulation's: with the same one, a sample would be the truth's own noise
    posterior = model.predict(made, samples=samples, seed=seed)
    assert posterior.rate_samples is not None
    assert made.truth is not None
    drawn = {"rates": posterior.rate_samples, **posterior.latent_samples}
    truth = {"rates": made.truth, **latents}
    below = {name: (drawn[name] < truth[name]).sum(axis=0) for name in drawn}
    return {name: np.where(made.valid[..., None], each, -1) for name, each in below.items()}


def _parts(trials: TrialSet, samples: int) -> Iterator[slice]:
    size = max(1, AT_ONCE // (samples * trials.n_time * trials.n_neurons))
    for first in range(0, trials.n_trials, size):
        yield slice(first, first + size)
