"""The section of a search: only where settings were searched, with what its panels show."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.plots.test_tuning import SEARCH, population
from tests.report.records import make_record
from undertow.plots.style import off_screen
from undertow.report import write_report
from undertow.report.sections import sections_of
from undertow.report.sections.tuning import TUNING


def test_reports_of_settings_that_were_given_have_no_such_section() -> None:
    assert TUNING not in sections_of(make_record())
    assert TUNING in sections_of(make_record(tuning=SEARCH))


def test_the_caption_says_what_was_compared_on_which_trials() -> None:
    words = TUNING.draw(make_record(tuning=SEARCH), off_screen())
    assert "4 trials of settings" in words
    assert "(trial 3)" in words
    assert "1 failed" in words
    assert "The test trials had no part in the search." in words
    assert "copied" not in words
    assert "weights were copied" in TUNING.draw(make_record(tuning=population()), off_screen())


def test_it_is_on_the_page_and_among_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertow.report.write.sections_of", lambda record: (TUNING,))
    page = write_report(make_record(tuning=SEARCH), tmp_path).read_text()
    assert "Search of the settings" in page
    assert (tmp_path / "figures" / "tuning.png").exists()
    failed = replace(SEARCH, trials=[SEARCH.trials[2]])
    record = make_record(tuning=replace(failed, trials=[replace(failed.trials[0], best=[])]))
    assert "all of them failed" in write_report(record, tmp_path).read_text()
    assert not (tmp_path / "figures" / "tuning.png").exists()
