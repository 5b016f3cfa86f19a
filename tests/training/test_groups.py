"""Step sizes of groups of weights, and parts that are solved instead of descended."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.training.tiny import same, tiny_batch, tiny_network, tiny_objective, tiny_validate
from undertow.training import Interrupted, Training, TrainingState, train

SHORT = Training(epochs=12, batch_size=8, validate_every=3, checkpoint_seconds=0.0)


def parts(network: nn.Module) -> dict[str, list[nn.Parameter]]:
    layers = list(network.children())
    return {"dynamics": list(layers[0].parameters()), "readout": list(layers[-1].parameters())}


def moved(settings: Training) -> tuple[float, float]:
    """Largest change of first and last layer in one step; Adam's first is its step size."""
    network = tiny_network()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    objective = tiny_objective(network)
    train(network, tiny_batch(), objective, None, settings, groups=parts(network))
    change = {k: float((v - before[k]).abs().max()) for k, v in network.state_dict().items()}
    return change["0.bias"], change["3.bias"]


ONE_STEP = Training(
    steps=1, batch_size=99, learning_rate=1e-3, average_decay=0.0, warmup_epochs=0, weight_decay=0
)


def test_groups_have_step_sizes_of_their_own() -> None:
    first, last = moved(ONE_STEP)
    assert (first, last) == pytest.approx((1e-3, 1e-3), rel=1e-3)
    options = {"dynamics_rate": 5.0, "readout_rate": 20.0}
    first, last = moved(Training(**{**vars(ONE_STEP), **options}))
    assert (first, last) == pytest.approx((5e-3, 2e-2), rel=1e-3)


def test_rates_of_one_leave_a_run_as_it_was() -> None:
    runs = []
    for grouped in (False, True):
        network = tiny_network()
        named = parts(network) if grouped else None
        objective = tiny_objective(network)
        train(network, tiny_batch(), objective, tiny_validate, SHORT, 3, groups=named)
        runs.append(network.state_dict())
    assert same(*runs)


def test_every_learned_weight_is_in_one_group() -> None:
    network = tiny_network()
    settings = Training(epochs=1, dynamics_rate=3.0, readout_rate=3.0)
    state = TrainingState(network, settings, 0, groups=parts(network))
    held = [p for group in state.optimizer.param_groups for p in group["params"]]
    assert sorted(map(id, held)) == sorted(map(id, network.parameters()))
    decays = {p.ndim > 1 for g in state.optimizer.param_groups if g["decays"] for p in g["params"]}
    assert decays == {True}


def last_offset(network: nn.Module) -> float:
    return float(network.state_dict()["3.bias"][0])


class Solved:
    """Sets the last offset to a number, and remembers when it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, network: nn.Module, progress: float) -> bool:
        self.calls += 1
        with torch.no_grad():
            list(network.children())[-1].bias.fill_(0.25)  # type: ignore[operator, union-attr]
        return False


def test_what_has_a_closed_form_is_solved_first_and_before_each_validation() -> None:
    network, solve, seen = tiny_network(), Solved(), list[float]()

    def validate(network: nn.Module) -> float:
        seen.append(last_offset(network))
        return float(len(seen))

    train(network, tiny_batch(), tiny_objective(network), validate, SHORT, solve=solve)
    assert seen == [0.25] * 4
    assert solve.calls == 2 * (1 + 4)  # of the network in training, and of its average
    assert last_offset(network) == 0.25


def test_a_resumed_run_with_closed_forms_ends_as_one_never_broken(tmp_path: Path) -> None:
    settings = Training(steps=36, batch_size=8, validate_every=3, checkpoint_seconds=0.0)
    ended: list[dict[str, Tensor]] = []
    for breaks in (False, True):
        network = tiny_network()
        objective, calls = tiny_objective(network), 0

        def broken(*given: object) -> tuple[Tensor, dict[str, Tensor]]:
            nonlocal calls
            calls += 1
            if breaks and calls == 20:  # noqa: B023
                raise KeyboardInterrupt
            return objective(*given)  # type: ignore[arg-type]  # noqa: B023

        known = {"directory": tmp_path / str(breaks), "groups": parts(network), "solve": Solved()}
        if breaks:
            with pytest.raises(Interrupted):
                train(network, tiny_batch(), broken, tiny_validate, settings, 3, **known)  # type: ignore[arg-type]
            network = tiny_network(seed=9)
            objective = tiny_objective(network)
            known |= {"groups": parts(network), "resume": True}
        train(network, tiny_batch(), objective, tiny_validate, settings, 3, **known)  # type: ignore[arg-type]
        ended.append(network.state_dict())
    assert same(*ended)
