"""Model files changed at random: each is read, or refused with one sentence."""

import copy
import json
import random
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import make_small_trials
from undertow.baselines import GPFA, LDS, MINT, PCA, SLDS, Smoothing, SpikeRidge
from undertow.errors import UndertowError
from undertow.models import (
    GPSLDS,
    LFADS,
    STNDT,
    Ensemble,
    Estimator,
    LangevinFlow,
    LatentSDE,
    VariationalEM,
)
from undertow.models.loading import load_model
from undertow.training import Training, read_tensors

QUICK: dict[str, Any] = {"training": Training(epochs=1, validate_every=1), "samples": 2}
TRIALS = make_small_trials().hold_out(2)
BAD: list[Any] = [None, True, -1, 0, 1e30, float("nan"), "x", "", [], {}, [1, 2], 10**30, 2**63]
BAD += ["é\x00\x1b[31m", {"options": "Langevin"}, {"part": "LSTM"}, {"custom": "f"}, {"a": 1}]
BAD += [{"dynamics": "lds", "state_dim": 4000}, int("9" * 4000)]
CASES = 60
Place = tuple[Any, ...]

pytestmark = pytest.mark.filterwarnings("ignore::undertow.training.TrainingWarning")


def models() -> list[Estimator]:
    flow = LangevinFlow(latent_dim=4, **QUICK).set_params(encoder__hidden_dim=4, decoder__width=8)
    sde = LatentSDE("linear-sde", 4, **QUICK).set_params(encoder__hidden_dim=4)
    gp = GPSLDS(2, 2, em=VariationalEM(iterations=1, path_steps=1, kernel_steps=1, restarts=1))
    latents = [model.copy(em__iterations=1, em__refit=0) for model in (LDS(2), GPFA(2))]
    latents.append(SLDS(2, 2).copy(em__iterations=1, em__refit=0, em__restarts=1))
    arrays = [Smoothing((0.03, 0.05)), PCA(2, 0.04), SpikeRidge(), MINT(0.04, 0.1, 0.04)]
    lfads = LFADS(3, 1, **QUICK).set_params(encoder__hidden_dim=4, generator__hidden_dim=5)
    spatial = STNDT(training=QUICK["training"]).set_params(encoder__width=8, encoder__heads=2)
    return [flow, sde, gp, lfads, spatial, Ensemble(flow, 2), *latents, *arrays]


@pytest.fixture(scope="module", params=models(), ids=lambda model: model.cli_name)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model: Estimator = request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(TRIALS)
    return model.save(tmp_path_factory.mktemp("models") / "model.safetensors")


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    if at:
        yield at
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*at, key))
    elif isinstance(value, list):
        for k in range(min(len(value), 3)):
            yield from places(value[k], (*at, k))


def changed(header: dict[str, Any], draw: random.Random) -> str:
    """The header with one entry left out, replaced, added or nested 3,000 deep."""
    header = copy.deepcopy(header)
    *before, last = draw.choice(list(places(header)))
    inside: Any = header
    for key in before:
        inside = inside[key]
    how = draw.random()
    if how < 0.3:
        del inside[last]
    elif how < 0.9:
        inside[last] = draw.choice(BAD)
    elif isinstance(inside, dict):
        inside["unheard of"] = draw.choice(BAD)
    text = json.dumps(header)
    return text.replace("[", "[" * 3000, 1) if how > 0.97 else text


def outcome(path: Path) -> None:
    """Loaded, or refused with one printable line."""
    try:
        load_model(path)
    except UndertowError as error:
        message = str(error)
        assert message.isprintable(), message
        assert len(message) < 1500


def test_headers_changed_at_random(file: Path, tmp_path: Path) -> None:
    tensors, header = read_tensors(file)
    draw, path = random.Random(0), tmp_path / "m"
    for _ in range(CASES):
        save_file(tensors, path, {"undertow": changed(header, draw)})
        outcome(path)


def test_bytes_changed_at_random(file: Path, tmp_path: Path) -> None:
    draw, path, whole = random.Random(1), tmp_path / "m", file.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    for _ in range(CASES):
        spoiled = bytearray(whole)
        match draw.randrange(4):
            case 0:
                del spoiled[draw.randrange(len(whole)) :]
            case 1:
                wrong = draw.choice([0, 1, length - 1, length + 1, 2**63, 2**64 - 1])
                spoiled[:8] = struct.pack("<Q", wrong)
            case 2:
                spoiled[8 + draw.randrange(length)] = draw.randrange(256)
            case _:
                spoiled += bytes(1 + draw.randrange(9))
        path.write_bytes(spoiled)
        outcome(path)


def test_tensors_changed_at_random(file: Path, tmp_path: Path) -> None:
    draw, path = random.Random(2), tmp_path / "m"
    tensors, header = read_tensors(file)
    wrong = [torch.zeros(()), torch.zeros(0), torch.zeros(5, 5), torch.zeros(3, dtype=torch.int32)]
    for name in draw.sample(sorted(tensors), min(8, len(tensors))):
        fewer = {k: v for k, v in tensors.items() if k != name}
        nothing = torch.full_like(tensors[name], torch.nan)
        for other in (fewer, {**tensors, "more": wrong[0]}, {**tensors, name: nothing}):
            save_file(other, path, {"undertow": json.dumps(header)})
            outcome(path)
        for tensor in [each for each in wrong if each.shape != tensors[name].shape]:
            save_file({**tensors, name: tensor}, path, {"undertow": json.dumps(header)})
            with pytest.raises(UndertowError):
                load_model(path)


def test_a_header_of_a_huge_network_is_refused_before_it_is_built(
    file: Path, tmp_path: Path
) -> None:
    tensors, header = read_tensors(file)
    for key, size in (("latent_dim", 4000), ("latent_dim", 10**9)):
        for each in [header, *header.get("members", [])]:
            if key in each["params"]:
                each["params"][key] = size
    if "latent_dim" in json.dumps(header):
        save_file(tensors, tmp_path / "m", {"undertow": json.dumps(header)})
        with pytest.raises(UndertowError, match="latent_dim is 1000000000: "):
            load_model(tmp_path / "m")


def test_equal_fits_make_equal_files(file: Path, tmp_path: Path) -> None:
    again = load_model(file).save(tmp_path / "again")
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("model", models(), ids=lambda model: model.cli_name)
def test_a_file_holds_no_seconds_and_is_open_to_the_group(model: Estimator, tmp_path: Path) -> None:
    one, other = (model.copy().fit(TRIALS).save(tmp_path / name) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    (tmp_path / "plain").touch()
    assert one.stat().st_mode == (tmp_path / "plain").stat().st_mode
