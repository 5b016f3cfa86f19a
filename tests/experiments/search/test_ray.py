"""Searches on a real Ray of this machine, started once for all of these tests."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.search.small import (
    SPACE,
    SPLITS,
    UNUSED,
    Fragile,
    model,
    scores,
    searched,
)
from undertow.experiments.search import Trial
from undertow.experiments.search.training import Task, advance, once
from undertow.experiments.search.trial import checkpoint_of
from undertow.experiments.workers.ray_guard import marked
from undertow.models import Choices, Range
from undertow.models.search_space import sampled_settings
from undertow.training import read_tensors
from undertow.training.kept_state import CHECKPOINT

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: undertow[tune]"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at in /proc"),
    pytest.mark.filterwarnings(UNUSED),
    pytest.mark.usefixtures("own_ray"),
]
HALVING: dict[str, Any] = {
    "space": {"training__learning_rate": Range(1e-9, 1e-8)},
    "slices": 3,
    "workers": 1,
    "samples": 3,
}
LISTENS, LOOPBACK = "0A", re.compile(r"^(0100007F|0{16}FFFF00000100007F|0{24}01000000)$")


def listening(process: int) -> set[str]:
    """Addresses, in hexadecimal, at which a process listens."""
    links = (
        os.readlink(each) for each in Path(f"/proc/{process}/fd").iterdir() if each.is_symlink()
    )
    sockets = {link[8:-1] for link in links if link.startswith("socket:[")}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == LISTENS and row[9] in sockets}


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
def test_ray_is_heard_by_this_machine_alone(own_ray: str) -> None:
    processes = [*marked(own_ray), os.getpid()]
    heard = set().union(*(listening(each) for each in processes))
    assert len(processes) > 2
    assert heard
    assert all(LOOPBACK.match(each) for each in heard), heard


def test_ray_finds_what_is_found_without_it(tmp_path: Path) -> None:
    here = searched(tmp_path / "here", samples=3)
    there = searched(tmp_path / "there", samples=3, engine="ray", workers=2)
    assert [each.settings for each in there.trials] == [each.settings for each in here.trials]
    assert scores(there) == scores(here)
    assert all(each.processor_s > 0 for each in there.trials)


def test_halving_gives_up_what_is_behind(tmp_path: Path) -> None:
    """All but the first, which all others are compared with, hardly learn."""
    heard: list[int] = []
    found = searched(tmp_path, "asha", report=lambda *given: heard.append(given[1]), **HALVING)
    assert [each.state for each in found.trials] == ["finished", "stopped", "stopped"]
    assert [len(each.best) for each in found.trials] == [3, 1, 1]
    assert found.best.number == 0
    assert heard == [1, 2, 3]


@pytest.mark.slow
def test_halving_that_goes_on_compares_with_what_ended(tmp_path: Path) -> None:
    first = searched(tmp_path, "asha", **HALVING)
    assert searched(tmp_path, "asha", **HALVING).trials == first.trials
    (tmp_path / "trial0002" / "trial.json").unlink()  # as if it had not begun
    again = searched(tmp_path, "asha", **HALVING)
    assert again.trials[:2] == first.trials[:2]
    assert again.trials[2].state == "stopped"
    assert again.trials[2].best == first.trials[2].best


def test_a_population_copies_its_best(tmp_path: Path) -> None:
    """Members that a kill left at different slices are brought level before they are compared."""
    drawn = sampled_settings(SPACE, model().get_params(), 4, 0)
    task = Task(once(model()), SPLITS.train, SPLITS.validation, tmp_path, 4)
    for number, done in enumerate((2, 2, 1, 0)):
        trial = Trial(number, drawn[number], schedule=[(0, drawn[number])])
        for _ in range(done):
            trial = advance(task, trial)
    found = searched(tmp_path, "pbt", slices=4, workers=2)
    assert all(each.state == "finished" and len(each.latest) == 4 for each in found.trials)
    # a quarter of four copies after the second and the third slice
    assert sum(each.lineage for each in found.trials) == 2
    for each in found.trials:
        begun = [slices for slices, _ in each.schedule]
        assert begun == sorted({0, *begun})
        assert set(begun) <= {0, 2, 3}
        assert each.schedule[-1][1] == each.settings
        assert all(held.low <= each.settings[name] <= held.high for name, held in SPACE.items())
    # weights and records are of one lineage: the kept weights have the score that is said
    best = found.best
    _, numbers = read_tensors(checkpoint_of(tmp_path, best) / CHECKPOINT)
    assert numbers["best_score"] == best.score
    assert numbers["epoch"] == 6


@pytest.mark.slow
def test_a_member_that_fails_becomes_a_copy(tmp_path: Path) -> None:
    space = {"training__learning_rate": Choices((0.005, 0.007, 0.01, 0.5))}
    of = Fragile(**model().get_params(deep=False))
    found = searched(tmp_path, "pbt", of=of, space=space, slices=2, workers=2)
    starts = sampled_settings(space, of.get_params(), 4, 0)
    broken = [k for k, each in enumerate(starts) if each["training__learning_rate"] == 0.5]
    assert len(broken) == 1, "another seed is needed"
    revived = found.trials[broken[0]]
    assert revived.lineage == 1
    assert len(revived.schedule) == 2
    assert revived.schedule[0][1]["training__learning_rate"] != 0.5  # another's from the start
