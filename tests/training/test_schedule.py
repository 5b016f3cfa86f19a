"""The plateau schedule and the ramp of the weight decay in a run: when they act, and that a resumed
run goes on."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.tiny import run, tiny_batch, tiny_network, tiny_objective, tiny_validate
from undertow.training import Interrupted, Training, TrainingState, read_header, train
from undertow.training.kept_state import CHECKPOINT


def rates_of(losses: list[float], **settings: Any) -> list[float]:
    """Step sizes of the epochs with these training losses, as the loop sets and notes them."""
    state = TrainingState(
        tiny_network(),
        Training(epochs=1000, warmup_epochs=0, learning_rate=1.0, schedule="plateau", **settings),
        0,
    )
    rates = []
    for loss in losses:
        rates.append(state.set_learning_rate())
        state.counters.epoch += 1
        state.note_loss(loss)
    return rates


def torch_rates(losses: list[float]) -> list[float]:
    """Those of torch's own scheduler, with a threshold of nothing."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.95, patience=10, threshold=0.0
    )
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step(loss)
    return rates


def test_the_rate_falls_after_ten_epochs_without_a_lower_loss() -> None:
    falling = [10.0 - 0.1 * k for k in range(20)]
    assert set(rates_of(falling)) == {1.0}
    rates = rates_of([5.0] * 25)
    assert rates == pytest.approx([1.0] * 12 + [0.95] * 11 + [0.95**2] * 2)


def test_it_falls_when_torchs_scheduler_would() -> None:
    generator = torch.Generator().manual_seed(0)
    noisy = (torch.rand(300, generator=generator) + torch.linspace(1, 0, 300).square()).tolist()
    rates = rates_of(noisy)
    assert rates == pytest.approx(torch_rates(noisy))
    assert rates[-1] < 0.9


PLATEAU = Training(
    epochs=40,
    batch_size=8,
    learning_rate=0.3,  # too long a step: the loss soon stops falling
    schedule="plateau",
    warmup_epochs=2,
    weight_decay=0.5,
    weight_decay_warmup_epochs=15,
    validate_every=2,
    checkpoint_seconds=0.0,
)


def interrupted_at(call: int, folder: Path) -> None:
    network, calls = tiny_network(), iter(range(10**6))
    objective = tiny_objective(network)

    def interrupting(*given: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return objective(*given)

    with pytest.raises(Interrupted):
        train(network, tiny_batch(), interrupting, tiny_validate, PLATEAU, 3, folder)


def test_resumed_on_a_plateau_it_ends_bit_equal(tmp_path: Path) -> None:
    unbroken, folder = run(PLATEAU), tmp_path / "whole"
    run(PLATEAU, folder)
    assert read_header(folder / CHECKPOINT)["reductions"] >= 1
    for call in (20, 100):  # in the ramp of the decay; when the rate has been reduced
        interrupted_at(call, tmp_path / str(call))
        resumed = run(PLATEAU, tmp_path / str(call), resume=True)
        assert all(torch.equal(resumed[k], unbroken[k]) for k in unbroken)


def test_the_checkpoint_holds_what_the_schedule_needs(tmp_path: Path) -> None:
    interrupted_at(100, tmp_path)
    header = read_header(tmp_path / CHECKPOINT)
    assert header["epoch"] == 33
    assert header["lowest_loss"] < float("inf")
    assert 0 < header["lowest_epoch"] <= 33
    assert header["reductions"] >= 1


def test_the_decay_ramps_on_matrices_alone() -> None:
    state = TrainingState(tiny_network(), PLATEAU, 0)
    seen = []
    for epoch in range(20):
        state.counters.epoch = epoch
        state.set_learning_rate()
        seen.append([group["weight_decay"] for group in state.optimizer.param_groups])
    assert [matrices for matrices, _ in seen] == pytest.approx(
        [0.5 * min(1, epoch / 15) for epoch in range(20)]
    )
    assert {others for _, others in seen} == {0.0}


def shrunk(warmup_epochs: int) -> Tensor:
    """Weights after one epoch without any gradient: AdamW's decay alone."""
    settings = Training(
        epochs=1, weight_decay=0.5, weight_decay_warmup_epochs=warmup_epochs, average_decay=0.0
    )
    network = tiny_network()
    nothing = lambda *_: (0.0 * sum(p.sum() for p in network.parameters()), {})  # noqa: E731
    train(network, tiny_batch(), nothing, None, settings)
    return network.state_dict()["0.weight"]


def test_in_the_first_epoch_of_a_ramp_nothing_decays() -> None:
    start = tiny_network().state_dict()["0.weight"]
    assert torch.equal(shrunk(warmup_epochs=10), start)
    assert shrunk(warmup_epochs=0).norm() < start.norm()
