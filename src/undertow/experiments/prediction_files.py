"""Predictions as files: one NetCDF file, and tables that any program reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import Prediction
from undertow.files import write_rows, written_whole
from undertow.streams import hdf5_stream


def write_netcdf(prediction: Prediction, path: Path, overwrite: bool = False) -> Path:
    """Write rates (spikes/s), latents and samples with their coordinates to one NetCDF file.

    Raises:
        DataError: when it exists and `overwrite` is False.
        WriteError: when the system refuses to write it.
    """
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    with hdf5_stream(path, overwrite) as stream, h5netcdf.File(stream, "w") as file:
        prediction.to_xarray().dump_to_store(H5NetCDFStore(file))
    return path


def write_csv(prediction: Prediction, directory: Path, overwrite: bool = False) -> list[Path]:
    """Write a table per quantity: `rates.csv`, `<latent>.csv` and `behavior.csv`.

    Columns are neurons (spikes/s), dimensions and channels.

    Raises:
        DataError: when one exists and `overwrite` is False.
        WriteError: when the system refuses to write one.
    """
    return list(csv_files(prediction, directory, overwrite))


def csv_files(prediction: Prediction, directory: Path, overwrite: bool = False) -> Iterator[Path]:
    """As `write_csv`, table by table: one that fails leaves those before it known."""
    neurons = [f"neuron_{neuron}" for neuron in prediction.trials.neuron_ids]
    tables = {"rates": (neurons, prediction.rates)}
    for name, values in prediction.latents.items():
        tables[name] = ([f"{name}_{k}" for k in range(values.shape[2])], values)
    if prediction.behavior is not None:
        channels = prediction.behavior_names or prediction.trials.behavior_names
        tables["behavior"] = ([str(name) for name in channels], prediction.behavior)
    for name, (columns, values) in tables.items():
        rows = _rows(prediction, columns, values)
        yield _write_table(directory / f"{name}.csv", rows, overwrite)


def _write_table(path: Path, rows: Iterator[list[Any]], overwrite: bool) -> Path:
    with (
        written_whole(path, overwrite) as temporary,
        open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        write_rows(file, rows)
    return path


def _rows(prediction: Prediction, columns: list[str], values: np.ndarray) -> Iterator[list[Any]]:
    """One row per trial and bin, with its trial id and time in seconds, after the heads.

    Bins past a trial's end are left out.
    """
    trials = prediction.trials
    yield ["trial", "time_s", *columns]
    for k, trial in enumerate(trials.trial_ids):
        for time_s, row in zip(
            trials.observation_times_s[k, : trials.lengths[k]], values[k], strict=False
        ):
            yield [trial, f"{time_s:.6g}", *(f"{value:.6g}" for value in row)]
