"""From a data file to trials ready to fit: bins, minimum rate, held-out neurons."""

from pathlib import Path
from typing import Any

from undertow.data import TrialSet, load

HELDOUT_SHARE = 4


def read_trials(
    path: str | Path,
    bin_s: float | None = None,
    min_rate_hz: float | None = None,
    forward_bins: int | None = None,
    **options: Any,
) -> TrialSet:
    """Read trials of any format, without neurons that hardly fire and with bins to predict.

    Args:
        path: a data file.
        bin_s: bin width in seconds; the file's own by default, 20 ms for spike times.
        min_rate_hz: neurons with a lower mean rate are left out.
        forward_bins: last bins of the window that are predicted and never shown; the file's own by
            default.
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
    return trials


def prepare(
    path: str | Path,
    bin_s: float | None = None,
    heldout: int | None = None,
    split_seed: int = 0,
    **options: Any,
) -> TrialSet:
    """Read trials and choose which neurons are held out.

    Args:
        path, bin_s: as in `read_trials`.
        heldout: how many neurons to hold out, drawn with `split_seed`; 0 for none; by default the
            file's own held-out neurons or, where it names none, a quarter.
        split_seed: governs which neurons are held out.
        options: the others of `read_trials`.

    Raises:
        DataError: when the file cannot be read or an option breaks its rule.
    """
    trials = read_trials(path, bin_s, **options)
    if heldout is None and trials.heldout.any():
        return trials
    n = trials.n_neurons // HELDOUT_SHARE if heldout is None else heldout
    return trials.hold_out(n, seed=split_seed)
