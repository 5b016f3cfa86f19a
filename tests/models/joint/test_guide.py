"""The page on sessions: its Python runs."""

import re
from pathlib import Path
from typing import Any

import pytest

import undertow
import undertow.systems
from tests.models.small import UNUSED, small
from undertow.models import JointModel
from undertow.models.trained import TrainedModel
from undertow.systems import simulate_maze_like

PAGE = (Path(__file__).parents[3] / "docs" / "sessions.md").read_text(encoding="utf-8")


@pytest.mark.filterwarnings(UNUSED)
def test_its_python_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def few(seed: int) -> undertow.TrialSet:
        return simulate_maze_like(trials_per_condition=3, n_neurons=8, seed=seed)

    class Small(JointModel):
        """One that is fitted in a moment."""

        def __init__(self, model: TrainedModel[Any] | None = None, channels: int = 5) -> None:
            super().__init__(model or small(), channels)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(undertow, "JointModel", Small)
    monkeypatch.setattr(undertow.systems, "simulate_maze_like", few)
    page = PAGE.replace("hold_out(40", "hold_out(2")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    defined: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "sessions.md", "exec"), defined)
    assert list(JointModel.load(tmp_path / "joint")) == ["day0", "day1", "day2"]
    assert set(defined["model"]) == {"day0", "day1", "day2"}
