"""`Pool`: rates from latents, from h and from a regression, made one by shares chosen on data."""

import numpy as np
import torch
from torch import Tensor, nn

from undertow.data import TrialSet
from undertow.evaluation.metrics.poisson_regression import PoissonRegression
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.pooling import LEAST_HZ, choose_by_neuron, choose_shares, log_ratio
from undertow.models.population import Population
from undertow.models.smoothed_regression import (
    Choice,
    HeldInSmoother,
    choose_on_validation,
    fit_regression,
    grid_of,
)

WIDTHS_S, FLOORS_HZ = (0.02, 0.04, 0.08), (2.0, 5.0)
PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
LATENTS, DIRECT, REGRESSION = range(3)


class Pool(nn.Module):
    """Log-linear pool of what makes rates in a `LangevinNetwork`.

    Sources are the decoder that reads latents (and h, or h alone without latents), the one that
    reads h alone, and, for held-out neurons, a Poisson regression from all smoothed held-in spikes:
    a network whose state is narrow and whose inputs are hidden in training misses what single
    neurons tell of single others in the same bin. Rates are r = m Π_k (r_k / m)^w_k, m the neuron's
    mean rate; the shares w are chosen on validation spikes that were not shown. Each held-out
    neuron then has shares of its own near these, and a gain near 1: some are predicted worse than
    others. Held-in neurons take the decoders alone, in the same proportion. Before anything is
    chosen the decoders have equal shares.

    Args:
        population: whose rates these are.
        direct: whether there is a decoder of h alone.
        regression: whether there is a regression; some neuron is then held out.
        causal: the regression smooths over past bins alone.

    Attributes:
        shares: of latents, h and regression, (3,).
        own_shares: of each held-out neuron, (3, held-out).
        log_gain: of each held-out neuron, (held-out,).
    """

    shares: Tensor
    own_shares: Tensor
    log_gain: Tensor
    weights: Tensor
    offset: Tensor
    smoothing: Tensor

    def __init__(
        self, population: Population, direct: bool, regression: bool, causal: bool
    ) -> None:
        super().__init__()
        self.sources = [LATENTS, *[DIRECT] * direct, *[REGRESSION] * regression]
        self.heldout = np.array(population.heldout, dtype=bool)
        self.mean_rates = np.maximum(population.mean_rates, LEAST_HZ)
        self.smoother = HeldInSmoother(self.mean_rates[~self.heldout], causal)
        n_heldin, n_heldout = int((~self.heldout).sum()), int(self.heldout.sum())
        start = torch.tensor([0.5, 0.5, 0.0] if direct else [1.0, 0.0, 0.0])
        self.start = start.double().numpy()
        self.register_buffer("shares", start.clone())
        self.register_buffer("own_shares", start[:, None].repeat(1, n_heldout))
        self.register_buffer("log_gain", torch.zeros(n_heldout))
        self.register_buffer("weights", torch.zeros(n_heldin, n_heldout * regression))
        self.register_buffer("offset", torch.zeros(n_heldout * regression))
        self.register_buffer("smoothing", torch.tensor([WIDTHS_S[0], FLOORS_HZ[0]]))

    @property
    def numbers(self) -> int:
        """How many numbers the pool has learned: shares, gains and regression."""
        shares = len(self.sources) * (1 + len(self.log_gain))
        return shares + self.log_gain.numel() + self.weights.numel() + self.offset.numel()

    @property
    def sentence(self) -> str:
        """The shares in words."""
        names = ("latents" if DIRECT in self.sources else "network", "h", "regression")
        shares = self.shares.tolist()
        return "pool: " + ", ".join(f"{names[k]} {shares[k]:.2f}" for k in self.sources)

    # --- learning ----------------------------------------------------------------------------

    def learn(
        self,
        trials: TrialSet,
        validation: TrialSet,
        hidden: HiddenSpikes,
        decoded: list[np.ndarray],
    ) -> float:
        """Choose how spikes are smoothed, and the shares; then fit the regression on all trials.

        Args:
            trials: those the network was trained on.
            validation: others.
            hidden: spikes of the validation trials that are not shown.
            decoded: spikes per bin that each decoder expects, given what is shown, (trials, time,
                neurons).

        Returns:
            The pool's score on the hidden spikes, bits per spike.
        """
        scored, counts = hidden.scored, hidden.counts
        means = self.mean_rates * validation.bin_s
        window = slice(counts.shape[1])
        ratios = [log_ratio(each[:, window], means)[..., scored] for each in decoded]
        choice = None
        if REGRESSION in self.sources:
            grid = grid_of(WIDTHS_S, FLOORS_HZ, PENALTIES, True)
            choice = choose_on_validation(grid, self.smoother, trials, validation)
            self._fit(choice, trials)
            beside = np.zeros(counts.shape)
            beside[..., self.heldout] = self._regression(validation)
            ratios.append(beside[..., scored])
        start = self.start[self.sources]
        found = choose_shares(ratios, counts[..., scored], means[scored], start)
        shares = np.zeros(3)
        shares[self.sources] = found
        self.give(torch.from_numpy(shares))
        log_ratios = np.tensordot(found, np.stack(ratios), 1)
        if self.heldout.any():
            own, gains = choose_by_neuron(ratios, counts[..., scored], means[scored], found)
            log_ratios = gains + sum(w * r for w, r in zip(own, ratios, strict=True))
            at = torch.from_numpy(np.flatnonzero(scored[self.heldout]))
            self.log_gain[at] = torch.from_numpy(gains).to(self.log_gain)
            for source, row in zip(self.sources, own, strict=True):
                self.own_shares[source, at] = torch.from_numpy(row).to(self.own_shares)
        pooled = np.broadcast_to(means, counts.shape).copy()
        pooled[..., scored] *= np.exp(log_ratios)
        if choice is not None:
            self._fit(choice, trials, validation)
        return hidden.score(pooled)

    def give(self, shares: Tensor) -> None:
        """Give all neurons these shares, (3,), and a gain of 1."""
        self.shares.copy_(shares)
        self.own_shares.copy_(self.shares[:, None].expand_as(self.own_shares))
        self.log_gain.zero_()

    def _fit(self, choice: Choice, *trials: TrialSet) -> None:
        """Fit the regression as chosen."""
        fitted = fit_regression(self.smoother, list(trials), choice)
        self.weights.copy_(torch.from_numpy(fitted.weights))
        self.offset.copy_(torch.from_numpy(fitted.offset))
        self.smoothing.copy_(torch.tensor(choice[:2]))

    # --- pooling -----------------------------------------------------------------------------

    def pool(self, latents: np.ndarray, direct: np.ndarray | None, trials: TrialSet) -> np.ndarray:
        """Pool rates in spikes/s.

        Args:
            latents: of the decoder that reads latents, (…, trials, time, neurons).
            direct: of the decoder that reads h alone, (trials, time, neurons); None without one.
            trials: which those are of.
        """
        shares = _numbers(self.shares)
        window = slice(trials.n_time - trials.forward_bins)
        own = shares[LATENTS] / (shares[LATENTS] + shares[DIRECT] or 1.0)
        pooled = latents if direct is None else self._two(latents, direct, own, 1 - own)
        if not self.heldout.any():
            return pooled
        part, means = (..., window, self.heldout), self.mean_rates[self.heldout]
        own_shares = _numbers(self.own_shares)
        ratio = _numbers(self.log_gain) + own_shares[LATENTS] * log_ratio(latents[part], means)
        if direct is not None:
            ratio += own_shares[DIRECT] * log_ratio(direct[part], means)
        if REGRESSION in self.sources:
            ratio += own_shares[REGRESSION] * self._regression(trials)
        pooled = pooled.copy() if pooled is latents else pooled
        pooled[part] = means * np.exp(ratio)
        return pooled

    def _two(self, latents: np.ndarray, direct: np.ndarray, own: float, other: float) -> np.ndarray:
        log_rates = own * np.log(np.maximum(latents, LEAST_HZ))
        log_rates += other * np.log(np.maximum(direct, LEAST_HZ))
        found: np.ndarray = np.exp(log_rates, out=log_rates)
        return found

    def _regression(self, trials: TrialSet) -> np.ndarray:
        """Return the logarithm of the regression's rates over mean rates, in the window."""
        width_s, floor_hz = _numbers(self.smoothing).tolist()
        regression = PoissonRegression(_numbers(self.weights), _numbers(self.offset))
        smoothed = self.smoother(trials, width_s)
        log_rates = regression.log_counts(np.log(smoothed + floor_hz))
        means = self.mean_rates[self.heldout]
        ratio: np.ndarray = np.maximum(log_rates, np.log(LEAST_HZ)) - np.log(means)
        return ratio


def _numbers(tensor: Tensor) -> np.ndarray:
    """A tensor of whatever device as an array."""
    found: np.ndarray = tensor.double().cpu().numpy()
    return found
