"""Variational expectation–maximisation of a GP-SLDS."""

import copy
from typing import Any

import torch
from torch import Tensor

from undertow.dynamics import SwitchingGP
from undertow.inference import (
    DriftStatistics,
    Elimination,
    GaussianChain,
    Moments,
    collapsed_bound,
    infer_drift,
)
from undertow.inference.drift_inference import noise_variance, steps_of
from undertow.models.em import Given
from undertow.models.em import Learner as EMLearner
from undertow.models.em.starting import starting_paths
from undertow.models.gp_slds import starting
from undertow.models.gp_slds.network import GPSLDSNetwork, starting_chain
from undertow.models.gp_slds.options import VariationalEM

FIRST_READOUT_STEPS, READOUT_STEPS = 20, 2
PATH_VAR = 0.1
"""Variance of each state about the path that a fit starts from."""
SCALE_STD, CENTRE_STD, GATE_STD = 1.0, 3.0, 5.0
"""Spreads of the weak normal priors of the kernel's logarithmic scales, centres and gate."""
INITIAL_SHRINK = 1.0
"""Trials that the prior N(0, I) of the initial law counts for."""


class Learner(EMLearner[GPSLDSNetwork]):
    """The state of a fit: model, laws of all training paths, and how far it is.

    Args:
        network: the model, changed in place.
        given: training trials, all neurons and bins.
        options: of the fit.
        seed: governs what is drawn.

    Attributes:
        chain: laws of the paths; None before `start`.
    """

    options: VariationalEM
    moments: Moments

    def __init__(
        self, network: GPSLDSNetwork, given: Given, options: VariationalEM, seed: int
    ) -> None:
        super().__init__(network, given, options)
        self.seed = seed
        self.chain: GaussianChain | None = None

    def start(self) -> None:
        """Start paths at components of the smoothed counts, and regimes at clusters of them."""
        network, options = self.network, self.options
        width = options.smoothing_s / network.bin_s
        dim = network.dynamics.state_dim
        paths = starting_paths(self.given, dim, width, self.seed)
        network.highest.copy_(self.given.counts.max())
        starting.start_noise(network, paths, self.given.inside)
        self.chain = starting_chain(paths, self.given.inside, PATH_VAR)
        self.moments = Elimination(self.chain).moments()
        self._learn_readout(FIRST_READOUT_STEPS)
        self.infer()
        steps = self._some_steps()
        if network.dynamics.locations is not None:
            states = steps.state.mean(1)
            found = starting.clusters(states, len(network.dynamics.locations), self.seed)
            network.dynamics.locations.copy_(found)
        starting.start_regimes(network, steps, options.restarts, self.seed)
        self._learn_drift()

    def iterate(self) -> float:
        """One E-step and one M-step; return the bound that the E-step reached, nats per trial."""
        bound = self.infer()
        self._learn_drift()
        self._learn_readout(READOUT_STEPS)
        self._learn_initial()
        self.iteration += 1
        return bound

    def infer(self) -> float:
        """Infer all paths, some trials at a time; return the evidence bound, nats per trial."""
        chain, found, total = self.chain, list[Moments](), 0.0
        assert chain is not None
        for first in range(0, len(self.given), self.options.batch_size):
            rows = slice(first, min(first + self.options.batch_size, len(self.given)))
            posteriors = self.network.infer(
                self.given.take(rows),
                self.options.path_steps,
                self.options.step_size,
                chain.take(rows),
            )
            chain.put(rows, posteriors.chain)
            found.append(posteriors.moments)
            total += float(posteriors.elbo.sum())
        self.moments = _joined(found)
        divergence = _divergence(self.network.dynamics)
        return (total - divergence) / len(self.given)

    # --- M-step ------------------------------------------------------------------------------

    def _learn_drift(self) -> None:
        """Kernel and noise by gradient on the collapsed bound, then the drift in closed form."""
        steps = self._some_steps()
        if len(steps.state) == 0:
            return
        if self.options.kernel_steps:
            learn_kernel(self.network, steps, self._n_steps, self.options.kernel_steps)
        infer_drift(self.network.dynamics, self._all_statistics(), self.network.step)

    @property
    def _n_steps(self) -> int:
        return int(self.given.inside[:, 1:].sum())

    def _some_steps(self) -> Any:
        """Steps of all trials, at most so many of them, drawn anew in each iteration."""
        chosen = self.given.inside.clone()
        share = self.options.kernel_bins / max(self._n_steps, 1)
        if share < 1:
            random = torch.Generator().manual_seed(hash_of(self.seed, self.iteration))
            drawn = torch.rand(chosen.shape, generator=random) < share
            chosen &= drawn.to(chosen.device)
        return steps_of(self.moments, chosen, self.given.inputs)

    @torch.no_grad()
    def _all_statistics(self) -> DriftStatistics:
        total: DriftStatistics | None = None
        for first in range(0, len(self.given), self.options.batch_size):
            rows = slice(first, first + self.options.batch_size)
            given, moments = self.given.take(rows), _rows(self.moments, rows)
            steps = steps_of(moments, given.inside, given.inputs)
            mine = DriftStatistics.of(self.network.dynamics, steps)
            total = mine if total is None else total + mine
        assert total is not None
        return total

    def _learn_readout(self, steps: int) -> None:
        inside = self.given.inside
        self.network.readout.learn(
            self.moments.mean[inside],
            self.moments.cov[inside],
            self.given.counts[inside],
            self.given.seen[inside],
            steps,
        )

    @torch.no_grad()
    def _learn_initial(self) -> None:
        """Mean and covariance of the first states, drawn a little to N(0, I); and the box."""
        mean, cov = self.moments.mean[:, 0], self.moments.cov[:, 0]
        n = len(mean) + INITIAL_SHRINK
        centre = mean.sum(0) / n
        moved = mean - centre
        eye = torch.eye(len(centre)).to(centre) + torch.outer(centre, centre)
        spread = moved.t() @ moved + cov.sum(0) + INITIAL_SHRINK * eye
        self.network.initial_mean.copy_(centre)
        self.network.initial_cov.copy_(spread / n)
        states = self.moments.mean[self.given.inside]
        self.network.box.copy_(torch.stack([states.min(0).values, states.max(0).values]))

    # --- files -------------------------------------------------------------------------------

    def inferred(self) -> dict[str, Tensor]:
        assert self.chain is not None
        return dict(zip(("linear", "precision", "link"), self.chain.parts(), strict=True))

    def restore(self, inferred: dict[str, Tensor]) -> None:
        self.chain = GaussianChain(**inferred)


