"""Seconds of one training step at MC_Maze size, beside a plain loop and beside its matrix products
alone.

    python benchmarks/training_step.py [--threads 2] [--device cpu] [--repeats 15] [--out
    results.json]

Three things take turns in one process, so that the machine's noise hits all of them alike; medians
and their ratios are printed:

- undertow: the loss of `LangevinFlow`'s network, backward, clipping and AdamW;
- plain loop: the same network, but written bin by bin (a GRU cell and one Langevin step a bin, the
  force by automatic differentiation of the potential, all recorded by autograd);
- floor: the step's matrix products alone, forward and backward, as bare mm and bmm at the same
shapes.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from arms import PUBLISHED_STRUCTURE
from undertow.data.batches import Batch
from undertow.dynamics import UnderdampedLangevin
from undertow.encoders import dropout_from
from undertow.inference import TimeGrid, draw_noise, solve
from undertow.models import LangevinFlow, Population
from undertow.models.langevin_flow.network import LangevinNetwork

TRIALS, WINDOW, FORWARD, HELDIN, NEURONS, HIDDEN, BIN_S = 256, 35, 10, 137, 182, 280, 0.02
BINS = WINDOW + FORWARD
POPULATION = Population(
    neuron_ids=list(range(NEURONS)),
    heldout=[k >= HELDIN for k in range(NEURONS)],
    mean_rates=[5.0] * NEURONS,
    bin_s=BIN_S,
    duration_s=BINS * BIN_S,
    regular=True,
    regions=["all"],
    region_of=[0] * NEURONS,
)


def make_batch(device: str) -> Batch:
    """Random counts of MC_Maze's sizes (about 0.1 spike a bin)."""
    generator = torch.Generator().manual_seed(0)
    counts = torch.poisson(torch.full((TRIALS, BINS, NEURONS), 0.1), generator=generator).to(device)
    observed = (torch.arange(BINS, device=device) < WINDOW).expand(TRIALS, BINS)
    everywhere = torch.ones(TRIALS, BINS, dtype=torch.bool, device=device)
    lengths = torch.full((TRIALS,), BINS, device=device)
    time_s = (torch.arange(BINS, device=device) + 0.5) * BIN_S
    heldin = torch.arange(HELDIN, device=device)
    inputs = counts[:, :, :HELDIN] * observed[..., None]
    return Batch(counts, observed, everywhere, lengths, time_s, heldin, FORWARD, given=inputs)


class PlainNetwork(LangevinNetwork):
    """The same network with Algorithm 1 as a plain loop over bins."""

    def infer(self, batch: Batch, inputs: Tensor, generator: torch.Generator):  # type: ignore[no-untyped-def]
        gru, encoder = self.encoder.forwards, self.encoder
        cell = torch.nn.GRUCell(gru.input_size, gru.hidden_size, device=inputs.device)
        cell.weight_ih, cell.weight_hh = gru.weight_ih_l0, gru.weight_hh_l0
        cell.bias_ih, cell.bias_hh = gru.bias_ih_l0, gru.bias_hh_l0
        seen = torch.where(batch.observed[..., None], inputs, encoder.no_input)
        h, states = inputs.new_zeros(len(batch), gru.hidden_size), []
        for t in range(seen.shape[1]):
            h = cell(seen[:, t], h)
            states.append(h)
        context = torch.stack(states, 1)
        original, self.encoder = (
            self.encoder,
            _Given(encoder.dropout(context), encoder.dropout(context[:, -1])),
        )
        try:
            return super().infer(batch, inputs, generator)
        finally:
            self.encoder = original


class _Given(torch.nn.Module):
    """Hands over a context computed elsewhere."""

    def __init__(self, context: Tensor, initial: Tensor) -> None:
        super().__init__()
        self.given = context, initial

    def forward(self, *_: Tensor) -> tuple[Tensor, Tensor]:
        return self.given


