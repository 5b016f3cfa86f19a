"""A potential of your own in ten lines: latents with two wells, beside the coupled oscillators, on
synthetic data.

Run with `python examples/double_well.py`; it takes a minute.
"""

import argparse

import torch

from undertow import LangevinFlow, simulate_lorenz
from undertow.data import split_trials
from undertow.dynamics import Potential
from undertow.training import Training


class TwoWells(Potential):
    """U(z) = Σ √(1 + (z² − 1)²): wells at ±1, a barrier of height √2 − 1 between, a parabola far
    out."""

    def energy(self, z: torch.Tensor, x: torch.Tensor | None = None) -> torch.Tensor:
        return (1 + (z.square() - 1).square()).sqrt().sum(-1)


def main(epochs: int) -> None:
    """Fit both potentials to a small Lorenz set and print how well each finds held-out neurons and
    true rates."""
    trials = simulate_lorenz(conditions=20, trials_per_condition=(10, 2, 3), bins=50).hold_out(
        8, seed=0
    )
    train, validation, test = split_trials(trials)
    for name, potential in (
        ("coupled oscillators", "coupled-oscillators"),
        ("two wells", TwoWells),
    ):
        training = Training(epochs=epochs, keep="last")
        model = LangevinFlow(latent_dim=16, potential=potential, dropout=0.05, training=training)
        scores = model.fit(train, validation).score(test)
        print(f"{name}: {scores['co-bps']}, {scores['rate R2']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=60)
    main(**vars(parser.parse_args()))
