"""Do modes that stand still help oscillators where every trial has a gain of its own?

    python benchmarks/still_modes.py [--steps 800] [--seeds 3] [--units 4] [--cycles 2 5.1]

Three planted oscillators and, in every trial, one constant: a neuron's log-rate is a random
direction in the oscillators' parts and in that constant, N(0, 1) over trials. So many units under
the same encoder, decoder and budget, none of them still or some; by default those that turn start
between the slowest and the fastest planted frequency, so that finding these is no part of it.
Prints bits per spike on test trials, generated from the first 0.12 s and inferred from all bins,
per seed of the fit, and the best there could be: with the true rates.
"""

import argparse

import numpy as np
import torch

from undertow import LatentSDE, TrialSet
from undertow.data import split_trials
from undertow.dynamics import CoupledOscillators
from undertow.evaluation import bits_per_spike
from undertow.systems import simulate_oscillators
from undertow.training import Training

TRIALS, NEURONS, BINS, BIN_S = 300, 40, 25, 0.04
SEEN, GAIN_LENGTH = 3, 0.7


def with_gains(seed: int) -> TrialSet:
    """Simulated oscillators whose rates have a constant factor in each trial."""
    trials = simulate_oscillators(
        n_trials=TRIALS, n_neurons=NEURONS, bins=BINS, bin_s=BIN_S, noise=0.5, seed=seed
    )
    rng = np.random.default_rng(seed)
    gain, loading = rng.normal(size=TRIALS), rng.normal(size=NEURONS)
    loading *= GAIN_LENGTH / np.sqrt(np.mean(loading**2))
    factor = np.exp(gain[:, None] * loading - loading**2 / 2)
    rates = np.asarray(trials.truth) * factor[:, None, :]
    return TrialSet(rng.poisson(rates * BIN_S).astype(float), BIN_S, truth=rates)


def score(rates_hz: np.ndarray, trials: TrialSet) -> float:
    """Bits per spike after the window that was seen."""
    counts = np.asarray(trials.spikes)[:, SEEN:]
    return float(bits_per_spike(rates_hz[:, SEEN:].astype(float) * BIN_S, counts))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--units", type=int, default=4)
    parser.add_argument("--still", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--cycles", type=float, nargs=2, default=[2.0, 5.1])
    options = parser.parse_args()
    torch.set_num_threads(1)
    train, validation, test = split_trials(with_gains(0))
    print(f"true rates: {score(np.asarray(test.truth), test):.3f}", flush=True)
    for seed in range(options.seeds):
        for still in options.still:
            dynamics = CoupledOscillators(
                2 * options.units, still=still, start_cycles=tuple(options.cycles)
            )
            training = Training(steps=options.steps, batch_size=64, validate_every=None)
            model = LatentSDE(dynamics, dropout=0.0, seed=seed, training=training)
            model.set_params(posterior__initial_s=SEEN * BIN_S, encoder__hidden_dim=32)
            model.fit(train, validation)
            made, inferred = (
                score(model.predict(test, mode=mode).rates, test) for mode in ("generate", "smooth")
            )
            print(f"{still} still, seed {seed}: {made:.3f} generated, {inferred:.3f}", flush=True)


if __name__ == "__main__":
    main()
