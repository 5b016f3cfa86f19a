"""`HiddenSpikes`: validation spikes that a model is not shown, and its score on them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.data.counts import totals
from undertow.errors import ModelError
from undertow.evaluation import bits_per_spike
from undertow.inference.coordinated_dropout import Share, coordinated_dropout, mean_share

LEAST_COUNT = 1e-9


@dataclass(frozen=True)
class HiddenSpikes:
    """Spikes to score a model on: those of held-out neurons, or held-in ones hidden at random.

    Attributes:
        inputs: counts given to the encoder, without hidden ones, (trials, time, held-in neurons).
        counts: spikes per bin to predict, of the bins before the forward bins, (trials, window,
            neurons); NaN where the model was shown them.
    """

    inputs: Tensor
    counts: np.ndarray

    @classmethod
    def of(cls, trials: TrialSet, batch: Batch, monitor: str, share: Share) -> "HiddenSpikes":
        """Hide spikes of the validation trials.

        Args:
            trials: validation trials.
            batch: the same as the network reads them.
            monitor: 'co-bps' for held-out neurons; 'likelihood' for a fixed share of the held-in
                counts; 'auto' for the first where neurons are held out.
            share: what coordinated dropout hides in training; 'likelihood' hides as much on
                average, or a quarter if that is none.

        Raises:
            ModelError: for 'generate', for 'co-bps' without held-out neurons, or without a spike to
                score.
        """
        if monitor == "generate":
            raise ModelError(
                "training.monitor is 'generate': this model infers every bin and generates none; "
                "use 'co-bps' or 'likelihood'."
            )
        if monitor == "co-bps" and not trials.heldout.any():
            raise ModelError(
                "training.monitor is 'co-bps' but no neuron is held out: hold some out, or use "
                "'likelihood'."
            )
        counts = np.array(trials.spikes[:, : trials.n_time - trials.forward_bins])
        if monitor != "likelihood" and trials.heldout.any():
            counts[:, :, ~trials.heldout] = np.nan
            hidden = cls(batch.inputs, counts)
        else:
            hidden = cls._held_in(trials, batch, counts, mean_share(share) or 0.25)
        if not hidden.scored.any():
            raise ModelError(
                "the validation trials hold no spike to score: give more trials, or other "
                "held-out neurons."
            )
        return hidden

    @classmethod
    def _held_in(
        cls, trials: TrialSet, batch: Batch, counts: np.ndarray, share: float
    ) -> "HiddenSpikes":
        generator = torch.Generator(batch.targets.device).manual_seed(0)
        inputs, weight = coordinated_dropout(batch.inputs, share, generator)
        shown = np.ones_like(counts, dtype=bool)  # held-out neurons are scored by 'co-bps' alone
        shown[:, :, ~trials.heldout] = (weight == 0).cpu().numpy()[:, : counts.shape[1]]
        return cls(inputs, np.where(shown, np.nan, counts))

    @property
    def scored(self) -> np.ndarray:
        """Mask of the neurons with at least one hidden spike, (neurons,)."""
        return totals(self.counts)[0] > 0

    def by_trial(self, expected: np.ndarray) -> np.ndarray:
        """Log-likelihood of each trial's hidden spikes, in bits per spike of all trials.

        Terms of the counts alone are left out; the sum differs by a constant from `score`.
        """
        rates = np.maximum(expected[:, : self.counts.shape[1]], LEAST_COUNT).astype(np.float64)
        terms = np.where(np.isnan(self.counts), 0.0, self.counts * np.log(rates) - rates)
        found: np.ndarray = terms.sum((1, 2)) / (np.nansum(self.counts) * np.log(2))
        return found

    def score(self, expected: np.ndarray) -> float:
        """Score expected counts (trials, time, neurons) on the hidden spikes, in bits per spike.

        NaN where they are not finite, so that training can go back to weights that make them so.
        """
        window = expected[:, : self.counts.shape[1]][:, :, self.scored]
        if not np.isfinite(window).all():
            return float("nan")
        return float(bits_per_spike(window, self.counts[:, :, self.scored]))
