"""Folders of joint models: read as written, and refused where something is missing or replaced."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.models.joint.planted import SMALL, A, B, C, adapted, fitted, joint, quietly
from undertow.errors import ModelError
from undertow.experiments import load_model
from undertow.models import JointModel
from undertow.models.joint.tying import shared_parameters
from undertow.training import Training

each_kind = pytest.mark.parametrize("kind", sorted(SMALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fitted("langevin-flow").save(tmp_path / "joint")


@each_kind
def test_what_is_read_is_what_was_written(kind: str, tmp_path: Path) -> None:
    model = fitted(kind)
    again = JointModel.load(model.save(tmp_path / "joint"))
    assert list(again) == ["a", "b"]
    assert again.channels == model.channels
    assert again.validation_score_ == pytest.approx(model.validation_score_, nan_ok=True)
    for name, trials in (("a", A), ("b", B)):
        assert np.array_equal(again[name].predict(trials).rates, model[name].predict(trials).rates)
        alone = load_model(tmp_path / "joint" / name / "model.safetensors")
        assert np.array_equal(alone.predict(trials).rates, model[name].predict(trials).rates)
    first, second = (again[name].network_ for name in "ab")
    assert {id(p) for p in shared_parameters(first)} == {id(p) for p in shared_parameters(second)}


@each_kind
def test_a_new_session_is_the_same_after_reading(kind: str, tmp_path: Path) -> None:
    training = Training(epochs=2, batch_size=16, validate_every=1)
    again = JointModel.load(fitted(kind).save(tmp_path / "joint"))
    before = adapted(again, C, name="c", training=training)
    fresh = quietly(joint(kind), {"a": A, "b": B})
    direct = adapted(fresh, C, name="c", training=training)
    assert np.array_equal(before.predict(C).rates, direct.predict(C).rates)
    both = JointModel.load(again.save(tmp_path / "three"))
    assert list(both) == ["a", "b", "c"]


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"sessions\.safetensors"):
        JointModel.load(tmp_path / "nowhere")
    shutil.rmtree(folder / "b")
    with pytest.raises(ModelError, match="b"):
        JointModel.load(folder)


def test_a_session_of_another_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    other = quietly(joint("langevin-flow", seed=5), {"a": A, "b": B}).save(tmp_path / "other")
    shutil.copy(other / "b" / "model.safetensors", folder / "b" / "model.safetensors")
    with pytest.raises(ModelError, match="does not share its weights"):
        JointModel.load(folder)


def test_damaged_files_are_one_sentence(folder: Path) -> None:
    (folder / "sessions.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=r"sessions\.safetensors"):
        JointModel.load(folder)


def test_folders_hold_tensors_and_json_alone(folder: Path) -> None:
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert kinds == {".safetensors"}
