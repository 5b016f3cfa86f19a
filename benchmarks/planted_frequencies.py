"""Are planted frequencies found, whatever band oscillators start in?

    python benchmarks/planted_frequencies.py [--seeds 3] [--steps 2000] [--align]

Three Stuart–Landau oscillators of 2, 3.3 and 5.1 Hz, seen through 50 Poisson neurons of 10
spikes/s (150 trials of 1 s in 10 ms bins, noise 0.5 per √s), fitted by coupled oscillators that
start in the right band, a factor of 4 too low and a factor of 4 too high. Prints the learned
frequencies and how far the one found worst is from the nearest of them, for each posterior.
"""

import argparse
import time

import numpy as np
import torch

from undertow import simulate_oscillators
from undertow.dynamics import CoupledOscillators
from undertow.models import LatentSDE, PathPosterior, Solver
from undertow.training import Training

PLANTED_HZ = np.array([2.0, 3.3, 5.1])
NOISE, N_TRIALS, FACTOR = 0.5, 150, 4.0
BANDS = {"right": 1.0, "too low": 1 / FACTOR, "too high": FACTOR}
DYNAMICS_RATE = 10.0


def make_model(
    factor: float, posterior: str, oscillators: int, steps: int, seed: int, align: bool
) -> LatentSDE:
    """Oscillators whose frequencies start `factor` times off: trials are 1 s, a cycle a second."""
    band = PLANTED_HZ[0] * factor, PLANTED_HZ[-1] * factor
    training = Training(
        steps=steps,
        batch_size=64,
        learning_rate=5e-3,
        dynamics_rate=DYNAMICS_RATE,
        validate_every=None,
        monitor="likelihood",
    )
    dynamics = CoupledOscillators(2 * oscillators, start_cycles=band)
    solver = Solver(bins_per_step=2.0)
    law = PathPosterior(posterior, align_modes=align and posterior == "drift")
    return LatentSDE(
        dynamics, posterior=law, solver=solver, dropout=0.0, training=training, seed=seed
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--oscillators", type=int, default=len(PLANTED_HZ))
    parser.add_argument("--align", action="store_true", help="turn the state to the paths' modes")
    parser.add_argument("--posteriors", nargs="+", default=["drift", "controlled"])
    parser.add_argument("--only", nargs="+", choices=BANDS, default=list(BANDS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| posterior | start | seed | learned, Hz | worst error | processor time, s |")
    print("|---|---|---|---|---|---|")
    for posterior in options.posteriors:
        for name in options.only:
            for seed in range(options.seeds):
                trials = simulate_oscillators(n_trials=N_TRIALS, noise=NOISE, seed=seed)
                model = make_model(
                    BANDS[name],
                    posterior,
                    options.oscillators,
                    options.steps,
                    seed,
                    options.align,
                )
                started = time.process_time()
                model.fit(trials, verbose=False)
                found = np.sort(model.dynamics_.natural_frequencies_hz.detach().numpy())
                worst = np.abs(found[:, None] / PLANTED_HZ - 1).min(0).max()
                listed = ", ".join(f"{each:.2f}" for each in found)
                took = time.process_time() - started
                print(
                    f"| {posterior} | {name} | {seed} | {listed} | {worst:.1%} | {took:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
