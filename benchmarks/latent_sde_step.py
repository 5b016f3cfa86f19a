"""Seconds and memory of a latent SDE's training step, beside the same step with its path by
torchsde 0.2.6.

    python benchmarks/latent_sde_step.py [--steps 60 180] [--repeats 20] [--compile] [--scaling]
    [--out FIGURE.png]

128 trials, 65 neurons, a neural SDE of 16 dimensions (prior drift: MLP over [x, u], 2 × 64 tanh
units; posterior: one of the same size over [x, u, c] with a context of 64; constant diagonal
diffusion), time as input, one Euler–Maruyama step a bin, one thread. Two things are timed, forward
and backward: the path with its Girsanov divergence alone, and the whole training step of
`LatentSDE` (encoder, path, decoder, likelihood, clipping, AdamW). For each there are four arms,
which take turns:

- undertow: the default, a control read from [x, u, c];
- undertow, drift: the posterior as a drift of its own, by the same formula as torchsde;
- torchsde: `sdeint(logqp=True, method='euler')`, same dt, same weights;
- torchsde, noise given: the same with all noise drawn beforehand in one call, which is not its
default.

States and divergence of the second and the fourth are first shown to be equal. Ratios are medians
over turns, with quartiles; memory is the most that the tensors of one run hold at once. --compile
adds the path of the fewest steps under `torch.compile` (two seconds of compiling a step), --scaling
the whole step's cost against steps and trials.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

import undertow.inference.path_law as path_law_module
from scaling import slopes
from steps import Job
from torchsde_path import solve_by_torchsde
from undertow import TrialSet
from undertow.data.batches import Batch
from undertow.dynamics import NeuralSDE
from undertow.encoders import dropout_from
from undertow.inference import Path as LatentPath
from undertow.inference import TimeGrid, solve
from undertow.models import LatentSDE, Signals
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.randomness import isolated_seed
from undertow.training import Training, TrainingState

TRIALS, NEURONS, STATE, CONTEXT = 128, 65, 16, 64
# a step is 1/32 of internal time: exact in binary, so that both take the same steps
BIN_S, TIMESCALE_S = 1 / 64, 0.5
POSTERIORS = {"undertow": "controlled", "undertow, drift": "drift"}
ARMS = (*POSTERIORS, "torchsde", "torchsde, noise given")
AXES = {"steps": (15, 30, 60, 120, 240), "trials": (32, 64, 128, 256, 512)}
Solve = Callable[..., LatentPath]


def without_noise(
    dynamics: NeuralSDE, x0: Tensor, noise: Tensor, *rest: object, **options: object
) -> LatentPath:
    """torchsde as it is called by default, drawing its own noise."""
    return solve_by_torchsde(dynamics, x0, None, *rest, **options)  # type: ignore[arg-type]


SOLVERS: dict[str, Solve] = {
    "undertow": solve,
    "undertow, drift": solve,
    "torchsde": without_noise,
    "torchsde, noise given": solve_by_torchsde,
}


def make_network(arm: str, steps: int, trials: int, seed: int) -> tuple[LatentSDENetwork, Batch]:
    """An untrained network and Poisson counts, 5 spikes/s."""
    counts = np.random.default_rng(seed).poisson(5 * BIN_S, (trials, steps + 1, NEURONS))
    data = TrialSet(counts, BIN_S)
    posterior = POSTERIORS.get(arm, "drift")
    model = LatentSDE(
        NeuralSDE(STATE, timescale_s=TIMESCALE_S), posterior=posterior, signals=Signals(time=True)
    )
    with isolated_seed(seed):
        network = model.build_network(model.describe(data))
        torch.nn.init.normal_(network.steering.network.out.weight, std=0.1)  # type: ignore[union-attr, arg-type]
    return network, Batch.from_trials(data)


def whole_step(arm: str, steps: int, trials: int, seed: int) -> Job:
    """Loss, backward, clipping, AdamW, weight average."""
    network, batch = make_network(arm, steps, trials, seed)
    state, generator = TrainingState(network, Training(), seed), torch.Generator().manual_seed(seed)

    def step() -> None:
        network.train()
        with dropout_from(network, generator), patch.object(path_law_module, "solve", SOLVERS[arm]):
            loss, _ = network.loss(batch, generator, 1.0)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 100.0)
        state.optimizer.step()
        state.average_weights()

    return step


def path_inputs(steps: int, trials: int, seed: int) -> tuple[Tensor, TimeGrid, Tensor, Tensor]:
    """Initial state, grid, input and context; gradients are asked of the first and the last."""
    generator = torch.Generator().manual_seed(seed)
    normal = partial(torch.randn, generator=generator)
    grid = TimeGrid.over(torch.arange(steps + 1)[None] * BIN_S)
    x0, context = normal(trials, STATE), normal(trials, steps, CONTEXT)
    return x0.requires_grad_(), grid, normal(trials, steps, 1), context.requires_grad_()


def path_alone(arm: str, steps: int, trials: int, seed: int, solver: Solve | None = None) -> Job:
    """The path and its divergence, forward and backward, noise drawn anew."""
    network, _ = make_network(arm, steps, trials, seed)
    x0, grid, inputs, context = path_inputs(steps, trials, seed)
    solver, generator = solver or SOLVERS[arm], torch.Generator().manual_seed(seed)

    def run() -> Tensor:
        draws = arm != "torchsde"
        noise = (
            torch.randn(steps, trials, STATE, generator=generator).transpose(0, 1)
            if draws
            else None
        )
        path = solver(network.dynamics, x0, noise, grid, inputs, network.steering, context)
        loss: Tensor = path.states.square().mean() + path.kl_path.sum(1).mean()
        loss.backward()
        return loss.detach()

    return run


WHAT = {"path": path_alone, "whole step": whole_step}


def difference(steps: int, seed: int) -> tuple[float, float]:
    """Largest difference of states and of divergences from torchsde's, same noise, relative to the
    largest."""
    network, _ = make_network("undertow, drift", steps, TRIALS, seed)
    x0, grid, inputs, context = path_inputs(steps, TRIALS, seed)
    noise = torch.randn(TRIALS, steps, STATE, generator=torch.Generator().manual_seed(seed))
    mine, theirs = (
        each(network.dynamics, x0, noise, grid, inputs, network.steering, context)
        for each in (solve, solve_by_torchsde)
    )
    pairs = (mine.states, theirs.states), (mine.kl_path.sum(1), theirs.kl_path.sum(1))
    states, divergence = (float(((a - b).abs().max() / b.abs().max()).detach()) for a, b in pairs)
    return states, divergence


def turns(jobs: dict[str, Job], repeats: int) -> dict[str, np.ndarray]:
    """Processor seconds of each job in each turn; the first turn does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            seconds[name] += [time.process_time() - start] if turn else []
    return {name: np.array(values) for name, values in seconds.items()}


