"""From spike times in a file to trials: around its events, or in windows where it has none."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from undertow.data.aligning import Window
from undertow.data.readers.text_tables import read_npy, read_text_table
from undertow.data.recording import Recording
from undertow.data.trialset import TrialSet
from undertow.data.validation import as_array
from undertow.errors import DataError
from undertow.names import listed

NEED_TRIALS = ("align", "window_s", "trials", "condition", "label", "forward_bins")


class AroundEvents(TypedDict, total=False):
    """Options of `Recording.bin` that every reader of spike times takes."""

    align: str | None
    window_s: Window | None
    trials: Any
    condition: str | Sequence[str] | None
    stimulus: str | Sequence[str]
    label: str | Sequence[str]
    min_rate_hz: float
    forward_bins: int


def bin_or_cut(
    path: str | Path, recording: Recording, bin_s: float | None, cut_s: float, **options: Any
) -> TrialSet:
    """Trials around events (`Recording.bin`), or windows of `cut_s` (`Recording.cut`) without them.

    Bins are 20 ms wide by default.

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
        _check_stop(path, recording, given)
        return recording.bin(bin_s=bin_s, **given)
    if useless := [name for name in given if name in NEED_TRIALS]:
        raise DataError(
            f"{path} has no trials or events, which {listed(useless)} would need: leave it out and "
            "pass cut_s, or give events (of MATLAB, Phy and tables of spikes) or a table of "
            "intervals (of NWB; see undertow info)."
        )
    return recording.cut(cut_s, bin_s, **given)


def _check_stop(path: str | Path, recording: Recording, given: Mapping[str, Any]) -> None:
    stop = recording.trials.get("stop_time")
    if "window_s" not in given and stop is not None and stop.dtype.kind not in "iuf":
        raise DataError(
            f"column 'stop_time' of the trials of {path} holds no times: it must hold seconds, or "
            "pass window_s."
        )


def _is_given(value: Any) -> bool:
    return value is not None and not (
        isinstance(value, str | tuple | list | int | float) and not value
    )


def event_columns(events: Any) -> Mapping[str, Any]:
    """Events as columns of a trial table, from an array, a table or a file.

    A file is a .npy, .csv or .tsv, given by its path.

    An array (trials,) becomes the column 'event', one of two columns 'start_time' and 'stop_time',
    a structured one its fields.

    Raises:
        DataError: for a file that cannot be read or an array of another shape.
    """
    if isinstance(events, str | Path):
        is_array = Path(events).suffix.lower() == ".npy"
        events = read_npy(events) if is_array else read_text_table(events)
    if hasattr(events, "items"):
        return dict(events.items())
    array = as_array("events", events)
    if array.dtype.names:
        return _fields(array)
    if array.dtype.kind not in "biufU":
        raise DataError(
            f"events have dtype {array.dtype}: they must be times in seconds, plain numbers."
        )
    if array.ndim == 2 and array.shape[1] == 2:
        return {"start_time": array[:, 0], "stop_time": array[:, 1]}
    if array.ndim == 1 or array.shape[1:] == (1,):
        return {"event": array.ravel()}
    raise DataError(
        f"events have shape {array.shape}: they must be (trials,) times in seconds, or (trials, 2) "
        "start and stop times."
    )


def _fields(array: np.ndarray) -> dict[str, np.ndarray]:
    """The fields of a structured array that hold one number or text per row."""
    assert array.dtype.names is not None
    rows = array.ravel()
    plain = {name: rows[name] for name in array.dtype.names}
    found = {n: a for n, a in plain.items() if a.ndim == 1 and a.dtype.kind in "biufUS"}
    if not found:
        raise DataError(
            f"events have the fields {listed(plain)}: none holds one number or text per event."
        )
    return found
