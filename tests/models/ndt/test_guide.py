"""The page on NDT and STNDT: its Python runs in order, and it names every option."""

import re
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import undertow
from undertow.models import NDT, STNDT, Contrast, Masking, TransformerEncoding
from undertow.models.parameters import parameter_names
from undertow.training import Training

PAGE = (Path(__file__).parents[3] / "docs" / "transformers.md").read_text(encoding="utf-8")


def documented(head: str) -> set[str]:
    """Names in the first column of the table whose head is `head`."""
    table = PAGE.split(f"| {head} | meaning |")[1].split("\n\n")[0]
    rows = table.splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_page_names_every_option_and_no_other() -> None:
    assert documented("option") == {*parameter_names(NDT), *parameter_names(STNDT)}
    for piece in (TransformerEncoding, Masking, Contrast):
        assert documented(f"option of `{piece.__name__}`") == {f.name for f in fields(piece)}


def test_its_python_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(undertow, "NDT", partial(NDT, training=Training(epochs=2)))
    defined: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "transformers.md", "exec"), defined)
    assert (tmp_path / "ndt.safetensors").exists()
    assert defined["prediction"].latents["h"].shape[:2] == defined["test"].spikes.shape[:2]
    assert defined["small"].masking == Masking(0.25, longest_span=3)
    assert defined["contrasted"].contrast.weight == 1
    assert defined["causal"].encoder.back_s == 0.3
