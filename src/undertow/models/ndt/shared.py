"""`MaskedTransformer`: what NDT and STNDT share."""

from collections.abc import Sequence
from typing import ClassVar, Literal, NoReturn, get_args

import torch
from torch import Tensor, nn

from undertow import checks
from undertow.data import Prediction, TrialSet
from undertow.data.arrays import TrialsLike
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.inference import Share, check_share
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.ndt.building import Settings, build_network, network_size
from undertow.models.ndt.network import NDTNetwork
from undertow.models.ndt.options import Contrast, Masking, Mixes, TransformerEncoding
from undertow.models.ndt.prediction import mean_counts, predict
from undertow.models.ndt.streaming import NDTStepper
from undertow.models.pieces import Counts
from undertow.models.population import Population
from undertow.models.sizes import Size
from undertow.models.streaming import Stepper
from undertow.models.trained import STEPPING, TrainedModel
from undertow.models.unused import unused_by_spikes_alone
from undertow.training import Training, Validate


class MaskedTransformer(TrainedModel[NDTNetwork]):
    """Transformer over the bins of each trial, trained on what of the spikes is masked.

    A concrete one takes these attributes as its arguments.
    """

    adjustable: ClassVar[frozenset[str]] = STEPPING | {"dropout", "coordinated_dropout"}
    encoder: TransformerEncoding
    masking: Masking
    observation: Counts | Literal["poisson", "negative-binomial"]
    dropout: float
    coordinated_dropout: Share
    causal: bool = False
    mixes: Mixes | None = None
    contrast: Contrast = Contrast()
    training: Training

    # --- what it is trained on ---------------------------------------------------------------

    def unused_signals(self, trials: TrialSet) -> list[str]:
        return unused_by_spikes_alone(self.cli_name, trials)

    def check_settings(self) -> None:
        super().check_settings()
        checks.share("dropout", self.dropout)
        check_share("coordinated_dropout", self.coordinated_dropout)
        checks.one_of("mixes", self.mixes, (None, *get_args(Mixes)))

    def _settings(self) -> Settings:
        return Settings(
            self.piece("encoder"),
            self.piece("observation"),
            self.dropout,
            self.causal,
            self.mixes,
        )

    def network_size(self, population: Population) -> Size:
        return network_size(self._settings(), population)

    def build_network(self, population: Population) -> NDTNetwork:
        return build_network(self._settings(), population)

    def readouts(self) -> Sequence[nn.Module]:
        return [self.network_.observation]

    def objective(
        self, batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return self.network_.loss(
            batch, generator, progress, self.masking, self.coordinated_dropout, self.contrast
        )

    def validator(self, trials: TrialSet, batch: Batch) -> Validate:
        self.network_.check_length(trials.n_time)  # before training begins
        share = self.coordinated_dropout
        hidden = HiddenSpikes.of(trials, batch, self.training.monitor, share)

        def validate(network: nn.Module) -> float:
            assert isinstance(network, NDTNetwork)
            return hidden.score(mean_counts(network, batch, hidden.inputs))

        return validate

    # --- what it predicts --------------------------------------------------------------------

    def has_posterior(self) -> bool:
        return False

    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        """Infer rates (spikes/s) of all neurons, and the features they are read from, `h`.

        Args:
            trials: the model's neurons in its order, at its bin width; any number of bins where
                positions are sinusoidal. Arrays as in `fit`.
            samples: refused, since nothing is drawn.
            seed: of no effect.

        Raises:
            ModelError: for other neurons, another order, other held-out neurons or another bin
                width, for more bins than positions were learned of, and for samples.
        """
        self.refuse_samples(samples)
        trials = self.checked(trials)
        with self._few_threads(trials):
            return predict(self.network_, self.read, trials)

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        self.refuse_samples(samples)
        return NDTStepper(self.network_on_cpu()) if self.causal else super().stepper(samples, seed)

    def sample(self, n: int, n_time: int, seed: int = 0) -> NoReturn:
        """Make trials without data, which this model cannot.

        Raises:
            ModelError: always, with the reason.
        """
        self._check_fitted()
        raise ModelError(
            f"{self.cli_name} makes no trials without data: it predicts counts from other counts "
            "of the same trial and has no law of a whole trial to draw from; see LatentSDE."
        )
