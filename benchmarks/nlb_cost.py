"""What langevin-flow costs on the sets of the Neural Latents Benchmark: an estimate from timed
training steps.

    OMP_NUM_THREADS=1 python benchmarks/nlb_cost.py [--presets default released] [--bin-ms 20 5]

For each set, Poisson counts of its published size; a step on at most 64 trials is timed by the
processor's clock, one thread, and scaled to the preset's batch and number of steps. Validation and
prediction are not counted; no recording of the benchmark is read.
"""

import argparse
import math
import time

from nlb_proof import print_table
from steps import in_turns, poisson_trials, stepper
from undertow import LangevinFlow
from undertow.data.batches import Batch
from undertow.data.readers.nlb_sets import FORWARD_MS
from undertow.models import Population
from undertow.nlb import NLB_SETS, NLBSet, nlb_preset

TIMED, REPEATS, LEARNED = 64, 3, 0.85
"""Trials of a timed step at most; turns; share of the training trials that is not left out for
choosing."""


def main() -> None:
    """One row for each set, preset and bin width."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--presets", nargs="+", default=["default", "released"])
    parser.add_argument("--bin-ms", nargs="+", type=int, default=[20, 5])
    options = parser.parse_args()
    rows = [
        row(entry, bin_ms, preset)
        for preset in options.presets
        for bin_ms in options.bin_ms
        for entry in NLB_SETS.values()
    ]
    print_table(
        ["preset", "bins", "set", "epochs", "steps", "s a step", "minutes of one core"], rows
    )


def row(entry: NLBSet, bin_ms: int, preset: str) -> list[str]:
    """The cost of one fit in phase val."""
    model = LangevinFlow(**nlb_preset(entry.name, bin_ms, "langevin-flow", preset))
    loop, learned = model.training, round(LEARNED * entry.n_train)
    batch = min(loop.batch_size, learned)
    n_timed = min(batch, TIMED)
    neurons = entry.n_heldin + entry.n_heldout
    size = (n_timed, entry.n_bins(bin_ms), FORWARD_MS // bin_ms, neurons, entry.n_heldin)
    trials = poisson_trials(size, seed=0)
    network = model.build_network(Population.of(trials))
    job = stepper(network, Batch.from_trials(trials), seed=0)
    step_s = in_turns({"step": job}, REPEATS, time.process_time)["step"] * batch / n_timed
    steps = loop.epochs * math.ceil(learned / loop.batch_size)
    minutes = steps * step_s / 60
    return [
        preset,
        f"{bin_ms} ms",
        entry.name,
        str(loop.epochs),
        str(steps),
        f"{step_s:.2f}",
        f"{minutes:.0f}",
    ]


if __name__ == "__main__":
    main()
