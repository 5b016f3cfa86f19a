"""Linear dynamics with Gaussian observations, one bin at a time: the Kalman filter."""

from collections.abc import Mapping

import numpy as np
import torch

from undertow.baselines.latents.network import LatentNetwork
from undertow.inference import GaussianReadout, LinearRegimes
from undertow.models.streaming import BinSeen, Stepper


class KalmanStepper(Stepper):
    """Law of the state given all bins so far; at the last bin of a trial smoothing gives the same.

    m⁻ = A m + b, P⁻ = A P Aᵀ + Q; then P = (I + P⁻ J)⁻¹ P⁻ and m = m⁻ + P Cᵀ R⁻¹ (y − C m⁻ − d),
    with J = Cᵀ R⁻¹ C of the neurons that were observed and y their √counts (Kalman 1960).

    Args:
        network: with Gaussian observations, on the CPU.
        dynamics: its one regime.
        heldin: indices of the held-in neurons.
    """

    def __init__(self, network: LatentNetwork, dynamics: LinearRegimes, heldin: np.ndarray) -> None:
        self._network, dim, readout = network, network.dim, network.readout
        assert isinstance(readout, GaussianReadout)
        weights = dynamics.weights[0].detach().numpy()
        self._a, self._b = weights[:, :dim], weights[:, dim]
        self._q = dynamics.noise_cov[0].detach().numpy()
        self._start = dynamics.initial_mean.numpy(), dynamics.initial_cov.numpy()
        self._c = readout.weight.detach().numpy()[heldin]
        self._d = readout.offset.detach().numpy()[heldin]
        self._weighted = self._c * np.exp(-readout.log_noise_var.detach().numpy()[heldin])[:, None]
        self._information = self._c.T @ self._weighted
        self._mean, self._cov, self._bins = np.zeros(dim), np.zeros((dim, dim)), np.zeros(1, int)
        self._orthonormal = network.orthonormal.detach().numpy()
        self.rates = np.zeros(len(network.regression), np.float32)
        self.latents = {"x": self._mean, "orthonormal": np.zeros(len(self._orthonormal))}

    def reset(self) -> None:
        self._bins[0] = 0

    def step(self, seen: BinSeen) -> None:
        if self._bins[0]:
            mean, cov = self._a @ self._mean + self._b, self._a @ self._cov @ self._a.T + self._q
        else:
            mean, cov = self._start
        weighted, information = self._weighted, self._information
        if not seen.complete:
            weighted = weighted * seen.known[:, None]
            information = self._c.T @ weighted
        found = np.linalg.solve(np.eye(len(mean)) + cov @ information, cov)
        self._cov[...] = (found + found.T) / 2
        missed = np.sqrt(seen.counts, dtype=np.float64) - self._c @ mean - self._d
        self._mean[...] = mean + self._cov @ (missed @ weighted)
        self._bins[0] += 1
        self._read()

    def _read(self) -> None:
        with torch.no_grad():
            law = torch.from_numpy(self._mean), torch.from_numpy(self._cov)
            self.rates[...] = self._network.rates(*law).numpy()
        np.dot(self._orthonormal, self._mean, out=self.latents["orthonormal"])

    def state(self) -> Mapping[str, np.ndarray]:
        return {"mean": self._mean, "cov": self._cov, "bins_read": self._bins}

    def restored(self) -> None:
        if self._bins[0]:
            self._read()
