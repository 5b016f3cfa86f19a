"""`GPSLDS`: latent dynamics with a Gaussian-process drift that switches between linear flows."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from undertow import checks
from undertow.data import TrialSet
from undertow.data.arrays import TrialsLike, learning_parts
from undertow.dynamics import SwitchingGP
from undertow.dynamics.base import TRIAL_UNITS
from undertow.dynamics.limits import width
from undertow.dynamics.switching_kernel import Gate
from undertow.errors import ModelError
from undertow.memory import check_memory, give_back
from undertow.models import persistence
from undertow.models.base import ProgressReport
from undertow.models.gp_slds import prediction as predicting
from undertow.models.gp_slds.fitted import MOST_SAMPLES, FittedGPSLDS
from undertow.models.gp_slds.learning import Learner
from undertow.models.gp_slds.loop import EMLoop
from undertow.models.gp_slds.network import GPSLDSNetwork
from undertow.models.gp_slds.options import VariationalEM
from undertow.models.gp_slds.validation import validator
from undertow.models.population import Population
from undertow.models.sizes import Size
from undertow.models.unused import warn_of_unused
from undertow.randomness import isolated_seed
from undertow.training import (
    Progress,
    choose_device,
    clock,
    kept_row,
    reporter,
    threads,
    threads_for,
)

LONGEST_S = 1e6
COPIES = 8


class GPSLDS(FittedGPSLDS):
    """Gaussian-process switching linear dynamical system of single-trial rates and behaviour.

    Latents follow dx = (f(x) + B u) ds + σ dW, where the drift f has a Gaussian-process prior whose
    kernel blends linear flows (`SwitchingGP`); counts are Poisson, log rates linear in x (Hu et al.
    2024). Paths are inferred by natural gradients over Gaussian Markov laws (SING, Hu et al. 2025),
    the drift in closed form, so that it comes with its uncertainty: `dynamics_.drift` and
    `dynamics_.drift_std`.

    Args:
        latent_dim: width of the state x.
        regimes: number of linear flows.
        inducing: number of inducing states of the Gaussian process; None for the kernel's own
            features, which are exact.
        gate: what regimes are read from: the state ('linear') or its squares too ('quadratic').
        temperature: width of the borders between regimes, above zero.
        timescale_s: seconds per unit of internal time; None for the longest trial / 2.5.
        stimulus, behavior: False leaves them out. A stimulus drives the state linearly; continuous
            behaviour is read from it linearly.
        time: time as a further input, which runs from 0 to 1 over the longest trial.
        initial_s: seconds at a trial's start from which mode 'generate' infers the state.
        samples: paths averaged in mode 'generate'.
        seed: seed of the start and of paths.
        device: 'auto', 'cpu', 'cuda', …
        em: options of the fit.

    Attributes:
        history_: one row per validation; 'elbo' in nats per trial.
        validation_score_: score of the iteration that was kept.
        dynamics_: the fitted `SwitchingGP`. Its coordinates are not identifiable: other ones can
            describe the data equally well.
        network_: the fitted `GPSLDSNetwork`.
    """

    cli_name = "gp-slds"
    history_: list[dict[str, float]]

    def __init__(
        self,
        latent_dim: int = 4,
        regimes: int = 3,
        inducing: int | None = None,
        *,
        gate: Gate = "linear",
        temperature: float = 0.5,
        timescale_s: float | None = None,
        stimulus: bool = True,
        time: bool = False,
        behavior: bool = True,
        initial_s: float = 0.1,
        samples: int = 30,
        seed: int = 0,
        device: str = "auto",
        em: VariationalEM = VariationalEM(),  # noqa: B008 (frozen)
    ) -> None:
        self.latent_dim, self.regimes, self.inducing = latent_dim, regimes, inducing
        self.gate, self.temperature, self.timescale_s = gate, temperature, timescale_s
        self.stimulus, self.time, self.behavior = stimulus, time, behavior
        self.initial_s, self.samples, self.seed = initial_s, samples, seed
        self.device, self.em = device, em

    def check_settings(self) -> None:
        super().check_settings()
        checks.whole("samples", self.samples, 1, MOST_SAMPLES)
        checks.number("initial_s", self.initial_s, 0, LONGEST_S, above=True, unit="seconds")
        choose_device(self.device)
        self._check_widths()
        with isolated_seed(0):
            self._dynamics(0, 1.0)

    def _check_widths(self) -> None:
        """Refuse widths that nothing could be built of."""
        width("latent_dim", self.latent_dim)
        width("regimes", self.regimes)
        if self.inducing is not None:
            width("inducing", self.inducing)

    def unused_signals(self, trials: TrialSet) -> list[str]:
        found = []
        if trials.behavior is not None and trials.behavior_kind != "continuous":
            found.append("GPSLDS does not use categorical behaviour; latent-sde predicts it.")
        if trials.labels:
            found.append("GPSLDS does not use labels; latent-sde predicts them.")
        return found

    # --- fitting -----------------------------------------------------------------------------

    def fit(
        self,
        trials: TrialsLike,
        validation: TrialsLike | None = None,
        *,
        bin_s: float | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
        verbose: bool = True,
    ) -> Self:
        """Learn from trials; held-out neurons and forward bins in them are learned from too.

        Validation measures bits per spike of held-out neurons given the others, or, where none are
        held out, the evidence bound in bits per spike.

        Args:
            trials: a `TrialSet`; or a (trials, time, neurons) array of counts, a list of (time,
                neurons) arrays or an xarray, with `bin_s`.
            validation: as `trials`, to choose the iteration on; by default a stratified 15 % of
                them.
            bin_s: bin width of arrays, in seconds.
            checkpoint: folder for checkpoints and the CSV log.
            resume: continue from the checkpoint; the fit then ends as one never interrupted.
            progress: called with (row, share done, seconds left) after each validation; by default
                a line on a terminal or in a notebook, and nothing elsewhere.
            verbose: False for silence where no `progress` is given.

        Raises:
            ModelError: when an option breaks its rule, or the trials lack what it asks for.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        self.check_settings()
        report, started = reporter(progress, verbose), time.monotonic()
        trials, validation = learning_parts(trials, validation, bin_s, self.seed)
        warn_of_unused(self.unused_signals(trials))
        self._remember_population(trials)
        self._check_population(validation)
        self._check_memory(trials)
        self.population_ = self._describe(trials)
        with isolated_seed(self.seed):
            self.network_ = self._build(self.population_)
        with threads(threads_for(0, trials.n_trials)):  # its matrices are small ones
            self._learn(trials, validation, checkpoint, resume, report)
            if isinstance(report, Progress):
                report.finish(self._summary(time.monotonic() - started))
        give_back()
        return self

    def _learn(
        self,
        trials: TrialSet,
        validation: TrialSet,
        checkpoint: str | Path | None,
        resume: bool,
        report: ProgressReport,
    ) -> None:
        """Run the EM iterations, and solve the readout of behaviour."""
        held = self._read(validation)
        validate = validator(self.em, self._seen_bins, validation, held)
        learner = Learner(self.network_, self._given(trials, everything=True), self.em, self.seed)
        learner.start()
        folder = None if checkpoint is None else Path(checkpoint)
        loop = EMLoop(learner, validate, folder, report)
        self.history_ = loop.run(resume)
        self.validation_score_ = kept_row(self.history_).get("validation_score", float("nan"))
        del learner, loop
        self._solve_behavior(trials)

    def _summary(self, seconds: float) -> str:
        kept = int(kept_row(self.history_).get("epoch", 0))
        score = self.validation_score_
        return (
            f"GPSLDS: fitted in {clock(seconds)}, iteration {kept} of {self.em.iterations} kept, "
            f"validation {score:.4f}"
        )

    def _describe(self, trials: TrialSet) -> Population:
        behaves = self.behavior and trials.behavior_kind == "continuous"
        return Population.of(trials, self.stimulus, behaves)

    def _build(self, population: Population) -> GPSLDSNetwork:
        """The network of this population, before it is fitted."""
        inputs = population.stimulus_channels + self.time
        dynamics = self._dynamics(inputs, population.duration_s)
        rates = torch.tensor(population.mean_rates, dtype=torch.float64)
        least_hz = 0.5 / max(population.duration_s, population.bin_s)
        counts = rates.clamp(min=1e-2 * least_hz) * population.bin_s
        channels = len(population.behavior_names)
        clock_s = population.duration_s if self.time else None
        network = GPSLDSNetwork(dynamics, counts, population.bin_s, channels, clock_s)
        return network.to(choose_device(self.device))

    def _dynamics(self, input_dim: int, duration_s: float) -> SwitchingGP:
        timescale_s = duration_s / TRIAL_UNITS if self.timescale_s is None else self.timescale_s
        return SwitchingGP(
            self.latent_dim,
            self.regimes,
            input_dim,
            self.inducing,
            self.gate,
            self.temperature,
            timescale_s=timescale_s,
        )

    def _check_memory(self, trials: TrialSet) -> None:
        n_trials, n_time, n_neurons = trials.shape
        numbers = n_trials * n_time * (2 * n_neurons + COPIES * self.latent_dim**2)
        check_memory(
            8.0 * numbers,
            f"the paths of {n_trials} trials × {n_time} bins in {self.latent_dim} dimensions",
            "lower latent_dim, or give fewer trials.",
            ModelError,
        )

    def _solve_behavior(self, trials: TrialSet) -> None:
        """Read behaviour from the states as predictions infer them, without held-out neurons."""
        if self.population_.behavior_names and trials.behavior is not None:
            predicting.solve_behavior(self.network_, self.inferred_states(trials), trials.behavior)

    # --- files ---------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the fitted model to one safetensors file, atomically."""
        self._check_fitted()
        return persistence.save(
            self, self.network_.state_dict(), self.history_, asdict(self.population_), Path(path)
        )

    @classmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read a model written by `save`; `params` replace arguments.

        Raises:
            ModelError: when the file is missing, damaged or of another model.
        """
        model, tensors, header = persistence.load(cls, path, params)
        model.population_ = known = Population.read(header.population, path)
        model.neuron_ids_, model.bin_s_ = np.array(known.neuron_ids), known.bin_s
        model.heldout_ = np.array(known.heldout, dtype=bool)
        model._check_widths()
        weights = model.latent_dim * (model.inducing or model.regimes * (model.latent_dim + 1))
        persistence.check_size(Size(weights, 0), tensors, path)
        model.check_settings()
        with isolated_seed(0):
            model.network_ = model._build(known)
        persistence.restore(model.network_, tensors, path)
        model.history_ = header.history
        model.validation_score_ = kept_row(model.history_).get("validation_score", float("nan"))
        return model
