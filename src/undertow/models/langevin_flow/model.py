"""`LangevinFlow`: a sequential VAE whose latents follow underdamped Langevin dynamics (Song et al.
2025)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from undertow.data import Prediction, TrialSet, join_trials, split_validation
from undertow.data.batches import Batch
from undertow.dynamics import Potential
from undertow.errors import ModelError
from undertow.models import persistence
from undertow.models.base import Estimator, ProgressReport
from undertow.models.langevin_flow import prediction
from undertow.models.langevin_flow import validation as checking
from undertow.models.langevin_flow.building import OSCILLATORS, build_network
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.presets import preset_settings
from undertow.models.langevin_flow.validation import kept_row
from undertow.models.langevin_flow.variant import Variant
from undertow.randomness import isolated_seed
from undertow.training import Training, train


class LangevinFlow(Estimator):
    """Single-trial rates and latents from spikes, with Langevin latents.

    A GRU reads the held-in counts; from its state h the initial positions z₀ and velocities v₀ are
    inferred; they run on under m dv = −∇U(z) dt − mγ v dt + √(2mγ k_Bτ) dW, pushed by h at a price;
    a one-layer Transformer reads [z, v, h] of the window and gives the rates of all neurons
    (Algorithm 1). As it sees h, the loss is an objective, no evidence bound.

    Args:
        latent_dim: positions; there are as many velocities. A multiple of `groups`.
        hidden_dim: GRU units per direction.
        bidirectional: let the GRU also run backwards.
        initial: what z₀, v₀ are inferred from: 'first' bin, 'all' bins, or a window in seconds.
        posterior: 'autonomous' (only the initial state is inferred) or 'controlled' (the encoder
            also pushes the velocities; its cost is the Girsanov KL).
        path_prior: 'dynamics'; 'standard-normal' for the N(0, I) on every velocity of eq. 7;
            'released' for what the released code adds in its place.
        latents: False leaves the latents out; the decoder then sees h alone.
        order: 2, or 1 for positions alone that slide down the potential (no 'v', `mass` and `gamma`
            unused).
        potential: 'coupled-oscillators' (confining), 'input-driven' (the same, tilted by the
            counts), 'free-oscillators' (eq. 2 as printed), 'mixed-oscillators' (the released
            code's), 'mlp', 'double-well', or what builds a `Potential` from the number of
            positions.
        groups, taps: oscillator chains and kernel length of the oscillator potentials.
        mass, gamma, temperature, timescale_s: constants of the dynamics; γ per unit of internal
            time t / timescale_s, where timescale_s='bin' is one bin.
        learn: which of 'mass', 'gamma', 'temperature', 'timescale' are learned.
        allow_unstable: run dynamics whose step can diverge, instead of refusing them.
        encoder: 'gru', or 'linear' for one without state.
        decoder: 'transformer', 'mlp' or 'linear'.
        decoder_inputs: which of 'z', 'v', 'h' the decoder sees.
        withhold_h: share of the training trials in which it does not see h, so that the latents
            must carry what it needs.
        decoder_width, heads: size of the decoder.
        rate_floor_hz: the least rate of a neuron, spikes/s.
        causal: make rates at a bin depend on no later bin.
        dropout: on the GRU's output and in the decoder.
        coordinated_dropout: share of the inputs hidden in training.
        kl_weight, kl_warmup: final weight of the KL terms; share of training over which it rises
            from zero.
        samples: posterior samples averaged in a prediction.
        seed: weights, batches and noise.
        device: 'auto', 'cpu', 'cuda', …
        training: options of the training loop.
        variant: readings of the paper and of its released code; see `Variant` and `preset`.

    Attributes (after fit):
        history_: one row per validation.
        validation_score_: the best of them.
        network_: the fitted `LangevinNetwork`.
    """

    cli_name = "langevin-flow"

    def __init__(
        self,
        latent_dim: int = 64,
        hidden_dim: int = 64,
        bidirectional: bool = True,
        initial: str | float = "all",
        posterior: str = "controlled",
        path_prior: str = "dynamics",
        latents: bool = True,
        order: int = 2,
        potential: str | Callable[[int], Potential] = "coupled-oscillators",
        groups: int = 4,
        taps: int = 7,
        mass: float = 1.0,
        gamma: float = 0.7,
        temperature: float = 0.5,
        timescale_s: float | str = 0.05,
        learn: tuple[str, ...] = ("gamma", "temperature"),
        allow_unstable: bool = False,
        encoder: str = "gru",
        decoder: str = "transformer",
        decoder_inputs: tuple[str, ...] = ("z", "v", "h"),
        withhold_h: float = 0.4,
        decoder_width: int = 128,
        heads: int = 4,
        rate_floor_hz: float = 0.1,
        causal: bool = False,
        dropout: float = 0.35,
        coordinated_dropout: float = 0.5,
        kl_weight: float = 0.05,
        kl_warmup: float = 0.5,
        samples: int = 50,
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(),  # noqa: B008 (frozen)
        variant: Variant = Variant(),  # noqa: B008 (frozen)
    ) -> None:
        self.latent_dim, self.hidden_dim, self.bidirectional = latent_dim, hidden_dim, bidirectional
        self.initial, self.posterior, self.path_prior, self.latents = (
            initial,
            posterior,
            path_prior,
            latents,
        )
        self.order, self.potential, self.groups, self.taps = order, potential, groups, taps
        self.mass, self.gamma, self.temperature = mass, gamma, temperature
        self.timescale_s, self.learn, self.allow_unstable = timescale_s, learn, allow_unstable
        self.encoder, self.decoder, self.decoder_inputs = encoder, decoder, decoder_inputs
        self.withhold_h, self.decoder_width, self.heads = withhold_h, decoder_width, heads
        self.rate_floor_hz, self.causal = rate_floor_hz, causal
        self.dropout, self.coordinated_dropout = dropout, coordinated_dropout
        self.kl_weight, self.kl_warmup = kl_weight, kl_warmup
        self.samples, self.seed, self.device = samples, seed, device
        self.training, self.variant = training, variant

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """The published model: 'paper' (as printed) or 'released' (as in its code); `changes`
        replace settings.

        Raises:
            ModelError: for another name.
        """
        return cls(**{**preset_settings(name), **changes})

    def fit(
        self,
        trials: TrialSet,
        validation: TrialSet | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
    ) -> Self:
        """Learn from trials.

        Args:
            trials: training trials; forward bins and held-out neurons in them are learned from.
            validation: trials the best epoch is chosen on; 15 % of `trials`, stratified, when not
                given.
            checkpoint: folder for checkpoints and the CSV log.
            resume: go on from the checkpoint there; the run then ends as one never interrupted
                would.
            progress: called with (row, share done, seconds left) after each validation.

        Raises:
            ModelError: when an option breaks its rule.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        if validation is None:
            trials, validation = split_validation(trials, 0.15, seed=self.seed)
        self._build(trials)
        self._check_population(validation)
        device = next(self.network_.parameters()).device
        validate: checking.Validate | None = checking.validator(
            validation, self.training.monitor, self.coordinated_dropout, device
        )
        folder = None if checkpoint is None else Path(checkpoint)
        options: dict[str, Any] = {
            "settings": self.training,
            "seed": self.seed,
            "resume": resume,
            "report": progress,
        }
        if (
            self.training.refit and self.training.keep == "last"
        ):  # nothing is chosen: all is trained on
            validate, trials = None, join_trials(trials, validation)
        batch = Batch.from_trials(trials, device)
        self.history_ = train(
            self.network_, batch, self._objective, validate, directory=folder, **options
        )
        self.validation_score_ = kept_row(self.history_).get("validation_score", float("nan"))
        if self.training.refit and validate is not None and self.history_:
            self._build(trials)
            batch = Batch.from_trials(join_trials(trials, validation), device)
            folder = None if folder is None else folder / "refit"
            train(
                self.network_,
                batch,
                self._objective,
                None,
                directory=folder,
                last_epoch=int(kept_row(self.history_)["epoch"]),
                **options,
            )
        self.network_.eval()
        checking.warn_unused_latents(self.network_, Batch.from_trials(validation, device))
        return self

    def _build(self, trials: TrialSet) -> None:
        """A fresh network for this population."""
        with isolated_seed(self.seed):
            network = build_network(
                self, int((~trials.heldout).sum()), trials.mean_rates, trials.bin_s
            )
        self.network_: LangevinNetwork = network.to(prediction.choose_device(self.device))
        self._remember_population(trials)

    def _objective(self, batch: Batch, generator: torch.Generator, progress: float) -> Any:
        kl_weight = self.kl_weight * (
            min(1.0, progress / self.kl_warmup) if self.kl_warmup > 0 else 1.0
        )
        return self.network_.loss(batch, generator, kl_weight, self.coordinated_dropout)

    def predict(self, trials: TrialSet, samples: int | None = None, seed: int = 0) -> Prediction:
        """Rates (spikes/s), latents and their divergences for `trials`.

        Args:
            trials: the model's neurons in its order, at its bin width; any number of bins.
            samples: keep this many posterior samples of rates and latents (200 or more for
                intervals).
            seed: governs the samples.

        Raises:
            ModelError: for other neurons, another order, other held-out neurons or another bin
                width.
        """
        self._check_population(trials)
        if samples is not None and samples < 1:
            raise ModelError(
                f"samples is {samples}: it must be at least 1, or None for the model's own "
                f"{self.samples}."
            )
        grouped = self.network_.dynamics is not None and self.potential in OSCILLATORS
        names = ("z", "v")[: self.order] if grouped else ()
        return prediction.predict(
            self.network_,
            trials,
            samples or self.samples,
            samples is not None,
            seed,
            dict.fromkeys(names, self.groups),
            self.variant.average,
        )

    def predict_exchanged(self, trials: TrialSet, seed: int = 0) -> Prediction | None:
        """Rates with each trial's latents replaced by another's at the same h; None without latents
        or with one trial."""
        self._check_population(trials)
        if self.network_.dynamics is None or trials.n_trials < 2:
            return None
        rates = prediction.exchanged_rates(
            self.network_, trials, self.samples, seed, self.variant.average
        )
        return Prediction(rates, trials)

    def kl_per_coordinate(self, trials: TrialSet, seed: int = 0) -> dict[str, np.ndarray]:
        """Nats per trial of the KL terms: 'initial' of [z, v], (state_dim,), 'path' of each noisy
        one, (noise_dim,).

        Without latents both are empty.
        """
        self._check_population(trials)
        return prediction.kl_per_coordinate(self.network_, trials, self.samples, seed)

    def parameter_counts(self) -> dict[str, int]:
        """Numbers learned, in 'all' and of the 'dynamics' (0 without latents)."""
        self._check_fitted()
        parts = {"all": self.network_, "dynamics": self.network_.dynamics or torch.nn.Identity()}
        return {
            k: sum(p.numel() for p in part.parameters() if p.requires_grad)
            for k, part in parts.items()
        }

    def sample_prior(self, n: int, n_time: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Latent paths of the dynamics without any data: name → (n, n_time, dim)."""
        self._check_fitted()
        if self.network_.dynamics is None:
            raise ModelError(
                "this model has no latents (latents=False): there is no prior to sample."
            )
        return prediction.sample_prior(self.network_, n, n_time, seed)

    def sample(self, n: int, n_time: int, seed: int = 0) -> TrialSet:
        """Trials made without data: latents from the prior, rates from the decoder, Poisson counts.

        Raises:
            ModelError: when the decoder also sees the encoder's state h, which does not exist
                without data.
        """
        self._check_fitted()
        if "h" in self.decoder_inputs or not self.latents:
            raise ModelError(
                "rates cannot be made without data: the decoder sees the encoder's state h "
                f"({self.decoder_inputs}). Fit with decoder_inputs=('z', 'v'), or draw latents "
                "alone with sample_prior(n, n_time)."
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

    def save(self, path: str | Path) -> Path:
        """Write weights and settings to one safetensors file, atomically."""
        self._check_fitted()
        return persistence.save(self, self.network_.state_dict(), {"history": self.history_}, path)

    @classmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read a model written by `save`; a potential of your own is passed again, `load(path,
        potential=…)`."""
        model, tensors, extra = persistence.load(cls, path, params)
        with isolated_seed(0):
            model.network_ = build_network(
                model, int((~model.heldout_).sum()), np.ones(len(model.neuron_ids_)), model.bin_s_
            )
        persistence.restore(model.network_, tensors, path)
        model.network_.to(prediction.choose_device(model.device)).eval()
        model.history_ = extra["history"]
        model.validation_score_ = kept_row(model.history_).get("validation_score", float("nan"))
        return model
