"""What one can ask of a fitted `LangevinFlow` beside predictions: prior, costs, a stream."""

import numpy as np

from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models.langevin_flow import prediction
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.options import Variant
from undertow.models.langevin_flow.streaming import LangevinStepper
from undertow.models.streaming import Stepper
from undertow.models.trained import TrainedModel


class Inquiries(TrainedModel[LangevinNetwork]):
    """A fitted LangevinFlow, answering questions about its latents."""

    causal: bool
    variant: Variant

    def kl_per_coordinate(self, trials: TrialSet, seed: int = 0) -> dict[str, np.ndarray]:
        """Compute the KL terms in nats per trial, for each coordinate.

        'initial' holds those of the state [z, v], (state_dim,), 'path' those of the noisy
        coordinates, (noise_dim,); empty without latents.
        """
        trials = self.checked(trials)
        with self._few_threads(trials):
            return prediction.kl_per_coordinate(
                self.network_, self.read(trials), self.samples, seed
            )

    def sample_prior(self, n: int, n_time: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Draw latent paths of the dynamics without any data: name → (n, n_time, dim)."""
        self._check_fitted()
        if self.network_.dynamics is None:
            raise ModelError("this model has no latents (dynamics=None): nothing to sample.")
        return prediction.sample_prior(self.network_, n, n_time, seed)

    def sample(self, n: int, n_time: int, seed: int = 0) -> TrialSet:
        """Make trials without data: latents from the prior, decoded rates, counts drawn from them.

        Raises:
            ModelError: when the decoder also sees the encoder's state h, which does not exist
                without data.
        """
        self._check_fitted()
        inputs = self.network_.decoder_inputs
        if "h" in inputs:
            raise ModelError(
                f"rates cannot be made without data: the decoder sees the encoder's state h "
                f"({inputs}). Fit with decoder__inputs=('z', 'v'), or draw latents alone with "
                "sample_prior(n, n_time)."
            )
        rates, counts = prediction.sample_trials(self.network_, n, n_time, seed)
        return TrialSet(
            counts,
            self.bin_s_,
            truth=rates,
            neuron_ids=self.neuron_ids_,
            heldout=self.heldout_,
            derived=True,
        )

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        if not self.causal:
            return super().stepper(samples, seed)
        drawn, known = self._samples(samples, seed), self.population_
        given = drawn, seed, self.variant.average, known.n_heldin, known.stimulus_channels
        return LangevinStepper(self.network_on_cpu(), *given)
