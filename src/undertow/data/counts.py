"""Spike counts of all trials, which are large: their rules and totals, block by block."""

import warnings

import numpy as np

from undertow.errors import DataError, DataWarning
from undertow.memory import blocks


def totals(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of what is observed and number of observed bins, both (neurons,).

    Values are (trials, time, neurons), NaN where not observed.
    """
    if (known := getattr(values, "totals", None)) is not None:
        return known[0].copy(), known[1].copy()
    total, observed = np.zeros(values.shape[2]), np.zeros(values.shape[2], int)
    for part in blocks(len(values), values[:1].nbytes):
        total += np.nansum(values[part], axis=(0, 1), dtype=np.float64)
        observed += np.isfinite(values[part]).sum(axis=(0, 1))
    return total, observed


def check_counts(spikes: np.ndarray) -> None:
    """Counts are finite or NaN, at least zero and whole."""
    if 0 in spikes.shape:
        raise DataError(
            f"spikes has shape {spikes.shape}: there must be at least one trial, bin and neuron."
        )
    if all(_all_counts(spikes[part]) for part in blocks(len(spikes), spikes[:1].nbytes)):
        return
    rules = (
        ("infinite", np.isinf, "counts must be finite, or NaN where not observed"),
        ("negative", lambda x: x < 0, "counts must be zero or more"),
        (
            "fractional",
            lambda x: np.isfinite(x) & (x != np.round(x)),
            "counts must be whole; pass counts per bin, not rates",
        ),
    )
    for what, breaks, rule in rules:
        # trial by trial: a mask of all counts at once would take as much memory as they do
        for trial, counts in enumerate(spikes):
            if (bad := breaks(counts)).any():
                total = sum(int(breaks(each).sum()) for each in spikes)
                time, neuron = np.argwhere(bad)[0]
                raise DataError(
                    f"spikes holds {total} {what} value(s), the first ({counts[time, neuron]:g}) "
                    f"at trial {trial}, bin {time}, neuron {neuron}: {rule}."
                )


def _all_counts(values: np.ndarray) -> bool:
    """Whether every value is NaN, or a whole number that is at least zero."""
    whole = (values >= 0) & (values == np.round(values)) & ~np.isinf(values)
    return bool((whole | np.isnan(values)).all())


def check_spiking(spikes: np.ndarray, neuron_ids: np.ndarray) -> None:
    """There is at least one spike to learn from; neurons that never spike are named."""
    total = totals(spikes)[0]
    if not total.sum() > 0:
        raise DataError(
            "spikes holds no spike at all: check the window, the alignment and the unit filter."
        )
    silent = neuron_ids[~(total > 0)]
    if silent.size:
        shown = ", ".join(map(str, silent[:10])) + (", …" if silent.size > 10 else "")
        warnings.warn(
            f"{silent.size} of {neuron_ids.size} neurons never spike and are left out of scores: "
            f"{shown}. To leave them out of the model too, set a least rate (filter_rates, on the "
            "command line --min-rate).",
            DataWarning,
            stacklevel=4,
        )
