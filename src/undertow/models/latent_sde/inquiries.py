"""What one can ask of a fitted `LatentSDE` beside predictions: what-if trials, evidence, states."""

import copy
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from undertow import checks
from undertow.data import TrialSet
from undertow.data.arrays import TrialsLike
from undertow.models.empty_trials import empty_trials
from undertow.models.latent_sde import altering, sampling
from undertow.models.latent_sde import prediction as predicting
from undertow.models.latent_sde.filtering import ParticleStepper
from undertow.models.latent_sde.inferring import Effort
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.readout_laplace import fit_readout_law
from undertow.models.latent_sde.relearning import relearn
from undertow.models.latent_sde.streaming import PosteriorStepper
from undertow.models.streaming import Stepper, Stream
from undertow.models.trained import TrainedModel


class Inquiries(TrainedModel[LatentSDENetwork]):
    """A fitted latent SDE, answering questions about its prior, its paths and its evidence."""

    _particles = 0

    def sample(
        self,
        n: int | None = None,
        stimulus: ArrayLike | None = None,
        n_time: int | None = None,
        trials: TrialSet | None = None,
        silenced: Sequence[str] = (),
        behavior: Literal["drawn", "mean"] = "drawn",
        seed: int = 0,
    ) -> TrialSet:
        """Make trials with the prior, to ask what would happen under other conditions.

        They hold counts, `truth` rates, behaviour, labels and stimulus.

        Args:
            n: number of trials; by default that of `trials` or `stimulus`; for more, their rows are
                used again in turn.
            stimulus: (trials, time, inputs), or (time, inputs) for all; by default that of
                `trials`.
            n_time: number of bins; by default that of the stimulus, `trials`, or the longest trial
                fitted.
            trials: start from their windows (`posterior.initial_s`), instead of from x₀ ~ N(0, I).
            silenced: regions (or 'shared') whose units are held at zero all along; what is decoded
                is decoded from zero.
            behavior: 'drawn', or its 'mean' on the path (the likeliest category).
            seed: seed of the noise; two calls with one seed differ only by what is changed.

        Raises:
            ModelError: for sizes that do not fit, an unknown region, or dynamics in which zero is
                not silence.
        """
        self._check_fitted()
        checks.one_of("behavior", behavior, ("drawn", "mean"))
        network, population = self.network_, self.population_
        held = altering.silenced_coordinates(network, population, silenced)
        if trials is not None:
            trials = self.checked(trials)
        window = empty_trials(population, n, stimulus, n_time, trials)
        start = None if trials is None else self.read(trials)
        drawn = sampling.draw(network, self.read(window), start, held, seed)
        return window.replace(**sampling.observed(network, population, drawn, behavior, seed))

    def altered(self, edit: altering.Edit) -> Self:
        """Return a copy whose dynamics are changed by `edit(dynamics)`.

        As an example, `lambda d: d.coupling.constant.mul_(0.5)` halves a coupling.

        Raises:
            ModelError: when a parameter is then not finite; `StabilityError` when a step is then
                unstable.
        """
        self._check_fitted()
        changed = copy.deepcopy(self)
        altering.alter(changed.network_, edit)
        return changed

    def relearned(self, trials: TrialSet, steps: int = 120, seed: int = 0) -> Self:
        """Return a copy whose dynamics and readouts learn further, without the encoder's errors.

        While they learn, each trial's own posterior is refined with them (`predict(refine=…)`), so
        that a fit has less reason to prefer too little process noise; then the encoder follows. At
        last the diffusion alone climbs the evidence of the counts, its gradient taken along paths
        of the smoothing law (`predict(particles=…)`; Fisher's identity), which has no such reason
        left; not where some coordinate has no noise of its own. It gains where intervals are too
        narrow, `predict(particles=…)` the more so; compare its `log_evidence` on validation trials
        with that of the model before.

        Args:
            trials: the training trials.
            steps: gradient steps of both parts; all trials take part in each of the first. Of the
                noise at most 30, of 64 trials each.
            seed: of the noise.

        Raises:
            ModelError: for a number of steps that is not at least 1.
        """
        checks.whole("steps", steps, 1, 1_000_000)
        trials = self.checked(trials)
        changed = copy.deepcopy(self)
        batch = changed.read(trials)
        relearn(changed.network_, batch, steps, seed)
        fit_readout_law(changed.network_, batch)
        altering.alter(changed.network_, lambda dynamics: None)
        return changed

    def evidence(self, trials: TrialSet, paths: int = 30, seed: int = 0) -> dict[str, np.ndarray]:
        """Bound the log evidence of each trial, in nats.

        Returns:
            'elbo' and 'importance_weighted', (trials,) each.
        """
        trials = self.checked(trials)
        return predicting.evidence_bounds(self.network_, self.read(trials), paths, seed)

    def inferred_states(self, trials: TrialSet, paths: int = 30, seed: int = 0) -> np.ndarray:
        """Infer the mean state, (trials, time, state_dim), over `paths` paths of the posterior.

        NaN past a trial's end.
        """
        trials = self.checked(trials)
        states = predicting.mean_states(self.network_, self.read(trials), paths, seed)
        return np.where(trials.valid[..., None], states, np.nan)

    def encoded_inputs(self, trials: TrialSet) -> np.ndarray:
        """Encode what drives the dynamics: u, (trials, time, input_dim), of stimulus and time.

        NaN past a trial's end.
        """
        trials = self.checked(trials)
        inputs = predicting.encoded_inputs(self.network_, self.read(trials))
        return np.where(trials.valid[..., None], inputs, np.nan)

    def unit_regions(self) -> np.ndarray:
        """Name the region that each unit (an oscillator, a coordinate) belongs to, (units,).

        'all' where the regions share one state; 'shared' for units that all of them read beside
        their own.
        """
        self._check_fitted()
        return altering.unit_regions(self.network_, self.population_)

    # --- bin by bin --------------------------------------------------------------------------

    def stream(
        self,
        behavior: bool | TrialsLike | None = None,
        *,
        lag_s: float = 0.1,
        samples: int | None = None,
        seed: int = 0,
        particles: int = 0,
    ) -> Stream:
        """As `Estimator.stream`; with `particles`, by a particle filter (500 or more) in place of
        the posterior, whose every bin says how many carry it: `StreamedBin.effective`.
        """
        Effort(particles=particles)
        with_filter = copy.copy(self)
        with_filter._particles = particles
        return super(Inquiries, with_filter).stream(
            behavior, lag_s=lag_s, samples=samples, seed=seed
        )

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        if self._particles:
            return ParticleStepper(self.network_on_cpu(), self.population_, self._particles, seed)
        paths = self._samples(samples, seed)
        return PosteriorStepper(self.network_on_cpu(), self.population_, paths, seed)
