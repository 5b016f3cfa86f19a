"""Scores of a prediction, with intervals, and the same scores neuron by neuron.

The trials of the prediction decide which statistics there are.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.evaluation.metrics.arrays import check_rates
from undertow.evaluation.metrics.rates import r2
from undertow.evaluation.scores.bootstrap import RESAMPLES
from undertow.evaluation.scores.generation import (
    generation_statistics,
    own_behavior_statistics,
)
from undertow.evaluation.scores.hidden import with_hidden
from undertow.evaluation.scores.labels import label_statistics
from undertow.evaluation.scores.likelihood import likelihood_statistics
from undertow.evaluation.scores.psth import PSTH_STD_S, psth_statistics
from undertow.evaluation.scores.score import Score, combine
from undertow.evaluation.scores.statistic import Statistic
from undertow.evaluation.scores.sums import BitsPerSpike, RSquared
from undertow.evaluation.scores.trials import about, spiking, varies, window, window_truth
from undertow.evaluation.scores.velocity import LOG_RATES, LogRates, velocity_statistics


def score_prediction(
    prediction: Prediction,
    train: Prediction | None = None,
    split: str = "test",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Score]:
    """Every score the trials allow, by name, with a 95 % bootstrap interval over trials.

    Args:
        prediction: for the trials to score.
        train: of the same model for its training trials; needed for velocity, label and PSTH
            scores.
        split: what the scored trials are called.
        resamples, seed: of the bootstrap, stratified by condition.

    Returns:
        Those of 'co-bps', 'held-in bps', 'fp-bps', 'rate R2', 'rate R2 variance-weighted', 'rate R2
        median', 'psth R2', 'velocity R2', 'velocity R2 log-rate' and, for each label, 'label
        accuracy NAME' and 'majority share NAME' that can be computed; see `sufficient_statistics`.

    Raises:
        DataError: when a rate is NaN, negative or infinite where it is scored.
    """
    found = sufficient_statistics(prediction, train)
    return combine([[found]], split=split, resamples=resamples, seed=seed)


def compare(
    a: Prediction,
    b: Prediction,
    train_a: Prediction | None = None,
    train_b: Prediction | None = None,
    split: str = "test",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Score]:
    """Differences a − b of every score that both allow, with paired intervals.

    They are paired because both see the same resamples.

    Names are as in `score_prediction`, and 'co-bps difference' and so on inside each score.

    Raises:
        DataError: when the predictions are for different trials, or as `score_prediction`.
    """
    first, second = sufficient_statistics(a, train_a), sufficient_statistics(b, train_b)
    return combine([[first]], minus=[[second]], split=split, resamples=resamples, seed=seed)


def sufficient_statistics(
    prediction: Prediction,
    train: Prediction | None = None,
    psth_std_s: float = PSTH_STD_S,
    log_rates: LogRates = LOG_RATES,
) -> dict[str, Statistic]:
    """The per-trial sums behind every score the trials allow, by name.

    Likelihood scores need held-out neurons ('co-bps'), forward bins ('fp-bps') or rates of hidden
    entries ('held-in bps', see `with_hidden`), rate R² the true rates, 'psth R2' conditions and
    `train`, velocity R² a behaviour channel with 'vel' in its name and `train`, label accuracy
    labels and `train`; PSTHs and a lag between rates and velocity also need regular times. All but
    'fp-bps' use the window, without the forward bins. Neurons without a spike in the bins scored
    are left out (of label accuracy none), and of bits per spike those without a spike in the
    training trials too: no model can know their rate. `missing_scores` says why others are not
    there.

    Args:
        prediction: for the trials to score.
        train: of the same model for its training trials.
        psth_std_s: standard deviation in seconds of the Gaussian that smooths the PSTHs.
        log_rates: lag and floor of the decoder from log rates.

    Raises:
        DataError: when a rate is NaN, negative or infinite where it is scored.
    """
    fitted_on = None if train is None else train.trials
    found = rate_statistics(prediction, fitted_on)
    if train is None:
        return found
    fitted = [
        *psth_statistics(prediction, train.trials, psth_std_s),
        *velocity_statistics(prediction, train, log_rates),
        *label_statistics(prediction, train),
    ]
    return found | {statistic.name: statistic for statistic in fitted}


def rate_statistics(prediction: Prediction, train: TrialSet | None = None) -> dict[str, Statistic]:
    """Those of `sufficient_statistics` that are of the rates alone: likelihoods and rate R².

    Args:
        prediction: as in `sufficient_statistics`.
        train: the training trials, which say which neurons a model can know.
    """
    found = [*likelihood_statistics(prediction, train), *_truth_statistics(prediction)]
    return {statistic.name: statistic for statistic in found}


class Predicts(Protocol):
    """What `model_statistics` asks of a fitted model."""

    def predict_hidden(self, trials: TrialSet) -> Prediction | None:
        """Each held-in entry predicted while it is hidden."""

    def predict_generated(self, trials: TrialSet) -> tuple[Prediction, int] | None:
        """The prediction from the first bins, and how many these are."""


def model_statistics(
    model: Predicts, prediction: Prediction, train: Prediction | None = None
) -> dict[str, Statistic]:
    """The statistics of a prediction, with those of what only its model can make.

    These are hidden entries and, of a model that generates, `generation_statistics`; of one that
    predicts behaviour alone, how well it does.
    """
    trials, fitted_on = prediction.trials, None if train is None else train.trials
    if prediction.hidden_rates is None:
        prediction = with_hidden(prediction, model.predict_hidden(trials))
    found = sufficient_statistics(prediction, train)
    generated = model.predict_generated(trials)
    if generated is None:
        return found | own_behavior_statistics(prediction)
    return found | generation_statistics(prediction, *generated, fitted_on)


def per_neuron_scores(prediction: Prediction) -> dict[str, np.ndarray]:
    """One entry per neuron, over the window (without forward bins).

    Bits per spike of held-in neurons are of `hidden_rates`; of a prediction without them, they
    measure how well spikes are copied.

    Returns:
        'neuron_id', 'region' (where known), 'heldout', 'mean_rate_hz' (spikes/s), 'bits_per_spike'
        (NaN for silent neurons) and, where the truth is known, 'rate_r2' (NaN where the truth is
        constant).

    Raises:
        DataError: when a rate is NaN, negative or infinite where it is scored.
    """
    trials, bins = prediction.trials, window(prediction.trials)
    spikes, rates = trials.spikes[:, bins], prediction.counts[:, bins]
    if (hidden := prediction.hidden_rates) is not None:
        rates = np.where(trials.heldout, rates, hidden[:, bins] * trials.bin_s)
    known = about(trials, "bits per spike", "bits/spike")
    once = np.ones((1, trials.n_trials))
    bits = BitsPerSpike.from_counts(rates, spikes, **known)
    gain, count = (array[0] for array in bits.gains(once))
    table = {"neuron_id": trials.neuron_ids, "heldout": trials.heldout}
    if trials.region is not None:
        table["region"] = trials.region
    observed = bits.bins.sum(axis=0)
    table["mean_rate_hz"] = count / np.where(observed > 0, observed, np.nan) / trials.bin_s
    table["bits_per_spike"] = gain / np.where(count > 0, count, np.nan) / np.log(2)
    if trials.truth is not None:
        truth = window_truth(trials)
        check_rates(prediction.rates[:, bins], np.isfinite(truth))
        explained = RSquared.from_targets(prediction.rates[:, bins], truth, **known)
        residual, total = (array[0] for array in explained.outputs(once))
        table["rate_r2"] = np.where(varies(truth), r2(residual, total), np.nan)
    return table


def _truth_statistics(prediction: Prediction) -> Iterator[Statistic]:
    trials, bins = prediction.trials, window(prediction.trials)
    if trials.truth is None:
        return
    truth = window_truth(trials)
    scored = spiking(trials, bins) & varies(truth)
    if not scored.any():
        return
    rates, truth = prediction.rates[:, bins][..., scored], truth[..., scored]
    check_rates(rates, np.isfinite(truth))
    for name, multioutput in (
        ("rate R2", "uniform"),
        ("rate R2 variance-weighted", "variance-weighted"),
        ("rate R2 median", "median"),
    ):
        known = about(trials, name, "R²", "against the true rates", scored)
        yield RSquared.from_targets(rates, truth, multioutput=multioutput, **known)
