"""`ArrayBaseline`: files whose arrays are others than they should be, and what all share."""

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import undertow.baselines
from tests.conftest import make_small_trials
from tests.families import exported
from undertow.baselines import MINT, PCA, ConditionAverage, SpikeRidge
from undertow.baselines.arrays import ArrayBaseline
from undertow.errors import DataError, ModelError
from undertow.models import load_model
from undertow.training import read_tensors

TRIALS = make_small_trials(n_trials=40).hold_out(2, seed=0)
FAMILY = exported(undertow.baselines, ArrayBaseline)
QUICK: dict[str, Any] = {"latent_dim": 2, "width_s": 0.04, "window_s": 0.1, "jitter_s": 0.04}
every = pytest.mark.parametrize("cls", FAMILY, ids=lambda cls: cls.__name__)


@cache
def fitted(cls: type[ArrayBaseline]) -> ArrayBaseline:
    model = cls()
    known = model.get_params()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.copy(**{k: v for k, v in QUICK.items() if k in known}).fit(TRIALS)


def written(cls: type[ArrayBaseline], path: Path, **changes: Any) -> Path:
    """A file with other arrays; None leaves one out."""
    tensors, header = read_tensors(fitted(cls).save(path))
    tensors = {**tensors, **{k: v for k, v in changes.items() if v is not None}}
    held = {k: v.contiguous() for k, v in tensors.items() if changes.get(k, v) is not None}
    save_file(held, path, {"undertow": json.dumps(header)})
    return path


@every
def test_every_array_must_have_its_shape_and_be_finite(
    cls: type[ArrayBaseline], tmp_path: Path
) -> None:
    """The message names the array."""
    arrays = fitted(cls).network_.state_dict()
    assert arrays.keys() == cls.shapes.keys()
    for name, array in arrays.items():
        broken = {
            "is missing": None,
            "must hold finite numbers": torch.full_like(array, torch.nan),
            "axes, not": array[None],
        }
        if array.numel():
            broken["has the shape"] = torch.cat([array, array[:1]])
        if name in cls.positive:
            broken["must hold numbers above zero"] = torch.zeros_like(array)
        for words, other in broken.items():
            path = written(cls, tmp_path / "m", **{name: other})
            with pytest.raises(ModelError, match=f"{cls.cli_name} has .*{words}"):
                load_model(path)
        path = written(cls, tmp_path / "m", **{name: array.float()})
        with pytest.raises(ModelError, match=f"{name} must hold finite numbers"):
            load_model(path)
    path = written(cls, tmp_path / "m", more=torch.zeros(3))
    with pytest.raises(ModelError, match="more is unknown"):
        load_model(path)


@pytest.mark.parametrize("cls", [ConditionAverage, MINT])
def test_arrays_follow_the_population_of_the_file(cls: type[ArrayBaseline], tmp_path: Path) -> None:
    path = tmp_path / "m"
    tensors, header = read_tensors(fitted(cls).save(path))
    header["population"]["conditions"] = ["a"]
    save_file(tensors, path, {"undertow": json.dumps(header)})
    with pytest.raises(ModelError, match="conditions is 1"):
        load_model(path)


def test_arrays_follow_the_settings_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m"
    tensors, header = read_tensors(fitted(SpikeRidge).save(path))
    header["params"]["lags"] = 5
    save_file(tensors, path, {"undertow": json.dumps(header)})
    with pytest.raises(ModelError, match="features is 88"):
        load_model(path)


def test_arrays_of_no_bins_are_refused(tmp_path: Path) -> None:
    held = fitted(ConditionAverage).network_.state_dict()
    empty = {"overall": held["overall"][:0], "each": held["each"][:, :0]}
    with pytest.raises(ModelError, match=r"overall has the shape \(0, 10\), time is 1"):
        load_model(written(ConditionAverage, tmp_path / "m", **empty))


@every
def test_numbers_are_counted(cls: type[ArrayBaseline]) -> None:
    arrays = fitted(cls).network_.state_dict().values()
    assert fitted(cls).parameter_counts() == {"all": sum(array.numel() for array in arrays)}


def test_validation_trials_that_cannot_be_joined_are_refused_at_once() -> None:
    with pytest.raises(DataError, match="cannot be joined: forward_bins differs"):
        PCA().fit(TRIALS[:30], TRIALS[30:].replace(forward_bins=2))


def test_test_trials_change_no_choice() -> None:
    """All that is chosen is chosen on validation trials: others may hold anything."""
    spikes = np.array(TRIALS.spikes)
    spikes[30:] = np.random.default_rng(0).permuted(spikes[30:], axis=1)
    for cls in FAMILY:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pair = [cls().fit(t[:24], t[24:30]) for t in (TRIALS, TRIALS.replace(spikes=spikes))]
        a, b = (model.network_.state_dict() for model in pair)
        assert all(torch.equal(a[name], b[name]) for name in a), cls.__name__
