"""`LFADS` (Sussillo et al. 2016): a sequential VAE whose latents are the states of a generator."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from undertow.data import Prediction, TrialSet
from undertow.data.arrays import TrialsLike
from undertow.data.batches import Batch
from undertow.inference import KLSchedule, Share
from undertow.models.empty_trials import empty_trials
from undertow.models.encoding import GRUEncoding
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.lfads import prediction
from undertow.models.lfads.building import Settings, build_network, network_size
from undertow.models.lfads.building import check_settings as check_pieces
from undertow.models.lfads.network import LFADSNetwork
from undertow.models.lfads.options import GRUController, GRUGenerator, InitialCondition
from undertow.models.lfads.presets import ADJUSTABLE, SPACE, preset_settings
from undertow.models.lfads.streaming import LFADSStepper
from undertow.models.pieces import Counts
from undertow.models.population import Population
from undertow.models.search_space import SearchSpace
from undertow.models.sizes import Size
from undertow.models.streaming import Stepper
from undertow.models.trained import STEPPING, TrainedModel
from undertow.models.unused import unused_behavior
from undertow.training import Training, Validate


class LFADS(TrainedModel[LFADSNetwork]):
    """Latent factor analysis via dynamical systems: rates from a recurrent generator.

    An encoder reads the held-in counts and infers the initial condition of a generator, a GRU; a
    controller, which also sees the generator's factors in the bin before, infers the inputs that
    drive it. Factors are a linear map of the generator's state, with rows of unit norm, and log
    rates of all neurons one of the factors (Sussillo et al. 2016; Pandarinath et al. 2018). It is
    trained with coordinated dropout (Keshtkaran & Pandarinath 2019).

    Args:
        latent_dim: number of factors.
        inputs: number of inferred inputs; 0 leaves the controller out, and the generator runs on
            from its initial condition alone.
        encoder: 'gru' or `GRUEncoding(…)`, of the initial condition's encoder and of the
            controller's own, which are alike.
        generator: options of the generator, `GRUGenerator(hidden_dim=…)`.
        controller: options of the controller and of the inputs' prior, `GRUController(…)`.
        initial: options of the initial condition, `InitialCondition(dim=…)`.
        observation: 'poisson', 'negative-binomial', or `Counts(…)`.
        stimulus: drive the generator with the trials' stimulus too, where they have one.
        kl: weight of the KL terms over training.
        dropout: share of units dropped in training, on the encoders' outputs and between the
            generator and the rates.
        coordinated_dropout: share of the inputs hidden in training; of two, each trial draws its
            own between them.
        causal: make rates at a bin depend on no later bin: the initial condition is then inferred
            from the first bin alone.
        samples: posterior samples averaged in a prediction, in antithetic pairs.
        seed: seed of weights, batches and noise.
        device: 'auto', 'cpu', 'cuda', …
        training: options of the training loop.

    Attributes:
        history_: one row per validation.
        validation_score_: score of the weights that were kept, bits per spike.
        network_: the fitted `LFADSNetwork`.
    """

    cli_name = "lfads"
    acausal: ClassVar[Mapping[str, Any]] = {"causal": False, "encoder__bidirectional": True}
    search_space: ClassVar[SearchSpace] = SPACE
    adjustable: ClassVar[frozenset[str]] = STEPPING | ADJUSTABLE

    def __init__(
        self,
        latent_dim: int = 32,
        inputs: int = 4,
        encoder: GRUEncoding | Literal["gru"] = "gru",
        *,
        generator: GRUGenerator = GRUGenerator(),  # noqa: B008 (frozen)
        controller: GRUController = GRUController(),  # noqa: B008 (frozen)
        initial: InitialCondition = InitialCondition(),  # noqa: B008 (frozen)
        observation: Counts | Literal["poisson", "negative-binomial"] = "poisson",
        stimulus: bool = True,
        kl: KLSchedule = KLSchedule("linear", 0.05, rise=0.5),  # noqa: B008 (frozen)
        dropout: float = 0.5,
        coordinated_dropout: Share = (0.0, 0.5),
        causal: bool = False,
        samples: int = 16,
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(learning_rate=6e-3, refit=True),  # noqa: B008 (frozen)
    ) -> None:
        self.latent_dim, self.inputs, self.encoder = latent_dim, inputs, encoder
        self.generator, self.controller, self.initial = generator, controller, initial
        self.observation, self.stimulus, self.kl = observation, stimulus, kl
        self.dropout, self.coordinated_dropout, self.causal = dropout, coordinated_dropout, causal
        self.samples, self.seed, self.device, self.training = samples, seed, device, training

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """Make an unfitted model with the settings of a preset.

        'released' has those of the code released with the paper, as far as they are settings here;
        'default' has the defaults.

        `changes` replace settings, also those of pieces: `preset("released", inputs=0)`.

        Raises:
            ModelError: for another name.
        """
        return cls(**preset_settings(name)).set_params(**changes)

    # --- what it is trained on ---------------------------------------------------------------

    def unused_signals(self, trials: TrialSet) -> list[str]:
        return unused_behavior(self.cli_name, trials)

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
        """Infer rates (spikes/s), latents and their divergences (KL terms) for `trials`.

        Latents are 'factors', 'generator' (its states) and 'inputs' (where there are any). In
        forward bins and bins without an observation, inputs are drawn from their prior.

        Args:
            trials: the model's neurons in its order, at its bin width; any number of bins. Arrays
                as in `fit`.
            samples: keep this many posterior samples of rates and latents (200 or more for
                intervals).
            seed: seed of the samples.

        Raises:
            ModelError: for other neurons, another order, other held-out neurons, another bin width
                or another stimulus.
        """
        trials = self.checked(trials)
        drawn, keep = self._samples(samples, seed), samples is not None
        with self._few_threads(trials):
            return prediction.predict(self.network_, self.read, trials, drawn, keep, seed)

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        if not self.causal:
            return super().stepper(samples, seed)
        drawn, known = self._samples(samples, seed), self.population_
        return LFADSStepper(
            self.network_on_cpu(), drawn, seed, known.n_heldin, known.stimulus_channels
        )

    def sample_prior(
        self, n: int, n_time: int, seed: int = 0, stimulus: ArrayLike | None = None
    ) -> dict[str, np.ndarray]:
        """Draw latents without any data, as `sample` does: name → (n, n_time, dim)."""
        self._check_fitted()
        batch = self.read(empty_trials(self.population_, n, stimulus, n_time, None))
        found = prediction.prior_latents(self.network_, batch, seed)
        return {name: value.cpu().numpy() for name, value in found.items()}

    def sample(
        self, n: int, n_time: int, seed: int = 0, stimulus: ArrayLike | None = None
    ) -> TrialSet:
        """Make trials without data: initial conditions and inputs from their priors.

        The trials hold the rates they were drawn from as `truth`.

        Args:
            n, n_time: number of trials and of bins.
            seed: seed of latents and counts.
            stimulus: (trials, time, channels), or (time, channels) for all; needed where the model
                was fitted with one.

        Raises:
            ModelError: for sizes that do not fit, or a stimulus that is missing or of no use.
        """
        self._check_fitted()
        made = empty_trials(self.population_, n, stimulus, n_time, None)
        rates, counts = prediction.prior_trials(self.network_, self.read(made), seed)
        return made.replace(spikes=counts, truth=rates)
