"""The training loop: the best weights come back, limits hold, nothing else is touched."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.test_progress import Terminal
from tests.training.tiny import (
    Scripted,
    run,
    same,
    tiny_batch,
    tiny_network,
    tiny_objective,
    tiny_validate,
    train_scripted,
)
from undertow.data.batches import Batch
from undertow.training import Progress, Training, history_csv, train

SHORT = Training(epochs=8, batch_size=8, validate_every=1)


def test_training_improves_the_validation_score() -> None:
    network = tiny_network()
    before = tiny_validate(network.eval())
    settings = Training(epochs=60, batch_size=8, validate_every=5, average_decay=0.5)
    history = train(network, tiny_batch(), tiny_objective(network), tiny_validate, settings)
    best = max(row["validation_score"] for row in history)
    assert best > before + 0.05
    assert tiny_validate(network.eval()) == best


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_the_best_weights_are_restored(average_decay: float) -> None:
    settings = Training(epochs=6, batch_size=8, validate_every=1, average_decay=average_decay)
    network, validate, history = train_scripted(settings, 0.1, 0.2, 0.9, 0.3, 0.8, 0.4)
    assert same(network.state_dict(), validate.seen[2])
    assert not same(validate.seen[2], validate.seen[5])
    assert [row["best_score"] for row in history] == [0.1, 0.2, 0.9, 0.9, 0.9, 0.9]


def test_the_last_weights_are_kept_when_asked() -> None:
    settings = Training(epochs=4, batch_size=8, validate_every=1, keep="last")
    network, validate, history = train_scripted(settings, 0.1, 0.9, 0.3, 0.2)
    assert same(network.state_dict(), validate.seen[3])
    assert history[-1]["best_score"] == 0.2


def test_patience_stops_and_keeps_the_best() -> None:
    settings = Training(epochs=50, batch_size=8, validate_every=2, patience=4)
    network, validate, history = train_scripted(settings, 0.1, 0.5, 0.4, 0.3, 0.9)
    assert [row["epoch"] for row in history] == [2, 4, 6, 8]
    assert same(network.state_dict(), validate.seen[1])


def test_validation_comes_at_its_epochs_and_at_the_end() -> None:
    settings = Training(epochs=7, batch_size=8, validate_every=3)
    _, _, history = train_scripted(settings, 0.1, 0.2, 0.3)
    assert [row["epoch"] for row in history] == [3, 6, 7]
    assert {"loss", "negative_log_likelihood", "penalty", "learning_rate", "seconds"} <= history[
        0
    ].keys()


def test_without_averaging_what_is_validated_is_what_is_trained() -> None:
    network, trained = tiny_network(), list[dict[str, Tensor]]()
    objective = tiny_objective(network)

    def spy(
        batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        trained.append({k: v.clone() for k, v in network.state_dict().items()})
        return objective(batch, generator, progress)

    validate = Scripted(0.1, 0.2, 0.3)
    train(
        network,
        tiny_batch(),
        spy,
        validate,
        Training(epochs=3, batch_size=50, validate_every=1, average_decay=0.0),
    )
    assert same(trained[1], validate.seen[0])
    assert same(trained[2], validate.seen[1])


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    first = run(SHORT)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(10)
    assert same(run(SHORT), first)


def test_another_seed_gives_other_weights() -> None:
    runs = []
    for seed in (0, 1):
        network = tiny_network()
        train(network, tiny_batch(), tiny_objective(network), tiny_validate, SHORT, seed)
        runs.append(network.state_dict())
    assert not same(*runs)


# --- schedules --------------------------------------------------------------------------------


def test_progress_reaches_the_objective_and_the_report() -> None:
    network, seen, reported = tiny_network(), [], []
    objective = tiny_objective(network)

    def spy(
        batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        seen.append(progress)
        return objective(batch, generator, progress)

    report = lambda row, share, left: reported.append((row["epoch"], share, left))  # noqa: E731
    train(
        network,
        tiny_batch(),
        spy,
        tiny_validate,
        Training(epochs=4, batch_size=50, validate_every=2),
        report=report,
    )
    assert seen == [0.0, 0.25, 0.5, 0.75]
    assert [(epoch, share) for epoch, share, _ in reported] == [(2, 0.5), (4, 1.0)]
    assert reported[-1][2] == 0.0


@pytest.mark.parametrize(
    ("settings", "last_epoch", "shares"),
    [
        (Training(epochs=100, batch_size=50, validate_every=2), 5, [0.4, 0.8, 1.0]),
        (Training(epochs=100, batch_size=50, validate_every=2, patience=2), None, [0.02, 1.0]),
    ],
)
def test_a_run_that_ends_early_is_reported_as_done(
    settings: Training, last_epoch: int | None, shares: list[float]
) -> None:
    network, stream = tiny_network(), Terminal()
    reported, progress = [], Progress(stream)

    def report(row: dict[str, float], share: float, left: float) -> None:
        reported.append(share)
        progress(row, share, left)

    validate = Scripted(0.5, 0.4, 0.3)
    train(
        network,
        tiny_batch(),
        tiny_objective(network),
        validate,
        settings,
        report=report,
        last_epoch=last_epoch,
    )
    assert reported == shares
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("0:00 of training left\n")


def test_a_time_limit_ends_the_run_with_its_schedules_at_their_end() -> None:
    network, reported = tiny_network(), []
    settings = Training(
        epochs=10**7, batch_size=8, validate_every=10**7, max_seconds=0.3, warmup_epochs=0
    )
    report = lambda row, share, left: reported.append((row, share))  # noqa: E731
    history = train(
        network, tiny_batch(), tiny_objective(network), tiny_validate, settings, report=report
    )
    assert history[-1]["epoch"] < 10**7
    assert reported[-1][1] >= 1.0
    assert history[-1]["learning_rate"] < 0.1 * settings.learning_rate
    assert math.isfinite(history[-1]["validation_score"])


# --- the log ----------------------------------------------------------------------------------


def test_the_log_has_a_row_per_validation(tmp_path: Path) -> None:
    network = tiny_network()
    history = train(
        network,
        tiny_batch(),
        tiny_objective(network),
        tiny_validate,
        SHORT,
        directory=tmp_path / "new",
    )
    with open(tmp_path / "new" / "log.csv", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert [{k: float(v) for k, v in row.items()} for row in rows] == history
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "checkpoint.safetensors",
        "log.csv",
    ]


def test_rows_of_different_columns_share_a_header() -> None:
    assert (
        history_csv([{"epoch": 1, "a": 0.5}, {"epoch": 2, "b": 1.5}])
        == "epoch,a,b\n1,0.5,\n2,,1.5\n"
    )


@pytest.fixture(autouse=True)
def _nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    assert capsys.readouterr().out == ""
