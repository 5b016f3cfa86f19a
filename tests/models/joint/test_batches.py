"""Minibatches of several sessions: every trial once, each session its share."""

import torch

from tests.models.joint.planted import A, B, fitted
from undertow.models.joint.batches import JointBatch


def both() -> JointBatch:
    model = fitted("langevin-flow")
    return JointBatch({"a": model["a"].read(A), "b": model["b"].read(B)})


def test_every_trial_comes_once_in_batches_of_about_that_size() -> None:
    batch = both()
    assert len(batch) == len(A) + len(B) == 42
    parts = list(batch.shuffled(10, torch.Generator().manual_seed(0)))
    assert len(parts) == 5
    assert sum(map(len, parts)) == 42
    for each in parts:
        assert 7 <= len(each) <= 10
        assert {name: len(part) for name, part in each.parts.items()}["a"] in (4, 5)
    for name, trials in (("a", A), ("b", B)):
        seen = torch.cat([each.parts[name].targets for each in parts])
        assert sorted(seen.sum((1, 2)).tolist()) == sorted(trials.spikes.sum((1, 2)).tolist())


def test_the_order_is_of_the_generator_alone() -> None:
    first, again, other = (
        [p.parts["a"].targets for p in both().shuffled(10, torch.Generator().manual_seed(k))]
        for k in (1, 1, 2)
    )
    assert all(torch.equal(x, y) for x, y in zip(first, again, strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(first, other, strict=True))


def test_a_session_of_few_trials_is_left_out_of_some() -> None:
    batch = both()
    few = JointBatch({"a": batch.parts["a"], "b": batch.parts["b"].take(torch.arange(2))})
    parts = list(few.shuffled(4, torch.Generator().manual_seed(0)))
    assert sum("b" in each.parts for each in parts) == 2
    assert sum(map(len, parts)) == len(few) == 26
