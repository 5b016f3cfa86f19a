"""From a data file to trials ready to fit: bins, minimum rate, held-out neurons."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import TrialSet, load
from undertow.errors import DataError

HELDOUT_SHARE = 4


def prepare(
    path: str | Path,
    bin_s: float | None = None,
    heldout: int | None = None,
    min_rate_hz: float | None = None,
    forward_bins: int | None = None,
    split_seed: int = 0,
    **options: Any,
) -> TrialSet:
    """Read trials and choose which neurons are held out.

    Args:
        path: a data file.
        bin_s: bin width in seconds; the file's own by default, 20 ms for spike times.
        heldout: how many neurons to hold out, drawn with `split_seed`; 0 for none; by default the
            file's own held-out neurons or, where it names none, a quarter.
        min_rate_hz: neurons with a lower mean rate are left out.
        forward_bins: last bins of the window that are predicted and never shown; the file's own by
            default.
        split_seed: governs which neurons are held out.
        options: of the file's reader; those that are None are left out.

    Raises:
        DataError: when the file cannot be read or an option breaks its rule.
    """
    trials = load(
        path, bin_s=bin_s, **{name: value for name, value in options.items() if value is not None}
    )
    if min_rate_hz is not None:
        trials = trials.filter_rates(min_rate_hz)
    if forward_bins is not None:
        trials = trials.replace(forward_bins=forward_bins)
    if heldout is None and trials.heldout.any():
        return trials
    n = trials.n_neurons // HELDOUT_SHARE if heldout is None else heldout
    return trials.hold_out(n, seed=split_seed)


def for_model(trials: TrialSet, model_neurons: np.ndarray, model_heldout: np.ndarray) -> TrialSet:
    """The trials with the model's neurons, in its order, and its held-out neurons.

    Raises:
        DataError: naming neurons of the model that the trials do not have.
    """
    where: Mapping[Any, int] = {neuron: k for k, neuron in enumerate(trials.neuron_ids.tolist())}
    missing = [neuron for neuron in model_neurons.tolist() if neuron not in where]
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
        raise DataError(
            f"{len(missing)} of the model's {len(model_neurons)} neurons are not in the data "
            f"({shown}): give a recording of the same neurons, read with the same options."
        )
    chosen = trials.select(neurons=np.array([where[neuron] for neuron in model_neurons.tolist()]))
    return chosen.replace(heldout=model_heldout)
