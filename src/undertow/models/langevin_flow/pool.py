"""`Pool`: rates from latents, from h and from a regression, made one by shares chosen on data."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from undertow.data import TrialSet
from undertow.evaluation.metrics.poisson_regression import PoissonRegression
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.pooling import (
    LEAST_HZ,
    PRIOR_STD,
    choose_by_neuron,
    choose_shares,
    log_ratio,
)
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
REGRESSION = "regression"
DECODER_STD = 0.1
"""Spread of a decoder's share about that of the others: they learn alike from the same trials."""


class Pool(nn.Module):
    """Log-linear pool of what makes rates in a `LangevinNetwork`.

    Sources are the decoders and, for held-out neurons, a Poisson regression from all smoothed
    held-in spikes: a network whose state is narrow and whose inputs are hidden in training misses
    what single neurons tell of single others in the same bin. Rates are r = m Π_k (r_k / m)^w_k, m
    the neuron's mean rate; the shares w are chosen on validation spikes that were not shown. Each
    held-out neuron then has shares of its own near these, and a gain near 1: some are predicted
    worse than others. Held-in neurons take the decoders alone, in the same proportion. Before
    anything is chosen the decoders have equal shares.

    Args:
        population: whose rates these are.
        decoders: their names, in the network's order.
        regression: whether there is a regression; some neuron is then held out.
        causal: the regression smooths over past bins alone.

    Attributes:
        sources: names of the decoders, then 'regression' where there is one.
        shares: of the sources, (sources,).
        own_shares: of each held-out neuron, (sources, held-out).
        log_gain: of each held-out neuron, (held-out,).
        of_neurons: every recording has one of its own.
    """

    of_neurons = True

    shares: Tensor
    own_shares: Tensor
    log_gain: Tensor
    weights: Tensor
    offset: Tensor
    smoothing: Tensor

    def __init__(
        self, population: Population, decoders: Sequence[str], regression: bool, causal: bool
    ) -> None:
        super().__init__()
        self.sources = [*decoders, *[REGRESSION] * regression]
        self.n_decoders, self.regression = len(decoders), regression
        self.heldout = np.array(population.heldout, dtype=bool)
        self.mean_rates = np.maximum(population.mean_rates, LEAST_HZ)
        self.smoother = HeldInSmoother(self.mean_rates[~self.heldout], causal)
        n_heldin, n_heldout = int((~self.heldout).sum()), int(self.heldout.sum())
        start = torch.tensor([1 / len(decoders)] * len(decoders) + [0.0] * regression)
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
        learned = (self.shares, self.own_shares, self.log_gain, self.weights, self.offset)
        return sum(each.numel() for each in learned)

    @property
    def sentence(self) -> str:
        """The shares in words."""
        each = zip(self.sources, self.shares.tolist(), strict=True)
        return "pool: " + ", ".join(f"{name} {share:.2f}" for name, share in each)

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
        if self.regression:
            grid = grid_of(WIDTHS_S, FLOORS_HZ, PENALTIES, True)
            choice = choose_on_validation(grid, self.smoother, trials, validation)
            self._fit(choice, trials)
            beside = np.zeros(counts.shape)
            beside[..., self.heldout] = self._regression(validation)
            ratios.append(beside[..., scored])
        stds = np.full(len(self.start), PRIOR_STD)
        if self.n_decoders > 1:
            stds[: self.n_decoders] = DECODER_STD
        found = choose_shares(ratios, counts[..., scored], means[scored], self.start, stds)
        self.give(torch.from_numpy(found))
        log_ratios = np.tensordot(found, np.stack(ratios), 1)
        if self.heldout.any():
            own, gains = choose_by_neuron(ratios, counts[..., scored], means[scored], found)
            log_ratios = gains + sum(w * r for w, r in zip(own, ratios, strict=True))
            at = torch.from_numpy(np.flatnonzero(scored[self.heldout]))
            self.log_gain[at] = torch.from_numpy(gains).to(self.log_gain)
            self.own_shares[:, at] = torch.from_numpy(own).to(self.own_shares)
        pooled = np.broadcast_to(means, counts.shape).copy()
        pooled[..., scored] *= np.exp(log_ratios)
        if choice is not None:
            self._fit(choice, trials, validation)
        return hidden.score(pooled)

    def give(self, shares: Tensor) -> None:
        """Give all neurons these shares, (sources,), and a gain of 1."""
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

    def pool(self, decoded: Sequence[np.ndarray], trials: TrialSet) -> np.ndarray:
        """Pool rates in spikes/s.

        Args:
            decoded: of each decoder, (trials, time, neurons); of the first, (…, trials, time,
                neurons).
            trials: which those are of.
        """
        pooled = self._decoders(decoded)
        if not self.heldout.any():
            return pooled
        window = slice(trials.n_time - trials.forward_bins)
        part, means = (..., window, self.heldout), self.mean_rates[self.heldout]
        shares = _numbers(self.own_shares)
        ratio = _numbers(self.log_gain) + shares[0] * log_ratio(decoded[0][part], means)
        for share, rates in zip(shares[1 : self.n_decoders], decoded[1:], strict=True):
            ratio += share * log_ratio(rates[part], means)
        if self.regression:
            ratio += shares[-1] * self._regression(trials)
        pooled[part] = means * np.exp(ratio)
        return pooled

    def decoder_shares(self) -> np.ndarray:
        """Shares of the decoders alone, which add up to 1, (decoders,)."""
        shares = _numbers(self.shares)[: self.n_decoders]
        found: np.ndarray = shares / shares.sum() if shares.any() else self.start[: len(shares)]
        return found

    def _decoders(self, decoded: Sequence[np.ndarray]) -> np.ndarray:
        """Pool the decoders alone, with shares that add up to 1."""
        if len(decoded) == 1:
            return decoded[0].copy()
        shares = self.decoder_shares()
        log_rates = shares[0] * np.log(np.maximum(decoded[0], LEAST_HZ))
        for share, rates in zip(shares[1:], decoded[1:], strict=True):
            log_rates += share * np.log(np.maximum(rates, LEAST_HZ))
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
