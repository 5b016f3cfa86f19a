"""Model files of Gaussian latents that hold no law are refused, with one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.baselines.planted import fit_quietly, switching
from undertow.baselines import GPFA, LDS, SLDS
from undertow.baselines.latents import LatentBaseline
from undertow.errors import ModelError
from undertow.models import load_model
from undertow.training import read_tensors

TRIALS = switching(False, n_trials=12, n_time=8, n_neurons=6, count=1.0).trials


@pytest.fixture(scope="module", params=[LDS, GPFA, SLDS], ids=lambda cls: cls.__name__)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cls: type[LatentBaseline] = request.param
    model = cls().copy(latent_dim=2, em__iterations=1, em__refit=0)
    if cls is SLDS:
        model.set_params(regimes=2, em__restarts=1)
    folder = tmp_path_factory.mktemp("latents")
    return fit_quietly(model, TRIALS).save(folder / "m.safetensors")


def rewritten(file: Path, folder: Path, params: dict[str, Any], **changes: torch.Tensor) -> Path:
    tensors, header = read_tensors(file)
    header["params"].update(params)
    save_file({**tensors, **changes}, folder / "m", {"undertow": json.dumps(header)})
    return folder / "m"


def test_covariances_must_be_positive_definite(file: Path, tmp_path: Path) -> None:
    tensors = read_tensors(file)[0]
    for name in ("dynamics.noise_cov", "dynamics.initial_cov"):
        if name not in tensors:
            continue
        wrong = [-tensors[name], torch.zeros_like(tensors[name]), tensors[name].clone()]
        wrong[2][..., 0, 1] += 1.0
        for other in wrong:
            path = rewritten(file, tmp_path, {}, **{name: other})
            with pytest.raises(ModelError, match=r"is damaged: \w+_cov must hold positive def"):
                load_model(path)


def test_every_number_must_be_finite(file: Path, tmp_path: Path) -> None:
    for name, tensor in read_tensors(file)[0].items():
        for value in (torch.inf, torch.nan):
            path = rewritten(file, tmp_path, {}, **{name: torch.full_like(tensor, value)})
            with pytest.raises(ModelError, match=r"no finite number|holds NaN"):
                load_model(path)


def test_timescales_must_be_above_zero(file: Path, tmp_path: Path) -> None:
    tensors = read_tensors(file)[0]
    if "timescales_s" in tensors:
        path = rewritten(file, tmp_path, {}, timescales_s=torch.tensor([0.1, -0.1]).double())
        with pytest.raises(ModelError, match="timescales_s must be above zero"):
            load_model(path)


def test_settings_of_a_larger_network_are_refused_before_it_is_built(
    file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="other weights than these settings make"):
        load_model(rewritten(file, tmp_path, {"latent_dim": 4000}))
    if "regimes" in read_tensors(file)[1]["params"]:
        with pytest.raises(ModelError, match="other weights than these settings make"):
            load_model(rewritten(file, tmp_path, {"regimes": 1000}))
