"""`LFADS` (Sussillo et al. 2016): a sequential VAE whose latents are the states of a generator."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from undertow.data import Prediction, TrialSet
from undertow.data.arrays import TrialsLike
from undertow.data.batches import Batch
from undertow.inference import KLSchedule, Share
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.lfads import prediction
from undertow.models.lfads.building import Settings, build_network, network_size
from undertow.models.lfads.building import check_settings as check_pieces
from undertow.models.lfads.network import LFADSNetwork
from undertow.models.lfads.options import GRUController, GRUGenerator, InitialCondition
from undertow.models.pieces import Counts, GRUEncoding
from undertow.models.population import Population
from undertow.models.sizes import Size
from undertow.models.trained import TrainedModel
from undertow.training import Training, Validate


class LFADS(TrainedModel[LFADSNetwork]):
    """Latent factor analysis via dynamical systems: single-trial rates from a recurrent generator.
    """

    cli_name = "lfads"

    def __init__(
        self,
        latent_dim: int = 32,
        inputs: int = 2,
        encoder: GRUEncoding | Literal["gru"] = "gru",
        *,
        generator: GRUGenerator = GRUGenerator(),  # noqa: B008 (frozen)
        controller: GRUController = GRUController(),  # noqa: B008 (frozen)
        initial: InitialCondition = InitialCondition(),  # noqa: B008 (frozen)
        observation: Counts | Literal["poisson", "negative-binomial"] = "poisson",
        stimulus: bool = True,
        kl: KLSchedule = KLSchedule("linear", 0.2, rise=0.5),  # noqa: B008 (frozen)
        dropout: float = 0.2,
        coordinated_dropout: Share = (0.0, 0.8),
        samples: int = 16,
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(refit=True),  # noqa: B008 (frozen)
    ) -> None:
        self.latent_dim, self.inputs, self.encoder = latent_dim, inputs, encoder
        self.generator, self.controller, self.initial = generator, controller, initial
        self.observation, self.stimulus, self.kl = observation, stimulus, kl
        self.dropout, self.coordinated_dropout = dropout, coordinated_dropout
        self.samples, self.seed, self.device, self.training = samples, seed, device, training

    # --- what it is trained on ---------------------------------------------------------------

    def check_settings(self) -> None:
        super().check_settings()
        check_pieces(self._settings())

    def describe(self, trials: TrialSet) -> Population:
        return Population.of(trials, stimulus=self.stimulus)

    def network_size(self, population: Population) -> Size:
        return network_size(self._settings(), population)

    def build_network(self, population: Population) -> LFADSNetwork:
        return build_network(self._settings(), population)

    def _settings(self) -> Settings:
        return Settings(**{name: self.piece(name) for name in Settings._fields})

    def parts(self) -> Mapping[str, nn.Module | None]:
        return {
            "encoder": self.network_.encoder,
            "generator": self.network_.generator,
            "controller": self.network_.controller,
        }

    def readouts(self) -> Sequence[nn.Module]:
        return [self.network_.observation]

    def objective(
        self, batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return self.network_.loss(batch, generator, self.kl(progress), self.coordinated_dropout)

    def validator(self, trials: TrialSet, batch: Batch) -> Validate:
        share = self.coordinated_dropout
        hidden = HiddenSpikes.of(trials, batch, self.training.monitor, share)
        return prediction.validator(hidden, batch)

    # --- what it predicts --------------------------------------------------------------------

    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        trials = self.checked(trials)
        drawn, keep = self._samples(samples, seed), samples is not None
        with self._few_threads(trials):
            return prediction.predict(self.network_, self.read, trials, drawn, keep, seed)
