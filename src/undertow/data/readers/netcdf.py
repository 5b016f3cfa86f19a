"""Labelled arrays: xarray objects and netCDF files of binned trials."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.checks import number
from undertow.data import tables, validation
from undertow.data.plain import as_mask
from undertow.data.prediction import RECORDED
from undertow.data.readers.netcdf_file import loaded, opened_netcdf
from undertow.data.readers.schema import PLAIN, check_kind, text_checked
from undertow.data.signals import channel_names
from undertow.data.trialset import TrialSet
from undertow.errors import DataError, DataWarning
from undertow.names import listed, printable

if TYPE_CHECKING:
    import xarray

DIMS = (
    ("trial", "trials", "trial_id"),
    ("time", "bin", "bins", "time_bin"),
    ("neuron", "neurons", "neuron_id", "unit", "units", "unit_id", "cell"),
)
SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1e-9),
}
PER_TRIAL, PER_NEURON = ("split", "lengths"), ("region", "heldout")
USED = (*PER_TRIAL, *PER_NEURON, "condition", "behavior", "stimulus", "truth", "times")
"""Variables read by their names."""
EVEN = 1e-3
"""How much bins may differ in width, as a share of it."""


def from_xarray(
    data: "xarray.DataArray | xarray.Dataset",
    bin_s: float | None = None,
    spikes: str = "spikes",
    condition: str | Sequence[str] | None = None,
    behavior: str | Sequence[str] | None = None,
    stimulus: str | Sequence[str] | None = None,
    label: str | Sequence[str] = (),
    dims: Sequence[str] | None = None,
    file_bin_s: float | None = None,
) -> TrialSet:
    """Trials from an xarray object, by the names that `Prediction.to_xarray` gives.

    `data` is an array of counts or a data set that holds one, with dimensions for trials, time and
    neurons in any order. The coordinate of time gives the centres of the bins in seconds (or in its
    `units`), those of trials and neurons the ids. Along trials, `condition`, `split` and `lengths`
    are used where they are there; along neurons, `region` and `heldout`; of the attributes `bin_s`,
    `event` and `forward_bins`; of a data set `truth` in spikes/s. A coordinate `times` (trial,
    time) gives irregular times in seconds (or in its `units`); the attributes `bin_s` and `start_s`
    then say the bin width and where the window starts.

    Args:
        data: an `xarray.DataArray` or `xarray.Dataset`.
        bin_s: bin width wanted, a whole multiple of the data's own; their own by default.
        spikes: the variable of counts in a data set.
        condition: coordinates or variables of one label per trial, several joined; `condition` by
            default.
        behavior: variables (trial, time) or (trial, time, channel); `behavior` by default. A
            coordinate of text names the channels.
        stimulus: variables of external input, likewise; `stimulus` by default.
        label: coordinates or variables of one category per trial.
        dims: the names of the dimensions of trials, time and neurons, where they are not the usual
            ones.
        file_bin_s: the data's bin width in seconds, where neither `bin_s` nor a coordinate of time
            says it.

    Raises:
        DataError: for a missing variable, dimension or bin width, bins of different width, or
            arrays that break a rule.
    """
    dataset: Any = data if hasattr(data, "data_vars") else data.to_dataset(name=spikes)
    counts = _variable(dataset, spikes)
    trial, time, neuron = _dims(counts, dims)
    times = _times(dataset, trial, time)
    shared = dataset if times is None else dataset.drop_vars(time, errors="ignore")
    own_bin_s, start_s = _time_axis(shared, counts, time, file_bin_s)
    behavior_names, behavior_values = _signals(dataset, behavior, "behavior", (trial, time))
    stimulus_names, stimulus_values = _signals(dataset, stimulus, "stimulus", (trial, time))
    attrs = {**dataset.attrs, **counts.attrs}
    fields: dict[str, Any] = {
        name: _along(dataset, name, trial) for name in PER_TRIAL if name in dataset.variables
    }
    fields |= {
        name: _along(dataset, name, neuron) for name in PER_NEURON if name in dataset.variables
    }
    if set(RECORDED) <= set(dataset.variables):
        edges = [_along(dataset, name, trial) for name in RECORDED]
        fields["recorded_s"] = np.stack(edges, axis=1)
    if "heldout" in fields:
        fields["heldout"] = as_mask("heldout", fields["heldout"])
    event = validation.scalar(attrs.get("event"))
    trials = TrialSet(
        spikes=counts.transpose(trial, time, neuron).values,
        bin_s=own_bin_s,
        start_s=start_s,
        event=event if isinstance(event, str) else "window start",
        forward_bins=attrs.get("forward_bins", 0),
        trial_ids=_along(dataset, trial, trial) if trial in dataset.coords else None,
        neuron_ids=_along(dataset, neuron, neuron) if neuron in dataset.coords else None,
        condition=_condition(dataset, condition, trial),
        behavior=behavior_values,
        behavior_names=behavior_names,
        stimulus=stimulus_values,
        stimulus_names=stimulus_names,
        labels={name: _along(dataset, name, trial) for name in tables.as_names(label)},
        times=times,
        truth=_truth(dataset, (trial, time, neuron)),
        **fields,
    )
    return trials if bin_s is None else trials.rebin(bin_s)


def read_netcdf(
    path: str | Path,
    bin_s: float | None = None,
    spikes: str = "spikes",
    condition: str | Sequence[str] | None = None,
    behavior: str | Sequence[str] | None = None,
    stimulus: str | Sequence[str] | None = None,
    label: str | Sequence[str] = (),
    dims: Sequence[str] | None = None,
    file_bin_s: float | None = None,
) -> TrialSet:
    """Read a netCDF 4 file of binned trials; the arguments are those of `from_xarray`.

    Raises:
        DataError: for a file that is not there, is cut short or is no netCDF 4, or as in
            `from_xarray`.
    """
    with opened_netcdf(path) as dataset:
        named = [
            n for names in (condition, behavior, stimulus, label) for n in tables.as_names(names)
        ]
        for name in (spikes, *named):
            _variable(dataset, name)
        read = loaded(path, dataset, [spikes, *USED, *named])
    return from_xarray(read, bin_s, spikes, condition, behavior, stimulus, label, dims, file_bin_s)


def list_netcdf(path: str | Path) -> list[str]:
    """Names and sizes of a netCDF file's variables: 'spikes (trial 40, time 50, neuron 20)'."""
    with opened_netcdf(path) as dataset:
        sized = {name: variable.sizes.items() for name, variable in dataset.variables.items()}
        return [
            printable(f"{name} ({', '.join(f'{dim} {n}' for dim, n in sizes)})", 200)
            for name, sizes in sized.items()
        ]


