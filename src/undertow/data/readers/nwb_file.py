"""NWB files as HDF5: opened with their structure checked, their tables and time series found."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data.readers.nwb_source import name_of, opened_source
from undertow.errors import DataError
from undertow.memory import check_memory
from undertow.names import listed, printable

if TYPE_CHECKING:
    import h5py

MOST_DEEP = 50
"""Groups inside groups; files of real sessions have about 8."""
VALUES = ("timestamps", "starting_time")

Objects = Mapping[str, Any]
"""Full name → group or dataset."""


@contextmanager
def opened_nwb(source: Any) -> "Iterator[tuple[h5py.File, Objects]]":
    """An open NWB file and all objects in it; every failure to read it becomes a `DataError`.

    Nothing outside the file is ever read. The source is a path or what `opened_source` takes.
    """
    path = name_of(source)
    with opened_source(source) as file:
        if "nwb_version" not in file.attrs:
            raise DataError(
                f"{path} is HDF5 but no NWB file: it has no nwb_version; there is "
                f"{listed(list(file))}."
            )
        try:
            yield file, objects_of(path, file)
        except (ValueError, IndexError, OverflowError, RecursionError, MemoryError) as error:
            if isinstance(error, DataError):
                raise
            raise damaged(path, error) from None


def damaged(path: str | Path, error: Exception) -> DataError:
    """The error for a file that breaks the format, in one line."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    said = printable(lines[0].strip(), 200).rstrip(".")
    return DataError(f"{path} cannot be read as NWB: {type(error).__name__}: {said}.")


def objects_of(path: str | Path, file: "h5py.File") -> Objects:
    """Groups and datasets of a file by full name, each once.

    Raises:
        DataError: for links in a circle, and groups too deep.
    """
    import h5py

    found: dict[str, Any] = {}
    todo: list[tuple[Any, tuple[int, ...]]] = [(file, (_address(file),))]
    seen = {_address(file)}
    while todo:
        group, around = todo.pop()
        if len(around) > MOST_DEEP:
            raise DataError(f"{path} has groups more than {MOST_DEEP} deep: it is no NWB file.")
        for name in group:
            link = group.get(name, getlink=True)
            full = f"{group.name.rstrip('/')}/{name}"
            if isinstance(link, h5py.SoftLink):
                _check_soft(path, group, name, around)
                continue
            item = group[name]
            address = _address(item)
            if address in around:
                raise DataError(f"{path}: {printable(full)} is a link to a group it lies in.")
            if address in seen:
                continue
            seen.add(address)
            found[full] = item
            if isinstance(item, h5py.Group):
                todo.append((item, (*around, address)))
    return found


def _address(item: Any) -> int:
    import h5py

    return int(h5py.h5o.get_info(item.id).addr)


def _check_soft(path: str | Path, group: Any, name: str, around: tuple[int, ...]) -> None:
    try:
        target = group[name]
    except (KeyError, OSError, RuntimeError):  # it leads nowhere, or only to itself
        return
    if _address(target) in around:
        where = printable(f"{group.name}/{name}")
        raise DataError(f"{path}: {where} is a link to a group it lies in.")


# --- values -----------------------------------------------------------------------------------


def attribute(item: Any, name: str) -> Any:
    """An attribute, text as `str`; None where there is none."""
    value = item.attrs.get(name)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def read_numbers(path: str | Path, dataset: Any, part: slice | None = None) -> np.ndarray:
    """A dataset of numbers, or a part of its rows, as float64.

    Raises:
        DataError: for anything but numbers, or more than fits in memory.
    """
    name = printable(str(dataset.name))
    if not hasattr(dataset, "dtype") or dataset.dtype.kind not in "biuf" or not dataset.shape:
        raise DataError(f"{path}: {name} holds no array of numbers.")
    rows = dataset.shape[0] if part is None else part.stop - part.start
    size = rows * int(np.prod([float(n) for n in dataset.shape[1:]])) if rows else 0
    check_memory(16 * size, f"{name} of {path}", "it declares more than can be read.")
    return np.asarray(dataset[() if part is None else part], float)


