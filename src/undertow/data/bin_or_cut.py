"""From a recording to trials: around events where it has trials, in windows where it has none."""

from pathlib import Path
from typing import Any

from undertow.data.recording import Recording
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed

NEED_TRIALS = ("align", "window_s", "trials", "condition", "label", "forward_bins")


def bin_or_cut(
    path: str | Path, recording: Recording, bin_s: float | None, cut_s: float, **options: Any
) -> TrialSet:
    """`Recording.bin` where there are trials, else `Recording.cut` into windows of `cut_s`; 20 ms
    by default.

    Args:
        path: names the recording in errors.
        recording: with its units chosen.
        bin_s: bin width in seconds.
        cut_s: window length in seconds, for a recording without trials.
        options: of `Recording.bin`; those that are None, empty or 0 count as not given.

    Raises:
        DataError: when options that need trials are given without any, or as in `Recording.bin`.
    """
    bin_s = 0.02 if bin_s is None else bin_s
    given = {name: value for name, value in options.items() if _is_given(value)}
    if recording.n_trials:
        return recording.bin(bin_s=bin_s, **given)
    if useless := [name for name in given if name in NEED_TRIALS]:
        raise DataError(
            f"{path} has no trials or events, which {listed(useless)} would need: give events, or "
            "leave it out and pass cut_s."
        )
    return recording.cut(cut_s, bin_s, **given)


def _is_given(value: Any) -> bool:
    return value is not None and not (
        isinstance(value, str | tuple | list | int | float) and not value
    )
