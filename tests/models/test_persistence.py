"""A saved LangevinFlow: the same in a fresh process, and refused where it is not what it should
be."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small import GAPS, UNUSED, small
from undertow.dynamics import DoubleWellPotential
from undertow.errors import ModelError
from undertow.models import LangevinFlow, TransformerDecoding, Variant
from undertow.training import Training, read_header, read_tensors, write_tensors

pytestmark = pytest.mark.filterwarnings(UNUSED)
ROOT = Path(__file__).parent.parent.parent
IN_A_FRESH_PROCESS = """
import sys, torch, numpy
from tests.models.small import GAPS
from undertow.models import LangevinFlow, TransformerDecoding, Variant
torch.set_num_threads(int(sys.argv[3]))
prediction = LangevinFlow.load(sys.argv[1]).predict(GAPS, samples=2, seed=7)
samples = prediction.rate_samples
numpy.savez(sys.argv[2], rates=prediction.rates, samples=samples, **prediction.latents)
"""


READ_OTHERWISE = {
    "encoder__reads": "held",
    "decoder__norm": "post",
    "decoder__feedforward": 9,
    "variant": Variant(likelihood="mean", average="log-rates"),
}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dynamics": None},
        {"posterior": "controlled", "posterior__initial_s": 0.06},
        {**READ_OTHERWISE, "dynamics__timescale_s": "bin"},
        {
            "dynamics__order": 1,
            "dynamics__potential": "input-driven",
            "dynamics__temperature": 0.0,
            "dynamics__learn": (),
        },
    ],
)
def test_loaded_it_predicts_the_same(settings: dict[str, Any], tmp_path: Path) -> None:
    model = small(**settings).fit(GAPS)
    path = model.save(tmp_path / "deep" / "folder" / "model.safetensors")
    before = torch.get_rng_state()
    loaded = LangevinFlow.load(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(loaded.predict(GAPS).rates, model.predict(GAPS).rates, equal_nan=True)
    assert loaded.get_params() == model.get_params()
    assert type(loaded.piece("decoder")) is type(model.piece("decoder"))
    assert (type(loaded.variant), type(loaded.training)) == (Variant, Training)
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_]
    assert loaded.history_ == rows
    assert loaded.validation_score_ == model.validation_score_
    assert (loaded.neuron_ids_ == GAPS.neuron_ids).all()
    assert loaded.neuron_ids_.dtype == GAPS.neuron_ids.dtype
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]


def test_loaded_in_a_fresh_process_it_predicts_the_same(tmp_path: Path) -> None:
    model = small().fit(GAPS)
    path, out = model.save(tmp_path / "model.safetensors"), tmp_path / "out.npz"
    command = [
        sys.executable,
        "-c",
        IN_A_FRESH_PROCESS,
        str(path),
        str(out),
        str(torch.get_num_threads()),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    mine = model.predict(GAPS, samples=2, seed=7)
    with np.load(out) as theirs:
        assert np.array_equal(theirs["rates"], mine.rates, equal_nan=True)
        assert np.array_equal(theirs["samples"], mine.rate_samples, equal_nan=True)
        assert all(np.array_equal(theirs[k], v, equal_nan=True) for k, v in mine.latents.items())


def test_settings_are_plain_json_also_from_numpy(tmp_path: Path) -> None:
    model = small(latent_dim=np.int64(8), dropout=np.float32(0.25)).fit(GAPS)
    header = read_header(model.save(tmp_path / "m.safetensors"))
    assert header["params"]["latent_dim"] == 8
    assert header["model"] == "langevin-flow"
    assert json.loads(json.dumps(header)) == header


class Shallow(DoubleWellPotential):
    """A potential that no file can hold."""


def test_a_potential_of_ones_own_is_asked_for_by_name(tmp_path: Path) -> None:
    model = small(dynamics__potential=Shallow).fit(GAPS)
    path = model.save(tmp_path / "m.safetensors")
    message = r"fitted with dynamics__potential=Shallow: pass it again, load\(path, dynamics__pot"
    with pytest.raises(ModelError, match=message):
        LangevinFlow.load(path)
    for own in ({"dynamics__potential": Shallow}, {"dynamics": model.dynamics}):
        loaded = LangevinFlow.load(path, **own)
        assert loaded.dynamics == model.dynamics
        mine, theirs = model.predict(GAPS).rates, loaded.predict(GAPS).rates
        assert np.array_equal(theirs, mine, equal_nan=True)


def test_a_potential_of_the_library_comes_back_by_itself(tmp_path: Path) -> None:
    model = small(dynamics__potential=DoubleWellPotential).fit(GAPS)
    loaded = LangevinFlow.load(model.save(tmp_path / "m.safetensors"))
    assert loaded.dynamics.potential is DoubleWellPotential
    assert np.array_equal(loaded.predict(GAPS).rates, model.predict(GAPS).rates, equal_nan=True)


def test_settings_of_prediction_can_change_on_loading(tmp_path: Path) -> None:
    path = small().fit(GAPS).save(tmp_path / "m.safetensors")
    assert LangevinFlow.load(path, samples=9, device="cpu").samples == 9
    assert LangevinFlow.load(path, variant__average="log-rates").variant.average == "log-rates"


def test_a_piece_saved_by_name_can_change_on_loading(tmp_path: Path) -> None:
    model = LangevinFlow(latent_dim=8, training=Training(epochs=1)).fit(GAPS)
    path = model.save(tmp_path / "m.safetensors")
    loaded = LangevinFlow.load(path, decoder__initial_scale=0.5)
    assert model.decoder == "transformer"
    assert loaded.decoder == TransformerDecoding(initial_scale=0.5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"latent_dim": 12}, "holds other weights than these settings make"),
        ({"decoder": "linear"}, "holds other weights than these settings make"),
        ({"latent_size": 12}, "LangevinFlow has no parameter 'latent_size'"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here"),
        ({"dynamics__potental": "mlp"}, "dynamics has no parameter 'potental': .* 'potential'"),
        ({"encoder__width": 3}, "encoder has no parameter 'width'"),
        ({"decoder__withhold_h": 2.0}, "decoder.withhold_h is 2.0"),
    ],
)
def test_settings_that_do_not_fit_the_weights_are_refused(
    params: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = small().fit(GAPS).save(tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=message):
        LangevinFlow.load(path, **params)


def test_files_of_other_models_and_checkpoints_are_refused(tmp_path: Path) -> None:
    other = write_tensors(tmp_path / "o.safetensors", {"a": torch.zeros(1)}, {"model": "smoothing"})
    with pytest.raises(ModelError, match="holds a 'smoothing' model, not 'langevin-flow'"):
        LangevinFlow.load(other)
    small().fit(GAPS, checkpoint=tmp_path)
    with pytest.raises(ModelError, match="load it with its own class"):
        LangevinFlow.load(tmp_path / "checkpoint.safetensors")
    with pytest.raises(ModelError, match="is not there"):
        LangevinFlow.load(tmp_path / "nothing.safetensors")


def test_options_of_no_known_class_are_refused(tmp_path: Path) -> None:
    path = small(encoder="linear").fit(GAPS).save(tmp_path / "m.safetensors")
    tensors, header = read_tensors(path)
    header["params"]["encoder"] = {"options": "LSTMEncoding", "hidden_dim": 6}
    write_tensors(path, tensors, header)
    with pytest.raises(ModelError, match="names 'LSTMEncoding' as encoder, which is none here"):
        LangevinFlow.load(path)


def test_an_unfitted_model_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not fitted"):
        small().save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    tensors, header = read_tensors(small(epochs=1).fit(GAPS).save(tmp_path / "model.safetensors"))
    for version in (None, 1, 99):
        path = write_tensors(tmp_path / "other", tensors, {**header, "format": version})
        with pytest.raises(
            ModelError, match=r"another version of undertow, .* fit the model again"
        ):
            LangevinFlow.load(path)
