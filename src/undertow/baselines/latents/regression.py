"""Poisson regression from inferred latents to all neurons, its penalty chosen on validation."""

from collections.abc import Sequence

import numpy as np

from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.evaluation.metrics.likelihood import bits_per_spike
from undertow.evaluation.metrics.poisson_regression import PoissonDesign, PoissonRegression

PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
MOST_ROWS = 100_000


class LatentRegression:
    """Regression from latents, standardised, to the counts of each bin.

    Args:
        latents: of the training trials, (trials, time, dim); NaN past a trial's end.
        trials: the same.
    """

    def __init__(self, latents: np.ndarray, trials: TrialSet) -> None:
        rows = latents[trials.valid].astype(np.float64)
        counts = trials.spikes[trials.valid].astype(np.float64)
        every = 1 + len(rows) // MOST_ROWS
        self.scale = rows.std(axis=0) + 1e-9
        self.design = PoissonDesign(rows[::every] / self.scale, counts[::every])

    def fit(self, penalty: float) -> PoissonRegression:
        """Fit ln of counts per bin, linear in the latents."""
        found = self.design.fit(penalty, tolerance=1e-5)
        return PoissonRegression(found.weights / self.scale[:, None], found.offset)


def check_spiking(validation: TrialSet) -> None:
    """Refuse validation trials on which co-smoothing has nothing to score.

    Raises:
        ModelError: when no held-out neuron spikes in their window.
    """
    window = validation.spikes[:, : validation.n_time - validation.forward_bins]
    if not np.nansum(window[..., validation.heldout]) > 0:
        raise ModelError("no held-out neuron spikes in the validation trials: give more of them.")


def heldout_bps(rates: np.ndarray, trials: TrialSet) -> float:
    """Bits per spike of held-out neurons in the window, of rates in spikes/s."""
    window = slice(0, trials.n_time - trials.forward_bins)
    counts = trials.spikes[:, window][..., trials.heldout]
    spiking = np.nansum(counts, axis=(0, 1)) > 0
    expected = rates[:, window][..., trials.heldout][..., spiking] * trials.bin_s
    return float(bits_per_spike(expected, counts[..., spiking]))


def choose_penalty(
    latents: np.ndarray,
    trials: TrialSet,
    held: np.ndarray,
    validation: TrialSet,
    penalties: Sequence[float] = PENALTIES,
) -> tuple[float, float]:
    """The penalty with the best co-smoothing on validation trials, and its bits per spike.

    Args:
        latents, trials: to learn from.
        held, validation: latents and trials to choose on.
        penalties: to choose from.
    """
    regression, scores = LatentRegression(latents, trials), {}
    features = np.where(validation.valid[..., None], held, 0.0)
    for penalty in penalties:
        logs = regression.fit(penalty).log_counts(features)
        scores[penalty] = heldout_bps(np.exp(logs) / validation.bin_s, validation)
    best = max(scores, key=scores.__getitem__)
    return best, scores[best]
