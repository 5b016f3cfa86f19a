"""What a GPU makes of training: the same numbers as the CPU, and seconds and memory of a step.

    python benchmarks/gpu.py [--device cuda] [--minutes 8] [--batch 64] [--seed 0]
        [--only correctness step latent population] [--out gpu.json]

Prints one JSON object, and ends within the minutes given; what does not work is there as 'error',
what there was no time for as 'no time'. On Poisson counts of two recordings' sizes (steps.py):

- correctness: loss and gradients of untrained networks on the device and on the CPU, in float32
  without TF32, with the same noise drawn on the CPU: the largest difference, relative to the
  largest entry.
- step: milliseconds (median, quartiles) and peak memory of a training step of `LangevinFlow` of
  --batch trials: eager, in bfloat16 (autocast), compiled, and replayed from a CUDA graph.
- population: 20 settings in one batched model (`fit_many`), beside 20 steps one after the other;
  the largest difference of their losses.
- latent SDE: a step of `LatentSDE` beside the same step with its path by torchsde.

On the CPU it runs too, without what needs CUDA: seconds of `--device cpu` are of one thread.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

import undertow.inference.path_law as path_law_module
from gpu_correctness import MODELS, built, correctness
from latent_sde_step import SOLVERS, make_network
from steps import SIZES, Size
from undertow.data.batches import Batch
from undertow.encoders import dropout_from
from undertow.models.trained import TrainedModel
from undertow.training import Training, TrainingState
from undertow.training.gradient import Noise
from undertow.training.many import Member, Stack, unused_weights

AT_ONCE, REPEATS = 20, 30
Job = Callable[[], Any]


# --- seconds -------------------------------------------------------------------------------------


def timed(job: Job, device: str, repeats: int = REPEATS) -> dict[str, float]:
    """Milliseconds of a job and the most memory it held; the first three do not count."""
    cuda, seconds = device.startswith("cuda"), []
    clock = time.perf_counter if cuda else time.process_time
    for turn in range(repeats + 3):
        if cuda:
            torch.cuda.synchronize()
            if turn == 3:
                torch.cuda.reset_peak_memory_stats()
        started = clock()
        job()
        if cuda:
            torch.cuda.synchronize()
        seconds.append(clock() - started)
    low, median, high = statistics.quantiles([1e3 * s for s in seconds[3:]], n=4)
    memory = {"peak_mb": torch.cuda.max_memory_allocated() / 1e6} if cuda else {}
    return {"ms": median, "low": low, "high": high, **memory}


def step_of(model: TrainedModel, batch: Batch, objective: Any, autocast: bool = False) -> Job:
    """A training step: loss, backward pass, clipping, AdamW, weight average."""
    state = TrainingState(model.network_, Training().planned(len(batch)), 0)
    noise, kind = Noise(0, 1, batch.device), batch.device.type
    model.network_.train()

    def step() -> None:
        with (
            noise.drawn_in(model.network_, 0) as generator,
            torch.autocast(kind, torch.bfloat16, enabled=autocast),
        ):
            loss, _ = objective(batch, generator, 0.5)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.network_.parameters(), 100.0)
        state.optimizer.step()
        state.average_weights()

    return step


def graphed(model: TrainedModel, batch: Batch) -> Job:
    """Loss and backward pass replayed from a CUDA graph; the step that follows is made of calls."""
    generator = torch.Generator(batch.device).manual_seed(0)
    graph, state = torch.cuda.CUDAGraph(), TrainingState(model.network_, Training(epochs=1), 0)
    graph.register_generator_state(generator)
    model.network_.train()

    def both() -> None:
        model.network_.zero_grad(set_to_none=True)
        loss, _ = model.objective(batch, generator, 0.5)
        loss.backward()

    aside = torch.cuda.Stream()
    with dropout_from(model.network_, generator):
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                both()
        torch.cuda.current_stream().wait_stream(aside)
        with torch.cuda.graph(graph):
            both()

    def step() -> None:
        graph.replay()
        torch.nn.utils.clip_grad_norm_(model.network_.parameters(), 100.0)
        state.optimizer.step()

    return step


def steps(name: str, size: Size, seed: int, device: str) -> dict[str, Any]:
    """A training step in each way there is."""
    model, batch = built(MODELS[name](), size, seed, device)
    found: dict[str, Any] = {
        "eager": attempt(lambda: timed(step_of(model, batch, model.objective), device)),
        "bfloat16": attempt(lambda: timed(step_of(model, batch, model.objective, True), device)),
    }
    if not device.startswith("cuda"):
        return found | {"compiled": "only on CUDA", "graph": "only on CUDA"}
    compiled = torch.compile(model.objective, dynamic=False)
    found["compiled"] = attempt(lambda: timed(step_of(model, batch, compiled), device))
    found["graph"] = attempt(lambda: timed(graphed(model, batch), device))
    return found


def population(name: str, size: Size, seed: int, device: str) -> dict[str, Any]:
    """Gradients of 20 settings as one batched model, beside those of each."""
    made = [built(MODELS[name](), size, seed, device)[0] for _ in range(AT_ONCE)]
    batch = built(MODELS[name](), size, seed, device)[1]
    settings = Training(epochs=1).planned(len(batch))
    members = [Member(TrainingState(each.network_, settings, seed), None, None) for each in made]
    first = made[0]

    def objective(minibatch: Any, generator: Any, at: float, kl: Any) -> Any:
        return first.objective(minibatch, generator, at)

    unused = unused_weights(first.network_, batch, objective, None)
    with torch.no_grad():
        for k, each in enumerate(made):
            for weight in each.network_.parameters():
                if weight.requires_grad:
                    weight.mul_(1 + 1e-3 * k)
    stack = Stack(members, first.network_, unused)

    def at_once() -> Tensor:
        noise = Noise(seed, 1, batch.device)
        return stack.gradients(batch, objective, noise, 0.5)[0]

    def one_by_one() -> Tensor:
        losses = []
        for each in made:
            each.network_.train()
            each.network_.zero_grad()
            with Noise(seed, 1, batch.device).drawn_in(each.network_, 0) as generator:
                loss, _ = each.objective(batch, generator, 0.5)
            loss.backward()
            losses.append(loss.detach())
        return torch.stack(losses)

    alone = one_by_one()
    difference = float(((at_once() - alone).abs() / alone.abs()).max())
    once, each = (timed(job, device, 5) for job in (at_once, one_by_one))
    return {
        "at once": once,
        "one by one": each,
        "times faster": each["ms"] / once["ms"],
        "largest relative difference of losses": difference,
    }


def sde_step(arm: str, seed: int, device: str) -> dict[str, float]:
    """A step of a neural SDE, 60 steps and 128 trials; its path by undertow or by torchsde."""
    network, batch = make_network(arm, 60, 128, seed)
    network, batch = network.to(device), batch_on(batch, device)
    state, noise = TrainingState(network, Training(epochs=1), seed), Noise(0, 1, batch.device)
    network.train()

    def step() -> None:
        with (
            noise.drawn_in(network, 0) as generator,
            patch.object(path_law_module, "solve", SOLVERS[arm]),
        ):
            loss, _ = network.loss(batch, generator, 1.0)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 100.0)
        state.optimizer.step()

    return timed(step, device, 10)


def batch_on(batch: Batch, device: str) -> Batch:
    """The batch on a device."""
    moved = {k: v.to(device) for k, v in vars(batch).items() if isinstance(v, Tensor)}
    return Batch(**{**{k: v for k, v in vars(batch).items() if k != "inputs"}, **moved})


# --- all of it -----------------------------------------------------------------------------------


def attempt(job: Job) -> Any:
    """What a job gives, or the first line of why it cannot be done."""
    try:
        return job()
    except Exception as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        return {"error": f"{type(error).__name__}: {said}"[:300]}


@contextmanager
def exact() -> Iterator[None]:
    """Float32 products without TF32."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def machine(device: str) -> dict[str, Any]:
    """The card, or the processor."""
    known = torch.cuda.is_available() and device.startswith("cuda")
    name = torch.cuda.get_device_name(device) if known else platform.processor()
    return {"device": name or platform.machine(), "torch": torch.__version__}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument(
        "--only", nargs="+", default=["correctness", "step", "latent", "population"]
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    device, seed = options.device, options.seed
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit("no CUDA card is at hand here: --device cpu runs the rest.")
    torch.set_num_threads(1)
    until, found = time.monotonic() + 60 * options.minutes, dict[str, Any]()
    sizes: dict[str, Size] = {name: (options.batch, *size[1:]) for name, size in SIZES.items()}
    jobs: dict[str, Job] = {}
    for name in MODELS:
        jobs[f"correctness {name}"] = partial(correctness, name, sizes["maze_reach"], seed, device)
    for size in sizes:
        jobs[f"step langevin-flow {size}"] = partial(
            steps, "langevin-flow", sizes[size], seed, device
        )
    for arm in ("undertow", "undertow, drift", "torchsde", "torchsde, noise given"):
        jobs[f"latent SDE {arm}"] = partial(sde_step, arm, seed, device)
    for name in MODELS:
        jobs[f"population {name}"] = partial(population, name, sizes["maze_reach"], seed, device)
    jobs["step latent-sde maze_reach"] = partial(
        steps, "latent-sde", sizes["maze_reach"], seed, device
    )
    with exact():
        for what, job in jobs.items():
            if what.split()[0] in options.only:
                found[what] = attempt(job) if time.monotonic() < until else "no time"
    text = json.dumps(
        {"machine": machine(device), "seed": seed, "batch": options.batch, **found}, indent=2
    )
    print(text)
    if options.out:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
