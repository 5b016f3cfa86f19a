"""Binning: rebinning a TrialSet by whole multiples."""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from undertow.errors import DataError, DataWarning

if TYPE_CHECKING:
    from undertow.data.trialset import TrialSet


def rebin(trials: "TrialSet", bin_s: float) -> "TrialSet":
    """Bins a whole multiple as wide: counts are summed, signals and truth averaged.

    A wide bin is NaN where any of its narrow bins is; behaviour is averaged over what is there. Narrow bins left
    over at the end are dropped, with a warning. Categorical behaviour takes the first value of each wide bin.

    Raises:
        DataError: when `bin_s` is not a whole multiple of the trials' bin width, or forward bins do not divide.
    """
    factor = round(bin_s / trials.bin_s)
    if factor < 1 or abs(factor * trials.bin_s - bin_s) > 1e-9:
        raise DataError(
            f"bin_s is {bin_s:g} s: it must be a whole multiple of the data's own bins, {trials.bin_s:g} s."
        )
    if factor == 1:
        return trials
    if trials.forward_bins % factor:
        raise DataError(f"{trials.forward_bins} forward bins cannot be rebinned by {factor}: choose a divisor of them.")
    n_time = trials.n_time // factor
    if n_time == 0:
        raise DataError(f"bin_s is {bin_s:g} s: longer than the window of {trials.n_time * trials.bin_s:g} s.")
    if left := trials.n_time - n_time * factor:
        warnings.warn(f"the last {left} bin(s) do not fill a bin of {bin_s:g} s and are dropped.", DataWarning, stacklevel=3)

    def grouped(array: np.ndarray) -> np.ndarray:
        return array[:, : n_time * factor].reshape(len(array), n_time, factor, array.shape[2])

    signals = {k: getattr(trials, k) for k in ("behavior", "stimulus", "truth")}
    averaged = {k: _nanmean(grouped(a)) for k, a in signals.items() if a is not None}
    if trials.behavior is not None and trials.behavior_kind == "categorical":
        averaged["behavior"] = grouped(trials.behavior)[:, :, 0]
    return trials.replace(
        spikes=grouped(trials.spikes).sum(axis=2),
        bin_s=bin_s,
        lengths=np.maximum(trials.lengths // factor, 1),
        forward_bins=trials.forward_bins // factor,
        **averaged,
    )


def _nanmean(groups: np.ndarray) -> np.ndarray:
    """Mean over axis 2 of what is finite; NaN where nothing is."""
    finite = np.isfinite(groups)
    total = np.where(finite, groups, 0).sum(axis=2)
    count = finite.sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
