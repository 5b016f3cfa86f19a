"""Where a fit starts: paths from smoothed counts, regimes from clusters of their states."""

import numpy as np
import torch
from torch import Tensor

from undertow.inference import DriftStatistics, Steps, collapsed_bound
from undertow.inference.drift_inference import noise_variance
from undertow.models.gp_slds.network import GPSLDSNetwork

MOST_CLUSTERED = 20_000
NOISE_RANGE = (0.1, 3.0)


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
