"""`torch.compile` of the decoder and of the whole loss, beside the network as it is, on the CPU.

    python benchmarks/compiled_step.py [--sizes maze_reach mc_maze] [--repeats 15] [--seed 0]

Loss and gradients of the default `LangevinFlow` on Poisson counts, 64 trials: as it is, with the
decoder compiled, and with `network.loss` compiled; then the decoder alone in prediction, without
dropout or gradients. Same weights, same
noise, one thread. For each: the seconds compiling takes, the places where the compiler must leave
    the graph (draws from
a generator, numbers read on the way, recurrences), the largest difference of results from the
network as it is, relative to the largest result, and medians of processor time, taking turns. Needs
a C++ compiler.
"""

import argparse
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._dynamo.utils import counters

from steps import SIZES, Size, in_turns, poisson_trials
from undertow import LangevinFlow
from undertow.data.batches import Batch
from undertow.decoders import TransformerDecoder
from undertow.encoders import dropout_from
from undertow.models import Population
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.randomness import isolated_seed

Results = tuple[Tensor, ...]


def make_network(size: Size, seed: int) -> tuple[LangevinNetwork, Batch]:
    """The default network, untrained, and 64 trials."""
    trials = poisson_trials((64, *size[1:]), seed)
    with isolated_seed(seed):
        network = LangevinFlow().build_network(Population.of(trials))
    return network, Batch.from_trials(trials)


def training(network: LangevinNetwork, batch: Batch, loss: Callable[..., Any]) -> Results:
    """Loss and all its gradients, always with the same noise."""
    generator = torch.Generator().manual_seed(0)
    network.train()
    network.zero_grad()
    with dropout_from(network, generator):
        value, _ = loss(batch, generator, 0.05, 0.5)
    value.backward()
    grads = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    return value.detach(), torch.cat(grads)


def arms(
    network: LangevinNetwork, batch: Batch
) -> dict[str, tuple[Callable[[], Results], Callable[[], Results]]]:
    """What is compiled → the job as it is, and the job with that part compiled."""
    decoder, plain = network.decoder, network.decoder.forward
    assert isinstance(decoder, TransformerDecoder)
    compiled, loss = torch.compile(plain, dynamic=False), torch.compile(network.loss, dynamic=False)
    inputs = torch.randn(
        *batch.valid.shape, decoder.project.in_features, generator=torch.Generator().manual_seed(0)
    )

    def with_decoder(forward: Callable[..., Tensor], job: Callable[[], Results]) -> Results:
        with patch.object(decoder, "forward", forward):
            return job()

    def predicting() -> Results:
        decoder.eval()
        with torch.no_grad():
            return (decoder(inputs, batch.valid, batch.time_s),)

    step = partial(training, network, batch, network.loss)
    return {
        "decoder, in a step": (step, partial(with_decoder, compiled, step)),
        "loss, in a step": (step, partial(training, network, batch, loss)),
        "decoder, in a prediction": (predicting, partial(with_decoder, compiled, predicting)),
    }


def difference(one: Results, other: Results) -> float:
    """Largest difference, relative to the largest entry."""
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(one, other, strict=True))


def compare(size: Size, repeats: int, seed: int) -> str:
    """Markdown: a row for each arm."""
    lines = [
        "| compiled | compiling, s | graph breaks | difference | as it is, ms | compiled, ms | "
        "times faster |",
        "|" + "---|" * 7,
    ]
    network, batch = make_network(size, seed)
    for name, (plain, compiled) in arms(network, batch).items():
        torch._dynamo.reset()
        counters.clear()
        expected, start = plain(), time.perf_counter()
        results = compiled()
        compile_s = time.perf_counter() - start
        seconds = in_turns({"plain": plain, "compiled": compiled}, repeats, time.process_time)
        slow, fast = seconds["plain"], seconds["compiled"]
        breaks = sum(counters["graph_break"].values())
        lines.append(
            f"| {name} | {compile_s:.0f} | {breaks} | {difference(results, expected):.0e} "
            f"| {1e3 * slow:.1f} | {1e3 * fast:.1f} | {slow / fast:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch._logging.set_logs(dynamo=logging.ERROR)
    for name in options.sizes:
        print(f"\n{name}\n\n{compare(SIZES[name], options.repeats, options.seed)}", flush=True)


if __name__ == "__main__":
    main()
