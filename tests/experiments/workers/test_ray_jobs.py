"""Fits of a grid as tasks of a real Ray of this machine, started once for all of these tests."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.experiments.test_run import tiny
from undertow.baselines import Smoothing
from undertow.data import TrialSet
from undertow.errors import ModelError, UndertowError
from undertow.experiments import CellResult, Workers, compare, run_grid

QUICK = {"width_s": 0.05, "floor_hz": 0.5, "penalty": 0.1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"number": 0}, "workers is 0"),
        ({"engine": "slurm"}, "workers.engine is 'slurm'"),
        ({"engine": "local", "address": "auto"}, "an address is of Ray"),
    ],
)
def test_workers_that_cannot_be_are_refused(given: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Workers(**given)


def test_without_ray_the_sentence_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertow.experiments.workers.options.find_spec", lambda name: None)
    with pytest.raises(UndertowError, match="engine 'ray' runs on it: `pip install"):
        Workers.resolved(Workers(engine="ray"))
    assert Workers.resolved(2) == Workers(2)


def refusing(own: object, large: object) -> None:
    raise UndertowError(f"no {own}")


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: undertow[tune]")
@pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at in /proc")
@pytest.mark.usefixtures("own_ray")
class TestOnRay:
    """Two processors."""

    @pytest.mark.filterwarnings("ignore:.*latent")
    def test_cells_are_those_of_one_process(self, tmp_path: Path, small_trials: TrialSet) -> None:
        models = {"smoothing": Smoothing(**QUICK), "flow": tiny()}
        told: list[CellResult] = []
        found = run_grid(
            models,
            {"d": small_trials},
            tmp_path / "ray",
            folds=2,
            workers=Workers(2, "ray"),
            report=lambda cell, *_: told.append(cell),
        )
        alone = run_grid(models, {"d": small_trials}, tmp_path / "alone", folds=2)
        assert [each.scores for each in found] == [each.scores for each in alone]
        assert len(told) == 4
        files = {path.name for path in (tmp_path / "ray").iterdir()}
        assert files == {path.name for path in (tmp_path / "alone").iterdir()}

    def test_a_comparison_runs_there(self, tmp_path: Path, small_trials: TrialSet) -> None:
        models = {"a": Smoothing(**QUICK), "b": Smoothing(**{**QUICK, "width_s": 0.1})}
        given = {"folds": 2, "verbose": False}
        there = compare(small_trials, tmp_path / "r", models, workers=Workers(None, "ray"), **given)
        assert there.rows() == compare(small_trials, tmp_path / "l", models, **given).rows()

    def test_a_cell_that_fails_is_recorded(self, tmp_path: Path, small_trials: TrialSet) -> None:
        wrong = Smoothing(**{**QUICK, "width_s": -1.0})
        models = {"wrong": wrong, "right": Smoothing(**QUICK)}
        wrong_cell, right = run_grid(
            models, {"d": small_trials}, tmp_path, workers=Workers(2, "ray")
        )
        assert "width_s" in wrong_cell.error
        assert right.scores

    def test_what_a_job_refuses_is_said_here(self) -> None:
        with pytest.raises(UndertowError, match=r"^no reason$"):
            list(Workers(1, "ray").results(refusing, [("reason", 0)], []))

    def test_a_machine_without_the_folder_says_so(self, tmp_path: Path) -> None:
        from undertow.experiments.cell_fit import Task, run_cell

        task = Task(CellResult, tmp_path / "gone" / "cell.json", Smoothing(), {})  # type: ignore[arg-type]
        with pytest.raises(UndertowError, match="every machine must see the folder"):
            list(Workers(1, "ray").results(run_cell, [(task, None)], []))
