"""Spikes, rates and phase portrait of one fit to the rate network, beside the truth (ElGazzar & van
Gerven, Fig. 2c–e)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import pyplot as plt

from undertow import TrialSet
from undertow.data import Prediction, fold_splits
from undertow.experiments import CellResult
from undertow.models import LatentSDE
from undertow.systems import RateNetwork

SAMPLES, NEURONS, ARROWS = 30, 4, 15


def draw_fit(
    cell: CellResult, trials: TrialSet, network: RateNetwork, folds: int, images: Path
) -> str:
    """Write `rate_network_fit.png` of the cell's model and its first test trial; returns what the
    picture needs said.

    Args:
        cell: a fit in as many dimensions as the network has, its model kept.
        trials: all trials of the grid, simulated by `network` with the seed of the grid (0).
        network: the truth.
        folds: of the grid.
        images: folder of the picture.
    """
    model, splits = LatentSDE.load(cell.model_path), fold_splits(trials, folds)[cell.cell.fold or 0]
    generated = model.predict(splits.test, samples=SAMPLES, mode="generate")
    figure = plt.figure(figsize=(9.6, 6.4), layout="constrained")
    above, below = figure.subfigures(2, 1)
    left, right = above.subfigures(1, 2)
    _rasters(left.subplots(2, 1, sharex=True), generated)
    _rates(right.subplots(NEURONS // 2, 2, sharex=True), generated)
    explained = _portraits(
        below.subplots(1, 2, sharex=True, sharey=True), model, splits.train, network, trials
    )
    figure.savefig(images / "rate_network_fit.png", dpi=150)
    plt.close(figure)
    return (
        f"An affine map of the latents explains {explained:.2f} of the true activity's variance "
        "(training trials)."
    )


def _rasters(panels: Any, generated: Prediction) -> None:
    """Spikes of the first test trial, and spikes drawn from one generated path of it."""
    trials = generated.trials
    assert generated.rate_samples is not None
    drawn = np.random.default_rng(0).poisson(generated.rate_samples[0, 0] * trials.bin_s)
    for panel, counts, title in zip(
        panels, (trials.spikes[0], drawn), ("true spikes", "generated spikes"), strict=True
    ):
        time, neuron = np.nonzero(counts)
        panel.plot(trials.time_s[time], neuron, "|", color="black", markersize=3)
        panel.set_title(title)
        panel.set_ylabel("neuron")
    panels[-1].set_xlabel("time, s")


def _rates(panels: Any, generated: Prediction) -> None:
    """True rates of the neurons that vary most, and the mean ± std of the generated ones."""
    trials = generated.trials
    assert generated.rate_samples is not None
    mean, std = generated.rate_samples[:, 0].mean(0), generated.rate_samples[:, 0].std(0)
    shown = np.argsort(-trials.truth[0].std(0))[:NEURONS]
    for panel, neuron in zip(panels.flat, shown, strict=True):
        low, high = mean[:, neuron] - std[:, neuron], mean[:, neuron] + std[:, neuron]
        panel.fill_between(trials.time_s, low, high, alpha=0.3, linewidth=0)
        panel.plot(trials.time_s, mean[:, neuron], label="generated, ± std")
        panel.plot(trials.time_s, trials.truth[0][:, neuron], color="black", label="true")
        panel.set_title(f"neuron {neuron}")
    panels[0, 0].legend(frameon=False, fontsize="x-small")
    for panel in panels[-1]:
        panel.set_xlabel("time, s")
    for panel in panels[:, 0]:
        panel.set_ylabel("spikes/s")


def _portraits(
    panels: Any, model: LatentSDE, train: TrialSet, network: RateNetwork, trials: TrialSet
) -> float:
    """True and learned drift without input in the plane in which the true activity varies most; the
    share explained."""
    states = network.latents(trials.n_trials)[0][train.trial_ids]
    weights, offset, explained = _affine(model.predict(train).latents["x"], states)
    flat = states.reshape(-1, states.shape[-1])
    plane = np.linalg.svd(flat - flat.mean(0), full_matrices=False)[2][:2]
    grid, points = _grid((flat - flat.mean(0)) @ plane.T, flat.mean(0), plane)
    no_input = np.zeros((len(points), 1))
    learned = _learned_drift(model, (points - offset) @ np.linalg.inv(weights)) @ weights
    drifts = {"true drift": network.drift(points, no_input), "learned drift": learned}
    for panel, (title, drift) in zip(panels, drifts.items(), strict=True):
        along = drift @ plane.T
        for path in states[:12]:
            panel.plot(*((path - flat.mean(0)) @ plane.T).T, color="0.8", linewidth=0.6, zorder=0)
        panel.quiver(*grid.T, *along.T, angles="xy")
        panel.set_title(f"{title}, no input")
        panel.set_xlabel("1st principal direction of the activity")
    panels[0].set_ylabel("2nd")
    return explained


def _affine(latents: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """W, b and the share of variance explained of states ≈ latents W + b, by least squares."""
    x, y = (each.reshape(-1, each.shape[-1]).astype(float) for each in (latents, states))
    solved = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]
    left = y - x @ solved[:-1] - solved[-1]
    return solved[:-1], solved[-1], float(1 - left.var(0).sum() / y.var(0).sum())


def _grid(seen: np.ndarray, centre: np.ndarray, plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of the plane (points, 2) over the middle 95 % of what was seen, and where they lie
    (points, 3)."""
    low, high = np.quantile(seen, [0.025, 0.975], axis=0)
    axes = [np.linspace(low[k], high[k], ARROWS) for k in (0, 1)]
    grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    return grid, centre + grid @ plane


def _learned_drift(model: LatentSDE, latents: np.ndarray) -> np.ndarray:
    """Drift per second at latents (points, dim), without input."""
    dynamics = model.dynamics_
    with torch.no_grad():
        x = torch.tensor(latents, dtype=torch.float32)
        drift: Any = dynamics.drift(0.0, x, torch.zeros(len(x), dynamics.input_dim))  # type: ignore[operator]
        return (drift / dynamics.timescale_s).numpy()
