"""A random search whose samples are trained at once finds what one by one finds."""

from pathlib import Path

import pytest

from tests.experiments.search.small import UNUSED, model, scores, searched
from undertow.errors import ModelError
from undertow.models import Choices, Range
from undertow.training import TrainingState
from undertow.training.broken import NonFiniteError
from undertow.training.loop import follow_gradient

pytestmark = pytest.mark.filterwarnings(UNUSED)
SPACE = {"training__learning_rate": Range(1e-3, 3e-2, "log"), "kl__peak": Range(0.01, 1.0, "log")}


def test_the_samples_score_as_one_by_one(tmp_path: Path) -> None:
    alone = searched(tmp_path / "a", space=SPACE, engine="local")
    at_once = searched(tmp_path / "b", space=SPACE, engine="batched")
    assert [each.settings for each in at_once.trials] == [each.settings for each in alone.trials]
    assert scores(at_once) == pytest.approx(scores(alone), rel=1e-3, abs=1e-4)
    folders = [{p.relative_to(f) for p in f.rglob("*")} for f in (tmp_path / "a", tmp_path / "b")]
    assert {path for path in folders[0] if path.suffix != ".csv"} <= folders[1]
    again = searched(tmp_path / "b", space=SPACE, engine="batched")
    assert scores(again) == scores(at_once)


def test_a_sample_that_breaks_is_trained_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = model().training.learning_rate

    def broken(state: TrainingState, when: str) -> None:
        if state.settings.learning_rate == first:
            raise NonFiniteError("out of luck")
        follow_gradient(state, when)

    alone = searched(tmp_path / "a", space=SPACE, engine="local")
    monkeypatch.setattr("undertow.training.many.follow_gradient", broken)
    at_once = searched(tmp_path / "b", space=SPACE, engine="batched")
    assert [each.state for each in at_once.trials] == ["finished"] * 4
    assert at_once.trials[0].score == alone.trials[0].score


def test_what_cannot_be_batched_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="differ in latent_dim"):
        searched(tmp_path, space={"latent_dim": Choices((4, 8))}, engine="batched")
    with pytest.raises(ModelError, match="engine 'batched' trains all samples at once"):
        searched(tmp_path, space=SPACE, engine="batched", workers=2)
    with pytest.raises(ModelError, match="asha is of Ray"):
        searched(tmp_path, "asha", space=SPACE, engine="batched")
