"""Do a fit's natural frequencies say something of the regions, or where they started?

    python benchmarks/frequency_ranking.py DATA_FOLDER [--epochs 100]

Oscillators shared out among four regions of a mouse (visual_decision, session 11, 10 ms bins),
fitted from six starts: three seeds, each with the default band, slowest first, and with a band
twice as fast in shuffled order. Prints the median start and the median learned frequency of each
region, how far frequencies moved, and which order of regions the six fits bear out.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from latent_sde_table import visual_decision
from undertow import LatentSDE
from undertow.analysis import natural_frequencies
from undertow.dynamics import CoupledOscillators
from undertow.training import Training

DIM = 32
BANDS = ((0.05, 3.0), (0.1, 6.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    trials = visual_decision(options.data)
    models = []
    for seed in range(3):
        for grid, band in enumerate(BANDS):
            start = CoupledOscillators(DIM, start_cycles=band, start_order=seed if grid else None)
            training = Training(epochs=options.epochs, batch_size=64, learning_rate=5e-3)
            model = LatentSDE(start, regions="split", seed=seed, training=training)
            models.append(model.set_params(solver__bins_per_step=2.0).fit(trials))
            print(f"seed {seed}, band {band}: fitted", flush=True)
    found = natural_frequencies(models)
    for name in found.regions:
        began, learned = (
            np.median(each, axis=1) for each in (found.start_of(name), found.of(name))
        )
        print(f"{name}: start {np.round(began, 2)} Hz, learned {np.round(learned, 2)} Hz")
    print(
        f"moved by {np.median(found.moved_hz):.2f} Hz (median), {found.moved_hz.max():.2f} at most"
    )
    print(found.about_regions())


if __name__ == "__main__":
    main()
