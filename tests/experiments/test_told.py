"""What a person who watches is told of runs, and that nobody else is."""

import io
from pathlib import Path

import pytest

from tests.experiments.test_run import tiny
from undertow.baselines import LDS, MeanRate, Smoothing
from undertow.data import TrialSet, split_trials
from undertow.experiments import cross_validate, estimate, run
from undertow.models import GPSLDS, NDT, Ensemble, Estimator


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard error a terminal, wide enough for any line; not in a fixture, whose streams
    pytest changes before the test."""
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr("sys.stderr", terminal)
    return terminal


pytestmark = [
    pytest.mark.usefixtures("no_report"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def test_a_run_ends_with_one_line(
    small_trials: TrialSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = watched(monkeypatch)
    run(small_trials, Ensemble(tiny(), 2), tmp_path / "run")
    lines = terminal.getvalue().splitlines()
    assert "\rmember 2 of 2: epoch" in terminal.getvalue()
    assert lines[-1].startswith("ensemble: co-bps ")
    assert "of training" in lines[-1]
    assert str(tmp_path / "run") in lines[-1]


def test_folds_are_named(
    small_trials: TrialSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = watched(monkeypatch)
    cross_validate(small_trials, tiny(), tmp_path / "cv", 2)
    for name in ("langevin-flow fold 0 seed 0", "langevin-flow fold 1 seed 0"):
        assert f"\r{name}: epoch" in terminal.getvalue()
        assert f"{name}: LangevinFlow: fitted in" in terminal.getvalue()
    assert "(2 of 2)" in terminal.getvalue()
    assert "report: " in terminal.getvalue().splitlines()[-1]


def test_silence_where_it_is_asked_for_or_nobody_watches(
    small_trials: TrialSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(small_trials, tiny(), tmp_path / "unwatched")
    assert capsys.readouterr() == ("", "")
    terminal = watched(monkeypatch)
    run(small_trials, tiny(), tmp_path / "quiet", verbose=False)
    cross_validate(small_trials, Smoothing(), tmp_path / "cv", 2, verbose=False)
    tiny().fit(small_trials, verbose=False)
    estimate(tiny(), split_trials(small_trials))
    assert terminal.getvalue() == ""


def test_an_estimate_counts_what_follows_the_training(small_trials: TrialSet) -> None:
    splits = split_trials(small_trials)
    one, both = (estimate(model, splits) for model in (tiny(), Ensemble(tiny(), 2)))
    assert one.scored_s > 0
    assert one.report_s > 0
    assert both.scored_s > one.scored_s / 2


@pytest.mark.parametrize(
    "model", [Smoothing(), MeanRate(), LDS(latent_dim=2), GPSLDS(latent_dim=2, regimes=2), NDT()]
)
def test_every_fit_can_be_estimated(small_trials: TrialSet, model: Estimator) -> None:
    """By counting what it does, not by the clock: a stand-in that ticks once a look."""
    ticks = iter(range(10**6))
    told = estimate(quickly(model), split_trials(small_trials), lambda: float(next(ticks)))
    assert told.seconds > 0
    assert told.once_s >= 0
    assert told.scored_s > 0
    assert not hasattr(model, "neuron_ids_")  # what is estimated stays unfitted


def quickly(model: Estimator) -> Estimator:
    short = {"em__iterations": 2, "em__path_steps": 1, "em__restarts": 1, "em__kernel_steps": 1}
    return model.copy(**{k: v for k, v in short.items() if k in model.get_params()})
