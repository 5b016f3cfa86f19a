"""Scores of a prediction, with intervals, and the same scores neuron by neuron.

The trials of the prediction decide which statistics there are.
"""

from collections.abc import Iterator

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.evaluation.metrics.arrays import check_rates
from undertow.evaluation.metrics.psth import psth_of_sets
from undertow.evaluation.metrics.rates import r2
from undertow.evaluation.scores.bootstrap import RESAMPLES
from undertow.evaluation.scores.labels import label_statistics
from undertow.evaluation.scores.score import Score, combine
from undertow.evaluation.scores.statistic import Statistic
from undertow.evaluation.scores.sums import BitsPerSpike, PsthRSquared, RSquared
from undertow.evaluation.scores.trials import about, spiking, varies, window, window_truth
from undertow.evaluation.scores.velocity import LOG_RATES, LogRates, velocity_statistics

PSTH_STD_S = 0.05


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
    return combine(
        [[sufficient_statistics(prediction, train)]], split=split, resamples=resamples, seed=seed
    )


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

    Likelihood scores need held-out neurons ('co-bps') or forward bins ('fp-bps'), rate R² the true
    rates, 'psth R2' conditions and `train`, velocity R² a behaviour channel with 'vel' in its name
    and `train`, label accuracy labels and `train`; PSTHs and a lag between rates and velocity also
    need regular times. All but 'fp-bps' use the window, without the forward bins. Neurons without a
    spike in the bins scored are left out (of label accuracy none).

    Args:
        prediction: for the trials to score.
        train: of the same model for its training trials.
        psth_std_s: standard deviation in seconds of the Gaussian that smooths the PSTHs.
        log_rates: lag and floor of the decoder from log rates.

    Raises:
        DataError: when a rate is NaN, negative or infinite where it is scored.
    """
    found: list[Statistic] = [*_likelihood_statistics(prediction), *_truth_statistics(prediction)]
    if train is not None:
        found += [
            *_psth_statistics(prediction, train.trials, psth_std_s),
            *velocity_statistics(prediction, train, log_rates),
            *label_statistics(prediction, train),
        ]
    return {statistic.name: statistic for statistic in found}


def per_neuron_scores(prediction: Prediction) -> dict[str, np.ndarray]:
    """One entry per neuron, over the window (without forward bins).

    Returns:
        'neuron_id', 'region' (where known), 'heldout', 'mean_rate_hz' (spikes/s), 'bits_per_spike'
        (NaN for silent neurons) and, where the truth is known, 'rate_r2' (NaN where the truth is
        constant).

    Raises:
        DataError: when a rate is NaN, negative or infinite where it is scored.
    """
    trials, bins = prediction.trials, window(prediction.trials)
    spikes, rates = trials.spikes[:, bins], prediction.counts[:, bins]
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


def _likelihood_statistics(prediction: Prediction) -> Iterator[Statistic]:
    trials = prediction.trials
    inside, after = window(trials), slice(trials.n_time - trials.forward_bins, None)
    everyone = np.ones(trials.n_neurons, bool)
    for name, bins, neurons, note in (
        ("co-bps", inside, trials.heldout, "held-out neurons"),
        (
            "held-in bps",
            inside,
            ~trials.heldout,
            "held-in neurons, whose spikes the model is given",
        ),
        ("fp-bps", after, everyone, "forward bins, all neurons"),
    ):
        scored = neurons & spiking(trials, bins)
        if scored.any():
            rates = _counts(prediction, bins, scored)
            spikes = trials.spikes[:, bins][..., scored]
            known = about(trials, name, "bits/spike", note, scored, neurons)
            yield BitsPerSpike.from_counts(rates, spikes, **known)


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


def _psth_statistics(prediction: Prediction, train: TrialSet, std_s: float) -> Iterator[Statistic]:
    trials, bins = prediction.trials, window(prediction.trials)
    scored = spiking(trials, bins)
    if (
        trials.condition is None
        or train.condition is None
        or trials.times is not None
        or train.n_time != trials.n_time
        or not scored.any()
    ):
        return
    sets = [(each.spikes[:, bins], np.asarray(each.condition)) for each in (trials, train)]
    labels, target = psth_of_sets(sets, std_s, trials.bin_s, scored)
    member = np.searchsorted(labels, trials.condition)
    observed = np.isfinite(trials.spikes[:, bins][..., scored]).all(axis=2)
    for k in range(len(labels)):
        mine = observed[member == k]
        # a bin counts where every trial of the condition has it: one set of trials per average
        target[k, ~mine.all(axis=0) if len(mine) else slice(None)] = np.nan
    if np.isfinite(target).any():
        rates = _counts(prediction, bins, scored)
        check_rates(rates, observed[..., None] & np.ones(rates.shape[2], bool))
        note = f"PSTH of these and the training trials, Gaussian sd {1e3 * std_s:g} ms"
        known = about(trials, "psth R2", "R²", note, scored)
        yield PsthRSquared(
            rates=rates.astype(np.float32, copy=False), psth=target, member=member, **known
        )


def _counts(prediction: Prediction, bins: slice, neurons: np.ndarray) -> np.ndarray:
    """Expected spikes per bin of some neurons: chosen first, multiplied where they are."""
    chosen = prediction.rates[:, bins][..., neurons]
    in_place = chosen if chosen.dtype.kind == "f" else None
    return np.multiply(chosen, prediction.trials.bin_s, out=in_place)
