"""Predictions as files: NetCDF with named coordinates, and CSV."""

import csv
from pathlib import Path

import numpy as np

from undertow.data import Prediction
from undertow.files import written_whole

NETCDF = "predictions.nc"


def write_netcdf(prediction: Prediction, path: Path) -> Path:
    """Write rates (spikes/s), latents and samples with their coordinates to one NetCDF file."""
    with written_whole(path) as temporary:
        prediction.to_xarray().to_netcdf(temporary, engine="h5netcdf")
    return path


def write_csv(prediction: Prediction, directory: Path) -> list[Path]:
    """Write `rates.csv` (a column per neuron, spikes/s), `<latent>.csv` (per dimension) and
    `behavior.csv` (per channel)."""
    neurons = [f"neuron_{neuron}" for neuron in prediction.trials.neuron_ids]
    tables = {"rates": (neurons, prediction.rates)}
    for name, values in prediction.latents.items():
        tables[name] = ([f"{name}_{k}" for k in range(values.shape[2])], values)
    if prediction.behavior is not None:
        channels = prediction.behavior_names or prediction.trials.behavior_names
        tables["behavior"] = ([str(name) for name in channels], prediction.behavior)
    return [
        _write_table(directory / f"{name}.csv", prediction, columns, values)
        for name, (columns, values) in tables.items()
    ]


def _write_table(
    path: Path, prediction: Prediction, columns: list[str], values: np.ndarray
) -> Path:
    """One row per trial and bin, with its trial id and time in seconds; bins past a trial's end are
    left out."""
    trials = prediction.trials
    with (
        written_whole(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", "time_s", *columns])
        for k, trial in enumerate(trials.trial_ids):
            for time_s, row in zip(
                trials.observation_times_s[k, : trials.lengths[k]], values[k], strict=False
            ):
                writer.writerow([trial, f"{time_s:.6g}", *(f"{value:.6g}" for value in row)])
    return path
