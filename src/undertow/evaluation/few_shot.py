"""Few-shot co-smoothing: how well a readout learned on a few trials predicts held-out neurons from
the latents."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation.checks import as_float, check_leading
from undertow.evaluation.few_shot_penalty import LEAST_TRIALS, choose_penalty
from undertow.evaluation.likelihood import co_smoothing_bps
from undertow.evaluation.poisson_regression import PoissonDesign
from undertow.evaluation.scoring import spiking, window
from undertow.evaluation.sums import BitsPerSpike

NAME = "few-shot co-bps"
ENCODER_STATE = "h"
RATE_FLOOR_HZ = 0.5
REPEATS = 10


class Predicts(Protocol):
    """A fitted model."""

    def predict(self, trials: TrialSet) -> Prediction:
        """Its prediction for the trials."""


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
    the draws depend on
       nothing but seed, r, k and the number of training trials, so that models scored on the same
       trials share them.
    2. Latents are standardised, coordinate by coordinate, with mean and standard deviation over all
    training trials
       (constant coordinates become 0): the score does not depend on the scale of a coordinate.
    3. For each held-out neuron a Poisson regression ln μ = w · x + b is fitted on all bins of the k
    trials, by minimising
       (1/bins) Σ (μ − n ln μ) + penalty/2 · |w|², the objective of scikit-learn's
       `PoissonRegressor`. A neuron without a
       spike in them gets the rate of half a spike. The penalty, one for all neurons, is chosen
           among the k trials: by
       4-fold cross-validation over them, from 3, 1, 0.3, … 0.001
       (`few_shot_penalty.choose_penalty`).
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
    return _score(k, ((co_smoothing_bps(rates, target), used) for rates, used in drawn))


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
    """The expected counts per bin of each draw, (evaluation trials, time, neurons), and the penalty
    of its readouts.

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


def few_shot_statistics(
    train: Prediction,
    test: Prediction,
    k: int,
    repeats: int = REPEATS,
    seed: int = 0,
    penalty: float | None = None,
    latents: Sequence[str] | None = None,
) -> tuple[list[BitsPerSpike], list[float]]:
    """The per-trial sums of 'few-shot co-bps', for `pooled_score` and its intervals, and the
    penalty, of each draw.

    As `few_shot_co_smoothing`, over the window (without forward bins) and, as for 'co-bps', without
    held-out neurons that have no spike in the test trials.

    Args:
        train, test: predictions of one model for training and test trials.
        k, repeats, seed, penalty: as in `few_shot_co_smoothing`.
        latents: names of the latents the readout sees, side by side; all by default, but for the
            encoder's state 'h' where there are others. A model without latents gives ln(rate + 0.5
            spikes/s) of its held-in neurons.

    Raises:
        DataError: as `few_shot_co_smoothing`, for a name the prediction does not have, and where no
            neuron is held out.
    """
    trials, bins = test.trials, window(test.trials)
    scored = trials.heldout & spiking(trials, bins)
    if not scored.any():
        raise DataError(
            "few-shot co-smoothing needs held-out neurons that spike in the test trials: hold some "
            "out."
        )
    spikes = trials.spikes[:, bins][..., scored]
    train_spikes = train.trials.spikes[:, window(train.trials)][..., scored]
    features = _features(train, latents), _features(test, latents)
    drawn = list(
        few_shot_rates(features[0], train_spikes, features[1], spikes, k, repeats, seed, penalty)
    )
    about = {
        "name": NAME,
        "unit": "bits/spike",
        "trial_ids": trials.trial_ids,
        "condition": trials.condition,
        "bin_s": trials.bin_s,
        "n_neurons": int(scored.sum()),
        "left_out": int(trials.heldout.sum() - scored.sum()),
        "note": f"held-out neurons, by readouts fitted on {k} training trials",
    }
    return [BitsPerSpike.from_counts(rates, spikes, **about) for rates, _ in drawn], [
        used for _, used in drawn
    ]


def few_shot_scores(
    model: Predicts,
    train: TrialSet,
    test: TrialSet,
    k: int,
    repeats: int = REPEATS,
    seed: int = 0,
    penalty: float | None = None,
) -> FewShotScore:
    """Few-shot co-smoothing of a fitted model; see `few_shot_statistics` for other readouts and for
    intervals.

    Args:
        model: fitted.
        train: its training trials.
        test: trials to score; neither fitted nor chosen on.
        k, repeats, seed, penalty: as in `few_shot_co_smoothing`.

    Raises:
        DataError: as `few_shot_statistics`.
    """
    predictions = model.predict(train), model.predict(test)
    statistics, penalties = few_shot_statistics(*predictions, k, repeats, seed, penalty)
    return _score(k, zip((each.value for each in statistics), penalties, strict=True))


def check_draws(k: int, repeats: int, penalty: float | None, n_trials: int) -> None:
    """The rules for the draws.

    Raises:
        DataError: naming the one that is broken.
    """
    if not 1 <= k <= n_trials:
        raise DataError(
            f"k is {k}: a draw takes 1 to {n_trials} of the {n_trials} training trials."
        )
    if repeats < 1:
        raise DataError(f"repeats is {repeats}: it must be 1 or more.")
    if penalty is None and k < LEAST_TRIALS:
        raise DataError(
            f"k is {k}: a penalty is chosen by cross-validation over {LEAST_TRIALS} or more "
            "trials; take more trials, or give a penalty."
        )
    if penalty is not None and not (np.isfinite(penalty) and penalty > 0):
        raise DataError(f"penalty is {penalty}: it must be a number above zero.")


def _score(k: int, drawn: Iterable[tuple[float, float]]) -> FewShotScore:
    """From the bits/spike and the penalty of each draw."""
    values, penalties = np.array(list(drawn)).T
    return FewShotScore(k, values, penalties)


def _features(prediction: Prediction, names: Sequence[str] | None) -> np.ndarray:
    """What the readout sees in the window, (trials, time, features)."""
    known, bins = prediction.latents, window(prediction.trials)
    for name in names or ():
        if name not in known:
            raise DataError(
                f"the prediction has no latents {name!r}: it has {', '.join(known) or 'none'}."
            )
    chosen = list(names or [name for name in known if name != ENCODER_STATE] or known)
    if not chosen:
        rates = prediction.rates[:, bins, ~prediction.trials.heldout]
        return np.log(np.asarray(rates, np.float64) + RATE_FLOOR_HZ)
    return np.concatenate([known[name][:, bins] for name in chosen], axis=2)


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
    """Both with the mean and standard deviation of the training trials' finite bins."""
    rows = train[np.isfinite(train).all(axis=2)]
    if not rows.size:
        raise DataError("train_latents holds no bin whose latents are all finite: give latents.")
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(std > 1e-9 * np.abs(mean), std, np.inf)
    return (train - mean) / scale, (new - mean) / scale


def _drawn(n_trials: int, k: int, seed: int, r: int) -> np.ndarray:
    """The trials of draw r, in their order."""
    return np.sort(np.random.default_rng((seed, r)).permutation(n_trials)[:k])


def _draw_rates(
    x: np.ndarray, n: np.ndarray, new_x: np.ndarray, drawn: np.ndarray, penalty: float | None
) -> tuple[np.ndarray, float]:
    """Expected counts on the new trials by regressions fitted on the trials drawn, and their
    penalty."""
    x, n = x[drawn], n[drawn]
    penalty = choose_penalty(x, n) if penalty is None else float(penalty)
    used = np.isfinite(x).all(axis=2)
    fitted = PoissonDesign(x[used], n[used]).fit(penalty)
    return np.exp(fitted.log_counts(new_x)), penalty
