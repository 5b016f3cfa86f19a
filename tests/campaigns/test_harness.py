"""The harness finds what is planted: a campaign that finds nothing proves nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.campaigns.outcome import Outcome, Verdict
from tests.campaigns.planted import FAULTS
from tests.campaigns.table import Tally, interleaved, shares
from tests.campaigns.targets import TARGETS
from tests.campaigns.worker import make

ROOT = Path(__file__).parents[2]
QUICK = ("npz", "h5", "benchmark h5", "mat v5", "mat v7.3", "phy", "netcdf", "event files")


@cache
def said_of(module: str) -> Mapping[str, Any]:
    """What a module of planted faults prints, in a process that may be forked."""
    words = [sys.executable, "-m", module]
    done = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said: Mapping[str, Any] = json.loads(done.stdout)
    return said


def environment() -> dict[str, str]:
    """One thread, no display."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


@pytest.mark.parametrize("name", FAULTS)
def test_each_planted_fault_is_judged_as_what_it_is(name: str) -> None:
    found = said_of("tests.campaigns.planted")["found"][name]
    assert [verdict for verdict, _ in found] == [FAULTS[name][0]] * 3


def test_an_input_that_cannot_be_made_is_a_fault_of_the_campaign() -> None:
    found = said_of("tests.campaigns.planted")["found"]["cannot be made"]
    assert {verdict for verdict, _ in found} == {"generator"}


def test_every_failing_input_is_kept_also_of_a_worker_that_died() -> None:
    kept = said_of("tests.campaigns.planted")["kept"]
    wrong = [name for name, (verdict, _) in FAULTS.items() if Verdict(verdict).fault]
    assert sorted(set(kept)) == sorted(wrong)
    assert kept.count("crashes") == kept.count("hangs") == 3


def test_a_command_that_writes_well_passes_every_disturbance() -> None:
    wrong = said_of("tests.campaigns.writes.planted")["well"]
    assert {kind: sum(map(bool, faults)) for kind, faults in wrong.items()} == dict.fromkeys(
        ("kill", "EACCES", "ENOSPC", "file size", "two writers"), 0
    )


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("half", ("kill", "EACCES", "ENOSPC", "file size", "two writers")),
        ("litter", ("kill", "EACCES", "ENOSPC", "file size", "two writers")),
        ("traceback", ("EACCES", "ENOSPC", "file size", "two writers")),
        ("unlocked", ("kill", "two writers")),
        ("unlike", ("kill", "EACCES", "ENOSPC", "file size", "two writers")),
    ],
)
def test_commands_that_write_badly_are_found_out(name: str, kinds: tuple[str, ...]) -> None:
    wrong = said_of("tests.campaigns.writes.planted")[name]
    assert tuple(kind for kind, faults in wrong.items() if any(faults)) == kinds


@pytest.mark.parametrize("name", QUICK)
def test_a_number_makes_the_same_input_again(name: str, tmp_path: Path) -> None:
    first, second = (make(TARGETS[name], 5, 3, tmp_path / part / "x") for part in "ab")
    other = make(TARGETS[name], 5, 4, tmp_path / "c" / "x")
    assert not isinstance(first, Outcome)
    assert not isinstance(second, Outcome)
    assert not isinstance(other, Outcome)
    assert first.changes == second.changes != other.changes
    assert {p.name for p in (tmp_path / "a" / "x").rglob("*")} == {
        p.name for p in (tmp_path / "b" / "x").rglob("*")
    }


def test_targets_share_the_inputs_and_go_on_side_by_side() -> None:
    counts = shares({"a": 3.0, "b": 1.0}, 8)
    jobs = list(interleaved(counts))
    assert counts == {"a": 6, "b": 2}
    assert [name for name, _ in jobs[:4]].count("b") == 1


def test_the_table_counts_faults_and_says_how_to_see_them_again() -> None:
    tally = Tally(seed=7)
    tally.add(Outcome("npz", 1, Verdict.READ))
    tally.add(Outcome("npz", 2, Verdict.OTHER, "KeyError at npz.py:1 read", changes=("cut",)))
    text = "\n".join(tally.lines())
    assert (tally.total, tally.faults) == (2, 1)
    assert "1 × npz: other exception: KeyError at npz.py:1 read" in text
    assert "python -m tests.campaigns replay 'npz' 7 2" in text
