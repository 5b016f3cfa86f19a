"""`RegressionPool`: a Poisson regression beside a network, and the log-linear pool of both."""

import numpy as np
import torch
from torch import Tensor, nn

from undertow.data import TrialSet
from undertow.evaluation import bits_per_spike
from undertow.evaluation.metrics.poisson_regression import PoissonRegression
from undertow.models.pooling import LEAST_HZ, choose_shares, log_ratio
from undertow.models.population import Population
from undertow.models.smoothed_regression import (
    Choice,
    HeldInSmoother,
    choose_on_validation,
    fit_regression,
    grid_of,
    heldout_counts,
)

WIDTHS_S, FLOORS_HZ = (0.02, 0.04, 0.08), (2.0, 5.0)
PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


class RegressionPool(nn.Module):
    """Pool of a network's rates of held-out neurons with those of a Poisson regression.

    A network whose state is narrow, or that reads inputs of which many are hidden, misses what
    single neurons tell of single others in the same bin; a regression from all smoothed held-in
    spikes tells that and little else. In the pool log r = log m + a log(r_network / m) + b log(
    r_regression / m), m the neuron's mean rate; a and b are chosen on validation trials (1 and 0
    before). Held-in neurons and forward bins stay the network's.

    Args:
        population: with at least one held-out neuron.
        causal: smooth over past bins alone.
    """

    weights: Tensor
    offset: Tensor
    smoothing: Tensor
    shares: Tensor

    def __init__(self, population: Population, causal: bool) -> None:
        super().__init__()
        self.heldout = np.array(population.heldout, dtype=bool)
        self.mean_rates = np.maximum(population.mean_rates, LEAST_HZ)
        self.smoother = HeldInSmoother(self.mean_rates[~self.heldout], causal)
        n_heldin, n_heldout = (~self.heldout).sum(), self.heldout.sum()
        self.register_buffer("weights", torch.zeros(n_heldin, n_heldout))
        self.register_buffer("offset", torch.tensor(self.mean_rates[self.heldout]).log().float())
        self.register_buffer("smoothing", torch.tensor([WIDTHS_S[0], FLOORS_HZ[0]]))
        self.register_buffer("shares", torch.tensor([1.0, 0.0]))

    def learn(self, trials: TrialSet, validation: TrialSet, rates: np.ndarray) -> float:
        """Choose on validation trials how spikes are smoothed and the shares; then fit on all.

        Args:
            trials: those the network was trained on.
            validation: others.
            rates: the network's, of the validation trials, spikes/s, (trials, time, neurons).

        Returns:
            Co-smoothing of the pool on the validation trials, bits per spike.
        """
        counts = heldout_counts(validation)
        if not np.nansum(counts):
            return float("nan")  # no spike to choose on
        grid = grid_of(WIDTHS_S, FLOORS_HZ, PENALTIES, True)
        choice = choose_on_validation(grid, self.smoother, trials, validation)
        self._fit(choice, trials)
        means, window = self.mean_rates[self.heldout], slice(counts.shape[1])
        own = log_ratio(rates[:, window, self.heldout], means)
        other = self._regression(validation) - np.log(means)
        counts = np.where(validation.valid[:, window, None], counts, np.nan)
        shares = choose_shares((own, other), counts, means * validation.bin_s, np.array([1.0, 0.0]))
        self.shares.copy_(torch.from_numpy(shares))
        pooled = self.pool(rates, validation)[:, window, self.heldout]
        self._fit(choice, trials, validation)
        return bits_per_spike(pooled * validation.bin_s, counts)

    def _fit(self, choice: Choice, *trials: TrialSet) -> None:
        """Fit the regression as chosen."""
        fitted = fit_regression(self.smoother, list(trials), choice)
        self.weights.copy_(torch.from_numpy(fitted.weights))
        self.offset.copy_(torch.from_numpy(fitted.offset))
        self.smoothing.copy_(torch.tensor(choice[:2]))

    def pool(self, rates: np.ndarray, trials: TrialSet) -> np.ndarray:
        """Pool a network's rates (spikes/s, (…, trials, time, neurons)) with the regression's."""
        own_share, other_share = self.shares.tolist()
        if (own_share, other_share) == (1.0, 0.0):
            return rates
        means, window = self.mean_rates[self.heldout], slice(trials.n_time - trials.forward_bins)
        beside = other_share * (self._regression(trials) - np.log(means))
        own = own_share * log_ratio(rates[..., window, self.heldout], means)
        pooled = rates.copy()
        pooled[..., window, self.heldout] = means * np.exp(own + beside)
        return pooled

    def _regression(self, trials: TrialSet) -> np.ndarray:
        """Return log rates (spikes/s) of held-out neurons in the window."""
        width_s, floor_hz = self.smoothing.double().tolist()
        regression = PoissonRegression(self.weights.numpy(), self.offset.numpy())
        smoothed = self.smoother(trials, width_s)
        log_rates = regression.log_counts(np.log(smoothed + floor_hz))
        return np.maximum(log_rates, np.log(LEAST_HZ))
