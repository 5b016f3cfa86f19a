"""The page on baselines: its Python runs in order, its table has every baseline, its options are
all there are."""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import undertow.baselines
from tests.families import exported
from undertow.baselines import GPFA, LDS, SLDS
from undertow.models import Estimator
from undertow.models.parameters import parameter_names

PAGE = (Path(__file__).parents[2] / "docs" / "baselines.md").read_text(encoding="utf-8")
FAMILY = exported(undertow.baselines, Estimator)


def table(head: str) -> list[list[str]]:
    """Cells of the rows beneath this head."""
    found = PAGE.split(head)[1].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in found if "---" not in row][
        1:
    ]


def test_the_table_has_every_baseline_and_what_it_can_do() -> None:
    rows = {row[0].strip("`"): row for row in table("\n\n| `--model` | class")}
    classes = {cls.cli_name: cls for cls in FAMILY}
    assert rows.keys() == classes.keys()
    for name, row in rows.items():
        cls = classes[name]
        assert row[1] == f"`{cls.__name__}`"
        assert (row[4] == "yes") == cls().has_posterior(), name
        assert (row[5] != "–") == hasattr(cls, "sample"), name


def test_the_options_of_latent_models_are_all_there_are() -> None:
    named = {}
    for cells in table("| option | of | meaning |"):
        for option in re.findall(r"`([\w.]+)`", cells[0]):
            named[option] = cells[1]
    every = {"LDS": LDS, "GPFA": GPFA, "SLDS": SLDS}
    for name, cls in every.items():
        mine = {option for option, of in named.items() if of in ("all", name)}
        known = {option.replace("__", ".") for option in cls().get_params()}
        assert mine == known - {"em"}, name
        assert parameter_names(cls)


def test_its_python_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defined: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(block, "baselines.md", "exec"), defined)
    assert (defined["low"] <= defined["high"]).all()
    assert {"co-bps", "psth R2"} <= defined["scores"].keys()
    assert defined["bound"].shape == (len(defined["test"]),)
    assert defined["made"].shape[:2] == (10, 40)
    np.testing.assert_allclose(defined["regimes"].sum(-1), 1.0, atol=1e-5)
    assert defined["timescales"].shape == (3,)
    assert defined["conditions"].shape == defined["test"].spikes.shape[:2]
