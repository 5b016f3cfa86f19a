"""Many networks of one shape trained at once, each under settings of its own.

One pass of `torch.func` gives the gradients of all of them; what follows a gradient is done for
each. The networks see the same minibatches and the same noise: what each comes to is what `train`
brings it to alone.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from undertow.composed import composed
from undertow.encoders.dropout import Dropout
from undertow.errors import ModelError
from undertow.training.broken import check_terms
from undertow.training.gradient import Noise, Objective
from undertow.training.history import Row
from undertow.training.loop import (
    Learned,
    Report,
    Solve,
    Validate,
    follow_gradient,
    solve_parts,
    validate_state,
)
from undertow.training.state import TrainingState
from undertow.training.together import RECOVERABLE


@dataclass(eq=False)
class Member:
    """One of the networks.

    Attributes:
        state: its training.
        validate, solve: as in `train`.
        kl: the peak of its KL terms' weight; None where the objective has none.
        broken: what broke it; it is then left out, for a training of its own.
    """

    state: TrainingState
    validate: Validate | None
    solve: Solve | None
    kl: float | None = None
    broken: str = ""

    @property
    def trains(self) -> bool:
        """Whether there is anything left to do for it."""
        return not (self.broken or self.state.finished)


ManyObjective = Callable[[Any, torch.Generator, float, Tensor | None], tuple[Tensor, dict]]


def train_many(
    members: Sequence[Member], batch: Learned, objective: ManyObjective, report: Report
) -> None:
    """Train all members in place, as `train` would each.

    Args:
        members: networks of the same shape, with states of the same seed and number of epochs.
        batch: all training trials.
        objective: of the first member's network: (minibatch, generator, progress, peak of the KL
            terms' weight or None) → loss and terms.
        report: called as in `train`, with the rows of the first member that trains.
    """
    for member in members:
        if member.solve is not None:
            solve_parts(member.state, member.solve)
    template = members[0].state.network
    unused, started = unused_weights(template, batch, objective, members[0].kl), time.monotonic()
    while training := [each for each in members if each.trains]:
        for member in training:
            member.state.counters.elapsed_s = time.monotonic() - started
        _run_epoch(Stack(training, template, unused), training, batch, objective)
        first = next((each for each in training if not each.broken), None)
        if first is not None and first.state.counters.history:
            row = first.state.counters.history[-1]
            if row["epoch"] == first.state.counters.epoch:
                done, taken = first.state.share_done, time.monotonic() - started
                report(row, done, taken * (1 - done) / done)
    for member in members:
        member.state.network.load_state_dict(member.state.best)


def _run_epoch(
    stack: "Stack", members: Sequence[Member], batch: Learned, objective: ManyObjective
) -> None:
    """One epoch of all members, which are at the same one."""
    states = [each.state for each in members]
    rates = [each.set_learning_rate() for each in states]
    seed, progress = states[0].epoch_seed(), states[0].progress
    noise = Noise(seed, 1, batch.device)
    sums = [Row() for _ in members]
    for each in states:
        each.network.train()
    shuffler, size = torch.Generator().manual_seed(seed), states[0].settings.batch_size
    for step, minibatch in enumerate(batch.shuffled(size, shuffler), 1):
        when, share = f"at step {step} of the epoch", len(minibatch) / len(batch)
        losses, terms = stack.gradients(minibatch, objective, noise, progress)
        for k, member in enumerate(members):
            if member.broken:
                continue
            own = {name: value[k] for name, value in terms.items()}
            try:
                check_terms(losses[k], own, when)
                follow_gradient(member.state, when)
            except RECOVERABLE as error:
                member.broken = str(error)
                continue
            for name, value in {"loss": losses[k], **own}.items():
                sums[k][name] = sums[k].get(name, 0.0) + share * float(value)
    for member, rate, found in zip(members, rates, sums, strict=True):
        if not member.broken:
            _end_epoch(member, {"learning_rate": rate} | found)


def _end_epoch(member: Member, row: Row) -> None:
    state = member.state
    state.counters.epoch += 1
    state.note_loss(row["loss"])
    row = {"epoch": state.counters.epoch} | row
    if state.counters.epoch % (state.settings.validate_every or 1) == 0 or state.finished:
        try:
            if member.solve is not None:
                solve_parts(state, member.solve)
            validate_state(state, row, member.validate)
        except RECOVERABLE as error:
            member.broken = str(error)


def unused_weights(
    network: nn.Module, batch: Learned, objective: ManyObjective, kl: float | None
) -> set[str]:
    """Weights that the objective does not depend on, which a step leaves as they are."""
    some = next(iter(batch.shuffled(1, torch.Generator().manual_seed(0))))
    peak = None if kl is None else torch.tensor(kl, device=batch.device)
    network.train()
    with Noise(0, 1, batch.device).drawn_in(network, 0) as generator:
        loss, _ = objective(some, generator, 1.0, peak)
    learned = {name: p for name, p in network.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(loss, list(learned.values()), allow_unused=True)
    return {name for name, grad in zip(learned, found, strict=True) if grad is None}


class Stack:
    """The weights of several networks as one tensor each, of which theirs are parts.

    Args:
        members: whose weights become views of the stack.
        template: a network of their shape, through which all are computed.
        unused: weights that the objective does not depend on.
    """

    def __init__(self, members: Sequence[Member], template: nn.Module, unused: set[str]) -> None:
        self.template = template
        networks = [each.state.network for each in members]
        held = [dict(network.named_parameters()) for network in networks]
        self.held = held
        learned = [n for n, w in held[0].items() if w.requires_grad and n not in unused]
        self.stacked = {name: torch.stack([own[name].detach() for own in held]) for name in learned}
        for name, whole in self.stacked.items():
            for own, part in zip(held, whole, strict=True):
                own[name].data = part
        self.layers = [m for m in template.modules() if isinstance(m, Dropout)]
        shares = [[m.share for m in n.modules() if isinstance(m, Dropout)] for n in networks]
        device = next(template.parameters()).device
        self.shares = [_stacked(each, device) for each in zip(*shares, strict=True)]
        kl = [each.kl for each in members]
        self.kl = None if None in kl else torch.tensor(kl, device=device)

    def gradients(
        self, minibatch: Any, objective: ManyObjective, noise: Noise, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Fill in the gradients of all members; their losses and terms, one of each."""
        before = [layer.share for layer in self.layers]
        generator = noise.generators[0]

        def loss_of(weights: Mapping[str, Tensor], shares: list[Any], kl: Tensor | None) -> Any:
            for layer, share in zip(self.layers, shares, strict=True):
                layer.share = share
            given = (minibatch, generator, progress, kl)
            return _called(self.template, objective, weights, given)

        batched = [0 if isinstance(share, Tensor) else None for share in self.shares]
        axes = (0, batched, None if self.kl is None else 0)
        every = vmap(grad_and_value(loss_of, has_aux=True), axes, randomness="same")
        try:
            with composed(), noise.drawn_in(self.template, 0):
                grads, (losses, terms) = every(self.stacked, self.shares, self.kl)
        except RuntimeError as error:
            raise ModelError(
                "these networks cannot be trained many at a time: torch.func has no way to batch "
                f"them ({str(error).strip().splitlines()[0]}). Train them one by one."
            ) from None
        finally:
            for layer, share in zip(self.layers, before, strict=True):
                layer.share = share
        for name, whole in grads.items():
            for own, part in zip(self.held, whole, strict=True):
                own[name].grad = part
        return losses, terms


def _stacked(shares: tuple[Any, ...], device: torch.device) -> Any:
    """One share for all where they agree, else one for each."""
    if len({share > 0 for share in shares}) > 1:
        raise ModelError(
            "dropout is 0 in some models and not in others, which draw other noise: take it above "
            "0 in all, or train these apart."
        )
    return shares[0] if len(set(shares)) == 1 else torch.tensor(shares, device=device)


class _Through(nn.Module):
    """Lets `functional_call` put weights into a network for a function of it."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.network, self.objective = network, objective

    def forward(self, *given: Any) -> Any:
        return self.objective(*given)


def _called(
    network: nn.Module, objective: Any, weights: Mapping[str, Tensor], given: tuple[Any, ...]
) -> Any:
    named = {f"network.{name}": weight for name, weight in weights.items()}
    return functional_call(_Through(network, objective), named, given)
