"""Where a fit starts: paths from smoothed counts, regimes from clusters of their states."""

import numpy as np
import torch
from torch import Tensor

from undertow.inference import DriftStatistics, Steps, collapsed_bound
from undertow.inference.drift_inference import noise_variance
from undertow.models.em import Given
from undertow.models.gp_slds.network import GPSLDSNetwork

MOST_CLUSTERED = 20_000
NOISE_RANGE = (0.1, 3.0)


def starting_paths(given: Given, dim: int, width_bins: float, seed: int) -> Tensor:
    """Standardised principal components of smoothed √counts, (trials, bins, dim).

    A count that was not seen is its neuron's mean. Where there are fewer components than
    dimensions, the others start as weak noise.
    """
    shown = _smoothed(given, width_bins)
    inside = given.inside.cpu().numpy()
    flat = shown[inside]
    centre = flat.mean(0)
    _, sizes, axes = np.linalg.svd(
        np.cov((flat - centre).T).reshape(flat.shape[1], -1), hermitian=True
    )
    found = (shown - centre) @ axes[:dim].T
    stds = np.sqrt(np.maximum(sizes[:dim], 0.0))
    kept = stds > 1e-6 * max(stds[0], 1e-12)
    paths = 0.1 * np.random.default_rng(seed).normal(size=(*inside.shape, dim))
    paths[..., : len(kept)][..., kept] = found[..., kept] / stds[kept]
    paths[~inside] = 0.0
    return torch.as_tensor(paths, dtype=torch.float64, device=given.counts.device)


def _smoothed(given: Given, width_bins: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    counts, seen = given.counts.cpu().numpy(), given.seen.cpu().numpy()
    mean = counts.sum((0, 1)) / np.maximum(seen.sum((0, 1)), 1.0)
    root = np.sqrt(np.where(seen > 0, counts, mean))
    smoothed: np.ndarray = gaussian_filter1d(root, width_bins, axis=1, mode="nearest")
    return smoothed


@torch.no_grad()
def start_noise(network: GPSLDSNetwork, paths: Tensor, inside: Tensor) -> None:
    """Set the noise to what moves these paths, and the drift to nothing that is known."""
    moved = (paths[:, 1:] - paths[:, :-1])[inside[:, 1:]]
    std = (moved.square().mean(0) / network.step).sqrt() if len(moved) else paths.new_ones(1)
    raw = network.dynamics.get_parameter("diffusivity.raw")
    raw.copy_(torch.expm1(std.nan_to_num(1.0).clamp(*NOISE_RANGE) - 1e-3).log().expand_as(raw))
    dynamics = network.dynamics
    dynamics.set_weights(0 * dynamics.mean, dynamics.basis, 0 * dynamics.var)


@torch.no_grad()
def start_regimes(network: GPSLDSNetwork, steps: Steps, restarts: int, seed: int) -> None:
    """Place regimes at clusters of the states, the placement with the highest bound of several."""
    states = steps.state.mean(1)
    kernel, bounds = network.dynamics.kernel, []
    placements = [clusters(states, kernel.regimes, seed + k) for k in range(restarts)]
    for centres in placements:
        kernel.place(centres)
        statistics = DriftStatistics.of(network.dynamics, steps)
        bound = collapsed_bound(statistics, noise_variance(network.dynamics), network.step)
        bounds.append(float(bound))
    kernel.place(placements[int(np.nanargmax(bounds)) if np.isfinite(bounds).any() else 0])


def clusters(states: Tensor, n: int, seed: int) -> Tensor:
    """Centres of n clusters (k-means) of states (many, dim); drawn about them where few are."""
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    points = states.detach().cpu().numpy()
    if len(points) > MOST_CLUSTERED:
        points = points[rng.choice(len(points), MOST_CLUSTERED, replace=False)]
    if len(np.unique(points, axis=0)) <= n:
        found = rng.normal(size=(n, states.shape[1]))
    else:
        found = KMeans(n, n_init=1, random_state=seed % 2**31).fit(points).cluster_centers_
    return torch.as_tensor(found, dtype=states.dtype, device=states.device)
