"""`GPSLDSNetwork`: drift, readout, initial law and behaviour, and the bound they make of a path."""

from math import log, pi

import torch
from torch import Tensor, nn

from undertow.dynamics import SwitchingGP
from undertow.inference import (
    GaussianChain,
    PathPosteriors,
    PoissonReadout,
    Steps,
    expected_log_steps,
    infer_paths,
)
from undertow.models.em import Given

START_VAR = 0.25
"""Variance of a state that nothing is known of yet; paths start at unit variance."""
LEAST_HZ, MOST_HZ = 1e-3, 2000.0
"""Rates of a prediction lie between these, or up to twice the highest count that was seen."""
REACH = 3.0
"""Paths of the prior stay within so many times the box of the inferred states."""


class GPSLDSNetwork(nn.Module):
    """The numbers of a GP-SLDS, float64 throughout.

    Args:
        dynamics: prior over paths.
        mean_counts: mean count per bin of each neuron, above zero, (neurons,).
        bin_s: bin width in seconds.
        channels: channels of behaviour; 0 for none.
        input_duration_s: where time is an input, the seconds of which it is a share; else None.

    Attributes:
        readout: log rates are linear in the state.
        initial_mean, initial_cov: law of the state of a trial's first bin.
        box: lowest and highest inferred state of the training trials, (2, state_dim).
        highest: highest count per bin of the training trials.
        behavior: weights, offsets and standard deviations of a linear readout of behaviour,
            (channels, state_dim + 2).
    """

    initial_mean: Tensor
    initial_cov: Tensor
    box: Tensor
    highest: Tensor

    def __init__(
        self,
        dynamics: SwitchingGP,
        mean_counts: Tensor,
        bin_s: float,
        channels: int = 0,
        input_duration_s: float | None = None,
    ) -> None:
        super().__init__()
        dim, self.bin_s, self.input_duration_s = dynamics.state_dim, bin_s, input_duration_s
        self.dynamics = dynamics
        self.readout = PoissonReadout(dim, len(mean_counts), mean_counts)
        self.behavior = nn.Parameter(torch.zeros(channels, dim + 2))
        self.register_buffer("initial_mean", torch.zeros(dim))
        self.register_buffer("initial_cov", torch.eye(dim))
        self.register_buffer("box", torch.tensor([[-1.0], [1.0]]).repeat(1, dim))
        self.register_buffer("highest", torch.ones(()))
        self.double()

    @property
    def step(self) -> float:
        """A bin in internal time, h."""
        return self.bin_s / float(self.dynamics.timescale_s.detach())

    # --- the bound -------------------------------------------------------------------------------

    def expected(self, given: Given, mean: Tensor, cov: Tensor, lag: Tensor) -> Tensor:
        """Expected log joint density of path and counts, in nats, (trials,); see `Moments`."""
        likelihood = self.readout.expected_log_prob(mean, cov, given.counts, given.seen)
        return likelihood + self.expected_prior(given, mean, cov, lag)

    def expected_prior(self, given: Given, mean: Tensor, cov: Tensor, lag: Tensor) -> Tensor:
        """Expected log density of the path, over the drift too, in nats, (trials,).

        Bins past a trial's end are N(0, I), so that they cost nothing.
        """
        steps = Steps.of(mean, cov, lag, given.inputs)
        path = (expected_log_steps(self.dynamics, steps, self.step) * given.inside[:, 1:]).sum(1)
        spread = cov.diagonal(dim1=-2, dim2=-1)
        past = (mean.square() + spread + log(2 * pi)).sum(-1)
        return (
            path + self._expected_first(mean[:, 0], cov[:, 0]) - (past * ~given.inside).sum(1) / 2
        )

    def _expected_first(self, mean: Tensor, cov: Tensor) -> Tensor:
        factor = torch.linalg.cholesky(self.initial_cov)
        miss = torch.linalg.solve_triangular(factor, (mean - self.initial_mean).t(), upper=False)
        turned = torch.cholesky_solve(cov, factor.expand_as(cov))
        log_det = 2 * factor.diagonal().log().sum()
        trace = turned.diagonal(dim1=-2, dim2=-1).sum(-1)
        return -(len(factor) * log(2 * pi) + log_det + miss.square().sum(0) + trace) / 2

    # --- paths -----------------------------------------------------------------------------------

    def infer(
        self,
        given: Given,
        steps: int,
        step_size: float = 1.0,
        start: GaussianChain | None = None,
    ) -> PathPosteriors:
        """Infer the paths of trials; from nothing, unless from the laws in `start`."""
        if start is None:
            start = starting_chain(self._nothing(given), given.inside, START_VAR)
        return infer_paths(lambda *moments: self.expected(given, *moments), start, steps, step_size)

    def _nothing(self, given: Given) -> Tensor:
        return given.counts.new_zeros(*given.inside.shape, self.dynamics.state_dim)

    # --- what is read from states ----------------------------------------------------------------

    def rates(self, mean: Tensor, cov: Tensor | None = None) -> Tensor:
        """Rates in spikes/s, (…, neurons), at states, or expected under their covariance."""
        logs = self.readout.linear(mean) if cov is None else self.readout.log_rate(mean, cov)
        most = max(MOST_HZ * self.bin_s, 2 * float(self.highest))
        return logs.clamp(log(LEAST_HZ * self.bin_s), log(most)).exp() / self.bin_s

    def behavior_mean(self, x: Tensor) -> Tensor:
        """Behaviour at states (…, state_dim), (…, channels)."""
        return x @ self.behavior[:, :-2].t() + self.behavior[:, -2]

    def behavior_var(self, cov: Tensor) -> Tensor:
        """Variance of the behaviour that states of this covariance make, (…, channels)."""
        weights = self.behavior[:, :-2]
        return ((weights @ cov) * weights).sum(-1)

    @property
    def behavior_std(self) -> Tensor:
        """Standard deviation of a measured value about its mean, (channels,)."""
        return self.behavior[:, -1]

    def advanced(self, x: Tensor, inputs: Tensor | None, noise: Tensor) -> Tensor:
        """States a bin later, under noise (…, state_dim): the drift's mean, kept near the box."""
        h = x.new_tensor(self.step)
        mean, std = self.dynamics.step(0.0, x, h, inputs)
        centre, half = self.box.mean(0), (self.box[1] - self.box[0]) / 2
        return (mean + std * noise).clamp(centre - REACH * half, centre + REACH * half)


def starting_chain(paths: Tensor, inside: Tensor, var: float) -> GaussianChain:
    """Laws N(x, var · I) of bins about paths (trials, bins, dim); N(0, I) past a trial's end."""
    chain = GaussianChain.independent(paths, var)
    past = GaussianChain.independent(torch.zeros_like(paths), 1.0)
    for mine, theirs in zip(chain.parts()[:2], past.parts()[:2], strict=True):
        mine[~inside] = theirs[~inside]
    return chain
