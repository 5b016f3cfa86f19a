"""Jobs in worker processes: all results, and an end in order when the loop over them is left."""

import time
from pathlib import Path

import pytest
import torch

from undertow.experiments.workers.processes import in_processes


def squared(number: int) -> tuple[int, int]:
    return number**2, torch.get_num_threads()


def stubborn(path: Path) -> None:
    """Begin, and end when interrupted, with a last word; 'quick' ends by itself."""
    try:
        path.with_suffix(".begun").touch()
        while path.name != "quick" or not list(path.parent.glob("slow*.begun")):
            time.sleep(0.01)
    except KeyboardInterrupt:
        path.with_suffix(".saved").touch()
        raise


def test_every_job_is_done_on_one_thread() -> None:
    assert sorted(in_processes(squared, range(5), 2)) == [(n**2, 1) for n in range(5)]


def test_a_loop_that_is_left_ends_what_runs_and_begins_no_more(tmp_path: Path) -> None:
    names = ["quick", *(f"slow{n}" for n in range(12))]
    results = in_processes(stubborn, [tmp_path / name for name in names], 2)
    next(results)
    results.close()
    begun, saved = (
        {path.stem for path in tmp_path.glob(f"slow*{end}")} for end in (".begun", ".saved")
    )
    assert begun
    assert begun == saved
    assert len(begun) < 4


def test_an_error_of_a_job_is_raised() -> None:
    with pytest.raises(TypeError):
        list(in_processes(squared, [None], 1))  # type: ignore[list-item]
