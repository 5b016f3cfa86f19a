"""How many posterior samples a LangevinFlow prediction needs, and what they cost.

    python benchmarks/samples.py DATA_FOLDER [--only maze_reach …] [--repeats 8]

The default is fitted on three of four inner folds of the training trials of fold 0 (split seed 0,
inner seed 1) and predicts the fourth with other numbers of samples: plain, and in antithetic pairs
(the second of each pair has the noise of the first with its sign turned, in the initial state and
on the path). Means and standard deviations over sets of noise. Milliseconds are processor time of
one thread for one trial alone, medians of 20 turns.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from recordings import RECORDINGS
from undertow import LangevinFlow, TrialSet
from undertow.data import fold_trials
from undertow.evaluation import bits_per_spike
from undertow.models.langevin_flow.network import LangevinNetwork

TURNS = 20


def expected(model: LangevinFlow, trials: TrialSet, samples: int, seed: int, pairs: bool) -> float:
    """Co-smoothing of a prediction from so many samples, antithetic pairs or not."""
    network, batch = model.network_.eval(), model.read(trials)
    encoded = network.encode(batch, batch.inputs)
    total = torch.zeros_like(batch.targets)
    for sample in range(samples):
        number = 1000 * seed + (sample // 2 if pairs else sample)
        generator = torch.Generator().manual_seed(number)
        turned = pairs and sample % 2 == 1
        total += network.observation.mean(drawn(network, batch, encoded, generator, turned))
    decoded = [total / samples, *network.direct_means(batch, encoded)]
    rates, pool = [each.numpy() / network.bin_s for each in decoded], network.pool
    pooled = rates[0] if pool is None else pool.pool(rates, trials)
    heldout = trials.heldout
    return bits_per_spike(pooled[..., heldout] * trials.bin_s, trials.spikes[..., heldout])


@torch.no_grad()
def drawn(
    network: LangevinNetwork, batch: object, encoded: object, generator: object, turned: bool
) -> Tensor:
    """Features of one sample, the noise with its sign turned where asked for."""
    if not turned:
        return network.draw(batch, encoded, generator).features  # type: ignore[arg-type]
    normal = Tensor.normal_

    def opposite(self: Tensor, *given: object, **named: object) -> Tensor:
        return normal(self, *given, **named).neg_()  # type: ignore[arg-type]

    Tensor.normal_ = opposite  # type: ignore[assignment, method-assign]
    try:
        return network.draw(batch, encoded, generator).features  # type: ignore[arg-type]
    finally:
        Tensor.normal_ = normal  # type: ignore[method-assign]


def milliseconds(model: LangevinFlow, trial: TrialSet, samples: int) -> float:
    """Processor time of predicting one trial."""
    few, took = model.copy(), []
    few.__dict__.update(model.__dict__)
    few.samples = samples
    for _ in range(TURNS):
        started = time.process_time()
        few.predict(trial)
        took.append(time.process_time() - started)
    return 1e3 * float(np.median(took))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", choices=RECORDINGS, default=["maze_reach"])
    parser.add_argument("--repeats", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name in options.only:
        trials = RECORDINGS[name].load(options.data)
        inner = trials[fold_trials(trials, 5, 0)[0][0]]
        train, test = (inner[rows] for rows in fold_trials(inner, 4, 1)[0])
        model = LangevinFlow().fit(train, verbose=False)
        print(f"\n{name}: {test!r}\n\n| samples | plain | antithetic pairs | ms a trial |")
        print("|---|---|---|---|")
        for samples in (2, 4, 8, 16, 20, 50, 200):
            cells = []
            for pairs in (False, True):
                with torch.no_grad():
                    found = [
                        expected(model, test, samples, seed, pairs)
                        for seed in range(options.repeats)
                    ]
                cells.append(f"{np.mean(found):.4f} ± {np.std(found):.4f}")
            cost = milliseconds(model, test[:1], samples)
            print(f"| {samples} | {' | '.join(cells)} | {cost:.1f} |", flush=True)


if __name__ == "__main__":
    main()
