"""What a stream wrote: rows that are appended as bins come, and read back as named arrays."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.errors import DataError
from undertow.files import read_json, write_json
from undertow.models.streaming import Stream, StreamedBin

if TYPE_CHECKING:
    import xarray

ROWS, ABOUT = "bins.f32", "stream.json"
OWN = ("bin", "restarts", "latency_us")
"""Columns of every row, before those of the model."""


class Readings:
    """Rows of float32 numbers, appended to a file that is whole up to its last row at any time.

    A row is the bin's number since the stream began, 1 where a trial begins, the microseconds from
    the bin's arrival to its result, then rates, latents and behaviour.

    Args:
        folder: where files are made.
        stream: whose results they are.
        now: a first result, which says what there is.
    """

    def __init__(self, folder: Path, stream: Stream, now: StreamedBin) -> None:
        self._folder = folder
        self._file = (folder / ROWS).open("ab")
        self.parts: dict[str, list[str]] = {"rates": [str(each) for each in stream.neuron_ids]}
        for name, values in now.latents.items():
            self.parts[f"latent_{name}"] = [str(k) for k in range(len(values))]
        if now.behavior is not None:
            self.parts["behavior"] = list(now.behavior_names)
        if now.behavior_std is not None:
            self.parts["behavior_std"] = list(now.behavior_names)
        self._row = np.zeros(len(OWN) + sum(map(len, self.parts.values())), "<f4")
        self.say(bin_s=stream.bin_s, counted={})

    def say(self, **about: Any) -> None:
        """Write what is known about the rows."""
        held = {"columns": {"own": list(OWN), **self.parts}, **about}
        write_json(self._folder / ABOUT, held)

    def append(self, now: StreamedBin, restarts: bool, latency_us: float) -> None:
        """Append a row."""
        row, place = self._row, len(OWN)
        row[0], row[1], row[2] = now.bin, restarts, latency_us
        each = [now.rates, *now.latents.values()]
        each += [values for values in (now.behavior, now.behavior_std) if values is not None]
        for values in each:
            row[place : place + len(values)] = values
            place += len(values)
        self._file.write(row.tobytes())

    def close(self) -> None:
        """Write what is buffered."""
        self._file.close()


def read_stream(folder: str | Path) -> "xarray.Dataset":
    """Read what a stream wrote, also one that is still running or was killed.

    Arrays are mapped from the file: only what is used is read.

    Args:
        folder: that it wrote to.

    Returns:
        'rates' in spikes/s (bin, neuron), 'latent_…' (bin, …_dim), 'behavior' and its standard
        deviation (bin, channel), 'restarts' (bin) where a trial began, 'latency_us' (bin), with the
        number of each bin as a coordinate.

    Raises:
        DataError: for a folder that holds no stream, or a damaged one.
    """
    import xarray

    folder = Path(folder)
    if not (folder / ABOUT).exists():
        raise DataError(f"{folder} holds no {ABOUT}: give a directory that a stream wrote to.")
    try:
        about = read_json(folder / ABOUT)
        parts = {name: [str(each) for each in names] for name, names in about["columns"].items()}
        bin_s = float(about["bin_s"])
    except (KeyError, TypeError, ValueError, AttributeError, json.JSONDecodeError) as error:
        raise DataError(f"{folder / ABOUT} is damaged: {error}.") from error
    width = sum(map(len, parts.values()))
    size = (folder / ROWS).stat().st_size // (4 * width) if (folder / ROWS).exists() else 0
    rows = np.zeros((0, width), "<f4")
    if size:
        rows = np.memmap(folder / ROWS, "<f4", "r", shape=(size, width))
    own = parts.pop("own")
    arrays: dict[str, Any] = {name: ("bin", rows[:, k]) for k, name in enumerate(own) if k}
    coords: dict[str, Any] = {"bin": rows[:, 0].astype(int)}
    place = len(own)
    for name, names in parts.items():
        dim = {"rates": "neuron", "behavior": "channel", "behavior_std": "channel"}.get(
            name, f"{name.removeprefix('latent_')}_dim"
        )
        arrays[name] = (("bin", dim), rows[:, place : place + len(names)])
        coords[dim] = names
        place += len(names)
    return xarray.Dataset(arrays, coords, {"bin_s": bin_s})
