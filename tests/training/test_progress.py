"""Progress lines: plain where there is no terminal, in place where there is one."""

import io

import pytest

from undertow.training import Progress
from undertow.training.progress import clock

ROW = {"epoch": 20, "loss": 123.456, "validation_score": 0.25, "best_score": 0.3}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_say_score_and_time_left() -> None:
    stream = io.StringIO()
    Progress(stream, every_s=0.0)(ROW, 0.5, 75.0)
    assert stream.getvalue() == (
        "epoch    20   50 %  loss 123.5  validation 0.2500 (best 0.3000)  1:15 left\n"
    )


def test_plain_lines_are_sparse_but_the_last_is_always_said() -> None:
    stream = io.StringIO()
    progress = Progress(stream, every_s=1e9)
    progress.printed_at = float("inf")
    progress(ROW, 0.5, 75.0)
    assert stream.getvalue() == ""
    progress(ROW, 1.0, 0.0)
    assert stream.getvalue().endswith("0:00 left\n")


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