def read_column(path: str | Path, dataset: Any) -> np.ndarray | None:
    """A dataset of one plain value a row; None for references, structures and more axes."""
    import h5py

    if not isinstance(dataset, h5py.Dataset) or len(dataset.shape) != 1:
        return None
    text = h5py.check_string_dtype(dataset.dtype) is not None
    if not text and dataset.dtype.kind not in "biuf":
        return None
    what = f"{printable(str(dataset.name))} of {path}"
    check_memory(64 * dataset.size, what, "it declares more than can be read.")
    if not text:
        return np.asarray(dataset[:])
    entries = dataset.asstr(errors="replace")[:]
    longest = max(map(len, entries), default=0)
    check_memory(8 * longest * len(entries), what, "its text is too long.")
    return np.array(entries, dtype=str)


# --- time series ------------------------------------------------------------------------------


def time_series(objects: Objects) -> dict[str, Any]:
    """Groups of samples over time by name; 'parent/name' where several share one."""
    found = {
        full: item
        for full, item in objects.items()
        if hasattr(item, "keys") and "data" in item and any(name in item for name in VALUES)
    }
    return by_short_name(found)


def by_short_name(found: Objects) -> dict[str, Any]:
    """Objects by the last part of their names; 'parent/name' where several share it."""
    last = [full.rpartition("/")[2] for full in found]
    named = {
        name if last.count(name) == 1 else "/".join(full.split("/")[-2:]): item
        for name, (full, item) in zip(last, found.items(), strict=True)
    }
    return dict(sorted(named.items()))


def read_series(path: str | Path, name: str, series: Any) -> tuple[np.ndarray, np.ndarray]:
    """Timestamps in seconds and samples in the unit that a time series names.

    Its conversion (per channel too) and its offset are applied.

    Raises:
        DataError: for samples that are no numbers, or times that do not fit them.
    """
    data = series["data"]
    values = read_numbers(path, data)
    if "timestamps" in series:
        times = read_numbers(path, series["timestamps"]).ravel()
    else:
        start = series["starting_time"]
        rate_hz, start_s = attribute(start, "rate"), np.asarray(start[()], float)
        if rate_hz is None or not float(rate_hz) > 0 or start_s.size != 1:
            raise DataError(f"{path}: the time series {printable(name)} has no sampling rate.")
        times = float(start_s.ravel()[0]) + np.arange(len(values)) / float(rate_hz)
    if len(times) != len(values):
        raise DataError(
            f"{path}: the time series {printable(name)} has {len(values)} samples and "
            f"{len(times)} timestamps."
        )
    scale: Any = float(_or(attribute(data, "conversion"), 1.0))
    if "channel_conversion" in series:
        channels = read_numbers(path, series["channel_conversion"])
        if values.shape[1:2] != channels.shape:
            raise DataError(
                f"{path}: the time series {printable(name)} has conversions of "
                f"{channels.size} channels, and samples of shape {values.shape}."
            )
        scale = scale * channels.reshape(-1, *[1] * (values.ndim - 2))
    values *= scale
    values += float(_or(attribute(data, "offset"), 0.0))
    return times, values


def series_line(name: str, series: Any) -> str:
    """A time series in words: 'hand_vel (2000, 2) m/s at 1000 Hz'."""
    data, unit = series["data"], attribute(series["data"], "unit")
    start = series.get("starting_time")
    rate_hz = None if start is None else attribute(start, "rate")
    rate = "" if rate_hz is None else f" at {float(rate_hz):g} Hz"
    return f"{name} {getattr(data, 'shape', '')}{f' {unit}' if unit else ''}{rate}"


def _or(value: Any, default: float) -> Any:
    return default if value is None else value
