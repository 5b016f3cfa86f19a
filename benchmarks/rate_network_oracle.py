"""The rate network's own smoothing law: what the best inference could say of its rates.

True drift, diffusion, starts and readout, by the particles that fitted models are inferred with:
what its intervals miss is the particles' error alone, and shrinks as they become more.
"""

import numpy as np
import torch
from torch import Tensor

from undertow import TrialSet
from undertow.data import Prediction
from undertow.dynamics import Dynamics, from_function
from undertow.encoders import interpolate
from undertow.inference import InitialLaw, PathLaw, TimeGrid, smooth
from undertow.randomness import path_generator
from undertow.systems import RateNetwork

STEPS_PER_BIN = 2
"""Steps of the oracle's chain in a bin; the data were made with ten of them."""


def true_dynamics(network: RateNetwork) -> Dynamics:
    """The network's stochastic equation, in seconds."""
    recurrent, given, scale = (
        torch.tensor(v, dtype=torch.float32)
        for v in (network.recurrent, network.input_weights, network.timescales_s)
    )

    def drift(x: Tensor, u: Tensor) -> Tensor:
        return (torch.tanh(x @ recurrent.t() + u @ given.t()) - x) / scale

    def diffusion(x: Tensor, u: Tensor) -> Tensor:
        return torch.full_like(x[..., :1], network.noise)

    return from_function(drift, len(scale), 1, diffusion, timescale_s=1.0)


def log_rate_offsets(network: RateNetwork, everything: TrialSet, seed: int) -> np.ndarray:
    """Each neuron's offset of the log-rate, from the states behind all trials, (neurons,)."""
    states = network.latents(len(everything), everything.n_time, everything.bin_s, seed=seed)[0]
    offsets: np.ndarray = np.log(everything.truth[0, 0]) - states[0, 0] @ network.readout.T
    return offsets


@torch.no_grad()
def oracle(
    network: RateNetwork,
    offsets: np.ndarray,
    trials: TrialSet,
    seen_bins: int | None,
    particles: int,
    samples: int,
    seed: int,
    steps_per_bin: int = STEPS_PER_BIN,
) -> Prediction:
    """Rate samples of the true model, given the held-in neurons' counts.

    Args:
        network: the true one.
        offsets: see `log_rate_offsets`.
        trials: to infer.
        seen_bins: bins at the start whose counts are given; None for all.
        particles, samples: see `smooth`.
        seed: of the particles.
        steps_per_bin: steps of the chain in a bin.
    """
    readout = torch.tensor(network.readout, dtype=torch.float32)
    offset = torch.tensor(offsets + np.log(trials.bin_s), dtype=torch.float32)
    heldin = torch.tensor(~trials.heldout)
    counts = torch.tensor(trials.spikes, dtype=torch.float32)[:, :, heldin]
    times_s = torch.arange(trials.n_time)[None] * trials.bin_s
    grid = TimeGrid.over(times_s, 1 / steps_per_bin)
    inputs = torch.tensor(trials.stimulus, dtype=torch.float32)

    def log_likelihood(k: int, x: Tensor) -> Tensor | None:
        n, between = divmod(k, steps_per_bin)
        if between or (seen_bins is not None and n >= seen_bins):
            return None
        log_mean = x @ readout[heldin].t() + offset[heldin]
        expected = log_mean.exp().sum(-1) + torch.lgamma(1 + counts[:, n]).sum(-1)[:, None]
        return (log_mean @ counts[:, n, :, None])[..., 0] - expected

    law = PathLaw(
        InitialLaw.standard_normal(len(trials), readout.shape[1], inputs),
        grid,
        interpolate(inputs, times_s, grid.starts_s, "linear"),
    )
    generator = path_generator(inputs.device, seed, 0)
    found = smooth(
        law.chain(true_dynamics(network)),
        law.initial,
        log_likelihood,
        particles,
        samples,
        generator,
    )
    states = found.states[:, :, grid.before].transpose(0, 1)
    rates = (states @ readout.t() + torch.tensor(offsets, dtype=torch.float32)).exp().numpy()
    return Prediction(
        rates.mean(0),
        trials,
        rate_samples=rates,
        terms={"log_evidence": found.log_evidence.numpy()},
        effective_samples=found.effective[:, grid.before].numpy(),
    )
