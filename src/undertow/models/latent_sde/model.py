"""`LatentSDE`: latent dynamics of any kind, inferred by variational inference over paths (ElGazzar
& van Gerven 2024)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike

from undertow.data import Prediction, TrialSet, join_trials, split_validation
from undertow.data.batches import Batch
from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.inference import KLSchedule
from undertow.models import persistence
from undertow.models.base import Estimator, Generated, ProgressReport
from undertow.models.langevin_flow.prediction import choose_device
from undertow.models.langevin_flow.validation import kept_row
from undertow.models.latent_sde import altering, sampling
from undertow.models.latent_sde import prediction as predicting
from undertow.models.latent_sde.building import build_network, check_gaps, initial_bins
from undertow.models.latent_sde.validation import validator
from undertow.models.population import Population
from undertow.randomness import isolated_seed
from undertow.training import Training, train


class LatentSDE(Estimator):
    """Single-trial rates, behaviour and latent paths under dynamics of your choice.

    Latents follow dx = μ(x, u) dt + σ(x, u) dW with stimulus u; the posterior adds a control read
    from state, stimulus and a context of all observations, and pays its Girsanov divergence; the
    loss is the evidence bound (eq. 6). Encoder and decoders are the same whatever the dynamics, so
    that two fits differ in `dynamics` alone.

    Args:
        dynamics: any `Dynamics`, such as `CoupledOscillators(16)`, or the name of one, of width
            `state_dim`. Its weights are drawn anew by `fit`, its width of input is the stimulus's;
            without a `timescale_s` of its own it is given trial length / 2.5.
        state_dim: width of the state where `dynamics` is a name.
        t0_s: seconds at the trial's start that the initial state is inferred from, in fitting and
            generating alike; 0 draws it from its prior N(0, I).
        posterior: 'controlled'; 'drift' (a drift of its own, eq. 4); 'autonomous' (only the initial
            state is inferred); 'initial-state' for dynamics without noise; 'auto' for the first or
            the last, as the dynamics have noise.
        full_initial: infer covariances of the initial state too.
        context: direction in which the context network reads: 'backward', 'forward' or 'both'.
        regions: None for a state all regions share, 'split' for units shared out equally among the
            regions, or units by region; decoders then read their own region's units alone (eq. 10).
        stimulus, behavior: False leaves them out.
        labels: names of labels to predict, one category a trial; None for all there are.
        time_input: time as a further input.
        encode_behavior: the encoder sees behaviour too, in half of the training trials.
        bins_per_step: bins a step of the solver spans: 2 in the paper; 0.5 for two steps a bin;
            never more internal time than the dynamics' `max_step`.
        interpolation: of context and stimulus between bins: 'linear' or 'previous'.
        hidden_dim, steering_width, decoder_width: units of encoder, control and decoder networks.
        counts: 'poisson' or 'negative-binomial'.
        link: 'exp' or 'softplus', from features to rates.
        rate_floor_hz: the least rate of a neuron, spikes/s.
        dropout: on the encoder's output and in the decoder.
        kl: weight of the KL terms over training.
        behavior_weight, label_weight: of their log-likelihoods beside the spikes'.
        checkpointed: less memory for the gradient, at the price of a second forward pass.
        monitor: what validation scores: rates inferred from all observations, 'smooth', or
            'generate'd from the first t0_s.
        samples: paths averaged in a prediction.
        seed: weights, batches and noise.
        device: 'auto', 'cpu', 'cuda', …
        training: options of the training loop.

    Attributes (after fit):
        history_: one row per validation.
        validation_score_: the best of them.
        network_: the fitted `LatentSDENetwork`; its `dynamics` hold the learned parameters, which
            are not identifiable: different ones can describe the data equally well.
    """

    cli_name = "latent-sde"
    irregular_times = True

    def __init__(
        self,
        dynamics: Dynamics | str = "coupled-oscillators",
        state_dim: int = 16,
        t0_s: float = 0.1,
        posterior: str = "auto",
        full_initial: bool = False,
        context: str = "backward",
        regions: str | Mapping[str, int] | None = None,
        stimulus: bool = True,
        behavior: bool = True,
        labels: tuple[str, ...] | None = None,
        time_input: bool = False,
        encode_behavior: bool = False,
        bins_per_step: float = 1.0,
        interpolation: str = "linear",
        hidden_dim: int = 64,
        steering_width: int = 64,
        decoder_width: int = 128,
        counts: str = "poisson",
        link: str = "exp",
        rate_floor_hz: float = 0.1,
        dropout: float = 0.0,
        kl: KLSchedule = KLSchedule(),  # noqa: B008 (frozen)
        behavior_weight: float = 1.0,
        label_weight: float = 1.0,
        checkpointed: bool = False,
        monitor: str = "smooth",
        samples: int = 30,
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(batch_size=128, learning_rate=2e-3),  # noqa: B008 (frozen)
    ) -> None:
        self.dynamics, self.state_dim, self.t0_s = dynamics, state_dim, t0_s
        self.posterior, self.full_initial, self.context = posterior, full_initial, context
        self.regions, self.stimulus, self.behavior, self.labels = (
            regions,
            stimulus,
            behavior,
            labels,
        )
        self.time_input, self.encode_behavior = time_input, encode_behavior
        self.bins_per_step, self.interpolation = bins_per_step, interpolation
        self.hidden_dim, self.steering_width, self.decoder_width = (
            hidden_dim,
            steering_width,
            decoder_width,
        )
        self.counts, self.link, self.rate_floor_hz = counts, link, rate_floor_hz
        self.dropout, self.kl = dropout, kl
        self.behavior_weight, self.label_weight = behavior_weight, label_weight
        self.checkpointed, self.monitor, self.samples = checkpointed, monitor, samples
        self.seed, self.device, self.training = seed, device, training

    def fit(
        self,
        trials: TrialSet,
        validation: TrialSet | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
    ) -> Self:
        """Learn from trials: counts of all neurons, behaviour and labels, given the stimulus.

        Args:
            trials: training trials.
            validation: trials the best epoch is chosen on; 15 % of `trials`, stratified, when not
                given.
            checkpoint: folder for checkpoints and the CSV log.
            resume: go on from the checkpoint there.
            progress: called with (row, share done, seconds left) after each validation.

        Raises:
            ModelError: when an option breaks its rule, or the trials lack what it asks for.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        if validation is None:
            trials, validation = split_validation(trials, 0.15, seed=self.seed)
        self._build(Population.of(trials, self), trials)
        self._check_population(validation)
        validate: Any = validator(self.batch(validation), validation, self.monitor)
        folder = None if checkpoint is None else Path(checkpoint)
        options: dict[str, Any] = {"settings": self.training, "seed": self.seed}
        options |= {"resume": resume, "report": progress}
        if (
            self.training.refit and self.training.keep == "last"
        ):  # nothing is chosen: all is trained on
            validate, trials = None, join_trials(trials, validation)
        batch = self.batch(trials)
        self.history_ = train(
            self.network_, batch, self._objective, validate, directory=folder, **options
        )
        self.validation_score_ = kept_row(self.history_).get("validation_score", float("nan"))
        if self.training.refit and validate is not None and self.history_:
            self._build(self.population_, trials)
            last = int(kept_row(self.history_)["epoch"])
            options |= {
                "directory": None if folder is None else folder / "refit",
                "last_epoch": last,
            }
            train(
                self.network_,
                self.batch(join_trials(trials, validation)),
                self._objective,
                None,
                **options,
            )
        self.network_.eval()
        return self

    def _build(self, population: Population, trials: TrialSet) -> None:
        with isolated_seed(self.seed):
            network = build_network(self, population)
        self.population_, self.network_ = population, network.to(choose_device(self.device))
        self._remember_population(trials)

    def batch(self, trials: TrialSet) -> Batch:
        """Trials as this model reads them, on its device.

        Raises:
            ModelError: for other signals than it was fitted on, or gaps too long for a step of its
                dynamics.
        """
        batch = self.population_.batch(trials, next(self.network_.parameters()).device)
        check_gaps(self.network_, batch)
        return batch

    def _objective(self, batch: Batch, generator: torch.Generator, progress: float) -> Any:
        return self.network_.loss(batch, generator, self.kl(progress))

    def predict(
        self,
        trials: TrialSet,
        samples: int | None = None,
        seed: int = 0,
        mode: str = "smooth",
        show_behavior: bool = False,
    ) -> Prediction:
        """Rates (spikes/s), latents, behaviour and label probabilities.

        Args:
            trials: the model's neurons in its order, at its bin width; any number of bins.
            samples: keep this many paths' rates, latents and behaviour (200 or more for intervals).
            seed: governs the paths.
            mode: 'smooth' infers the path from all observations; 'generate' only its start, from
                the first t0_s, and lets the prior run on with the stimulus.
            show_behavior: let an encoder that can (`encode_behavior`) see the behaviour, which is
                then no prediction.

        Raises:
            ModelError: for another mode, other neurons, or trials without the stimulus it was
                fitted with.
        """
        self._check_population(trials)
        if mode not in ("smooth", "generate"):
            raise ModelError(f"mode is {mode!r}: it must be 'smooth' or 'generate'.")
        if samples is not None and samples < 1:
            raise ModelError(
                f"samples is {samples}: it must be at least 1, or None for the model's own "
                f"{self.samples}."
            )
        prediction = predicting.predict(
            self.network_,
            self.batch(trials),
            trials,
            samples or self.samples,
            samples is not None,
            seed,
            mode == "generate",
            show_behavior,
        )
        categories = {
            name: np.array(values) for name, values in self.population_.categories.items()
        }
        names = tuple(self.population_.behavior_names)
        return replace(prediction, label_categories=categories, behavior_names=names)

    def predict_generated(
        self, trials: TrialSet, samples: int | None = None, seed: int = 0
    ) -> Generated:
        """`predict` in mode 'generate', and the bins it is shown."""
        generated = self.predict(trials, samples, seed, mode="generate")
        return Generated(generated, initial_bins(self.t0_s, self.bin_s_))

    def sample(
        self,
        n: int | None = None,
        stimulus: ArrayLike | None = None,
        n_time: int | None = None,
        trials: TrialSet | None = None,
        silenced: Sequence[str] = (),
        behavior: str = "drawn",
        seed: int = 0,
    ) -> TrialSet:
        """Trials made by the prior, for what-if questions: counts, `truth` rates, behaviour,
        labels, stimulus.

        Args:
            n: how many; by default as many as `trials` or `stimulus`, whose rows go round again for
                more.
            stimulus: (trials, time, inputs), or (time, inputs) for all; by default that of
                `trials`.
            n_time: bins; by default those of the stimulus, of `trials`, or of the longest trial
                fitted.
            trials: start from their first t0_s, instead of from x₀ ~ N(0, I).
            silenced: regions whose units are held at zero all along; what is decoded is decoded
                from zero.
            behavior: 'drawn', or its 'mean' on the path (the likeliest category).
            seed: of the noise; two calls with one seed differ by what is changed alone.

        Raises:
            ModelError: for sizes that do not fit, an unknown region, or dynamics in which zero is
                not silence.
        """
        self._check_fitted()
        return sampling.sample_trials(self, n, stimulus, n_time, trials, silenced, behavior, seed)

    def altered(self, edit: altering.Edit) -> "LatentSDE":
        """A copy with dynamics changed by `edit(dynamics)`, as `lambda d:
        d.coupling.constant.mul_(0.5)` halves a coupling.

        Raises:
            ModelError: when a parameter is then not finite; `StabilityError` when a step is then
                unstable.
        """
        self._check_fitted()
        return altering.altered(self, edit)

    def evidence(self, trials: TrialSet, paths: int = 30, seed: int = 0) -> dict[str, np.ndarray]:
        """Bounds on the log evidence of each trial, nats: 'elbo' and 'importance_weighted',
        (trials,) each."""
        self._check_population(trials)
        return predicting.evidence_bounds(self.network_, self.batch(trials), paths, seed)

    def parameter_counts(self) -> dict[str, int]:
        """Numbers learned, in 'all' and of the 'dynamics'."""
        self._check_fitted()
        parts = {"all": self.network_, "dynamics": self.network_.dynamics}
        return {
            k: sum(p.numel() for p in part.parameters() if p.requires_grad)
            for k, part in parts.items()
        }

    def save(self, path: str | Path) -> Path:
        """Write weights and settings to one safetensors file, atomically."""
        self._check_fitted()
        extra = {"history": self.history_, "population": asdict(self.population_)}
        return persistence.save(self, self.network_.state_dict(), extra, path)

    @classmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read a model written by `save`; dynamics of your own functions are passed again,
        `load(path, dynamics=…)`."""
        model, tensors, extra = persistence.load(cls, path, params)
        model.population_ = Population(**extra["population"])
        with isolated_seed(0):
            model.network_ = build_network(model, model.population_)
        persistence.restore(model.network_, tensors, path)
        model.network_.to(choose_device(model.device)).eval()
        model.history_ = extra["history"]
        model.validation_score_ = kept_row(model.history_).get("validation_score", float("nan"))
        return model
