"""Few-shot co-smoothing: how well latents predict held-out neurons from few trials.

A readout from latents to held-out neurons is learned on a few trials.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from undertow.checks import number, whole
from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import as_float, check_leading
from undertow.evaluation.metrics.likelihood import co_smoothing_bps
from undertow.evaluation.metrics.poisson_regression import PoissonDesign, PoissonRegression

REPEATS = 10
PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
FOLDS = 4
LEAST_TRIALS = 2
TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class FewShotScore:
    """Few-shot co-smoothing over several draws of training trials.

    Attributes:
        k: training trials in each draw.
        draws: bits/spike of each draw, (draws,).
        penalties: L2 penalty of each draw's readouts, (draws,).
    """

    k: int
    draws: np.ndarray
    penalties: np.ndarray

    @property
    def value(self) -> float:
        """Mean over draws."""
        return float(self.draws.mean())

    @property
    def std(self) -> float:
        """Standard deviation (n − 1) over draws; NaN for one."""
        return float(self.draws.std(ddof=1)) if len(self.draws) > 1 else float("nan")


def of_draws(k: int, drawn: Iterable[tuple[float, float]]) -> FewShotScore:
    """The score from the bits/spike and the penalty of each draw."""
    values, penalties = np.array(list(drawn)).T
    return FewShotScore(k, values, penalties)


def few_shot_co_smoothing(
    train_latents: ArrayLike,
    train_spikes_heldout: ArrayLike,
    eval_latents: ArrayLike,
    eval_spikes_heldout: ArrayLike,
    k: int,
    repeats: int = REPEATS,
    seed: int = 0,
    penalty: float | None = None,
) -> FewShotScore:
    """Co-smoothing of a new readout that has seen k training trials (after Dabholkar & Barak 2025).

    A model that predicts held-out neurons well may carry more in its latents than they need; with
    plenty of trials a readout learns to look past it, with few it cannot. Among models of equal
    co-smoothing the one with the higher few-shot score is taken to have the plainer latents.

    What is computed, for each draw r = 0 … repeats − 1:

    1. k training trials are drawn without replacement, by `numpy.random.default_rng((seed, r))`;
       the draws depend on nothing but seed, r, k and the number of training trials, so that
       models scored on the same trials share them.
    2. Latents are standardised, coordinate by coordinate, with mean and standard deviation over all
       training trials (constant coordinates become 0): the score does not depend on the scale of a
       coordinate.
    3. For each held-out neuron a Poisson regression ln μ = w · x + b is fitted on all bins of the k
       trials, by minimising (1/bins) Σ (μ − n ln μ) + penalty/2 · |w|², the objective of
       scikit-learn's `PoissonRegressor`. A neuron without a spike in them gets the rate of half a
       spike. The penalty, one for all neurons, is chosen among the k trials: by 4-fold
       cross-validation over them, from 3, 1, 0.3, … 0.001 (`choose_penalty`).
    4. Its μ on the evaluation trials are scored in bits per spike, as co-smoothing is.

    Only the readout is few-shot. The model that inferred the latents may have been trained to
    predict the same held-out neurons, and on all training trials.

    Args:
        train_latents: of the training trials, (trials, time, latents).
        train_spikes_heldout: counts per bin of their held-out neurons, (trials, time, neurons); NaN
            where not observed.
        eval_latents, eval_spikes_heldout: the same of the evaluation trials.
        k: training trials a readout sees.
        repeats: draws.
        seed: of the draws.
        penalty: of the regression, above zero; chosen anew in each draw by default.

    Raises:
        DataError: when shapes differ, a latent is not finite where spikes were observed, `k` is not
            between 1 and the number of training trials or is 1 without a penalty, `repeats` is
            below 1, `penalty` is not above zero, or no neuron spikes.
    """
    target = as_float("eval_spikes_heldout", eval_spikes_heldout, 3)
    drawn = few_shot_rates(
        train_latents, train_spikes_heldout, eval_latents, target, k, repeats, seed, penalty
    )
    return of_draws(k, ((co_smoothing_bps(rates, target), used) for rates, used in drawn))


def few_shot_rates(
    train_latents: ArrayLike,
    train_spikes_heldout: ArrayLike,
    eval_latents: ArrayLike,
    eval_spikes_heldout: ArrayLike,
    k: int,
    repeats: int = REPEATS,
    seed: int = 0,
    penalty: float | None = None,
) -> Iterator[tuple[np.ndarray, float]]:
    """The expected counts per bin of each draw, and the penalty of its readouts.

    Counts are (evaluation trials, time, neurons).

    Counts are NaN where the latents are.

    Arguments and errors are those of `few_shot_co_smoothing`.
    """
    x, n = _checked("train", train_latents, train_spikes_heldout)
    new_x, new_n = _checked("eval", eval_latents, eval_spikes_heldout)
    if x.shape[2] != new_x.shape[2] or n.shape[2] != new_n.shape[2]:
        raise DataError(
            f"training trials have {x.shape[2]} latents and {n.shape[2]} held-out neurons, "
            f"evaluation trials {new_x.shape[2]} and {new_n.shape[2]}: they must be the same."
        )
    check_draws(k, repeats, penalty, len(x))
    x, new_x = _standardised(x, new_x)
    return (_draw_rates(x, n, new_x, _drawn(len(x), k, seed, r), penalty) for r in range(repeats))


def check_draws(k: int, repeats: int, penalty: float | None, n_trials: int) -> None:
    """Check `k`, `repeats` and `penalty` against the number of training trials.

    Raises:
        DataError: naming the one that is broken.
    """
    if not 1 <= k <= n_trials:
        raise DataError(
            f"k is {k}: a draw takes 1 to {n_trials} of the {n_trials} training trials."
        )
    whole("repeats", repeats, 1, error=DataError)
    if penalty is None and k < LEAST_TRIALS:
        raise DataError(
            f"k is {k}: a penalty is chosen by cross-validation over {LEAST_TRIALS} or more "
            "trials; take more trials, or give a penalty."
        )
    if penalty is not None:
        number("penalty", penalty, 0.0, above=True, error=DataError)


def _checked(part: str, latents: ArrayLike, spikes: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Latents and counts as arrays; latents finite wherever a count was observed."""
    x, n = as_float(f"{part}_latents", latents, 3), as_float(f"{part}_spikes_heldout", spikes, 3)
    check_leading(2, **{f"{part}_latents": x, f"{part}_spikes_heldout": n})
    bad = ~np.isfinite(x).all(axis=2) & np.isfinite(n).any(axis=2)
    if bad.any():
        trial, bin_ = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"{part}_latents is not finite in {int(bad.sum())} bins with observed spikes, the "
            f"first in trial {trial}, bin {bin_}: every such bin needs its latents."
        )
    return x, n


