"""What breaks a training step: terms, gradients and weights that are no finite numbers, by name."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class NonFiniteError(ArithmeticError):
    """A term of the loss, the gradient, a weight or the validation score is not finite."""


def check_terms(loss: Tensor, terms: Mapping[str, Tensor], when: str) -> None:
    """Refuse a loss that is not finite.

    Raises:
        NonFiniteError: naming the terms that are not, and the value of the first.
    """
    if math.isfinite(loss.detach()):
        return
    values = {name: float(value.detach()) for name, value in terms.items()}
    broken = [name for name, value in values.items() if not math.isfinite(value)]
    names = ", ".join(broken) or "the sum of the terms"
    raise NonFiniteError(
        f"{names} is not finite {when} ({values[broken[0]] if broken else float(loss.detach())})"
    )


def clip_gradient(network: nn.Module, most: float, when: str) -> None:
    """Scale the gradient down to a norm of at most `most`.

    Raises:
        NonFiniteError: for one that is not finite, naming the first weights where it is not.
    """
    grads = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    # the norm is finite only if all gradients are
    norm = torch.nn.utils.get_total_norm(list(grads.values()))
    if not math.isfinite(norm):
        broken = [name for name, grad in grads.items() if not torch.isfinite(grad).all()]
        where = f"first that of {broken[0]}" if broken else "their squares overflow"
        raise NonFiniteError(f"the gradient is not finite {when} ({where})")
    torch.nn.utils.clip_grads_with_norm_(network.parameters(), most, norm)


@torch.no_grad()
def check_weights(network: nn.Module, when: str) -> None:
    """Refuse weights that are not finite after a step; constants may be, as the log of zero.

    Raises:
        NonFiniteError: naming the first of them.
    """
    learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
    # one pass over all of them and one number to look at, under 1 % of a step
    if math.isfinite(torch.nn.utils.get_total_norm(list(learned.values()))):
        return
    for name, weights in learned.items():
        if not torch.isfinite(weights).all():
            raise NonFiniteError(f"{name} is not finite after its update {when}")
