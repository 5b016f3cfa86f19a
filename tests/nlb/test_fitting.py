"""A fit to a set of the benchmark: its files, what it is given and what not, going on with it."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nlb.random_tensors import N_TRAIN, random_tensors
from undertow.baselines import Smoothing
from undertow.errors import UndertowError
from undertow.models import (
    Ensemble,
    GRUEncoding,
    LangevinFlow,
    LatentSDE,
    TransformerDecoding,
)
from undertow.nlb import (
    NLBRun,
    Tensors,
    fit_nlb,
    read_submission,
    score_submission,
    trials_of,
    write_nlb_tensors,
)
from undertow.training import Interrupted, Training

pytestmark = pytest.mark.filterwarnings("ignore:.*latent coordinates")
FILES = {"run.json", "model.safetensors", "model.fit.json", "checkpoint", "rates.h5", "scores.json"}


def tiny(epochs: int = 2) -> LangevinFlow:
    loop = Training(epochs=epochs, batch_size=8, validate_every=1, checkpoint_seconds=0)
    encoder, decoder = GRUEncoding(hidden_dim=8), TransformerDecoding(width=8, heads=2)
    return LangevinFlow(8, encoder=encoder, decoder=decoder, samples=2, training=loop)


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    return random_tensors("mc_maze", 20)


@pytest.fixture(scope="module")
def finished(tensors: Tensors, tmp_path_factory: pytest.TempPathFactory) -> NLBRun:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*latent coordinates")
        return fit_nlb(
            tensors, tiny(), tmp_path_factory.mktemp("run") / "out", source={"path": "tensors.h5"}
        )


def rates_of(run: NLBRun) -> dict[str, np.ndarray]:
    return dict(next(iter(read_submission(run.directory / "rates.h5").values())))


def assert_same(first: NLBRun, second: NLBRun) -> None:
    """Files of rates and weights are equal bit by bit."""
    ours, theirs = rates_of(first), rates_of(second)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    assert weights(first) == weights(second)


def weights(run: NLBRun) -> list[bytes]:
    assert isinstance(run.model, LangevinFlow)
    return [v.numpy().tobytes() for v in run.model.network_.state_dict().values()]


def test_it_writes_its_files_and_the_scores_of_the_file(finished: NLBRun, tensors: Tensors) -> None:
    assert {path.name for path in finished.directory.iterdir()} == FILES
    held = json.loads((finished.directory / "scores.json").read_text())
    again = score_submission(read_submission(finished.directory / "rates.h5"), tensors)
    assert held["scores"] == {"langevin-flow": again["mc_maze_20_split"].named}
    assert finished.scores == again
    assert (held["set_name"], held["bin_ms"], held["phase"]) == ("mc_maze", 20, "val")
    assert held["source"] == {"path": "tensors.h5"}
    assert held["sizes"] == {"train": 22, "validation": 4, "test": 18}
    about = json.loads((finished.directory / "run.json").read_text())
    ids = about["splits"]["split"]
    assert sorted(ids["train"] + ids["validation"]) == list(range(N_TRAIN))
    assert about["settings"]["training"]["epochs"] == 2


def test_the_benchmarks_own_software_gives_the_same_scores(
    finished: NLBRun, tensors: Tensors, tmp_path: Path
) -> None:
    reference = pytest.importorskip("nlb_tools.evaluation", reason="nlb-tools is not installed")
    path = write_nlb_tensors(tensors, tmp_path / "tensors.h5")
    found = reference.evaluate(str(path), str(finished.directory / "rates.h5"))
    assert [list(each) for each in found] == [["mc_maze_20_split"]]
    assert found[0]["mc_maze_20_split"] == pytest.approx(
        dict(finished.scores["mc_maze_20_split"].values), abs=1e-9
    )


def test_rates_are_the_models_predictions_in_the_order_of_the_trials(
    finished: NLBRun, tensors: Tensors
) -> None:
    train, evaluation = trials_of(tensors)
    rates = rates_of(finished)
    for part, trials in (("train", train), ("eval", evaluation)):
        predicted = finished.model.predict(trials).rates[:, :8, 5:] * 0.02
        np.testing.assert_allclose(rates[f"{part}_rates_heldout"], predicted, rtol=1e-6)


def test_evaluation_targets_change_no_rate(
    finished: NLBRun, tensors: Tensors, tmp_path: Path
) -> None:
    rng = np.random.default_rng(9)
    targets = {
        name: rng.poisson(3.0, array.shape).astype(np.float32)
        if name.startswith("eval_spikes")
        else array
        for name, array in tensors.targets.items()
    }
    targets["eval_behavior"] = -targets["eval_behavior"]
    other = fit_nlb(replace(tensors, targets=targets), tiny(), tmp_path / "out")
    assert_same(other, finished)
    assert other.scores != finished.scores


def test_evaluation_trials_change_no_weight(
    finished: NLBRun, tensors: Tensors, tmp_path: Path
) -> None:
    counts = np.random.default_rng(9).poisson(2.0, tensors.inputs["eval_spikes_heldin"].shape)
    inputs = {**tensors.inputs, "eval_spikes_heldin": counts.astype(np.float32)}
    other = fit_nlb(replace(tensors, inputs=inputs), tiny(), tmp_path / "out")
    assert weights(other) == weights(finished)
    assert not np.array_equal(
        rates_of(other)["eval_rates_heldin"], rates_of(finished)["eval_rates_heldin"]
    )


def test_an_interrupted_fit_goes_on_to_the_same_end(
    tensors: Tensors, finished: NLBRun, tmp_path: Path
) -> None:
    def stop(row: dict[str, float], share: float, left_s: float) -> None:
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        fit_nlb(tensors, tiny(), out, progress=stop)
    assert not (out / "rates.h5").exists()
    with pytest.raises(UndertowError, match=r"is not empty: .*--resume"):
        fit_nlb(tensors, tiny(), out)
    resumed = fit_nlb(tensors, tiny(), out, resume=True)
    assert_same(resumed, finished)
    assert_same(fit_nlb(tensors, tiny(), out, resume=True), finished)


def test_another_run_is_not_resumed(finished: NLBRun, tensors: Tensors) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.directory.iterdir()}
    inputs = dict(tensors.inputs)
    inputs["eval_spikes_heldin"] = np.roll(inputs["eval_spikes_heldin"], 1, axis=0)
    for other, model, message in (
        (tensors, tiny(3), "settings.training.epochs was 2, is 3"),
        (replace(tensors, inputs=inputs), tiny(), "evaluation_fingerprint was"),
        (replace(tensors, phase="test"), tiny(), "phase was val, is test"),
    ):
        with pytest.raises(UndertowError, match=message):
            fit_nlb(other, model, finished.directory, resume=True)
    assert {p: p.stat().st_mtime_ns for p in finished.directory.iterdir()} == before


def test_without_truth_there_are_rates_and_no_scores(tensors: Tensors, tmp_path: Path) -> None:
    said: list[str] = []
    unknown = replace(tensors, phase="test", targets={})
    done = fit_nlb(unknown, Smoothing(0.04, 2.0, 0.1), tmp_path / "out", say=said.append)
    assert done.scores == {}
    assert {path.name for path in done.directory.iterdir()} == FILES - {"scores.json", "checkpoint"}
    assert said[0].startswith(
        "smoothing: TrialSet(26 trials × 11 bins of 20 ms × 8 neurons, 3 held out, 3 forward bins)"
    )
    assert said[0].endswith(" to learn from, 18 trials to predict")
    assert said[1:] == ["predicting the training trials"]
    assert len(rates_of(done)) == 6


@pytest.mark.parametrize("set_name", ["dmfc_rsg", "area2_bump", "mc_rtt", "mc_maze_small"])
def test_every_kind_of_set(set_name: str, tmp_path: Path) -> None:
    tensors = random_tensors(set_name, 20)
    done = fit_nlb(tensors, Smoothing(0.04, 2.0, 0.1), tmp_path / "out")
    assert done.scores == score_submission(done.submission, tensors)
    assert len(next(iter(done.scores.values())).values) >= 3


@pytest.mark.parametrize(
    "model",
    [
        Ensemble(tiny(1), size=2),
        LatentSDE(latent_dim=2, samples=2, training=Training(epochs=1)).set_params(
            encoder__hidden_dim=4, posterior__hidden_dim=4, decoder__width=4
        ),
    ],
    ids=lambda model: model.cli_name,
)
def test_other_models(tensors: Tensors, tmp_path: Path, model: Any) -> None:
    done = fit_nlb(tensors, model, tmp_path / "out")
    assert all(np.isfinite(rates).all() for rates in rates_of(done).values())
    assert set(done.scores["mc_maze_20_split"].values) == {"co-bps", "vel R2", "psth R2", "fp-bps"}


def test_bad_settings_leave_nothing(tensors: Tensors, tmp_path: Path) -> None:
    with pytest.raises(UndertowError, match="heads"):
        fit_nlb(tensors, tiny().set_params(decoder__heads=3), tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == []
