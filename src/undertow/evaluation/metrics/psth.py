"""Peri-stimulus time histograms (PSTHs), and how well rates match them.

A PSTH is the average over the trials of a condition.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import as_float, as_numbers, check_leading, row_blocks
from undertow.evaluation.metrics.rates import average_r2


def psth_r2(
    rates: ArrayLike,
    psth: ArrayLike,
    condition_index: Sequence[ArrayLike],
    jitter: ArrayLike | None = None,
) -> float:
    """R² of condition-averaged rates against PSTHs, as in the Neural Latents Benchmark.

    Rates are averaged over the evaluation trials of each condition that has any, bins with a finite
    PSTH (of the first neuron) are kept, conditions are stacked in time, and the R² of the neurons
    is averaged.

    Args:
        rates: expected spikes **per bin**, (trials, time, neurons).
        psth: the PSTHs in the same unit, (conditions, time, neurons); NaN where undefined.
        condition_index: for each condition of `psth`, the indices of its trials in `rates`; may be
            empty.
        jitter: bins by which each trial is moved later (negative: earlier) before averaging,
            (trials,).

    Raises:
        DataError: when shapes do not fit, no condition has a trial, or a needed rate or PSTH value
            is NaN.
    """
    rates, psth = as_float("rates", rates, 3), as_float("psth", psth, 3)
    if rates.shape[1:] != psth.shape[1:] or len(condition_index) != len(psth):
        raise DataError(
            f"psth has shape {psth.shape}, condition_index {len(condition_index)} entries and "
            "rates shape "
            f"{rates.shape}: bins and neurons must be equal, with one entry per condition."
        )
    shifted = rates if jitter is None else _shift(rates, np.asarray(jitter))
    true, predicted = [], []
    for target, index in zip(psth, condition_index, strict=True):
        index = np.asarray(index, dtype=np.int64)
        # the benchmark's rule: the first neuron says which bins have a PSTH
        keep = ~np.isnan(target[:, 0])
        if index.size:
            true.append(target[keep])
            predicted.append(shifted[index].mean(axis=0)[keep])
    if not sum(map(len, true)):
        what = "a bin with a PSTH" if true else "an evaluation trial"
        raise DataError(f"no condition has {what}: psth R² needs at least one.")
    return _stacked_r2(np.concatenate(predicted), np.concatenate(true))


def _stacked_r2(predicted: np.ndarray, true: np.ndarray) -> float:
    """Uniform mean over neurons of the R² over stacked bins, both (bins, neurons)."""
    for name, array in (("rates", predicted), ("psth", true)):
        if np.isnan(array).any():
            raise DataError(
                f"{name} holds NaN within bins that have a PSTH: every such bin needs a value."
            )
    residual = np.sum((true - predicted) ** 2, axis=0)
    total = np.sum((true - true.mean(axis=0)) ** 2, axis=0)
    return float(average_r2(residual, total))


def _shift(rates: np.ndarray, jitter: np.ndarray) -> np.ndarray:
    """Each trial moved `jitter` bins later, NaN where nothing moved in."""
    if jitter.shape != rates.shape[:1]:
        raise DataError(
            f"jitter has shape {jitter.shape}: it must have one entry for each of {len(rates)} "
            "trials."
        )
    n_time = rates.shape[1]
    # bin t of a trial moved j bins later is its bin t − j
    source = np.arange(n_time)[None] - jitter.astype(np.int64)[:, None]
    inside = (source >= 0) & (source < n_time)
    moved = np.take_along_axis(rates, np.clip(source, 0, n_time - 1)[..., None], axis=1)
    return np.where(inside[..., None], moved, np.nan)


def psth(
    spikes: ArrayLike, condition: ArrayLike, kernel_std_s: float, bin_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Condition averages of spikes smoothed with a Gaussian, for data that come as cut trials.

    Smoothing is normalised: at window edges and beside missing bins the kernel is rescaled to what
    was observed.

    Args:
        spikes: counts per bin, (trials, time, neurons); NaN where not observed.
        condition: one label per trial.
        kernel_std_s: standard deviation of the kernel in seconds; 0 for none.
        bin_s: bin width in seconds.

    Returns:
        The sorted labels, (conditions,), and mean spikes **per bin**, (conditions, time, neurons);
        NaN in bins no trial of the condition observed.

    Raises:
        DataError: when `condition` does not have one label per trial.
    """
    spikes, labels = as_numbers("spikes", spikes, 3), np.asarray(condition)
    if labels.ndim != 1:
        raise DataError(f"condition has shape {labels.shape}: it must have one label per trial.")
    check_leading(1, spikes=spikes, condition=labels)
    return psth_of_sets([(spikes, labels)], kernel_std_s, bin_s)


