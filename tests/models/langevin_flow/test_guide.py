"""The page on LangevinFlow: its examples run, and it names every option."""

import re
import runpy
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.small import GAPS, SMALL, UNUSED
from undertow.models import (
    Counts,
    GRUEncoding,
    Langevin,
    LangevinFlow,
    LangevinPosterior,
    TransformerDecoding,
    Variant,
)
from undertow.models.parameters import parameter_names
from undertow.training import Training

PAGE = (Path(__file__).parents[3] / "docs" / "langevin-flow.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"<!-- example -->\n```python\n(.*?)```\n<!-- end -->", re.DOTALL)


@pytest.fixture
def names(tmp_path: Path) -> dict[str, Any]:
    """What the page's examples define, run in order as one script."""
    script = tmp_path / "example.py"
    script.write_text("\n".join(EXAMPLE.findall(PAGE)), encoding="utf-8")
    return runpy.run_path(str(script))


@pytest.mark.filterwarnings(UNUSED)
@pytest.mark.parametrize(("name", "potential"), [("model", "Basin"), ("springs", "Springs")])
def test_examples_of_potentials_fit_predict_and_load(
    name: str, potential: str, names: dict[str, Any], tmp_path: Path
) -> None:
    model: LangevinFlow = names[name]
    model.set_params(**{**SMALL, "training": Training(epochs=2, validate_every=1)}).fit(GAPS)
    path = model.save(tmp_path / "model.safetensors")
    loaded = LangevinFlow.load(path, dynamics=Langevin(potential=names[potential]))
    assert np.isfinite(model.predict(GAPS).rates[GAPS.valid]).all()
    assert np.array_equal(loaded.predict(GAPS).rates, model.predict(GAPS).rates, equal_nan=True)


def documented(head: str) -> set[str]:
    """Names in the first column of the table whose head is `head`."""
    table = PAGE.split(f"| {head} | meaning |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


PIECES = (Langevin, GRUEncoding, TransformerDecoding, LangevinPosterior, Counts, Variant)


def test_the_page_names_every_option_and_no_other() -> None:
    assert documented("option") == set(parameter_names(LangevinFlow))
    assert documented("option of `Training`") == {field.name for field in fields(Training)}
    for piece in PIECES:
        assert documented(f"option of `{piece.__name__}`") == {
            field.name for field in fields(piece)
        }, piece
