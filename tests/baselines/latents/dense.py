"""Gaussian latents as one long vector: the law of a path, and what dense algebra infers of it."""

import numpy as np
import torch

from undertow.baselines.gpfa import GPFANetwork
from undertow.baselines.latents import LatentNetwork
from undertow.inference import GaussianReadout, LinearRegimes


def prior(network: LatentNetwork, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (bins · dim,) and covariance of a path; of the first regime, where there are several."""
    if isinstance(network, GPFANetwork):
        return _processes(network, n_bins)
    dynamics = network.get_submodule("dynamics")
    assert isinstance(dynamics, LinearRegimes)
    return _chain(dynamics, n_bins)


def _processes(network: GPFANetwork, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    time, taus = np.arange(n_bins) * network.bin_s, network.timescales_s.numpy()
    cov = np.zeros((n_bins, network.dim, n_bins, network.dim))
    for k, tau in enumerate(taus):
        cov[:, k, :, k] = np.exp(-((time[:, None] - time) ** 2) / (2 * tau**2))
    size = n_bins * network.dim
    return np.zeros(size), cov.reshape(size, size)


@torch.no_grad()
def _chain(dynamics: LinearRegimes, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    dim = dynamics.dim
    a, b = dynamics.matrices[0].numpy(), dynamics.weights[0, :, dim].numpy()
    mean, cov = np.zeros((n_bins, dim)), np.zeros((n_bins, dim, n_bins, dim))
    mean[0], cov[0, :, 0] = dynamics.initial_mean.numpy(), dynamics.initial_cov.numpy()
    for t in range(1, n_bins):
        mean[t] = a @ mean[t - 1] + b
        for s in range(t):
            cov[t, :, s] = a @ cov[t - 1, :, s]
            cov[s, :, t] = cov[t, :, s].T
        cov[t, :, t] = a @ cov[t - 1, :, t - 1] @ a.T + dynamics.noise_cov[0].numpy()
    return mean.ravel(), cov.reshape(n_bins * dim, n_bins * dim)


def posterior(
    network: LatentNetwork, values: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean (bins, dim), covariance of each bin and log evidence of one trial's values.

    Args:
        network: with Gaussian observations.
        values: what the readout observes, (bins, neurons).
        seen: whether it does, shaped alike.
    """
    readout, n_bins = network.readout, len(values)
    assert isinstance(readout, GaussianReadout)
    mean, cov = prior(network, n_bins)
    there = seen.ravel()
    weight = readout.weight.detach().numpy()
    map_ = np.kron(np.eye(n_bins), weight)[there]
    offset = np.tile(readout.offset.detach().numpy(), n_bins)[there]
    noise = np.tile(readout.log_noise_var.detach().exp().numpy(), n_bins)[there]
    whole = map_ @ cov @ map_.T + np.diag(noise)
    miss = values.ravel()[there] - map_ @ mean - offset
    gain = np.linalg.solve(whole, map_ @ cov).T
    spread = (cov - gain @ map_ @ cov).reshape(n_bins, network.dim, n_bins, network.dim)
    own = np.stack([spread[t, :, t] for t in range(n_bins)])
    log_det = np.linalg.slogdet(2 * np.pi * whole)[1]
    evidence = -(miss @ np.linalg.solve(whole, miss) + log_det) / 2
    return (mean + gain @ miss).reshape(n_bins, network.dim), own, float(evidence)
