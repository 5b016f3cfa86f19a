"""The curve over latent sizes: what a size changes, the scores against direct ones, and which size
is chosen."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.experiments.test_run import tiny
from undertow.baselines import Smoothing
from undertow.data import TrialSet, fold_splits, join_trials
from undertow.dynamics import CoupledOscillators
from undertow.errors import DataError, ModelError, UndertowError
from undertow.evaluation import Score, few_shot_statistics, pooled_score
from undertow.experiments import (
    CellResult,
    LatentCurve,
    latent_curve,
    load_model,
    resized,
    size_name,
)
from undertow.experiments.latent_curve_result import FewShot
from undertow.models import LangevinFlow, LatentSDE

pytestmark = pytest.mark.filterwarnings("ignore:.*latent coordinates")
OPTIONS = {"folds": 2, "shots": 6, "repeats": 3, "penalty": 0.1}


@pytest.fixture(scope="module")
def trials(small_trials: TrialSet) -> TrialSet:
    return small_trials[:40]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("curve")


@pytest.fixture(scope="module")
def done(out: Path, trials: TrialSet) -> LatentCurve:
    """Two sizes, two folds."""
    return latent_curve(trials, out, tiny(), (6, 2), **OPTIONS)


def score(value: float, std: float, name: str = "co-bps") -> Score:
    about = {
        "unit": "bits/spike",
        "split": "cross-validation",
        "n_trials": 40,
        "bin_s": 0.02,
        "n_neurons": 3,
    }
    return Score(
        name=name, value=value, low=value - 0.1, high=value + 0.1, std_over_folds=std, **about
    )


def curve(*values: float, std: float = 0.08, folds: int = 4) -> LatentCurve:
    """Sizes 2, 4, 8, … with these scores."""
    sizes = [2 ** (k + 1) for k in range(len(values))]
    scores = {
        size: {"co-bps": score(value, std)} for size, value in zip(sizes, values, strict=True)
    }
    return LatentCurve(
        "latent_dim", scores, {}, dict.fromkeys(sizes, 1.0), folds, FewShot(6, 3, 0.1), {}, {}
    )


def test_a_size_sets_the_latents_and_divides_the_chains() -> None:
    for size, groups in ((2, 2), (3, 1), (6, 2), (8, 4)):
        model = resized(tiny(), size)
        assert (model.latent_dim, model.dynamics.groups) == (size, groups)
    assert tiny().latent_dim == 8
    assert resized(LatentSDE(), 6).latent_dim == 6


def test_a_latent_sdes_dynamics_grow_with_it() -> None:
    model = LatentSDE(CoupledOscillators(8, coupling="diffusive"))
    changed = resized(model, 4)
    assert changed.dynamics.state_dim == changed.latent_dim == 4
    assert changed.dynamics.settings == {**model.dynamics.settings, "state_dim": 4}
    for each in (model, LatentSDE()):
        with pytest.raises(ModelError, match="5"):
            resized(each, 5)


def test_models_without_latents_are_refused() -> None:
    assert (size_name(LangevinFlow()), size_name(LatentSDE())) == ("latent_dim", "latent_dim")
    for model in (Smoothing(), LangevinFlow().set_params(dynamics=None)):
        with pytest.raises(
            ModelError, match="has no latents to count: choose langevin-flow or latent-sde"
        ):
            size_name(model)


def test_scores_are_those_of_the_fitted_models(
    done: LatentCurve, out: Path, trials: TrialSet
) -> None:
    assert list(done.scores) == [2, 6]
    for size in (2, 6):
        own, few = [], []
        for fold, parts in enumerate(fold_splits(trials, 2)):
            path = out / "cells" / f"latent_dim{size}__data__fold{fold}__seed0.json"
            model = load_model(path.with_suffix(".safetensors"))
            assert model.latent_dim == size
            train = join_trials(parts.train, parts.validation)
            predictions = model.predict(train), model.predict(parts.test)
            few.append(few_shot_statistics(*predictions, 6, 3, penalty=0.1)[0])
            own.append(CellResult(None, path).statistics()["co-bps"])
        assert done.scores[size]["co-bps"] == pooled_score(own, split="cross-validation")
        found, direct = (
            done.scores[size]["few-shot co-bps"],
            pooled_score(few, split="cross-validation"),
        )
        assert (found.value, found.low, found.high) == pytest.approx(
            (direct.value, direct.low, direct.high)
        )
        assert (
            done.parameters[size]
            == load_model(path.with_suffix(".safetensors")).parameter_counts()["all"]
        )
    assert done.errors == {}


def test_finished_cells_and_few_shot_scores_are_read(
    done: LatentCurve, out: Path, trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LangevinFlow, "fit", None)
    monkeypatch.setattr(LangevinFlow, "predict", None)
    again = latent_curve(trials, out, tiny(), (2, 6), **OPTIONS)
    assert again.to_dict() == done.to_dict()
    monkeypatch.undo()
    for other in ({"shots": 2}, {"penalty": 1.0}):
        found = latent_curve(trials, out, tiny(), (2,), **{**OPTIONS, **other})
        assert found.scores[2]["co-bps"] == done.scores[2]["co-bps"]
        assert found.scores[2]["few-shot co-bps"].value != done.scores[2]["few-shot co-bps"].value


def test_penalties_are_chosen_by_default_and_counted(
    done: LatentCurve, out: Path, trials: TrialSet, tmp_path: Path
) -> None:
    chosen = {k: v for k, v in OPTIONS.items() if k != "penalty"}
    found, again = (latent_curve(trials, out, tiny(), (2, 6), **chosen) for _ in range(2))
    used = {2: Counter[float](), 6: Counter[float]()}
    for size, counter in used.items():
        for fold, parts in enumerate(fold_splits(trials, 2)):
            model = load_model(
                out / "cells" / f"latent_dim{size}__data__fold{fold}__seed0.safetensors"
            )
            train = join_trials(parts.train, parts.validation)
            counter.update(
                few_shot_statistics(model.predict(train), model.predict(parts.test), 6, 3)[1]
            )
    assert found.penalties == used
    assert again.to_dict() == found.to_dict()
    assert done.penalties == {2: {0.1: 6}, 6: {0.1: 6}}
    found.write(tmp_path)
    held = json.loads((tmp_path / "latents.json").read_text())["few_shot"]
    assert held["penalty"] is None
    assert held["draws_by_penalty"] == {
        str(size): {str(k): n for k, n in counter.items()} for size, counter in used.items()
    }


def test_a_size_of_which_a_fit_failed_is_left_out(
    done: LatentCurve, out: Path, trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: LangevinFlow, *args: object, **options: object) -> LangevinFlow:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(LangevinFlow, "fit", broken)
    found = latent_curve(trials, out, tiny(), (2, 4), **OPTIONS)
    assert list(found.scores) == [2]
    assert found.errors["latent_dim4__data__fold0__seed0"] == "RuntimeError: out of luck"


def test_the_smallest_size_within_one_standard_error_of_the_best() -> None:
    # the standard error of the mean over four folds is 0.08 / 2
    found = curve(0.10, 0.259, 0.26, 0.30, 0.29)
    assert found.best("co-bps") == 16
    assert found.standard_error("co-bps") == pytest.approx(0.04)
    assert found.smallest("co-bps") == 8
    assert curve(0.30, 0.29).smallest("co-bps") == curve(0.30, 0.29).best("co-bps") == 2
    assert found.sentences() == [
        "co-bps: best at latent_dim 16; 8 is the smallest within one standard error (0.040 "
        "bits/spike, over 4 folds)"
    ]


def test_table_and_files_say_the_same(done: LatentCurve, tmp_path: Path) -> None:
    heads, rows = done.score_table()
    assert heads == [
        "latent_dim",
        "co-bps [95 %]",
        "few-shot co-bps [95 %]",
        "parameters",
        "seconds a fit",
    ]
    assert [row[0] for row in rows] == ["2", "6"]
    assert rows[0][1].startswith(f"{done.scores[2]['co-bps'].value:.3f}".replace("-", "−"))
    paths = done.write(tmp_path / "new", {"more": 1})
    assert [path.name for path in paths] == ["latents.json", "latents.png"]
    held = json.loads(paths[0].read_text())
    assert [(row["size"], row["name"]) for row in held["scores"]] == [
        (size, name) for size in (2, 6) for name in ("co-bps", "few-shot co-bps")
    ]
    assert held["chosen"]["co-bps"]["best"] == done.best("co-bps")
    assert held["few_shot"] == {
        "shots": 6,
        "repeats": 3,
        "penalty": 0.1,
        "draws_by_penalty": {"2": {"0.1": 6}, "6": {"0.1": 6}},
    }
    assert held["more"] == 1
    assert paths[1].read_bytes().startswith(b"\x89PNG")


def test_without_a_whole_size_there_is_no_figure(tmp_path: Path) -> None:
    nothing = replace(
        curve(), errors={"latent_dim2__data__fold0__seed0": "RuntimeError: out of luck"}
    )
    assert [path.name for path in nothing.write(tmp_path)] == ["latents.json"]
    assert nothing.sentences() == []


def test_bad_requests_are_refused_before_anything_is_fitted(
    tmp_path: Path, trials: TrialSet
) -> None:
    for sizes in ((), (2, 2), (0, 4), (2.5,)):
        with pytest.raises(UndertowError, match="give different whole numbers, each at least 1"):
            latent_curve(trials, tmp_path, tiny(), sizes, **OPTIONS)
    with pytest.raises(DataError, match="k is 21: a draw takes 1 to 20 of the 20 training trials"):
        latent_curve(trials, tmp_path, tiny(), (2,), **{**OPTIONS, "shots": 21})
    with pytest.raises(
        DataError, match="k is 1: a penalty is chosen by cross-validation over 2 or more trials"
    ):
        latent_curve(trials, tmp_path, tiny(), (2,), **{**OPTIONS, "shots": 1, "penalty": None})
    with pytest.raises(UndertowError, match="no neuron is held out"):
        latent_curve(trials.hold_out(0), tmp_path, tiny(), (2,), **OPTIONS)
    assert list(tmp_path.iterdir()) == []
