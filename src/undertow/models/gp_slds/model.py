"""`GPSLDS`: latent dynamics with a Gaussian-process drift that switches between linear flows."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from undertow import checks
from undertow.data import TrialSet
from undertow.dynamics import SwitchingGP
from undertow.dynamics.base import TRIAL_UNITS
from undertow.dynamics.limits import width
from undertow.dynamics.switching_kernel import Gate
from undertow.errors import ModelError
from undertow.memory import check_memory
from undertow.models import persistence
from undertow.models.em import Validate
from undertow.models.gp_slds import prediction as predicting
from undertow.models.gp_slds.fitted import MOST_SAMPLES, FittedGPSLDS
from undertow.models.gp_slds.learning import Learner
from undertow.models.gp_slds.network import GPSLDSNetwork
from undertow.models.gp_slds.options import VariationalEM
from undertow.models.gp_slds.validation import validator
from undertow.models.population import Population
from undertow.models.search_space import Choices, Range, SearchSpace
from undertow.models.sizes import Size
from undertow.randomness import isolated_seed

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
    search_space: ClassVar[SearchSpace] = {
        "latent_dim": Choices((2, 3, 4, 6, 8)),
        "regimes": Choices((2, 3, 4, 5)),
        "temperature": Range(0.1, 1.0, "log"),
        "em__smoothing_s": Range(0.02, 0.1, "log"),
    }
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
        self._check_widths()
        with isolated_seed(0):
            self._dynamics(0, 1.0)

    def _check_widths(self) -> None:
        """Refuse widths that nothing could be built of."""
        width("latent_dim", self.latent_dim)
        width("regimes", self.regimes)
        if self.inducing is not None:
            width("inducing", self.inducing)

    def judging_settings(self, trials: TrialSet) -> list[str]:
        return [*super().judging_settings(trials), "initial_s"]

    def unused_signals(self, trials: TrialSet) -> list[str]:
        found = []
        if trials.behavior is not None and trials.behavior_kind != "continuous":
            found.append("GPSLDS does not use categorical behaviour; latent-sde predicts it.")
        if trials.labels:
            found.append("GPSLDS does not use labels; latent-sde predicts them.")
        return found

    # --- fitting -----------------------------------------------------------------------------

    def learner(self, trials: TrialSet) -> Learner:
        return Learner(self.network_, self._given(trials, everything=True), self.em, self.seed)

    def validator(self, trials: TrialSet) -> Validate:
        return validator(self.em, self._seen_bins, trials, self.read(trials))

    def complete(self, trials: TrialSet, validation: TrialSet) -> None:
        """Read behaviour from the states as predictions infer them, without held-out neurons."""
        if self.population_.behavior_names and trials.behavior is not None:
            predicting.solve_behavior(self.network_, self.inferred_states(trials), trials.behavior)

    def describe(self, trials: TrialSet) -> Population:
        behaves = self.behavior and trials.behavior_kind == "continuous"
        return Population.of(trials, self.stimulus, behaves)

    def build_network(self, population: Population) -> GPSLDSNetwork:
        """The network of this population, before it is fitted."""
        inputs = population.stimulus_channels + self.time
        dynamics = self._dynamics(inputs, population.duration_s)
        rates = torch.tensor(population.mean_rates, dtype=torch.float64)
        least_hz = 0.5 / max(population.duration_s, population.bin_s)
        counts = rates.clamp(min=1e-2 * least_hz) * population.bin_s
        channels = len(population.behavior_names)
        clock_s = population.duration_s if self.time else None
        return GPSLDSNetwork(dynamics, counts, population.bin_s, channels, clock_s)

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

    def check_memory(self, trials: TrialSet) -> None:
        n_trials, n_time, n_neurons = trials.shape
        numbers = n_trials * n_time * (2 * n_neurons + COPIES * self.latent_dim**2)
        check_memory(
            8.0 * numbers,
            f"the paths of {n_trials} trials × {n_time} bins in {self.latent_dim} dimensions",
            "lower latent_dim, or give fewer trials.",
            ModelError,
        )

    def network_size(self, population: Population) -> Size:
        return Size(self.latent_dim * (self.inducing or self.regimes * (self.latent_dim + 1)), 0)

    def _check_loaded(self, tensors: Mapping[str, Tensor], path: str | Path) -> None:
        self._check_widths()  # first: what is too wide must not even be built to be checked
        persistence.check_size(self.network_size(self.population_), tensors, path)
        self.check_settings()
