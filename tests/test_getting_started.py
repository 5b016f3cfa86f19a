"""The Python of docs/getting-started.md, run as a reader would."""

import re
import warnings
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "getting-started.md"


def test_the_python_of_the_page_runs_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
    assert len(blocks) >= 5
    assert names["low"].shape == names["high"].shape == (2, 40, 30)  # type: ignore[attr-defined]
    assert (tmp_path / "runs/lorenz-small/report.html").stat().st_size > 10_000
