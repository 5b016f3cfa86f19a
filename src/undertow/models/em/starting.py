"""Where the paths of a fit start: components of the smoothed counts."""

import numpy as np
import torch
from torch import Tensor

from undertow.models.em.given import Given


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