def _variable(dataset: "xarray.Dataset", name: str) -> "xarray.DataArray":
    if name not in dataset.variables:
        raise DataError(f"there is no variable {name!r}, only {listed(list(dataset.variables))}.")
    return dataset[name]


def _dims(counts: "xarray.DataArray", wanted: Sequence[str] | None) -> list[str]:
    """The dimensions of trials, time and neurons."""
    choices = DIMS if wanted is None else tuple((name,) for name in wanted)
    found = [next((str(dim) for dim in counts.dims if dim in names), None) for names in choices]
    named = [dim for dim in found if dim is not None]
    if len(set(named)) != 3 or counts.ndim != 3:
        sizes = listed([f"{printable(str(dim), 20)} ({n})" for dim, n in counts.sizes.items()], 8)
        raise DataError(
            f"{counts.name} has the dimensions {sizes}: it must have three, for trials, time and "
            "neurons; dims=('trial', 'time', 'neuron') gives their names."
        )
    if 0 in counts.shape:
        counts.check_counts(np.zeros(counts.shape))
    return named


def _truth(dataset: "xarray.Dataset", dims: tuple[str, str, str]) -> np.ndarray | None:
    if "truth" not in dataset.variables:
        return None
    truth = dataset["truth"]
    if set(truth.dims) != set(dims):
        there, rule = listed(truth.dims, 4), listed(dims)
        raise DataError(f"truth has the dimensions {there}: it must have those of spikes, {rule}.")
    return truth.transpose(*dims).values


def _along(dataset: "xarray.Dataset", name: str, dim: str) -> np.ndarray:
    """A coordinate or variable with one plain value per trial or neuron."""
    variable = _variable(dataset, name)
    if variable.dims != (dim,):
        raise DataError(
            f"{printable(name)} has the dimensions {listed(variable.dims, 3)}: it must have "
            f"{printable(dim)} alone."
        )
    values = text_checked("the data", name, variable.values)
    check_kind("the data", name, values.dtype, PLAIN)
    return values


