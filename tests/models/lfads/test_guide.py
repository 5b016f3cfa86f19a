"""The page on LFADS: its Python runs in order, and it names every option."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from undertow.models import LFADS, GRUController, GRUGenerator, InitialCondition
from undertow.models.parameters import parameter_names

PAGE = (Path(__file__).parents[3] / "docs" / "lfads.md").read_text(encoding="utf-8")


def documented(head: str) -> set[str]:
    """Names in the first column of the table whose head is `head`."""
    table = PAGE.split(f"| {head} | meaning |")[1].split("\n\n")[0]
    rows = table.splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_page_names_every_option_and_no_other() -> None:
    assert documented("option of `LFADS`") == set(parameter_names(LFADS))
    for piece in (GRUGenerator, GRUController, InitialCondition):
        assert documented(f"option of `{piece.__name__}`") == {f.name for f in fields(piece)}


def test_its_python_runs_and_finds_the_pulses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defined: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "lfads.md", "exec"), defined)
    # planted inputs are found: the power of the inferred ones peaks at the pulse. By chance 3 of 30
    # bins are as near: two thirds of 30 trials have a probability below 1e-12
    assert defined["near"] >= 2 / 3
    assert defined["prior"].spikes.shape == (20, 30, 25)
    assert np.isfinite(defined["paths"]["generator"]).all()
