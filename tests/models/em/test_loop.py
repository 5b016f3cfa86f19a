"""The loop of expectation–maximisation on a learner that counts: what is kept, told and saved."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from undertow.errors import ModelError
from undertow.models.em import EM, EMLoop, Given, Learner
from undertow.training import Interrupted, read_tensors, write_tensors

SCORES = (0.1, 0.5, 0.3, 0.2, 0.6, 0.4)


class Counting(Learner[nn.Linear]):
    """Its weight is the number of the iteration, its bound minus one over it."""

    def __init__(self, stops_in: int | None = None, **options: Any) -> None:
        given = Given(torch.ones(3, 2, 1), torch.ones(3, 2, 1), torch.ones(3, 2) > 0, None)
        known: dict[str, Any] = {"iterations": 6, "validate_every": 1, "patience": None}
        super().__init__(nn.Linear(1, 1), given, EM(**{**known, **options}))
        self.held, self.stops_in = torch.zeros(3), stops_in

    def start(self) -> None:
        with torch.no_grad():
            self.network.weight.zero_()
            self.network.bias.zero_()

    def iterate(self) -> float:
        self.iteration += 1
        with torch.no_grad():
            self.network.weight.fill_(self.iteration)
        if self.iteration == self.stops_in:
            raise KeyboardInterrupt  # in the middle: one half is done, the other not
        self.held = self.held + self.iteration
        return -1.0 / self.iteration

    def inferred(self) -> dict[str, Tensor]:
        return {"held": self.held}

    def restore(self, inferred: dict[str, Tensor]) -> None:
        self.held = inferred["held"]


Rows = list[tuple[dict[str, float], float, float]]


def loop(learner: Counting, folder: Path | None = None, told: Rows | None = None) -> EMLoop:
    learner.start()
    rows: Rows = [] if told is None else told

    def validate(network: nn.Linear) -> float:
        return SCORES[int(network.weight.detach().item()) - 1]

    return EMLoop(learner, validate, folder, lambda *row: rows.append(row))


def weight(learner: Counting) -> float:
    return float(learner.network.weight.detach().item())


def test_the_network_that_validated_best_is_kept() -> None:
    learner, told = Counting(), Rows()
    history = loop(learner, told=told).run()
    assert weight(learner) == 5
    assert [row["validation_score"] for row in history] == list(SCORES)
    assert [row["best_score"] for row in history] == [0.1, 0.5, 0.5, 0.5, 0.6, 0.6]
    assert [row["elbo"] for row in history] == [-1 / k for k in range(1, 7)]
    assert [row["loss"] for row in history] == [1 / k for k in range(1, 7)]
    assert [share for _, share, _ in told] == pytest.approx([k / 6 for k in range(1, 7)])
    assert told[-1][2] == 0.0


def test_patience_counts_iterations_without_a_better_score() -> None:
    learner = Counting(patience=2)
    history = loop(learner).run()
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert weight(learner) == 2


def test_the_last_iteration_is_validated_even_out_of_turn() -> None:
    learner = Counting(iterations=5, validate_every=3)
    history = loop(learner).run()
    assert [row["epoch"] for row in history] == [3, 5]
    assert weight(learner) == 5


def test_without_a_score_the_last_iteration_stays() -> None:
    learner = Counting()
    learner.start()
    history = EMLoop(learner, lambda network: float("nan"), None, lambda *row: None).run()
    assert weight(learner) == 6
    assert all("validation_score" not in row for row in history)


@pytest.mark.parametrize("stops_in", [1, 3, 6])
def test_an_iteration_cut_short_is_run_again(stops_in: int, tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match="its state is saved"):
        loop(Counting(stops_in), tmp_path).run()
    resumed, whole = Counting(), Counting()
    histories = [loop(resumed, tmp_path).run(resume=True), loop(whole).run()]
    plain = [[{k: v for k, v in row.items() if k != "seconds"} for row in h] for h in histories]
    assert plain[0] == plain[1]
    assert torch.equal(resumed.held, whole.held)
    assert weight(resumed) == weight(whole)
    assert resumed.iteration == 6
    again = Counting()
    assert len(loop(again, tmp_path).run(resume=True)) == 6
    assert again.iteration == 6
    with (tmp_path / "log.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4, 5, 6]


def test_without_resume_a_fit_starts_anew_and_without_a_folder_nothing_is_written(
    tmp_path: Path,
) -> None:
    loop(Counting(iterations=2), tmp_path).run()
    history = loop(Counting(), tmp_path).run()
    assert len(history) == 6
    with pytest.raises(Interrupted):
        loop(Counting(2)).run()
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "log.csv"}


def changed(path: Path, **tensors: Tensor | None) -> None:
    held, numbers = read_tensors(path)
    held = {**held, **{k.replace("__", "."): v for k, v in tensors.items()}}  # type: ignore[dict-item]
    write_tensors(path, {k: v for k, v in held.items() if v is not None}, numbers)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inferred__held": None}, "inferred.held is missing"),
        ({"more": torch.zeros(2)}, "more is unknown"),
        ({"inferred__held": torch.zeros(4)}, "inferred.held has another shape"),
        ({"best__weight": torch.full((1, 1), torch.nan)}, "best.weight holds what is no finite"),
    ],
)
def test_a_checkpoint_of_another_fit_is_refused(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    loop(Counting(iterations=2), tmp_path).run()
    changed(tmp_path / "checkpoint.safetensors", **change)
    with pytest.raises(ModelError, match=rf"no checkpoint of this fit \({words}"):
        loop(Counting(), tmp_path).run(resume=True)


def test_options_that_break_a_rule_are_refused() -> None:
    for wrong, words in (
        ({"iterations": 0}, r"em\.iterations is 0"),
        ({"patience": 0}, r"em\.patience is 0"),
        ({"batch_size": 1.5}, r"em\.batch_size is 1\.5"),
        ({"checkpoint_seconds": -1.0}, r"em\.checkpoint_seconds is -1"),
    ):
        with pytest.raises(ModelError, match=words):
            EM(**wrong).check()  # type: ignore[arg-type]
