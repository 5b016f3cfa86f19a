"""The model of docs/write-your-own-model.md: a short file that keeps the contract of all models."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.models.test_trained import arguments, free_of_arguments
from undertow.models import TrainedModel
from undertow.training import Training

PAGE = (Path(__file__).parents[2] / "docs" / "write-your-own-model.md").read_text(encoding="utf-8")
MODEL, USE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
MOST_LINES = 120

pytestmark = pytest.mark.filterwarnings("ignore::undertow.training.TrainingWarning")


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The page's file, as a module."""
    module = ModuleType("own_model")
    sys.modules["own_model"] = module  # where types are looked up by name
    exec(compile(MODEL, "own_model.py", "exec"), vars(module))
    yield module
    del sys.modules["own_model"]


@pytest.fixture(scope="module")
def own(guide: ModuleType) -> type[TrainedModel]:
    """The page's model, quick to train."""

    class Quick(guide.GRUReadout):  # type: ignore[name-defined, misc]
        def __init__(
            self,
            encoder: guide.GRUEncoding = guide.GRUEncoding(hidden_dim=6),  # type: ignore[name-defined]  # noqa: B008
            observation: guide.Counts = guide.Counts(),  # type: ignore[name-defined]  # noqa: B008
            *,
            seed: int = 0,
            training: Training = Training(epochs=3, validate_every=1),  # noqa: B008
        ) -> None:
            super().__init__(encoder, observation, seed=seed, training=training)

    return Quick


def test_it_is_short() -> None:
    assert len(MODEL.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("test", free_of_arguments(), ids=lambda test: test.__name__)
def test_it_keeps_the_contract(
    test: Callable[..., None], own: type[TrainedModel], tmp_path: Path
) -> None:
    test(own, **({"tmp_path": tmp_path} if "tmp_path" in arguments(test) else {}))


def test_the_page_runs_on(
    guide: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(USE.replace("epochs=20", "epochs=2"), "use.py", "exec"), vars(guide))
    assert guide.model.encoder.hidden_dim == 32
    assert (tmp_path / "gru.safetensors").exists()