class PlainLangevin(UnderdampedLangevin):
    """The same dynamics step by step, each force by differentiating the potential in that bin."""

    def linear_states(
        self, x0: Tensor, kicks: Tensor, h: Tensor, inputs: Tensor | None = None
    ) -> Tensor | None:
        return None

    def step(
        self, s: float, x: Tensor, h: Tensor, u: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        z, v = x.chunk(2, -1)
        a, std = self.decay_and_std(h)
        with torch.enable_grad():
            force = torch.autograd.grad(self.potential.energy(z).sum(), z, create_graph=True)[0]
        v_half = v - h / self.mass * force
        damped = a * v_half
        return torch.cat([z + h / 2 * (v_half + damped), damped], -1), std


def matrix_products(width: int, device: str) -> Callable[[], None]:
    """The products of one step: encoder, recurrence, decoder, readout; a backward pass takes two
    for each."""
    rows, feedforward = TRIALS * BINS, 2 * width
    big = [
        (rows, HELDIN, 3 * HIDDEN),
        (rows, 3 * HIDDEN, width),
        (rows, width, 3 * width),
        (rows, width, width),
    ]
    big += [
        (rows, width, feedforward),
        (rows, feedforward, width),
        (rows, width, NEURONS),
        (TRIALS, HIDDEN, 4 * HIDDEN),
    ]
    heads, head = 4, width // 4
    rand = lambda *shape: torch.randn(*shape, device=device)  # noqa: E731
    mms = [(rand(n, k), rand(k, m), rand(n, m)) for n, k, m in big]
    recurrent = rand(TRIALS, HIDDEN), rand(HIDDEN, 3 * HIDDEN), rand(TRIALS, 3 * HIDDEN)
    stiff = rand(4, TRIALS, HIDDEN // 4), rand(4, HIDDEN // 4, HIDDEN // 4)
    stacked = rand(4, rows, HIDDEN // 4), rand(rows, HIDDEN), rand(rows, 3 * HIDDEN)
    q, scores = rand(TRIALS * heads, BINS, head), rand(TRIALS * heads, BINS, BINS)

    def run() -> None:
        for a, b, c in mms:
            torch.mm(a, b), torch.mm(c, b.T), torch.mm(a.T, c)
        for _ in range(BINS):
            torch.mm(recurrent[0], recurrent[1]), torch.mm(recurrent[2], recurrent[1].T)
            torch.bmm(*stiff), torch.bmm(*stiff)
        torch.mm(stacked[1].T, stacked[2]), torch.bmm(stacked[0].transpose(1, 2), stacked[0])
        for _ in range(3):
            torch.bmm(q, q.transpose(1, 2)), torch.bmm(scores, q)

    return run


def training_step(network: LangevinNetwork, batch: Batch) -> Callable[[], None]:
    """Loss, backward, clipping, AdamW."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    generator = torch.Generator(batch.inputs.device).manual_seed(0)

    def run() -> None:
        with dropout_from(network, generator):
            loss, _ = network.loss(batch, generator, 0.1, 0.25)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 100.0)
        optimizer.step()

    return run


def recurrence_step(dynamics: UnderdampedLangevin, device: str) -> Callable[[], None]:
    """The recurrence alone, forward and backward."""
    generator = torch.Generator(device).manual_seed(0)
    x0 = torch.randn(TRIALS, 2 * HIDDEN, generator=generator, device=device, requires_grad=True)
    grid = TimeGrid.regular(BINS - 1, BIN_S, 1, x0)
    noise = draw_noise(len(grid), TRIALS, HIDDEN, x0.detach(), generator)
    grad = torch.randn(TRIALS, BINS, 2 * HIDDEN, generator=generator, device=device)

    def run() -> None:
        states = solve(dynamics, x0, noise, grid).states
        torch.autograd.grad(states, [x0, *dynamics.potential.parameters()], grad)

    return run


def interleaved(
    named: dict[str, Callable[[], None]], repeats: int, device: str
) -> dict[str, float]:
    """Median seconds of each, taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in named}
    for turn in range(repeats + 2):
        for name, run in named.items():
            if device != "cpu":
                torch.cuda.synchronize()
            start = time.perf_counter()
            run()
            if device != "cpu":
                torch.cuda.synchronize()
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def build(
    width: int, device: str, learn: tuple[str, ...]
) -> tuple[LangevinNetwork, LangevinNetwork]:
    """The network and its plain twin, same weights."""
    model = LangevinFlow(HIDDEN).set_params(
        **PUBLISHED_STRUCTURE,
        observation__rate_floor_hz=0.0,
        encoder__hidden_dim=HIDDEN,
        decoder__width=width,
        dynamics__learn=learn,
    )
    torch.manual_seed(0)
    network = model.build_network(POPULATION).to(device)
    torch.manual_seed(0)
    plain = model.build_network(POPULATION).to(device)
    plain.__class__, plain.dynamics.__class__ = PlainNetwork, PlainLangevin
    return network, plain


def check_equal(network: LangevinNetwork, plain: LangevinNetwork, batch: Batch) -> float:
    """Largest relative difference of the features of the two networks in evaluation mode."""
    network.eval(), plain.eval()
    outputs = []
    for each in (network, plain):
        generator = torch.Generator(batch.inputs.device).manual_seed(0)
        outputs.append(each.infer(batch, batch.inputs, generator).features.detach())
    network.train(), plain.train()
    return float((outputs[0] - outputs[1]).abs().max() / outputs[1].abs().max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    batch, results = make_batch(options.device), {}
    for width in (128, 840):
        network, plain = build(width, options.device, ("gamma", "temperature"))
        difference = check_equal(network, plain, batch)
        runs = {
            "undertow": training_step(network, batch),
            "plain loop": training_step(plain, batch),
            "floor": matrix_products(width, options.device),
        }
        seconds = interleaved(runs, options.repeats, options.device)
        results[f"decoder width {width}"] = seconds | {"relative difference": difference}
        print(
            f"step, decoder width {width}: "
            + ", ".join(f"{k} {1e3 * v:.0f} ms" for k, v in seconds.items())
        )
        print(
            f"  {seconds['plain loop'] / seconds['undertow']:.2f}× the plain loop's speed, "
            f"{seconds['undertow'] / seconds['floor']:.2f}× the floor's time; outputs differ by "
            f"{difference:.1e}"
        )
    fast, slow = (build(128, options.device, ())[k].dynamics for k in (0, 1))
    seconds = interleaved(
        {
            "undertow": recurrence_step(fast, options.device),
            "plain loop": recurrence_step(slow, options.device),
        },
        options.repeats,
        options.device,
    )
    results["recurrence alone"] = seconds
    print(
        "recurrence alone: "
        + ", ".join(f"{k} {1e3 * v:.1f} ms" for k, v in seconds.items())
        + f"; {seconds['plain loop'] / seconds['undertow']:.2f}×"
    )
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        machine = {
            "processor": platform.processor() or platform.machine(),
            "threads": options.threads,
            "torch": torch.__version__,
        }
        options.out.write_text(json.dumps({"machine": machine, "seconds": results}, indent=2))


if __name__ == "__main__":
    main()