def _condition(dataset: "xarray.Dataset", names: str | Sequence[str] | None, trial: str) -> Any:
    default = ("condition",) if "condition" in dataset.variables else ()
    columns = [_along(dataset, name, trial) for name in tables.as_names(names) or default]
    return tables.join_labels(columns) if columns else None


def _times(dataset: "xarray.Dataset", trial: str, time: str) -> np.ndarray | None:
    """Irregular times in seconds, (trials, time); None where there are none."""
    if "times" not in dataset.variables or dataset["times"].ndim < 2:
        return None
    if set(dataset["times"].dims) != {trial, time}:
        warnings.warn(
            f"left out times, of the dimensions {listed(dataset['times'].dims)}: irregular times "
            f"must have {trial} and {time}.",
            DataWarning,
            stacklevel=3,
        )
        return None
    return _seconds(dataset["times"].transpose(trial, time))


def _time_axis(
    dataset: "xarray.Dataset", counts: "xarray.DataArray", time: str, file_bin_s: float | None
) -> tuple[float, float]:
    """Bin width and the left edge of the first bin, both in seconds."""
    attrs = {**dataset.attrs, **counts.attrs}
    given = attrs.get("bin_s", file_bin_s)
    if time not in dataset.coords:
        if given is None:
            raise DataError(
                f"there is no coordinate {time!r} and no attribute bin_s: pass file_bin_s."
            )
        start_s = validation.scalar(attrs.get("start_s", 0.0))
        start_s = number("start_s", start_s, unit="seconds", error=DataError)
        return validation.bin_width(given), start_s
    centres_s = _seconds(dataset[time])
    if centres_s.ndim != 1 or not np.isfinite(centres_s).all():
        raise DataError(f"{time} holds NaN or infinite values: it must give the centres of bins.")
    steps = np.diff(centres_s)
    if given is None and steps.size == 0:
        raise DataError(f"{time} has a single bin, which does not say its width: pass file_bin_s.")
    width_s = validation.bin_width(np.median(steps) if given is None else given)
    if not (np.abs(steps - width_s) <= EVEN * width_s).all():
        raise DataError(
            f"{time} has steps of {steps.min():g} to {steps.max():g} s for bins of {width_s:g} s: "
            "it must give the centres of bins side by side, in seconds or with their `units`."
        )
    return width_s, float(centres_s[0]) - width_s / 2


def _seconds(time: "xarray.DataArray") -> np.ndarray:
    if time.dtype.kind == "m":
        return np.asarray(time.values / np.timedelta64(1, "ns"), float) * 1e-9
    unit = str(time.attrs.get("units", "s"))
    if unit not in SECONDS or time.dtype.kind not in "iuf":
        raise DataError(
            f"{time.name} is {time.dtype} in '{printable(unit)}': give bins in s, ms, us or ns."
        )
    return np.asarray(time.values, float) * SECONDS[unit]


def _signals(
    dataset: "xarray.Dataset",
    wanted: str | Sequence[str] | None,
    default: str,
    dims: tuple[str, str],
) -> tuple[list[str], np.ndarray | None]:
    """Channel names, and values (trials, time, channels) side by side; None without a variable."""
    names: list[str] = []
    values: list[np.ndarray] = []
    there = (default,) if default in dataset.data_vars else ()
    for name in there if wanted is None else tables.as_names(wanted):
        variable = _variable(dataset, name)
        channel = [dim for dim in variable.dims if dim not in dims]
        if not set(dims) <= set(variable.dims) or len(channel) > 1:
            raise DataError(
                f"{name} has the dimensions {listed(variable.dims)}: it must have {listed(dims)} "
                "and, at most, channels."
            )
        array = variable.transpose(*dims, *channel).values
        check_kind("the data", name, array.dtype)
        array = array if channel else array[..., None]
        labels = variable[channel[0]].values if channel else np.zeros(0)
        text = (
            channel and channel[0] in variable.coords and variable[channel[0]].dtype.kind in "UOT"
        )
        names += (
            [str(each) for each in text_checked("the data", name, labels).tolist()]
            if text
            else channel_names(name, array.shape[2])
        )
        values.append(array)
    return names, np.concatenate(values, axis=2) if values else None