def _standardised(train: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays, standardised by mean and deviation of the training trials' finite bins."""
    rows = train[np.isfinite(train).all(axis=2)]
    if not rows.size:
        raise DataError("train_latents holds no bin whose latents are all finite: give latents.")
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    # an infinite scale turns constant coordinates into 0
    scale = np.where(std > 1e-9 * np.abs(mean), std, np.inf)
    return (train - mean) / scale, (new - mean) / scale


def _drawn(n_trials: int, k: int, seed: int, r: int) -> np.ndarray:
    """The trials of draw r, in their order."""
    return np.sort(np.random.default_rng((seed, r)).permutation(n_trials)[:k])


def _draw_rates(
    x: np.ndarray, n: np.ndarray, new_x: np.ndarray, drawn: np.ndarray, penalty: float | None
) -> tuple[np.ndarray, float]:
    """Expected counts on new trials by regressions fitted on the trials drawn.

    The penalty of the regressions comes second.
    """
    x, n = x[drawn], n[drawn]
    penalty = choose_penalty(x, n) if penalty is None else float(penalty)
    used = np.isfinite(x).all(axis=2)
    fitted = PoissonDesign(x[used], n[used]).fit(penalty)
    return np.exp(fitted.log_counts(new_x)), penalty


def choose_penalty(features: np.ndarray, counts: np.ndarray) -> float:
    """The penalty under which left-out trials are likeliest, one for all neurons.

    Trial i is left out in fold i modulo 4; with up to four trials each is left out once. Penalties
    are tried from the strongest of 3, 1, 0.3, … 0.001 on, until the Poisson likelihood of the
    left-out trials falls.

    Args:
        features: (trials, time, features); bins that are not finite are left out.
        counts: (trials, time, neurons); NaN where not observed.

    Raises:
        DataError: when fewer than two trials have a bin with features.
    """
    used = np.isfinite(features).all(axis=2)
    trials = np.flatnonzero(used.any(axis=1))
    if len(trials) < LEAST_TRIALS:
        raise DataError(
            f"{len(trials)} of the {len(features)} trials drawn have latents, and a penalty is "
            "chosen by "
            f"cross-validation over {LEAST_TRIALS} or more: take a larger k, or give a penalty."
        )
    parts = [
        (np.delete(trials, np.s_[fold::FOLDS]), trials[fold::FOLDS])
        for fold in range(min(FOLDS, len(trials)))
    ]
    rows = [[(features[p][used[p]], counts[p][used[p]]) for p in both] for both in parts]
    folds = [_Fold(fit, left_out) for fit, left_out in rows]
    chosen, least = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        loss = sum(fold.loss(penalty) for fold in folds)
        # the loss is taken to have one minimum: past it weaker penalties only overfit and cost time
        if loss > least:
            break
        if loss < least:
            chosen, least = penalty, loss
    return chosen


class _Fold:
    """Rows to fit on and rows left out, each a pair (features, counts).

    Penalties are asked for from the strongest on, each fit starting from the one before.
    """

    def __init__(
        self, fit: tuple[np.ndarray, np.ndarray], left_out: tuple[np.ndarray, np.ndarray]
    ) -> None:
        self.design = PoissonDesign(*fit)
        self.features, self.counts = left_out
        self.fitted: PoissonRegression | None = None

    def loss(self, penalty: float) -> float:
        """Σ μ − n ln μ over the left-out counts."""
        self.fitted = self.design.fit(penalty, start=self.fitted, tolerance=TOLERANCE)
        log_counts = self.fitted.log_counts(self.features)
        return float(np.nansum(np.exp(log_counts) - self.counts * log_counts))
