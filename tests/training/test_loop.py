"""The training loop: the best weights come back, failures roll back, limits hold, nothing else is
touched."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.training.test_progress import Terminal
from tests.training.tiny import (
    Objective,
    run,
    tiny_batch,
    tiny_network,
    tiny_objective,
    tiny_validate,
)
from undertow.data.batches import Batch
from undertow.training import Progress, Training, TrainingWarning, history_csv, train

SHORT = Training(epochs=8, batch_size=8, validate_every=1)


class Scripted:
    """A validation that gives these scores and remembers the weights it saw."""

    def __init__(self, *scores: float) -> None:
        self.scores, self.seen = iter(scores), list[dict[str, Tensor]]()

    def __call__(self, network: nn.Module) -> float:
        self.seen.append({k: v.clone() for k, v in network.state_dict().items()})
        return next(self.scores)


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def train_scripted(
    settings: Training, *scores: float
) -> tuple[nn.Module, Scripted, list[dict[str, float]]]:
    network, validate = tiny_network(), Scripted(*scores)
    history = train(network, tiny_batch(), tiny_objective(network), validate, settings)
    return network, validate, history


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
    assert stream.getvalue().endswith("0:00 left\x1b[K\n")


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


# --- what is not finite -----------------------------------------------------------------------


def breaking(
    network: nn.Module, bad_calls: set[int], seen: list[dict[str, Tensor]], how: str = "penalty"
) -> Objective:
    """The tiny objective with NaN in one term, or in the gradient alone, at some calls."""
    objective, calls = tiny_objective(network), iter(range(10**6))

    def spoiled(
        batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        seen.append({k: v.clone() for k, v in network.state_dict().items()})
        loss, terms = objective(batch, generator, progress)
        if next(calls) not in bad_calls:
            return loss, terms
        if how == "gradient":
            zero = next(network.parameters()).sum() * 0
            return loss + zero.sqrt(), terms  # finite, with an infinite slope
        terms[how] = terms[how] * math.nan
        return loss + terms[how], terms

    return spoiled


@pytest.mark.parametrize(("how", "named"), [("penalty", "penalty"), ("gradient", "the gradient")])
def test_a_broken_step_is_named_rolled_back_and_retried_smaller(how: str, named: str) -> None:
    network, seen = tiny_network(), list[dict[str, Tensor]]()
    # 20 trials in batches of 8 are 3 steps an epoch: call 10 is the second step of epoch 4
    objective = breaking(network, {10}, seen, how)
    with pytest.warns(
        TrainingWarning, match=rf"epoch 4: {named} is not finite; rolled back, retrying"
    ):
        history = train(network, tiny_batch(), objective, tiny_validate, SHORT)
    assert same(seen[11], seen[9])  # the retry begins where epoch 4 began
    assert not same(seen[10], seen[9])
    assert [row["epoch"] for row in history] == list(range(1, 9))
    for row in history:
        halved = 0.5 if row["epoch"] >= 4 else 1.0
        expected = halved * SHORT.learning_rate_at((row["epoch"] - 1) / 8, int(row["epoch"]) - 1)
        assert row["learning_rate"] == pytest.approx(expected)
    assert all(math.isfinite(value) for row in history for value in row.values())


def test_several_broken_terms_are_all_named() -> None:
    network = tiny_network()
    objective = tiny_objective(network)
    calls = iter(range(100))

    def spoiled(
        batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        loss, terms = objective(batch, generator, progress)
        bad = math.nan if next(calls) == 0 else 1.0
        terms = {k: bad * v for k, v in terms.items()}
        return bad * loss, terms

    with pytest.warns(
        TrainingWarning, match="epoch 1: negative_log_likelihood, penalty is not finite"
    ):
        train(network, tiny_batch(), spoiled, tiny_validate, SHORT)


def test_always_broken_gives_up_and_keeps_the_last_good_model(tmp_path: Path) -> None:
    network, validate = tiny_network(), Scripted(0.1, 0.5, 0.2, *[0.0] * 20)
    settings = Training(epochs=8, batch_size=8, validate_every=1, retries=2)
    objective = breaking(network, set(range(9, 1000)), [])
    with pytest.warns(TrainingWarning) as caught:
        history = train(network, tiny_batch(), objective, validate, settings, directory=tmp_path)
    said = [str(w.message) for w in caught]
    assert len(said) == 3
    assert all("epoch 4: penalty is not finite; rolled back" in s for s in said)
    assert "gave up, the best model so far is kept" in said[-1]
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert same(network.state_dict(), validate.seen[1])


def test_broken_from_the_start_leaves_the_first_weights() -> None:
    network = tiny_network()
    with pytest.warns(TrainingWarning) as caught:
        history = train(
            network, tiny_batch(), breaking(network, set(range(1000)), []), tiny_validate, SHORT
        )
    assert "gave up" in str(caught[-1].message)
    assert history == []
    assert same(network.state_dict(), tiny_network().state_dict())


def test_a_broken_validation_score_is_rolled_back_too() -> None:
    with pytest.warns(TrainingWarning, match="epoch 3: the validation score is not finite"):
        _, _, history = train_scripted(
            Training(epochs=4, batch_size=8, validate_every=1), 0.1, 0.2, math.nan, 0.3, 0.4
        )
    assert [row["validation_score"] for row in history] == [0.1, 0.2, 0.3, 0.4]


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