def psth_of_sets(
    sets: Sequence[tuple[np.ndarray, np.ndarray]],
    kernel_std_s: float,
    bin_s: float,
    neurons: np.ndarray | slice = slice(None),
) -> tuple[np.ndarray, np.ndarray]:
    """`psth` of several sets of trials together, some trials at a time.

    Args:
        sets: counts (trials, time, neurons) and labels (trials,) of each set.
        kernel_std_s, bin_s: as in `psth`.
        neurons: those that are averaged, of all by default.
    """
    conditions = np.unique(np.concatenate([labels for _, labels in sets]))

    def smoothed(label: Any) -> Iterator[np.ndarray]:
        for spikes, labels in sets:
            rows = np.flatnonzero(labels == label)
            for part in row_blocks(spikes[: len(rows)]):
                counts = spikes[rows[part]][..., neurons].astype(np.float64)
                if kernel_std_s > 0:
                    # smoothing fills gaps from their neighbours; what was not observed must not
                    # count
                    means = gaussian_smooth(counts, kernel_std_s, bin_s)
                    counts = np.where(np.isnan(counts), np.nan, means)
                yield counts

    return conditions, np.stack([mean_of_blocks(smoothed(label)) for label in conditions])


def mean_over_trials(values: np.ndarray) -> np.ndarray:
    """Mean over axis 0 of what is finite; NaN where nothing is."""
    return mean_of_blocks(values[part] for part in row_blocks(values))


def mean_of_blocks(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Mean over axis 0 of all parts together, of what is finite; NaN where nothing is."""
    total: Any = 0.0
    count: Any = 0
    for values in parts:
        finite = np.isfinite(values)
        total = total + np.where(finite, values, 0).sum(axis=0)
        count = count + finite.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def gaussian_smooth(
    values: np.ndarray,
    std_s: float,
    bin_s: float,
    centre: bool = True,
    bins: np.ndarray | slice = slice(None),
    past: bool = False,
) -> np.ndarray:
    """Weighted mean over the observed bins of each trial, weights falling off as a Gaussian.

    Bins beyond the window and NaN bins have no weight, so edges and gaps are not biased towards
    zero.

    Args:
        values: (trials, time, neurons); NaN where not observed.
        std_s: standard deviation of the kernel in seconds, above zero.
        bin_s: bin width in seconds.
        centre: whether a bin takes part in its own mean; without, each bin is predicted from the
            others.
        bins: the bins wanted, all by default.
        past: leave out later bins.

    Returns:
        An array of the same shape, or of the bins wanted; NaN only where no observed bin has
        weight.
    """
    lag_s = np.subtract.outer(np.arange(values.shape[1]), np.arange(values.shape[1])) * bin_s
    kernel = np.exp(-0.5 * (lag_s / std_s) ** 2)
    if not centre:
        np.fill_diagonal(kernel, 0.0)
    if past:
        kernel = np.tril(kernel)
    kernel = kernel[bins]
    observed = ~np.isnan(values)
    if observed.all():  # one mass for all trials and neurons
        return _over_mass(np.matmul(kernel, values), kernel.sum(axis=1)[:, None])
    # dividing by the observed weight keeps edges and gaps unbiased
    weighted = np.matmul(kernel, np.where(observed, values, 0.0))
    return _over_mass(weighted, np.matmul(kernel, observed.astype(np.float64)))


def _over_mass(weighted: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Weighted sums over the observed weight; NaN where there is none."""
    return np.where(mass > 0, weighted / np.where(mass > 0, mass, 1.0), np.nan)
