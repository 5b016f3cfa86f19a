"""`LatentSDE` (ElGazzar & van Gerven 2024): latent dynamics of any kind, inferred over paths."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from undertow import checks
from undertow.data import Prediction, TrialSet
from undertow.data.arrays import TrialsLike
from undertow.data.batches import Batch
from undertow.dynamics import Dynamics
from undertow.inference import KLSchedule
from undertow.models.base import Generated
from undertow.models.latent_sde import prediction as predicting
from undertow.models.latent_sde import validation
from undertow.models.latent_sde.aligning import mode_aligner
from undertow.models.latent_sde.building import Settings, build_network, check_gaps, network_size
from undertow.models.latent_sde.building import check_settings as check_pieces
from undertow.models.latent_sde.dealing import present
from undertow.models.latent_sde.free_loss import free_loss
from undertow.models.latent_sde.inferring import Effort
from undertow.models.latent_sde.inquiries import Inquiries
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.options import PathPosterior, Signals, Solver
from undertow.models.latent_sde.presets import (
    ADJUSTABLE,
    RECIPES,
    SPACE,
    TRAINING,
    preset_settings,
)
from undertow.models.latent_sde.readout_laplace import fit_readout_law
from undertow.models.latent_sde.readouts import in_turn, readout_solver
from undertow.models.latent_sde.relearning import relearn
from undertow.models.latent_sde.sleep import sleep_loss
from undertow.models.lstm_encoding import LSTMEncoding
from undertow.models.pieces import Counts, RegionalDecoding
from undertow.models.population import Population
from undertow.models.racing import Recipe
from undertow.models.search_space import SearchSpace
from undertow.models.sizes import Size
from undertow.models.trained import STEPPING
from undertow.training import Solve, Training, Validate


class LatentSDE(Inquiries):
    """Model of single-trial rates, behaviour and latent paths under dynamics of your choice.

    Latents follow dx = μ(x, u) dt + σ(x, u) dW with stimulus u; the posterior adds a control read
    from state, stimulus and a context of all observations, at a cost (Girsanov divergence); the
    loss is the evidence bound (eq. 6). Encoder and decoders are the same whatever the dynamics, so
    that two fits differ in `dynamics` alone.

    Args:
        dynamics: any `Dynamics`, such as `CoupledOscillators(16)`, or the name of one, of width
            `latent_dim`. Its weights are drawn anew by `fit`, its width of input is the stimulus's;
            without a `timescale_s` of its own it is given trial length / 2.5.
        latent_dim: width of the state where `dynamics` is a name.
        regions: None for a state all regions share, 'split' for units shared out equally among the
            regions, or units by region; decoders then read their own region's units alone (eq. 10).
            With 'shared+split', or an entry 'shared' beside the regions, they also read units that
            all regions share.
        encoder: 'lstm', or with its options, `LSTMEncoding(…)`.
        decoder: 'regional', or with its options, `RegionalDecoding(…)`.
        observation: 'poisson', 'negative-binomial', or `Counts(…)`.
        posterior: 'auto', 'controlled', 'drift', 'autonomous', 'initial-state', or
            `PathPosterior(…)`: how the observations steer the path, and from which window its start
            is inferred.
        training_path: 'simulated': paths of the posterior are run in training, step by step;
            'free': its marginals are read off the context, and the bound is estimated at sampled
            times (Bartosh et al. 2025), which for long trials takes a fraction of the time.
        signals: which stimulus, behaviour and labels are used.
        solver: how paths are stepped.
        kl: weight of the KL terms over training.
        dropout: share of units dropped in training, on the encoder's output and in the decoder.
        samples: paths averaged in a prediction.
        seed: seed of weights, batches and noise.
        device: 'auto', 'cpu', 'cuda', …
        training: options of the training loop.

    Attributes:
        history_: one row per validation.
        validation_score_: validation score of the weights that were kept.
        dynamics_: the fitted dynamics. Their parameters are not identifiable: different ones can
            describe the data equally well.
        network_: the fitted `LatentSDENetwork`.
    """

    cli_name = "latent-sde"
    irregular_times = True
    acausal: ClassVar[Mapping[str, Any]] = {"encoder__context": "auto"}
    recipes: ClassVar[Mapping[str, Recipe]] = RECIPES
    search_space: ClassVar[SearchSpace] = SPACE
    adjustable: ClassVar[frozenset[str]] = STEPPING | ADJUSTABLE

    def __init__(
        self,
        dynamics: Dynamics | str = "coupled-oscillators",
        latent_dim: int = 16,
        regions: Literal["split", "shared+split"] | Mapping[str, int] | None = None,
        *,
        encoder: LSTMEncoding | Literal["lstm"] = "lstm",
        decoder: RegionalDecoding | Literal["regional"] = "regional",
        observation: Counts | Literal["poisson", "negative-binomial"] = "poisson",
        posterior: PathPosterior
        | Literal["auto", "controlled", "drift", "autonomous", "initial-state"] = "auto",
        training_path: Literal["simulated", "free"] = "simulated",
        signals: Signals = Signals(),  # noqa: B008 (frozen)
        solver: Solver = Solver(),  # noqa: B008 (frozen)
        kl: KLSchedule = KLSchedule(),  # noqa: B008 (frozen)
        dropout: float = 0.3,
        samples: int = 30,
        seed: int = 0,
        device: str = "auto",
        training: Training = TRAINING,
    ) -> None:
        self.dynamics, self.latent_dim, self.regions = dynamics, latent_dim, regions
        self.encoder, self.decoder, self.observation = encoder, decoder, observation
        self.posterior, self.training_path = posterior, training_path
        self.signals, self.solver = signals, solver
        self.kl, self.dropout, self.samples, self.seed = kl, dropout, samples, seed
        self.device, self.training = device, training

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """Make an unfitted model by its name.

        'paper' (as printed) and 'released' (as in its code) are the published ones; 'default' has
        the defaults, and 'auto' races `recipes` on the validation trials and goes on with the best.

        `changes` replace settings, also those of pieces: `preset("paper", kl__peak=1.0)`.

        Raises:
            ModelError: for another name.
        """
        return cls(**preset_settings(name)).set_params(**changes)

    # --- what it is trained on ---------------------------------------------------------------

    def describe(self, trials: TrialSet) -> Population:
        used = self.signals
        regions: str | Mapping[str, int] | None = self.regions
        if self._common is not None:
            regions = present(regions, trials)
        return Population.of(trials, used.stimulus, used.behavior, used.labels, regions)

    def judging_settings(self, trials: TrialSet) -> list[str]:
        signals = [name for name in self.get_params() if name.startswith("signals__")]
        return [*super().judging_settings(trials), *signals, "posterior__initial_s"]

    def check_settings(self) -> None:
        super().check_settings()
        check_pieces(self._settings())

    def network_size(self, population: Population) -> Size:
        return network_size(self._settings(), population)

    def build_network(self, population: Population) -> LatentSDENetwork:
        return build_network(self._settings(), population)

    def _settings(self) -> Settings:
        return Settings(**{name: self.piece(name) for name in Settings._fields})

    def read(self, trials: TrialSet) -> Batch:
        """Return the trials as this model reads them, on its device.

        Raises:
            ModelError: for other signals than it was fitted on, or gaps too long for a step of its
                dynamics.
        """
        batch = super().read(trials)
        check_gaps(self.network_, batch)
        return batch

    def parts(self) -> Mapping[str, nn.Module | None]:
        return {"dynamics": self.network_.dynamics}

    def readouts(self) -> Sequence[nn.Module]:
        network = self.network_
        behavior = [] if network.behavior is None else [network.behavior]
        return [network.observation, *behavior, *network.labels.values()]

    def closed_form(self, batch: Batch) -> Solve | None:
        solvers: list[Solve | None] = []
        if self.piece("posterior").align_modes:
            solvers.append(mode_aligner(self.network_, batch))
        if self.signals.solve_readouts:
            generate = self.training.monitor == "generate"
            solvers.append(readout_solver(self.network_, batch, generate))
        return in_turn([each for each in solvers if each is not None])

    def _train(self, trials: TrialSet, *given: Any) -> list[dict[str, float]]:
        if (law := self.network_.parameter_law) is not None:
            law.n_trials = trials.n_trials
        return super()._train(trials, *given)

    def complete(self, trials: TrialSet) -> None:
        batch = self.read(trials)
        if steps := self.piece("posterior").relearn:
            relearn(self.network_, batch, steps, self.seed)
            if (solve := self.closed_form(batch)) is not None:
                solve(self.network_.eval(), 1.0)  # for prediction: it has learned for the bound
        if self.network_.readout_law is not None:
            fit_readout_law(self.network_, batch)

    def objective(
        self, batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if self.network_.free is not None:
            return free_loss(self.network_, batch, generator, self.kl(progress))
        loss, terms = self.network_.loss(batch, generator, self.kl(progress))
        if (law := self.network_.parameter_law) is not None:
            terms["kl_parameters"] = law.kl(self.network_.dynamics)
            loss = loss + self.kl(progress) * terms["kl_parameters"]
        if weight := self.piece("posterior").sleep:
            terms["sleep"] = sleep_loss(self.network_, batch, generator).mean()
            loss = loss + weight * terms["sleep"]
        return loss, terms

    def validator(self, trials: TrialSet, batch: Batch) -> Validate:
        return validation.validator(batch, trials, self.training.monitor)

    def scores_by_trial(self, trials: TrialSet) -> np.ndarray:
        held = self.read(trials)
        return validation.scores_by_trial(self.network_, held, trials, self.training.monitor)

    def _width_of(self, name: str) -> int | None:
        return self.latent_dim if name == "dynamics" else None

    # --- what it predicts --------------------------------------------------------------------

    def predict(
        self,
        trials: TrialsLike,
        samples: int | None = None,
        seed: int = 0,
        mode: Literal["smooth", "generate"] = "smooth",
        show_behavior: bool = False,
        refine: int = 0,
        particles: int = 0,
    ) -> Prediction:
        """Predict rates (spikes/s), latents, behaviour and label probabilities.

        Args:
            trials: the model's neurons in its order, at its bin width; any number of bins.
            samples: keep this many paths' rates, latents and behaviour (200 or more for intervals).
            seed: seed of the paths.
            mode: 'smooth' infers the path from all observations; 'generate' only its start, from
                its window (`posterior.initial_s`), and lets the prior run on with the stimulus.
            show_behavior: let an encoder that can (`encode_behavior`) see the behaviour, which is
                then no prediction.
            refine: gradient steps on the posterior of each trial, from where the encoder puts it
                (50 to 200); the terms 'amortised_bound' and 'refined_bound' are its evidence bound
                before and after.
            particles: draw paths of the smoothing law itself with so many particles a trial (500 or
                more), in place of the posterior; the term 'log_evidence' estimates that of the
                counts the encoder sees, `effective_samples` say what each bin rests on.

        Raises:
            ModelError: for another mode, other neurons, or trials without the stimulus it was
                fitted with.
        """
        effort = Effort(refine, particles)
        trials = self.checked(trials)
        checks.one_of("mode", mode, ("smooth", "generate"))
        with self._few_threads(trials):
            prediction = predicting.predict(
                self.network_,
                self.read(trials),
                trials,
                self._samples(samples, seed),
                samples is not None,
                seed,
                mode == "generate",
                show_behavior,
                effort=effort,
            )
        categories = {
            name: np.array(values) for name, values in self.population_.categories.items()
        }
        names = tuple(self.population_.behavior_names)
        return replace(prediction, label_categories=categories, behavior_names=names)

    def predict_generated(
        self, trials: TrialSet, samples: int | None = None, seed: int = 0
    ) -> Generated:
        """Predict in mode 'generate', and say how many bins the model is shown."""
        generated = self.predict(trials, samples, seed, mode="generate")
        return Generated(generated, self.network_.t0_bins)
