"""Processor seconds to the same bits per spike: paths simulated in training, and free of them.

    python benchmarks/free_training.py [--bins 300] [--trials 200] [--seeds 1] [--stride 10]
        [--steps 360 800] [--rate 10] [--sigma 1] [--scaling 100 300 1000]

Trials of the noisy rate network (ElGazzar & van Gerven, eq. 13) in 10 ms bins, 50 neurons, 10 of
them held out; 70 % to learn from, 15 % to choose weights and to measure curves on, 15 % to test. A
neural SDE of three dimensions, τ = 0.4 s, all else of `LatentSDE` equal but `training_path` and,
where it is 'free', `encoder.stride`. One thread; arms take turns by seed. A curve is co-smoothing
and generation on the validation trials against the processor seconds of training, which do not
count the time that measuring takes. The target of each score is 98 % of the best that the
simulated arm reaches; the table gives the seconds at which each arm first does, and test scores of
the weights that validated best (100 paths). --scaling adds the milliseconds of a step against bins.
"""

import argparse
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from undertow import TrialSet
from undertow.data import split_trials
from undertow.data.batches import Batch
from undertow.data.splits import Splits
from undertow.dynamics import NeuralSDE
from undertow.encoders import dropout_from
from undertow.evaluation import bits_per_spike
from undertow.models import LatentSDE, LSTMEncoding
from undertow.models.latent_sde import validation
from undertow.randomness import isolated_seed
from undertow.systems import simulate_rate_network
from undertow.training import Training, TrainingState, Validate

VALIDATOR, TARGET, T0_BINS, HELD_OUT, BATCH = validation.validator, 0.98, 10, 10, 32
SCORES = ("smoothing", "generation")
VALIDATIONS, PATHS = 12, 100  # fewer paths count what is left of their spread against noise


