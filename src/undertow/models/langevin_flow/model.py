"""`LangevinFlow` (Song et al. 2025): a sequential VAE whose latents follow Langevin dynamics."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from undertow.data import Prediction, TrialSet
from undertow.data.arrays import TrialsLike
from undertow.data.batches import Batch
from undertow.inference import KLSchedule, Share
from undertow.models.encoding import GRUEncoding, LinearEncoding
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.langevin_flow import prediction, presets
from undertow.models.langevin_flow import validation as validating
from undertow.models.langevin_flow.building import (
    Settings,
    build_network,
    dropout_for,
    network_size,
)
from undertow.models.langevin_flow.building import check_settings as check_pieces
from undertow.models.langevin_flow.inquiries import Inquiries
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.options import Langevin, LangevinPosterior, Variant
from undertow.models.langevin_flow.pool import Pool
from undertow.models.pieces import Counts, LinearDecoding, MLPDecoding, TransformerDecoding
from undertow.models.population import Population
from undertow.models.racing import Recipe
from undertow.models.search_space import SearchSpace
from undertow.models.sizes import Size
from undertow.models.trained import STEPPING
from undertow.models.unused import unused_behavior, unused_by_spikes_alone
from undertow.training import Training, Validate


class LangevinFlow(Inquiries):
    """Model of single-trial rates and latents from spikes, with Langevin latents.

    A GRU reads the held-in counts, and a stimulus; from its state h initial positions z₀ and
    velocities v₀ are inferred; they run on under m dv = −∇U(z) dt − mγ v dt + √(2mγ k_Bτ) dW,
    pushed by h at a cost; decoders of [z, v] and of h, among them a one-layer Transformer, give the
    rates of all neurons (Algorithm 1 has one of [z, v, h]: `decoder__read="together"`). As h is
    decoded, the loss is an objective and not an evidence bound.

    Args:
        latent_dim: positions; there are as many velocities. A multiple of `dynamics.groups`.
        dynamics: options of the dynamics, `Langevin(potential=…, gamma=…)`; None leaves the latents
            out: the decoder then sees h alone.
        encoder: 'gru', 'linear' (without state), or either with its options, `GRUEncoding(…)`.
        decoder: 'transformer', 'mlp', 'linear', or one with its options, `MLPDecoding(…)`.
        observation: 'poisson', 'negative-binomial', or `Counts(…)`.
        posterior: 'controlled', 'autonomous', or `LangevinPosterior(…)`: how observations steer the
            latents, from which window their start is inferred, whether a stimulus is read.
        kl: weight of the KL terms over training.
        dropout: share of units dropped in training, on the encoder's output and in the decoders;
            None for √(40 / training spikes of a held-in neuron, on average), at most 0.2.
        coordinated_dropout: share of the inputs hidden in training; of two, each trial draws its
            own between them.
        causal: make rates at a bin depend on no later bin.
        samples: posterior samples averaged in a prediction, in antithetic pairs.
        seed: seed of weights, batches and noise.
        device: 'auto', 'cpu', 'cuda', …
        training: options of the training loop.
        variant: readings of the code released with the paper; see `Variant` and `preset`.
        pool: 'regression' pools the rates of held-out neurons with those of a Poisson regression on
            smoothed held-in spikes, with shares chosen on the validation trials; None leaves the
            network alone.

    Attributes:
        history_: one row per validation.
        validation_score_: validation score of the weights that were kept, bits per spike.
        dynamics_: the fitted dynamics.
        network_: the fitted `LangevinNetwork`.
        pooled_score_: co-smoothing of the pooled rates on the validation trials, bits per spike;
            NaN without a pool, and in a model that was loaded.
    """

    cli_name = "langevin-flow"
    acausal: ClassVar[Mapping[str, Any]] = presets.ACAUSAL
    recipes: ClassVar[Mapping[str, Recipe]] = presets.RECIPES
    search_space: ClassVar[SearchSpace] = presets.SPACE
    adjustable: ClassVar[frozenset[str]] = STEPPING | presets.ADJUSTABLE
    settings_before: ClassVar[Mapping[str, Any]] = presets.BEFORE
    pooled_score_: float = float("nan")
    _pool: Pool | None = None

    def __init__(
        self,
        latent_dim: int = 64,
        dynamics: Langevin | Literal["langevin"] | None = Langevin(),  # noqa: B008 (frozen)
        encoder: GRUEncoding | LinearEncoding | Literal["gru", "linear"] = "gru",
        *,
        decoder: TransformerDecoding
        | MLPDecoding
        | LinearDecoding
        | Literal["transformer", "mlp", "linear"] = "transformer",
        observation: Counts | Literal["poisson", "negative-binomial"] = "poisson",
        posterior: LangevinPosterior | Literal["controlled", "autonomous"] = "controlled",
        kl: KLSchedule = KLSchedule("linear", 0.05, rise=0.5),  # noqa: B008 (frozen)
        dropout: float | None = None,
        coordinated_dropout: Share = (0.0, 0.8),
        causal: bool = False,
        samples: int = 8,
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(refit=True),  # noqa: B008 (frozen)
        variant: Variant = Variant(),  # noqa: B008 (frozen)
        pool: Literal["regression"] | None = "regression",
    ) -> None:
        self.latent_dim, self.dynamics, self.encoder = latent_dim, dynamics, encoder
        self.decoder, self.observation, self.posterior = decoder, observation, posterior
        self.kl, self.dropout, self.coordinated_dropout = kl, dropout, coordinated_dropout
        self.causal, self.samples, self.seed, self.device = causal, samples, seed, device
        self.training, self.variant, self.pool = training, variant, pool

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """Return a model by its name.

        'paper' (as printed) and 'released' (as in its code) are the published ones; 'default' has
        the defaults, 'auto' races `recipes` on the validation trials and goes on with the best, and
        'causal' sees the past alone and can be streamed.

        `changes` replace settings, also those of pieces: `preset("paper", dynamics__gamma=0.7)`.

        Raises:
            ModelError: for another name.
        """
        return cls(**presets.preset_settings(name)).set_params(**changes)

    # --- what it is trained on ---------------------------------------------------------------

    def unused_signals(self, trials: TrialSet) -> list[str]:
        reads = self.piece("posterior").stimulus
        return (unused_behavior if reads else unused_by_spikes_alone)(self.cli_name, trials)

    def judging_settings(self, trials: TrialSet) -> list[str]:
        held = self.training.monitor != "likelihood" and bool(trials.heldout.any())
        # without held-out neurons, what it hides in training is what is scored
        return super().judging_settings(trials) + ["coordinated_dropout"] * (not held)

    def check_settings(self) -> None:
        super().check_settings()
        check_pieces(self._settings())

    def describe(self, trials: TrialSet) -> Population:
        return Population.of(trials, stimulus=self.piece("posterior").stimulus)

    def network_size(self, population: Population) -> Size:
        return network_size(self._settings(), population)

    def build_network(self, population: Population) -> LangevinNetwork:
        return build_network(self._settings(), population)

    def _settings(self) -> Settings:
        settings = Settings(**{name: self.piece(name) for name in Settings._fields})
        if settings.dropout is not None:
            return settings
        return settings._replace(dropout=dropout_for(self.trained_spikes))

    def parts(self) -> Mapping[str, nn.Module | None]:
        return {"dynamics": self.network_.dynamics}

    def readouts(self) -> Sequence[nn.Module]:
        return [self.network_.observation]

    def parameter_counts(self) -> dict[str, int]:
        counts, pool = super().parameter_counts(), self.network_.pool
        if pool is None:
            return counts
        return {**counts, "all": counts["all"] + pool.numbers, "pool": pool.numbers}

    def objective(
        self, batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return self.network_.loss(batch, generator, self.kl(progress), self.coordinated_dropout)

    def validator(self, trials: TrialSet, batch: Batch) -> Validate:
        share = self.coordinated_dropout
        hidden = HiddenSpikes.of(trials, batch, self.training.monitor, share)
        return validating.validator(hidden, batch, trials)

    def choose(self, trials: TrialSet, validation: TrialSet) -> None:
        """Choose how the sources of rates are pooled."""
        if (pool := self.network_.pool) is not None:
            held = self.read(validation)
            hidden = HiddenSpikes.of(validation, held, "auto", self.coordinated_dropout)
            decoded = validating.mean_counts(self.network_, held, hidden.inputs, self.samples)
            before = self.validation_score_
            self.pooled_score_ = pool.learn(trials, validation, hidden, decoded)
            self._pool = pool
            gain = f"validation {before:.4f} → {self.pooled_score_:.4f}"
            self.notes_.append(f"{pool.sentence}; {gain}.")

    def scores_by_trial(self, trials: TrialSet) -> np.ndarray:
        held = self.read(trials)
        hidden = HiddenSpikes.of(trials, held, self.training.monitor, self.coordinated_dropout)
        expected = validating.expected_counts(self.network_, held, hidden.inputs, trials)
        return hidden.by_trial(expected)

    def complete(self, trials: TrialSet) -> None:
        """Keep the pool through a refit, which trains a network of its own."""
        if self._pool is not None:
            self.network_.pool, self._pool = self._pool, None

    def finish(self, validation_batch: Batch) -> None:
        """Warn when the latents carry no information from the data."""
        validating.warn_unused_latents(self.network_, validation_batch)

    # --- what it predicts --------------------------------------------------------------------

    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        """Infer rates (spikes/s), latents and their divergences (KL terms) for `trials`.

        Args:
            trials: the model's neurons in its order, at its bin width; any number of bins. Arrays
                as in `fit`.
            samples: keep this many posterior samples of rates and latents (200 or more for
                intervals).
            seed: seed of the samples.

        Raises:
            ModelError: for other neurons, another order, other held-out neurons or another bin
                width.
        """
        trials = self.checked(trials)
        dynamics = self.piece("dynamics")
        grouped = dynamics is not None and dynamics.grouped
        groups = dict.fromkeys(("z", "v")[: dynamics.order], dynamics.groups) if grouped else {}
        drawn, keep = self._samples(samples, seed), samples is not None
        average = self.variant.average
        with self._few_threads(trials):
            return prediction.predict(
                self.network_, self.read, trials, drawn, keep, seed, groups, average
            )

    def predict_exchanged(self, trials: TrialSet, seed: int = 0) -> Prediction | None:
        """Predict rates with each trial's latents replaced by those of another trial, at its own h.

        None without latents or with a single trial.
        """
        trials = self.checked(trials)
        if self.network_.dynamics is None or trials.n_trials < 2:
            return None
        with self._few_threads(trials):
            rates = prediction.exchanged_rates(
                self.network_, self.read(trials), trials, self.samples, seed, self.variant.average
            )
        return Prediction(rates, trials)
