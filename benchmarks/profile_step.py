"""Where the time of training the default `LangevinFlow` goes, forward and backward.

    python benchmarks/profile_step.py [--sizes maze_reach mc_maze] [--epochs 20] [--seed 0]

Poisson counts of two recordings' sizes are fitted by `LangevinFlow.fit` as it is, its parts timed
in place: each part marks its start and end, and identities in the graph mark where the backward
pass enters and leaves it (a backward pass visits what the forward pass recorded in exactly the
reverse order). Times are of the processor, so that other processes distort them little. A Markdown
table of milliseconds per step and shares is printed.
"""

import argparse
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

import undertow.models.langevin_flow.network as network_module
import undertow.models.trained as trained_module
from steps import SIZES, Size, poisson_trials
from undertow import LangevinFlow
from undertow.data.batches import Batch
from undertow.decoders import TransformerDecoder
from undertow.encoders import Dropout, GRUEncoder
from undertow.inference import GaussianHead, Path
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.observations import PoissonObservation
from undertow.training import Training, TrainingState, TrainingWarning, loop

OPEN: list[tuple[Any, str, str]] = [
    (network_module, "coordinated_dropout", "coordinated dropout"),
    (GRUEncoder, "forward", "encoder"),
    (Dropout, "forward", "dropout"),
    (GaussianHead, "forward", "initial state"),
    (LangevinNetwork, "_push", "dynamics"),
    (LangevinNetwork, "roll", "dynamics"),
    (network_module, "kl_to_standard_normal", "KL"),
    (LangevinNetwork, "_kl_path", "KL"),
    (TransformerDecoder, "forward", "decoder"),
    (TransformerDecoder, "_attend", "attention"),
    (PoissonObservation, "log_prob", "readout and likelihood"),
    (LangevinNetwork, "loss", "rest of the loss"),
]
CLOSED: list[tuple[Any, str, str]] = [  # what happens inside is theirs
    (Batch, "take", "batches"),
    (torch.nn.utils, "clip_grad_norm_", "optimiser"),
    (torch.optim.AdamW, "step", "optimiser"),
    (torch.optim.AdamW, "zero_grad", "optimiser"),
    (TrainingState, "average_weights", "weight average"),
    (TrainingState, "tensors", "state for rollback"),
    (TrainingState, "keep", "state for rollback"),
    (loop, "_validate", "validation, every 10 epochs"),
]
REST = "rest of the loop"


class Ledger:
    """Charges processor time to one part after another."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = defaultdict(float)
        self.part, self.phase, self.closed = REST, "forward", False
        self.since = time.process_time()

    def switch(self, part: str, phase: str = "forward") -> None:
        """What runs from here on belongs to another part."""
        now = time.process_time()
        self.seconds[self.part, self.phase] += now - self.since
        self.part, self.phase, self.since = part, phase, now

    @contextmanager
    def charge(self, part: str, closed: bool = False) -> Iterator[None]:
        """What runs inside belongs to `part`, then again to what came before."""
        before = self.part, self.phase, self.closed
        self.switch(part)
        self.closed = closed
        try:
            yield
        finally:
            self.switch(*before[:2])
            self.closed = before[2]


class Mark(torch.autograd.Function):
    """Identity; going backward, time belongs to `part` from here on."""

    @staticmethod
    def forward(ctx: Any, ledger: Ledger, part: str, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.ledger, ctx.part = ledger, part
        ctx.set_materialize_grads(False)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        ctx.ledger.switch(ctx.part, "backward")
        return None, None, *grads


def mark(ledger: Ledger, part: str, values: dict[Any, Any]) -> dict[Any, Any]:
    """`values` with those that gradients pass through marked."""
    passing = {k: v for k, v in values.items() if isinstance(v, Tensor) and v.requires_grad}
    return (
        dict(zip(passing, Mark.apply(ledger, part, *passing.values()), strict=True))
        if passing
        else {}
    )


def timed(
    ledger: Ledger, part: str, function: Callable[..., Any], closed: bool
) -> Callable[..., Any]:
    """`function`, charged to `part` forward and backward; unless `closed`, less what its own parts
    take."""

    def run(*args: Any, **options: Any) -> Any:
        if ledger.closed or not (closed or torch.is_grad_enabled()):
            return function(*args, **options)
        outer, given = ledger.part, dict(enumerate(args))
        with ledger.charge(part, closed):
            if closed:
                return function(*args, **options)
            result = function(*(given | mark(ledger, outer, given)).values(), **options)
            if isinstance(result, Path):
                priced = {"states": result.states, "kl_path": result.kl_path}
                return replace(result, **mark(ledger, part, priced))
            outputs = dict(enumerate(result if isinstance(result, tuple) else (result,)))
            outputs |= mark(ledger, part, outputs)
            return tuple(outputs.values()) if isinstance(result, tuple) else outputs[0]

    return run


def profile(size: Size, epochs: int, seed: int) -> dict[tuple[str, str], float]:
    """Seconds of each part and phase in a fit of `epochs` epochs."""
    ledger, backward, train = Ledger(), Tensor.backward, trained_module.train

    def run_backward(loss: Tensor) -> None:
        ledger.switch("rest of the loss", "backward")
        backward(loss)
        ledger.switch(REST)

    def run_training(*args: Any, **options: Any) -> Any:
        ledger.switch(REST)
        ledger.seconds.clear()
        history = train(*args, **options)
        ledger.switch(REST)
        return history

    with ExitStack() as stack:
        for owner, name, part in OPEN + CLOSED:
            run = timed(ledger, part, getattr(owner, name), (owner, name, part) in CLOSED)
            stack.enter_context(patch.object(owner, name, run))
        stack.enter_context(patch.object(Tensor, "backward", run_backward))
        stack.enter_context(patch.object(trained_module, "train", run_training))
        model = LangevinFlow(
            seed=seed, device="cpu", training=Training(epochs=epochs, validate_every=10)
        )
        few = (round(0.15 * size[0]), *size[1:])
        model.fit(poisson_trials(size, seed), poisson_trials(few, seed + 1))
    return dict(ledger.seconds)


def table(seconds: dict[tuple[str, str], float], steps: int) -> str:
    """Markdown: milliseconds per step and share of each part, the largest first."""
    total = sum(seconds.values())
    rows = {}
    for part in {part for part, _ in seconds}:
        forward, back = (
            1e3 * seconds.get((part, phase), 0.0) / steps for phase in ("forward", "backward")
        )
        share = (forward + back) * steps / total / 10
        rows[part] = share, f"| {part} | {forward:.2f} | {back:.2f} | {share:.1f} % |"
    lines = [line for _, line in sorted(rows.values(), reverse=True)]
    head = ["| part | forward, ms | backward, ms | share |", "|---|---|---|---|"]
    return "\n".join([*head, *lines, f"| all | {1e3 * total / steps:.1f} in both | | 100 % |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", TrainingWarning)  # that nothing is inferred from noise
    profile(SIZES["maze_reach"], 2, options.seed)  # what is loaded and planned once
    for name in options.sizes:
        size = SIZES[name]
        steps = options.epochs * -(-size[0] // 64)
        bins, neurons = f"{size[1]} + {size[2]}", f"{size[4]} of {size[3]}"
        print(f"\n{name}: {size[0]} trials, {bins} bins, {neurons} neurons given, 1 thread\n")
        print(table(profile(size, options.epochs, options.seed), steps), flush=True)


if __name__ == "__main__":
    main()
