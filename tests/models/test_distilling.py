"""A causal model that learns from one that has seen whole trials."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models import small, small_lfads, small_ndt, small_sde
from tests.models.streaming.equality import fitted, streamed_trials
from undertow.data import split_validation
from undertow.errors import ModelError
from undertow.models import LangevinFlow
from undertow.models.distilling import TEACHER, softened, teacher_of
from undertow.models.trained import TrainedModel

TRIALS = streamed_trials()
pytestmark = pytest.mark.filterwarnings(small.UNUSED)
CAUSAL: dict[str, Any] = {
    "causal": True,
    "encoder__bidirectional": False,
    "posterior__initial_s": "first",
    "training__distill": 0.5,
}
STUDENTS: dict[str, TrainedModel] = {
    "langevin-flow": small.small(**CAUSAL),
    "lfads": small_lfads.small(causal=True).set_params(
        encoder__bidirectional=False, training__distill=0.5
    ),
    "ndt": small_ndt.small(causal=True, training__distill=0.5),
    "latent-sde": small_sde.small(encoder__context="forward", training__distill=0.5),
}


def silent(row: dict[str, float], done: float, left_s: float) -> None:
    """No progress is shown."""


@pytest.mark.parametrize("name", STUDENTS)
def test_the_teacher_sees_whole_trials_and_the_student_the_past(name: str) -> None:
    model = STUDENTS[name]
    train, validation = split_validation(TRIALS, 0.25, 0)
    teacher = teacher_of(model, train, validation, None, False, silent)
    assert isinstance(teacher, type(model))
    assert teacher.training.distill == 0
    for setting, value in model.acausal.items():
        assert teacher.get_params()[setting] == value
    with pytest.raises(ModelError):
        teacher.stream()
    student = fitted(model, TRIALS)
    assert student.stream().step(np.ones(6)).rates.shape == (6,)


def test_targets_are_drawn_to_what_the_teacher_expects() -> None:
    train, validation = split_validation(TRIALS, 0.25, 0)
    model = fitted(small.small(), TRIALS)
    batch = model.read(train)
    soft = softened(batch, train, model, 0.25)
    expected = 0.75 * train.spikes + 0.25 * model.predict(train).rates * train.bin_s
    np.testing.assert_allclose(soft.targets, expected, rtol=1e-5)
    assert torch.equal(soft.targets.isnan(), batch.targets.isnan())  # what is missing stays so
    assert torch.equal(soft.inputs, batch.inputs)  # spikes themselves are read
    assert softened(batch, train, None, 0.25) is batch
    assert len(validation) + len(train) == len(TRIALS)


def test_a_share_of_zero_changes_nothing_and_a_share_of_one_everything() -> None:
    plain, none, whole = (
        fitted(small.small(**{**CAUSAL, "training__distill": share}), TRIALS)
        for share in (0.0, 0.0, 1.0)
    )
    for one, other in zip(small.weights(plain).values(), small.weights(none).values(), strict=True):
        assert torch.equal(one, other)
    assert any(
        not torch.equal(one, other)
        for one, other in zip(
            small.weights(plain).values(), small.weights(whole).values(), strict=True
        )
    )


def test_a_fit_that_is_resumed_goes_on_with_its_teacher(tmp_path: Path) -> None:
    whole = small.small(**CAUSAL).fit(TRIALS, checkpoint=tmp_path / "a", verbose=False)
    assert (tmp_path / "a" / TEACHER).is_dir()
    model = small.small(**CAUSAL)

    def interrupt(row: dict[str, float], done: float, left_s: float) -> None:
        if done > 0.6:  # past the teacher's half of the progress
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(TRIALS, checkpoint=tmp_path / "b", progress=interrupt)
    again = small.small(**CAUSAL).fit(TRIALS, checkpoint=tmp_path / "b", resume=True, verbose=False)
    for name, weight in small.weights(whole).items():
        assert torch.equal(weight, small.weights(again)[name]), name


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"training__distill": 1.5}, r"training\.distill"),
        ({"observation": "negative-binomial"}, "observation='poisson'"),
        ({"training__recipes": ("default", "light")}, r"leave training\.recipes empty"),
        ({"training__max_seconds": 5.0}, r"training\.max_seconds None"),
    ],
)
def test_what_cannot_be_distilled_says_why(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(ModelError, match=match):
        small.small(**CAUSAL).set_params(**settings).fit(TRIALS)


def test_a_model_without_an_acausal_form_says_so() -> None:
    from undertow.models import STNDT

    model = small_ndt.small(STNDT, training__distill=0.5)
    with pytest.raises(ModelError, match="no form that sees whole trials"):
        model.fit(TRIALS)


def test_the_causal_preset_may_learn_from_a_teacher() -> None:
    model = LangevinFlow.preset("causal", training__distill=0.5)
    model.check_settings()
    assert model.causal
    assert not LangevinFlow(**model.get_params(deep=False)).set_params(**model.acausal).causal
