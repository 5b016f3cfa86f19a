"""The page on the GP-SLDS: its Python runs in order, and it names every option."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from undertow.models import GPSLDS, VariationalEM
from undertow.models.parameters import parameter_names

PAGE = (Path(__file__).parents[3] / "docs" / "gp-slds.md").read_text(encoding="utf-8")


def documented(head: str) -> set[str]:
    """Names in the first column of the table whose head is `head`."""
    table = PAGE.split(f"| {head} | meaning |")[1].split("\n\n")[0]
    rows = table.splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_page_names_every_option_and_no_other() -> None:
    assert documented("option") == set(parameter_names(GPSLDS))
    assert documented("option of `VariationalEM`") == {f.name for f in fields(VariationalEM)}


def test_its_python_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defined: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "gp-slds.md", "exec"), defined)
    assert defined["field"].velocity.shape == (24, 24, 2)
    assert defined["field"].regimes.shape == (24, 24, 2)
    assert (defined["low"] <= defined["high"]).all()
    assert defined["bound"].shape == (len(defined["test"]),)
    assert defined["model"].encoded_inputs(defined["test"]).shape[2] > 0
