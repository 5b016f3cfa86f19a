"""Ablation: which models are fitted, how dropout is chosen, and that arms are compared over what
both have."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.test_run import TINY, tiny
from undertow.baselines import Smoothing
from undertow.data import TrialSet, fold_splits
from undertow.errors import ModelError, UndertowError
from undertow.evaluation import Statistic, combine
from undertow.evaluation.scores.sums import BitsPerSpike
from undertow.experiments import ARMS, Ablation, CellResult, ablate, latent_reliance
from undertow.experiments.ablation import TABLE_6, arm_models, without_refit
from undertow.experiments.cells import Cell
from undertow.models import Ensemble, LangevinFlow
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings("ignore:.*latent coordinates")
QUICK = Smoothing(width_s=0.05, floor_hz=0.5, penalty=0.1)
ARM = {"full": {}, "no-langevin": ARMS["no-langevin"], "smoothing": QUICK}


@pytest.fixture(scope="module")
def trials(small_trials: TrialSet) -> TrialSet:
    return small_trials[:40]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ablation")


@pytest.fixture(scope="module")
def done(out: Path, trials: TrialSet) -> Ablation:
    """Three arms, two dropouts, two folds; a second seed for one arm, a single fold for another."""
    return ablate(
        trials,
        out,
        tiny(),
        ARM,
        dropouts=(0.0, 0.5),
        folds=2,
        more_seeds={"full": (1,)},
        only_folds={"no-langevin": (1,)},
    )


def test_the_arms_are_those_of_the_table() -> None:
    assert list(TABLE_6) == [
        "full",
        "linear-decoder",
        "linear-encoder",
        "no-langevin",
        "input-potential",
        "first-order",
    ]
    assert set(ARMS) - set(TABLE_6) == {"mlp-potential", "context-potential"}


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_is_a_network_that_can_be_fitted(name: str, trials: TrialSet) -> None:
    model = arm_models(tiny(), ARMS)[name].fit(trials)
    counts = model.parameter_counts()
    weights = sum(p.numel() for p in model.network_.parameters() if p.requires_grad)
    assert counts["all"] == weights + counts.get("pool", 0)
    assert (counts["dynamics"] == 0) == (name == "no-langevin")


def test_each_arm_takes_the_dropout_that_validates_best_on_fold_0(
    done: Ablation, trials: TrialSet
) -> None:
    for name in ("full", "no-langevin"):
        arm = done.arms[name]
        assert arm.dropout == max(arm.validation, key=lambda d: arm.validation[d])
    assert list(done.arms["full"].validation) == [0.0, 0.5]
    train, validation, _ = fold_splits(trials, 2)[0]
    model = tiny().copy(dropout=0.5, training=replace(TINY.training, refit=False))
    assert model.fit(train, validation).validation_score_ == done.arms["full"].validation[0.5]
    assert done.arms["smoothing"].dropout is None


def test_what_is_compared_was_fitted_as_the_base_is(done: Ablation, out: Path) -> None:
    about = json.loads((out / "cells" / "full__data__fold0__seed0.json").read_text())
    assert about["settings"]["training"]["keep"] == TINY.training.keep
    assert about["settings"]["training"]["refit"] is TINY.training.refit
    assert about["settings"]["dropout"] == done.arms["full"].dropout
    assert about["parameters"] == done.arms["full"].parameters
    tried = json.loads((out / "choice" / "full-dropout0.5__data__fold0__seed0.json").read_text())
    assert tried["settings"]["training"]["refit"] is False


def test_folds_and_seeds_are_those_asked_for(done: Ablation) -> None:
    cells = {
        name: {f: list(seeds) for f, seeds in arm.statistics.items()}
        for name, arm in done.arms.items()
    }
    assert cells == {
        "full": {0: [0, 1], 1: [0, 1]},
        "no-langevin": {1: [0]},
        "smoothing": {0: [0], 1: [0]},
    }
    assert done.errors == {}


def test_differences_are_paired_over_the_folds_and_seeds_both_have(done: Ablation) -> None:
    full, other = done.arms["full"].statistics, done.arms["no-langevin"].statistics
    expected = combine([[other[1][0]]], minus=[[full[1][0]]])
    assert done.arms["no-langevin"].differences == expected
    assert expected["co-bps"].value == pytest.approx(
        other[1][0]["co-bps"].value - full[1][0]["co-bps"].value
    )
    values = [full[fold][seed]["co-bps"].value for fold in (0, 1) for seed in (0, 1)]
    assert done.arms["full"].scores["co-bps"].value == pytest.approx(np.mean(values))
    assert done.arms["full"].differences == {}


def test_latent_reliance_is_what_exchanged_latents_lose(done: Ablation) -> None:
    scores = done.arms["full"].scores
    reliance = scores["latent reliance"]
    assert reliance.value == pytest.approx(
        scores["co-bps"].value - scores["co-bps exchanged"].value
    )
    assert reliance.low <= reliance.value <= reliance.high
    assert "latent reliance" not in done.arms["no-langevin"].scores
    assert {"rate R2 exchanged", "co-bps exchanged"} <= scores.keys()
    assert "psth R2 exchanged" not in scores


def bits(name: str, rates: np.ndarray, spikes: np.ndarray) -> Statistic:
    about = {
        "name": name,
        "unit": "bits/spike",
        "trial_ids": np.arange(len(rates)),
        "condition": None,
    }
    return BitsPerSpike.from_counts(rates, spikes, bin_s=0.02, n_neurons=rates.shape[2], **about)


def test_latent_reliance_falls_back_on_the_likelihood_there_is() -> None:
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.5, 2.0, (30, 5, 3))
    spikes = rng.poisson(rates).astype(float)
    cell = {
        name: bits(name, given, spikes)
        for name, given in (
            ("held-in bps", rates),
            ("held-in bps exchanged", np.roll(rates, 1, axis=0)),
        )
    }
    found = latent_reliance([[cell]])
    assert found is not None
    assert found.value == pytest.approx(
        cell["held-in bps"].value - cell["held-in bps exchanged"].value
    )
    assert 0 < found.low < found.value
    assert found.note.startswith("held-in bps lost")
    assert latent_reliance([[{"held-in bps": cell["held-in bps"]}]]) is None
    assert latent_reliance([]) is None


def test_finished_cells_are_read(
    done: Ablation, out: Path, trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LangevinFlow, "fit", None)
    again = ablate(trials, out, tiny(), {"full": {}}, dropouts=(0.0, 0.5), folds=2)
    assert again.arms["full"].dropout == done.arms["full"].dropout
    assert again.arms["full"].fits == 2
    assert again.arms["full"].parameters == done.arms["full"].parameters


def test_a_failed_cell_is_named_and_left_out(tmp_path: Path, trials: TrialSet) -> None:
    arms = {"smoothing": QUICK, "odd": tiny().copy(decoder__heads=3)}
    seen: list[CellResult] = []
    found = ablate(
        trials, tmp_path, tiny(), arms, folds=2, report=lambda cell, *_: seen.append(cell)
    )
    assert list(found.errors) == ["odd__data__fold0__seed0", "odd__data__fold1__seed0"]
    assert "not a multiple of 3 heads" in found.errors["odd__data__fold0__seed0"]
    assert found.arms["odd"].fits == 0
    assert found.arms["odd"].scores == found.arms["odd"].differences == {}
    assert found.arms["smoothing"].scores
    assert len(seen) == 4
    assert "| odd | 0.2 | – | – | – | 0 | 0 |" in found.markdown()


def test_tables_say_the_same_in_every_format(done: Ablation, tmp_path: Path) -> None:
    paths = done.write(tmp_path / "new", {"folds": 2})
    assert [path.name for path in paths] == ["ablation.json", "ablation.csv", "ablation.md"]
    held = json.loads(paths[0].read_text())
    assert held["compared_with"] == "full"
    assert held["folds"] == 2
    assert held["arms"]["full"]["cells"] == {"0": [0, 1], "1": [0, 1]}
    assert held["arms"]["full"]["settings"]["latent_dim"] == 8
    with paths[1].open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["arm"] for line in lines] == [row["arm"] for row in held["scores"]]
    line = next(line for line in lines if (line["arm"], line["name"]) == ("no-langevin", "co-bps"))
    gap = done.arms["no-langevin"].differences["co-bps"]
    assert [float(line[k]) for k in ("difference", "difference_low", "difference_high")] == [
        gap.value,
        gap.low,
        gap.high,
    ]
    page = paths[2].read_text()
    assert (
        f"| co-bps | no-langevin | {done.arms['no-langevin'].scores['co-bps'].value:.3f}".replace(
            "-0", "−0"
        )
        in page
    )
    assert "exchanged" not in page
    assert "| latent reliance | full |" in page


def test_models_inside_a_model_are_fitted_once_too() -> None:
    member = tiny().copy(training=replace(TINY.training, refit=True))
    ensemble = without_refit(Ensemble(member, size=2))
    assert ensemble.member.training == TINY.training
    assert member.training.refit
    assert tiny().training == TINY.training == Training(epochs=2, batch_size=16)


def test_bad_requests_are_refused(tmp_path: Path, trials: TrialSet) -> None:
    with pytest.raises(UndertowError, match="no arm 'ful': did you mean 'full'"):
        ablate(trials, tmp_path, tiny(), more_seeds={"ful": (1,)})
    with pytest.raises(
        UndertowError, match=r"'full' is to be fitted on folds \[5\]: there are 0 to 4"
    ):
        ablate(trials, tmp_path, tiny(), only_folds={"full": (5,)})
    with pytest.raises(UndertowError, match=r"the dropouts are \[0.1, 1\]: each must be"):
        ablate(trials, tmp_path, tiny(), dropouts=(0.1, 1))
    with pytest.raises(UndertowError, match="at least one arm"):
        ablate(trials, tmp_path, tiny(), arms={})
    with pytest.raises(ModelError, match="no parameter 'decoderr'"):
        ablate(trials, tmp_path, tiny(), arms={"full": {"decoderr": "linear"}})
    assert list(tmp_path.iterdir()) == []


def test_cells_of_before_without_counts_can_be_read(done: Ablation, out: Path) -> None:
    old = CellResult(Cell("full", "data", 0, 0), out / "cells" / "full__data__fold0__seed0.json")
    found = Ablation.from_cells({"full": tiny()}, [old], {})
    assert found.arms["full"].parameters == {}
    assert "| full | 0.2 | – | – |" in found.markdown()
