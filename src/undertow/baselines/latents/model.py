"""`LatentBaseline`: a baseline with Gaussian latents, fitted by expectation–maximisation."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch

from undertow import checks
from undertow.baselines.latents import prediction as predicting
from undertow.baselines.latents.learner import LatentLearner
from undertow.baselines.latents.network import LatentNetwork, Observed
from undertow.baselines.latents.options import LatentEM
from undertow.baselines.latents.regression import (
    LatentRegression,
    check_spiking,
    choose_penalty,
    heldout_bps,
)
from undertow.data import Prediction, TrialSet, join_trials
from undertow.data.arrays import TrialsLike
from undertow.dynamics.limits import width
from undertow.errors import ModelError
from undertow.memory import check_memory
from undertow.models.em import EMModel, Given, Validate
from undertow.models.population import Population
from undertow.models.sizes import Size
from undertow.models.unused import unused_by_spikes_alone

Rates = Literal["auto", "model", "regression"]
MOST_SAMPLES = 10**6
COPIES = 12


class LatentBaseline(EMModel[LatentNetwork]):
    """Baseline with Gaussian latents that neurons read linearly.

    A concrete one takes `latent_dim`, `observed`, `rates`, `seed` and `em` among its arguments and
    implements `build_network`. Attributes are those of `FittedNetwork`.
    """

    seeded = False
    latent_dim: int
    observed: Observed
    rates: Rates
    em: LatentEM

    def check_settings(self) -> None:
        super().check_settings()
        width("latent_dim", self.latent_dim)
        checks.one_of("observed", self.observed, ("gaussian", "poisson"))
        checks.one_of("rates", self.rates, ("auto", "model", "regression"))

    def judging_settings(self, trials: TrialSet) -> list[str]:
        held = self.em.monitor != "likelihood" and bool(trials.heldout.any())
        # evidence of counts and evidence of their square roots have no common unit
        return super().judging_settings(trials) + ["observed"] * (not held)

    def unused_signals(self, trials: TrialSet) -> list[str]:
        return unused_by_spikes_alone(type(self).__name__, trials)

    def network_size(self, population: Population) -> Size:
        return Size(len(population.neuron_ids) * self.latent_dim, 0)

    def _loaded_network(self, tensors: dict[str, torch.Tensor], path: str | Path) -> LatentNetwork:
        network = super()._loaded_network(tensors, path)
        if why := network.misfit():
            raise ModelError(f"{path} is damaged: {why}.")
        return network

    def check_memory(self, trials: TrialSet) -> None:
        n_trials, n_time, n_neurons = trials.shape
        check_memory(
            8.0 * n_trials * n_time * (3 * n_neurons + COPIES * self.latent_dim**2),
            f"the latents of {n_trials} trials × {n_time} bins in {self.latent_dim} dimensions",
            "lower latent_dim, or give fewer trials.",
            ModelError,
        )

    def check_trials(self, trials: TrialSet, validation: TrialSet) -> None:
        join_trials(trials, validation)  # a fit ends with both
        monitor, held = self.em.monitor, bool(trials.heldout.any())
        if monitor == "generate":
            raise ModelError(
                f"em.monitor is 'generate': {type(self).__name__} infers every bin and generates "
                "none; use 'co-bps' or 'likelihood'."
            )
        if monitor == "co-bps" and not held:
            raise ModelError(
                "em.monitor is 'co-bps' but no neuron is held out: hold some out, or use "
                "'likelihood'."
            )
        if self.rates == "regression" and not held:
            raise ModelError(
                "rates is 'regression' but no neuron is held out to choose its penalty on: hold "
                "some out, or use 'model'."
            )
        if held and (monitor != "likelihood" or self.rates != "model"):
            check_spiking(validation)

    @staticmethod
    def mean_counts(population: Population) -> torch.Tensor:
        """Mean count per bin of each neuron, that of half a spike where it is silent."""
        least_hz = 0.5 / max(population.duration_s, population.bin_s)
        rates = torch.tensor(population.mean_rates, dtype=torch.float64)
        return rates.clamp(min=1e-2 * least_hz) * population.bin_s

    # --- fitting -----------------------------------------------------------------------------

    def given(self, trials: TrialSet, everything: bool = False) -> Given:
        """What latents are inferred from: held-in neurons in the window, or `everything`."""
        return Given.of(self.read(trials), everything)

    def learner(self, trials: TrialSet) -> LatentLearner:
        return LatentLearner(self.network_, self.given(trials, True), self.em, self.seed)

    def validator(self, trials: TrialSet) -> Validate:
        given = self.given(trials)
        if self.em.monitor == "likelihood" or not trials.heldout.any():
            spikes = max(float(given.counts.sum()), 1.0)
            return lambda network: self._evidence(given).sum() / spikes / np.log(2)
        return lambda network: heldout_bps(self._predict(trials, given).rates, trials)

    def complete(self, trials: TrialSet, validation: TrialSet) -> None:
        """Choose how rates are read, and learn from validation trials too."""
        penalty = self._chosen_penalty(trials, validation)
        everything = join_trials(trials, validation)
        if self.em.refit:
            learner = self.learner(everything)
            learner.settle()
            for _ in range(self.em.refit):
                learner.iterate()
        if penalty is not None:
            self._regress(everything, penalty)

    def _chosen_penalty(self, trials: TrialSet, validation: TrialSet) -> float | None:
        """The penalty of the regression that makes the rates; None where the readout does."""
        if self.rates == "model" or not trials.heldout.any():
            return None
        shown, held = self._predict(trials), self._predict(validation)
        penalty, bps = choose_penalty(shown.latents["x"], trials, held.latents["x"], validation)
        own = heldout_bps(held.rates, validation)
        if self.rates == "auto" and own >= bps:
            self.notes_.append(f"rates: the model's readout ({own:.4f}; regression {bps:.4f})")
            return None
        self.notes_.append(
            f"rates: regression, penalty {penalty:g} ({bps:.4f}; the model's readout {own:.4f})"
        )
        if self.em.monitor != "likelihood":
            self.validation_score_ = bps  # of the rates that it predicts
        return penalty

    def _regress(self, trials: TrialSet, penalty: float) -> None:
        """Let a regression from the latents make the rates."""
        fitted = LatentRegression(self._predict(trials).latents["x"], trials).fit(penalty)
        rows = np.concatenate([fitted.weights.T, fitted.offset[:, None]], axis=1)
        self.network_.regression.copy_(torch.as_tensor(rows))
        self.network_.regressed.fill_(1.0)

    # --- asking ------------------------------------------------------------------------------

    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        """Predict rates (spikes/s) and latents: 'x', and 'orthonormal' (`LatentNetwork`).

        Args:
            trials: the model's neurons in its order, at its bin width; any number of bins.
            samples: keep so many posterior samples of rates and latents (200 or more for
                intervals); rates themselves are means under the posterior, or those of a regression
                from its mean.
            seed: seed of the samples.

        Raises:
            ModelError: when the model is not fitted, or for other neurons.
        """
        trials = self.checked(trials)
        checks.seed("seed", seed)
        if samples is not None:
            checks.whole("samples", samples, 1, MOST_SAMPLES)
        return self._predict(trials, None, samples, seed)

    def _predict(
        self,
        trials: TrialSet,
        given: Given | None = None,
        samples: int | None = None,
        seed: int = 0,
    ) -> Prediction:
        given = self.given(trials) if given is None else given
        return predicting.predict(self.network_, given, trials, self.em, samples, seed)

    def evidence(self, trials: TrialsLike) -> dict[str, np.ndarray]:
        """Bound the log evidence of each trial's held-in counts, in nats: 'elbo', (trials,).

        With observed='gaussian' it is the log density of √counts, and exact.
        """
        return {"elbo": self._evidence(self.given(self.checked(trials)))}

    def _evidence(self, given: Given) -> np.ndarray:
        with torch.no_grad():
            parts = predicting.inferences(self.network_, given, self.em)
            return np.concatenate([part.elbo.cpu().numpy() for _, part in parts])

    def sample(self, n: int, n_time: int, seed: int = 0) -> TrialSet:
        """Make trials without data: latents from the prior, rates, Poisson counts drawn from them.

        Args:
            n, n_time: number of trials and bins.
            seed: of the draws.
        """
        self._check_fitted()
        rates, counts = predicting.draw_trials(self.network_, n, n_time, seed)
        return TrialSet(
            counts,
            self.bin_s_,
            truth=rates,
            neuron_ids=self.neuron_ids_,
            heldout=self.heldout_,
            derived=True,
        )