def learn_kernel(network: GPSLDSNetwork, steps: Any, n_steps: int, iterations: int) -> None:
    """Climb the collapsed bound in kernel and noise by L-BFGS; keep them where it fails.

    Args:
        network: its dynamics are changed.
        steps: steps to use, in one row.
        n_steps: how many steps there are in all; those used stand for them.
        iterations: of L-BFGS.
    """
    dynamics, factor = network.dynamics, n_steps / len(steps.state)
    learned = [*dynamics.kernel.parameters(), dynamics.get_parameter("diffusivity.raw")]
    before = copy.deepcopy(dynamics.state_dict())
    optimizer = torch.optim.LBFGS(
        learned, max_iter=iterations, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        statistics = DriftStatistics.of(dynamics, steps).times(factor)
        bound = collapsed_bound(statistics, noise_variance(dynamics), network.step)
        return -(bound + _log_prior(dynamics)) / n_steps

    def closure() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        return value

    try:
        optimizer.step(closure)
        sound = all(bool(each.isfinite().all()) for each in learned) and bool(loss().isfinite())
    except torch.linalg.LinAlgError:
        sound = False
    if not sound:
        dynamics.load_state_dict(before)
    optimizer.zero_grad(set_to_none=True)


def _log_prior(dynamics: SwitchingGP) -> Tensor:
    """Weak priors that keep the kernel's numbers of the order of the states, which is one."""
    kernel = dynamics.kernel
    logs = torch.cat([kernel.log_scale, kernel.log_bias[None]]) / SCALE_STD
    total = logs.square().sum() + (kernel.centres / CENTRE_STD).square().sum()
    if kernel.gate is not None:
        total = total + (kernel.gate / GATE_STD).square().sum()
    return -total / 2


def _divergence(dynamics: SwitchingGP) -> float:
    """KL of the drift's law from its prior; none where it is not inferred yet."""
    return float(dynamics.weights_kl().detach()) if bool((dynamics.var > 0).all()) else 0.0


def _rows(moments: Moments, rows: slice) -> Moments:
    return Moments(
        moments.mean[rows],
        moments.cov[rows],
        moments.lag[rows],
        moments.entropy[rows],
        moments.proper[rows],
    )


def _joined(parts: list[Moments]) -> Moments:
    names = ("mean", "cov", "lag", "entropy", "proper")
    return Moments(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def hash_of(*numbers: int) -> int:
    """A seed that is a function of several."""
    import numpy as np

    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))