def peak_bytes(job: Job) -> float:
    """The most that tensors of one run of the job hold at once, beside those that were there
    before."""
    with torch.profiler.profile(profile_memory=True) as profile:
        job()
    events = profile.profiler.kineto_results.events()  # type: ignore[union-attr]
    changes = sorted(
        (each.start_ns(), each.nbytes()) for each in events if each.name() == "[memory]"
    )
    return float(np.cumsum([size for _, size in changes]).max())


def middle(values: np.ndarray, digits: int) -> str:
    """Median and quartiles."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{median:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def comparison(steps: int, repeats: int, seed: int) -> str:
    """Markdown: a row for each part and arm."""
    lines = [
        f"\n{steps} steps; largest relative difference of states and divergence from torchsde's: "
    ]
    lines[0] += " and ".join(f"{each:.0e}" for each in difference(steps, seed)) + "\n"
    lines += [
        "| what | by | ms (quartiles) | share of torchsde's | peak memory, MiB |",
        "|---|---|---|---|---|",
    ]
    for what, make in WHAT.items():
        jobs = {arm: make(arm, steps, TRIALS, seed) for arm in ARMS}
        seconds = turns(jobs, repeats)
        for arm, values in seconds.items():
            share, held = middle(values / seconds["torchsde"], 2), peak_bytes(jobs[arm]) / 2**20
            lines.append(f"| {what} | {arm} | {middle(1e3 * values, 1)} | {share} | {held:.1f} |")
    return "\n".join(lines)


def compiled(steps: int, repeats: int, seed: int) -> str:
    """One line: the path as it is and under `torch.compile`."""
    torch._dynamo.reset()
    jobs = {
        "as it is": path_alone("undertow", steps, TRIALS, seed),
        "compiled": path_alone(
            "undertow", steps, TRIALS, seed, torch.compile(solve, dynamic=False)
        ),
    }
    start = time.perf_counter()
    losses = [job() for job in jobs.values()]
    compile_s = time.perf_counter() - start
    apart = float(abs(losses[0] - losses[1]) / losses[0])  # type: ignore[operator]
    seconds = turns(jobs, repeats)
    share = middle(seconds["compiled"] / seconds["as it is"], 2)
    return (
        f"\n{steps} steps compiled in {compile_s:.0f} s: {share} of the time; losses differ by "
        f"{apart:.0e} of their size"
    )


def scaling(repeats: int, seed: int) -> dict[str, list[float]]:
    """Median seconds of the whole step along each axis."""
    found = {}
    for axis, sizes in AXES.items():
        jobs = {
            str(n): whole_step(
                "undertow", **({"steps": 60, "trials": TRIALS} | {axis: n}), seed=seed
            )
            for n in sizes
        }
        found[axis] = [float(np.median(values)) for values in turns(jobs, repeats).values()]
    return found


def scaling_table(found: dict[str, list[float]]) -> str:
    """Markdown: slopes of log time over log size."""
    lines = [
        "\n| along | smallest | largest | slope | of the last doubling |",
        "|---|---|---|---|---|",
    ]
    for axis, seconds in found.items():
        ends = (f"{1e3 * seconds[k]:.0f} ms at {AXES[axis][k]}" for k in (0, -1))
        lines.append(f"| {axis} | {' | '.join(ends)} | {slopes(AXES[axis], seconds)} |")
    return "\n".join(lines)


def draw(found: dict[str, list[float]], path: Path) -> None:
    """Seconds against steps and trials on log axes, with a line of slope 1."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        1, len(found), figsize=(3.2 * len(found), 2.8), sharey=True, layout="constrained"
    )
    for panel, (axis, seconds) in zip(axes, found.items(), strict=True):
        sizes = np.array(AXES[axis])
        panel.loglog(sizes, seconds, "o-", label="training step")
        panel.loglog(
            sizes, seconds[-1] * sizes / sizes[-1], "--", color="0.6", label="proportional"
        )
        panel.set_xlabel(axis)
        panel.set_xticks(sizes, [str(n) for n in sizes])
        panel.minorticks_off()
    axes[0].set_ylabel("processor seconds")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", nargs="+", type=int, default=[60, 180])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for steps in options.steps:
        print(comparison(steps, options.repeats, options.seed), flush=True)
    if options.compile:
        print(compiled(min(options.steps), options.repeats, options.seed), flush=True)
    if options.scaling or options.out:
        found = scaling(options.repeats, options.seed)
        print(scaling_table(found), flush=True)
        if options.out:
            draw(found, options.out)


if __name__ == "__main__":
    main()
