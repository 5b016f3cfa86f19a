"""The Python of docs/tuning.md, run as a reader would."""

import re
from pathlib import Path

import pytest

from undertow.experiments import TuneResult

PAGE = Path(__file__).parents[3] / "docs" / "tuning.md"


@pytest.mark.usefixtures("no_report")
def test_the_python_of_the_page_runs_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    result, found = names["result"], names["found"]
    assert isinstance(result, TuneResult)
    # the same split, settings and seed: the search alone finds what the search before a fit does
    assert result.settings == found.settings  # type: ignore[attr-defined]
