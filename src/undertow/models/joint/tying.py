"""Networks of several recordings that share all but what reads, or predicts, single neurons."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from undertow.dynamics.potentials import Potential
from undertow.errors import ModelError


def of_neurons(module: nn.Module) -> bool:
    """Whether a module is of one recording's neurons, as it says itself."""
    return bool(getattr(module, "of_neurons", False))


def tie(network: nn.Module, to: nn.Module) -> None:
    """Let a network use the modules and tensors of another, but for those that are of neurons.

    Raises:
        ModelError: where what they would share differs in shape.
    """
    for name, child in network.named_children():
        other = getattr(to, name, None)
        if of_neurons(child):
            continue
        if not isinstance(other, nn.Module) or type(other) is not type(child):
            raise ModelError(
                f"sessions cannot share their {name}: one has none like it; give all sessions the "
                "same kinds of signals."
            )
        if any(map(of_neurons, child.modules())):
            tie(child, other)
        else:
            _check_shapes(name, child, other)
            setattr(network, name, other)
    for name in network._parameters:
        network._parameters[name] = to._parameters[name]
    for name in network._buffers:
        network._buffers[name] = to._buffers[name]


def _check_shapes(name: str, one: nn.Module, other: nn.Module) -> None:
    shapes = [{k: v.shape for k, v in each.state_dict().items()} for each in (one, other)]
    if shapes[0] != shapes[1]:
        raise ModelError(
            f"sessions cannot share their {name}: it is wider in one than in another; give all "
            "sessions the same kinds of signals."
        )


def refuse_neurons_in_shared(network: nn.Module) -> None:
    """Refuse shared parts that read single neurons.

    Raises:
        ModelError: naming the setting.
    """
    for module in network.modules():
        if isinstance(module, Potential) and module.reads_input and module.reads == "counts":
            raise ModelError(
                "dynamics.potential reads the counts of single neurons, and sessions share their "
                "dynamics: choose another, such as 'coupled-oscillators'."
            )


def shared_parameters(network: nn.Module) -> Iterator[nn.Parameter]:
    """Parameters of a network that are of no neurons."""
    own = {id(p) for module in network.modules() if of_neurons(module) for p in module.parameters()}
    return (p for p in network.parameters() if id(p) not in own)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Keep what sessions share as it is while something is learned inside."""
    learned = [p for p in shared_parameters(network) if p.requires_grad]
    for p in learned:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in learned:
            p.requires_grad_(True)


def check_tied(network: nn.Module, to: nn.Module, where: str) -> None:
    """Refuse networks of files that do not share what sessions share.

    Raises:
        ModelError: naming the file.
    """
    mine, others = list(shared_parameters(network)), list(shared_parameters(to))
    if len(mine) != len(others) or not all(
        a.shape == b.shape and torch.equal(a, b) for a, b in zip(mine, others, strict=True)
    ):
        raise ModelError(
            f"{where} does not share its weights with the other sessions: give the folder as it "
            "was saved."
        )
