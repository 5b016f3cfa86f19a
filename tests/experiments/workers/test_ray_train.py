"""One model trained by two processes of a real Ray: the run of one process with as many shards."""

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.experiments.test_run import tiny
from undertow.data import TrialSet
from undertow.errors import UndertowError
from undertow.experiments import Workers, run
from undertow.models import LangevinFlow

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: undertow[tune]"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at in /proc"),
    pytest.mark.filterwarnings("ignore:.*latent"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Ray itself
    pytest.mark.usefixtures("own_ray", "no_report"),
]
TWO = Workers(2, "ray")


def model(shards: int) -> LangevinFlow:
    return tiny().copy(training=replace(tiny().training, shards=shards, epochs=4, refit=True))


def test_a_run_on_ray_is_that_of_one_process(tmp_path: Path, small_trials: TrialSet) -> None:
    on_ray = run(small_trials, model(2), tmp_path / "ray", workers=TWO, verbose=False)
    alone = run(small_trials, model(2), tmp_path / "alone", verbose=False)
    found, expected = on_ray.table.scores["langevin-flow"], alone.table.scores["langevin-flow"]
    assert found["co-bps"].value == pytest.approx(expected["co-bps"].value, rel=1e-3)
    files = [
        {p.relative_to(f) for p in f.rglob("*")} for f in (tmp_path / "ray", tmp_path / "alone")
    ]
    assert files[0] == files[1]
    again = run(
        small_trials,
        model(2),
        tmp_path / "ray",
        workers=TWO,
        resume=True,
        verbose=False,
    )
    assert again.table.rows() == on_ray.table.rows()


def test_what_a_process_refuses_is_said_here(tmp_path: Path, small_trials: TrialSet) -> None:
    with pytest.raises(UndertowError, match=r"broke off: training\.shards is 3, and 2 processes"):
        run(small_trials, model(3), tmp_path / "r", workers=TWO, verbose=False)
    assert not (tmp_path / "r").exists()
