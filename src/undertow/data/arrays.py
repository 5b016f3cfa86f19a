"""Trials from what is in memory: arrays of counts, lists of them, xarray, spike times."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from undertow.data import validation
from undertow.data.aligning import Window
from undertow.data.binning import whole_bins
from undertow.data.readers.netcdf import from_xarray
from undertow.data.recording import Recording
from undertow.data.splits import split_labels, split_validation
from undertow.data.trialset import TrialSet
from undertow.errors import DataError

if TYPE_CHECKING:
    import xarray

    TrialsLike = TrialSet | np.ndarray | Sequence[np.ndarray] | xarray.DataArray | xarray.Dataset
else:
    TrialsLike = Any

SAME_WIDTH_S = 1e-9


def as_trials(data: "TrialsLike", bin_s: float | None = None) -> TrialSet:
    """A `TrialSet` of what holds binned trials.

    Args:
        data: a `TrialSet`, which comes back as it is; counts per bin (trials, time, neurons), NaN
            where not observed; a list of one array (time, neurons) per trial, of any length; or an
            xarray object, by the names of `undertow.data.from_xarray`.
        bin_s: bin width in seconds. Arrays need it; a `TrialSet` and an xarray object that know
            theirs do not, and refuse another.

    Raises:
        DataError: for anything else, saying what to pass instead, a missing bin width or one that
            contradicts the data's, or counts that break a rule.
    """
    if isinstance(data, TrialSet):
        return _of_width(data, bin_s)
    if isinstance(data, list | tuple):
        return _listed_trials(data, bin_s)
    if _is_xarray(data):
        return _of_width(from_xarray(data, file_bin_s=bin_s), bin_s)
    if not hasattr(data, "__array__") or hasattr(data, "columns"):
        raise DataError(f"cannot take {_kind(data)} as trials: {_instead(data)}.")
    counts = np.asarray(data)
    if counts.ndim != 3:
        raise DataError(
            f"an array of shape {counts.shape} is no set of trials: {_of_shape(counts)}."
        )
    return TrialSet(counts, _given(bin_s))


def learning_parts(
    trials: TrialsLike, validation: TrialsLike | None, bin_s: float | None, seed: int
) -> tuple[TrialSet, TrialSet]:
    """The trials that a fit learns from and those it chooses on, as trial sets.

    Without `validation` a stratified 15 % of `trials` are chosen on, see `split_validation`.
    """
    given = as_trials(trials, bin_s)
    if validation is None:
        return split_validation(given, seed=seed)
    return given, as_trials(validation, bin_s)


def _is_xarray(data: Any) -> "TypeGuard[xarray.DataArray | xarray.Dataset]":
    """Whether `data` is an xarray object; xarray is not imported to tell."""
    return type(data).__module__.partition(".")[0] == "xarray"


def _of_width(trials: TrialSet, bin_s: float | None) -> TrialSet:
    if bin_s is not None and abs(validation.bin_width(bin_s) - trials.bin_s) > SAME_WIDTH_S:
        raise DataError(
            f"bin_s is {bin_s:g} s, but the trials have bins of {trials.bin_s:g} s: leave bin_s "
            f"out, or pass trials.rebin({bin_s:g})."
        )
    return trials


def _given(bin_s: float | None) -> float:
    if bin_s is None:
        raise DataError("an array does not say how wide its bins are: pass bin_s in seconds.")
    return bin_s


def _listed_trials(data: Sequence[Any], bin_s: float | None) -> TrialSet:
    """Trials from one array (time, neurons) each; short ones are NaN past their end."""
    if not data:
        raise DataError("the list of trials is empty: give one array (time, neurons) per trial.")
    for trial, each in enumerate(data):
        if isinstance(each, TrialSet):
            raise DataError("a list of TrialSets is no set of trials: join them by join_trials.")
        if isinstance(each, str | Mapping) or hasattr(each, "columns"):
            raise DataError(f"entry {trial} of the list is {_kind(each)}: {_instead(each)}.")
    counts = [validation.as_numeric(f"trial {k}", each, 2) for k, each in enumerate(data)]
    n_neurons = counts[0].shape[1]
    for trial, each in enumerate(counts):
        if each.shape[1] != n_neurons or not len(each):
            raise DataError(
                f"trial {trial} has shape {each.shape}, (time, neurons): every trial must have at "
                f"least one bin and the {n_neurons} neurons of the first."
            )
    lengths = np.array([len(each) for each in counts])
    spikes = np.full((len(counts), lengths.max(), n_neurons), np.nan, np.float32)
    for trial, each in enumerate(counts):
        spikes[trial, : len(each)] = each
    return TrialSet(spikes, _given(bin_s), lengths=lengths)


def _kind(data: Any) -> str:
    return (
        "a path"
        if isinstance(data, str) or hasattr(data, "__fspath__")
        else f"a {type(data).__name__}"
    )


def _instead(data: Any) -> str:
    """What to pass in place of `data`."""
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        return "read the file first, trials = undertow.data.load(path)"
    if isinstance(data, Recording):
        return "count its spikes in bins first, trials = recording.bin(…) or recording.cut(…)"
    if hasattr(data, "columns"):
        return "pass counts (trials, time, neurons), or spike times through bin_spike_times"
    if isinstance(data, Mapping):
        return "pass its array of counts (trials, time, neurons), or TrialSet(spikes=…, bin_s=…)"
    return (
        "pass a TrialSet, counts (trials, time, neurons) with bin_s, a list of one array (time, "
        "neurons) per trial, or an xarray object"
    )


def _of_shape(counts: np.ndarray) -> str:
    if counts.dtype == object:
        return "pass a list of one array (time, neurons) per trial"
    if counts.ndim == 2:
        return (
            "pass (trials, time, neurons); a single trial as counts[None], a continuous recording "
            "(time, neurons) through cut_windows"
        )
    return "pass counts (trials, time, neurons)"


def bin_spike_times(
    spike_times: Sequence[Any] | Mapping[Any, Any],
    events_s: Any,
    window_s: Window,
    bin_s: float = 0.02,
    **fields: Any,
) -> TrialSet:
    """Bin spike times in a window around events, one event per trial; all times in seconds.

    A spike on a bin's edge belongs to the bin that starts there. `fields` are further fields of the
    `TrialSet` (`condition`, `region`, `heldout`, …).
    """
    recording = Recording.from_spike_times(
        spike_times, events=validation.as_array("events_s", events_s)
    )
    trials = recording.bin("event", window_s, bin_s)
    return trials.replace(**fields) if fields else trials


def cut_windows(
    spikes: Any,
    bin_s: float,
    window_s: float = 1.0,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    blocks: int = 1,
    behavior: Any = None,
    stimulus: Any = None,
    truth: Any = None,
    **fields: Any,
) -> TrialSet:
    """Cut continuous counts (time, neurons) into windows of `window_s` seconds, side by side.

    Args:
        spikes: counts per bin, (time, neurons), NaN where not observed; bins left over at the end
            are dropped.
        bin_s: bin width in seconds.
        window_s: window length in seconds, a whole number of bins.
        fractions, blocks: see `split_labels`.
        behavior, stimulus, truth: (time, channels), cut alike.
        fields: further fields of the `TrialSet` that are not per trial.

    Raises:
        DataError: for a wrong shape, or fewer windows than parts of the split.
    """
    bin_s = validation.bin_width(bin_s)
    n_time = whole_bins(window_s, bin_s)
    counts = validation.as_numeric("spikes", spikes, 2)
    n_windows = len(counts) // n_time
    split = split_labels(n_windows, fractions, blocks)

    def cut(name: str, array: Any) -> np.ndarray | None:
        if array is None:
            return None
        array = validation.as_numeric(name, array, 2)
        if len(array) != len(counts):
            raise DataError(f"{name} has {len(array)} bins: spikes has {len(counts)}.")
        return array[: n_windows * n_time].reshape(n_windows, n_time, array.shape[1])

    return TrialSet(
        spikes=counts[: n_windows * n_time].reshape(n_windows, n_time, -1),
        bin_s=bin_s,
        behavior=cut("behavior", behavior),
        stimulus=cut("stimulus", stimulus),
        truth=cut("truth", truth),
        split=split,
        **fields,
    )
