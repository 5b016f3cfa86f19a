"""Progress lines: plain where there is no terminal, in place where there is one."""

import io
import sys
from types import SimpleNamespace

import pytest

from undertow.training import Progress, clock, named, reporter, silent, teller

ROW = {"epoch": 20, "loss": 123.456, "validation_score": 0.25, "best_score": 0.3}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_say_score_and_time_left() -> None:
    stream = io.StringIO()
    Progress(stream, every_s=0.0)(ROW, 0.5, 75.0)
    assert stream.getvalue() == (
        "epoch    20   50 %  loss 123.5  validation 0.2500 (best 0.3000)  1:15 of training left\n"
    )


def test_plain_lines_are_sparse_but_the_last_is_always_said() -> None:
    stream = io.StringIO()
    progress = Progress(stream, every_s=1e9)
    progress.printed_at = float("inf")
    progress(ROW, 0.5, 75.0)
    assert stream.getvalue() == ""
    progress(ROW, 1.0, 0.0)
    assert stream.getvalue().endswith("0:00 of training left\n")


def test_a_terminal_is_written_in_place_and_closed_with_a_line() -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress(ROW, 0.5, 75.0)
    assert stream.getvalue().startswith("\r")
    assert "\n" not in stream.getvalue()
    progress(ROW, 1.0, 0.0)
    assert stream.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0:00"), (59.6, "1:00"), (125, "2:05"), (3725, "1:02:05")]
)
def test_clock(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def test_fits_inside_others_name_themselves() -> None:
    stream = io.StringIO()
    named(Progress(stream).named("fold 1"), "member 2 of 3").finish("fitted")  # type: ignore[attr-defined]
    assert stream.getvalue() == "fold 1, member 2 of 3: fitted\n"
    assert named(silent, "fold 1") is silent


def test_a_shorter_line_covers_a_longer_one_and_no_line_wraps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    progress = Progress(stream)
    progress(ROW, 0.5, 75.0)
    progress.finish("done")
    first, last = stream.getvalue().split("\r")[1:]
    assert len(first) == 39
    assert last == "done".ljust(39) + "\n"


def test_only_who_watches_is_told_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reporter(None) is silent
    teller(None)("nobody hears")
    monkeypatch.setattr("sys.stderr", Terminal())
    assert isinstance(reporter(None), Progress)
    assert reporter(None, verbose=False) is silent
    assert reporter(print, verbose=False) is print  # type: ignore[comparison-overlap, arg-type]
    teller(None, verbose=False)("nobody hears")
    teller(None)("heard")
    assert sys.stderr.getvalue() == "\rheard\n"  # type: ignore[attr-defined]
    assert capsys.readouterr().out == ""


def test_a_notebook_is_told_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(
        sys.modules,
        "IPython",
        SimpleNamespace(get_ipython=lambda: shell),  # type: ignore[arg-type]
    )
    report = reporter(None)
    report(ROW, 0.5, 75.0)
    shown = capsys.readouterr()
    assert shown.out.startswith("\repoch    20")
    assert shown.err == ""
