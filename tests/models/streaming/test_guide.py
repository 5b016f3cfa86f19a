"""The page on streaming: its Python runs, and what it says can be streamed can be."""

import re
from pathlib import Path
from typing import Any

import pytest

import undertow
import undertow.systems
from tests.conftest import make_small_trials
from tests.models import small
from tests.models.streaming.test_equality import LANGEVIN
from undertow.models import LangevinFlow
from undertow.models.loading import model_choices

PAGE = (Path(__file__).parents[3] / "docs" / "streaming.md").read_text(encoding="utf-8")


class Small(LangevinFlow):
    """One that is fitted in a moment."""

    @classmethod
    def preset(cls, name: str, **changes: Any) -> LangevinFlow:  # type: ignore[override]
        assert LangevinFlow.preset(name).causal
        return small.small(**LANGEVIN["default"])


def test_its_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undertow, "LangevinFlow", Small)
    trials = make_small_trials().replace(behavior_names=("hand_vel_x", "hand_vel_y"))
    monkeypatch.setattr(undertow.systems, "simulate_maze_like", lambda: trials)
    (block,) = re.findall(
        r"```python\n(.*?)```", PAGE.replace("hold_out(40", "hold_out(2"), re.DOTALL
    )
    defined: dict[str, Any] = {}
    with pytest.warns(match="latent coordinates"):
        exec(compile(block, "streaming.md", "exec"), defined)
    assert defined["now"].bin == trials.n_time - 1
    assert defined["now"].behavior.shape == (2,)
    assert defined["state"] == defined["stream"].to_bytes()


def test_the_page_names_every_model_that_can_be_streamed() -> None:
    table = PAGE.split("| model | fit it with |")[1].split("\n\n")[0]
    named = set(
        re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines()[2:]))
    )
    streamed = {
        cls.__name__
        for cls in (*model_choices().values(), undertow.Ensemble)
        if "stepper"
        in {
            name
            for base in cls.__mro__[:-1]
            for name in vars(base)
            if base is not undertow.Estimator
        }
    }
    assert named == streamed - {"STNDT"}  # which shares its code with NDT, and is never causal