@dataclass
class Curve:
    """Scores of one fit against its processor seconds.

    Attributes:
        points: (seconds, smoothing, generation).
    """

    points: list[tuple[float, float, float]] = field(default_factory=list)
    spent: float = 0.0
    since: float = field(default_factory=time.process_time)

    def validator(self, batch: Batch, trials: TrialSet, monitor: str) -> Validate:
        """As `validation.validator`, with the clock stopped while it runs."""
        co_bps, generated = (VALIDATOR(batch, trials, name) for name in ("co-bps", "generate"))

        def validate(network: nn.Module) -> float:
            self.spent += time.process_time() - self.since
            with patch.object(validation, "SAMPLES", PATHS // 2):
                score = spikes_of(co_bps(network))
                self.points.append((self.spent, score, spikes_of(generated(network))))
            self.since = time.process_time()
            return score

        return validate

    def best(self, k: int) -> float:
        """Best of a score, 0 or 1."""
        return max(point[1 + k] for point in self.points)

    def reached(self, k: int, target: float) -> float:
        """Seconds at which a score first reaches `target`; infinity where it never does."""
        return next((point[0] for point in self.points if point[1 + k] >= target), np.inf)


def spikes_of(score: float | Mapping[str, float]) -> float:
    """The part of a validation score that is of spikes."""
    return score["spikes"] if isinstance(score, Mapping) else score


def make_model(arm: str, stride: int, seed: int, epochs: int = 1, trials: int = 1) -> LatentSDE:
    """The model of an arm."""
    return LatentSDE(
        NeuralSDE(3, timescale_s=0.4),
        training_path="free" if arm == "free" else "simulated",
        encoder=LSTMEncoding(stride=1 if arm == "simulated" else stride),
        dropout=0.0,
        samples=PATHS,
        seed=seed,
        device="cpu",
        training=Training(
            epochs=epochs,
            batch_size=BATCH,
            learning_rate=1e-2,
            validate_every=max(1, epochs // VALIDATIONS),
        ),
    )


def test_score(model: LatentSDE, test: TrialSet, mode: Any) -> float:
    """Bits per spike of held-out neurons, or of all after the window that was shown."""
    counts = np.array(test.spikes, dtype=float)
    if mode == "generate":
        counts[:, :T0_BINS] = np.nan
    else:
        counts[:, :, ~test.heldout] = np.nan
    known = np.nansum(counts, axis=(0, 1)) > 0
    rates = model.predict(test, mode=mode).rates[:, :, known].astype(float)
    return float(bits_per_spike(rates * test.bin_s, counts[:, :, known]))


def fit(arm: str, parts: Splits, stride: int, seed: int, steps: int) -> tuple[Curve, list[float]]:
    """Train an arm; return its curve and its two scores on the test trials."""
    per_epoch = -(-len(parts.train) // BATCH)
    model, curve = make_model(arm, stride, seed, max(1, steps // per_epoch)), Curve()
    with patch.object(validation, "validator", curve.validator):
        model.fit(parts.train, validation=parts.validation, verbose=False)
    return curve, [test_score(model, parts.test, mode) for mode in ("smooth", "generate")]


def step_ms(arm: str, bins: int, stride: int, repeats: int = 5) -> float:
    """Least milliseconds of a training step, over repeats: other work on the machine only adds."""
    trials = simulate_rate_network(n_trials=BATCH, bins=bins).hold_out(HELD_OUT, seed=0)
    model = make_model(arm, stride, 0)
    model.population_ = model.describe(trials)
    with isolated_seed(0):
        model.network_ = network = model.build_network(model.population_)
    batch, generator = model.read(trials), torch.Generator().manual_seed(0)
    state, spent = TrainingState(network, model.training, 0), []
    network.train()
    for _ in range(repeats + 1):
        start = time.process_time()
        with dropout_from(network, generator):
            loss, _ = model.objective(batch, generator, 1.0)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        state.optimizer.step()
        spent.append(time.process_time() - start)
    return 1e3 * min(spent[1:])


def scaling(bins: list[int], stride: int) -> str:
    """Markdown: milliseconds of a step of each arm."""
    arms = ("simulated", f"simulated, stride {stride}", "free")
    lines = [f"| bins | {' | '.join(arms)} |", "|" + "---|" * (1 + len(arms))]
    for n in bins:
        lines.append(f"| {n} | " + " | ".join(f"{step_ms(a, n, stride):.0f}" for a in arms) + " |")
    return "\n".join(lines)


def row(arm: str, curve: Curve, tested: list[float], targets: list[float], seed: int) -> str:
    """One line of the table of scores."""
    cells = [f"{seed}", arm, f"{curve.points[-1][0]:.0f}"]
    for k, target in enumerate(targets):
        cells += [f"{curve.best(k):.3f}", f"{curve.reached(k, target):.1f}", f"{tested[k]:.3f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bins", type=int, default=300)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--stride", type=int, default=10)
    parser.add_argument("--steps", nargs=2, type=int, default=[360, 800])
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--sigma", type=float, default=1.0)
    parser.add_argument("--scaling", nargs="*", type=int, default=[])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.scaling:
        print(scaling(options.scaling, options.stride), flush=True)
    made = simulate_rate_network(
        options.sigma, options.trials, mean_rate_hz=options.rate, bins=options.bins
    )
    parts = split_trials(made.hold_out(HELD_OUT, seed=0))
    scores = [f"{name}: best | s to target | test" for name in SCORES]
    print(f"\n| seed | arm | s in all | {' | '.join(scores)} |\n" + "|---" * 9 + "|", flush=True)
    for seed in options.seeds if max(options.steps) else []:
        found = {
            arm: fit(arm, parts, options.stride, seed, steps)
            for arm, steps in zip(("simulated", "free"), options.steps, strict=True)
        }
        targets = [TARGET * found["simulated"][0].best(k) for k in range(len(SCORES))]
        for arm, (curve, tested) in found.items():
            print(row(arm, curve, tested, targets, seed), flush=True)


if __name__ == "__main__":
    main()
