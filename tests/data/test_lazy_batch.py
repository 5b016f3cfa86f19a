"""Minibatches read by and by: those of a batch in memory, in the same order."""

import torch

from tests.models.small import GAPS
from undertow.data.batches import Batch
from undertow.data.lazy_batch import LazyBatch

CPU = torch.device("cpu")


def lazily() -> LazyBatch:
    return LazyBatch(GAPS.pack(), Batch.from_trials, CPU)


def test_minibatches_are_those_of_a_batch() -> None:
    whole = Batch.from_trials(GAPS)
    for size in (5, 7, len(GAPS), 1000):
        mine, its = (
            list(each.shuffled(size, torch.Generator().manual_seed(4)))
            for each in (lazily(), whole)
        )
        assert len(mine) == len(its)
        for a, b in zip(mine, its, strict=True):
            for name in ("targets", "observed", "valid", "lengths", "time_s", "inputs"):
                torch.testing.assert_close(
                    getattr(a, name), getattr(b, name), equal_nan=True, rtol=0, atol=0
                )


def test_it_says_where_and_how_many() -> None:
    batch = lazily()
    assert len(batch) == len(GAPS)
    assert batch.device == CPU
    some = batch.take(torch.tensor([3, 1]))
    whole = Batch.from_trials(GAPS).take(torch.tensor([3, 1]))
    torch.testing.assert_close(some.targets, whole.targets, equal_nan=True)


def test_no_more_than_two_minibatches_are_read_ahead() -> None:
    read: list[int] = []

    def counting(trials: object) -> Batch:
        read.append(len(read))
        return Batch.from_trials(trials)  # type: ignore[arg-type]

    batch = LazyBatch(GAPS.pack(), counting, CPU)
    for k, _ in enumerate(batch.shuffled(5, torch.Generator().manual_seed(0))):
        assert len(read) <= k + 2
    assert len(read) == 5


def test_leaving_early_ends_the_reading() -> None:
    minibatches = lazily().shuffled(5, torch.Generator().manual_seed(0))
    next(minibatches)
    minibatches.close()
    assert len(list(lazily().shuffled(5, torch.Generator().manual_seed(0)))) == 5
