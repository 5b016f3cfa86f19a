"""What is not finite: the step is named, rolled back and retried with half the step size."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.training.tiny import (
    Objective,
    Scripted,
    same,
    tiny_batch,
    tiny_network,
    tiny_objective,
    tiny_validate,
    train_scripted,
)
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.training import Training, TrainingWarning, train
from undertow.training.broken import NonFiniteError, check_weights

SHORT = Training(epochs=8, batch_size=8, validate_every=1)


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
        TrainingWarning,
        match=rf"epoch 4: {named} is not finite at step 2 .*; rolled back, retrying",
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
    assert all(
        "epoch 4: penalty is not finite at step 1 of the epoch (nan); rolled back" in s
        for s in said
    )
    assert "gave up after 3 tries, the best model so far is kept; to train on, lower" in said[-1]
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert same(network.state_dict(), validate.seen[1])


def test_broken_from_the_start_it_is_refused_with_the_cause_and_what_to_lower() -> None:
    network = tiny_network()
    said = r"first epoch in 5 tries: penalty is not finite at step 1 .*; to train on, lower"
    with pytest.warns(TrainingWarning), pytest.raises(ModelError, match=said):
        train(network, tiny_batch(), breaking(network, set(range(1000)), []), tiny_validate, SHORT)


def test_giving_up_before_the_first_validation_keeps_the_last_whole_epoch() -> None:
    network = tiny_network()
    settings = Training(epochs=8, batch_size=8, validate_every=8, retries=1)
    # 3 steps an epoch: epochs 1 and 2 are whole, epoch 3 never is
    objective = breaking(network, set(range(6, 1000)), [])
    with pytest.warns(TrainingWarning) as caught:
        history = train(network, tiny_batch(), objective, tiny_validate, settings)
    assert "gave up after 2 tries" in str(caught[-1].message)
    assert {"loss", "learning_rate", "validation_score"} <= history[0].keys()
    assert [row["epoch"] for row in history] == [2]
    assert not same(network.state_dict(), tiny_network().state_dict())


def test_weights_are_checked_before_the_next_step_reads_them() -> None:
    network = tiny_network()
    with torch.no_grad():
        next(network.parameters()).view(-1)[0] = math.inf
    with pytest.raises(NonFiniteError, match=r"0\.weight is not finite after its update at step 3"):
        check_weights(network, "at step 3")


def test_a_broken_validation_score_is_rolled_back_too() -> None:
    with pytest.warns(TrainingWarning, match="epoch 3: the validation score is not finite"):
        _, _, history = train_scripted(
            Training(epochs=4, batch_size=8, validate_every=1), 0.1, 0.2, math.nan, 0.3, 0.4
        )
    assert [row["validation_score"] for row in history] == [0.1, 0.2, 0.3, 0.4]
