"""Options of LatentSDE's own pieces: its posterior, the signals it uses and its solver."""

from dataclasses import dataclass
from math import isclose
from typing import ClassVar, Literal

from undertow import checks
from undertow.dynamics import Dynamics
from undertow.encoders import Interpolation
from undertow.errors import ModelError
from undertow.inference import (
    ControlSteering,
    DriftSteering,
    InitialHead,
    MatchedSteering,
    Positive,
    Steering,
)
from undertow.models.encoding import WIDEST
from undertow.models.latent_sde.free import FreePosterior
from undertow.options import Options

LONGEST_S = 1e9
"""Longest window of the initial state: any longer is a slip."""
MOST_TIMES = 10**6
"""Sampled times of a trial: more is a slip."""
STEPS = (1e-2, 1e4)
"""Bins that a step may span."""


@dataclass(frozen=True)
class PathPosterior(Options):
    """Options for how the observations steer the path.

    Attributes:
        kind: 'controlled'; 'drift' (a drift of its own, eq. 4); 'autonomous' (only the initial
            state is inferred); 'initial-state' for dynamics without noise; 'auto' for the first or
            the last, as the dynamics have noise.
        initial_s: seconds at the trial's start that the initial state is inferred from, in fitting
            and generating alike; 0 draws it from its prior N(0, I).
        initial_share: share of each trial, from its start, that the initial state is inferred from
            wherever all observations are given, in training too; generation then has `initial_s`
            alone. None for `initial_s` in both.
        full_initial: also infer the covariances between coordinates of the initial state.
        initial_variance: 'exp' or 'softplus' of a linear map, for the initial state's variances.
        hidden_dim: units of the control network, or of that of the marginals, at most 65,536.
        bounded: the drift of 'drift' is at most 1 per unit of internal time, by a tanh.
        align_modes: with 'drift', and coupled oscillators that all neurons read, turn the state's
            coordinates to the modes of the inferred paths and set the frequencies to theirs, from
            20 to 70 % of training: rhythms that lie across several oscillators are then parted.
        sleep: weight, at most 1e6, of what the encoder learns from trials that the current prior
            makes (wake–sleep); intervals come out wider, at about half as much time again. 0 for
            none.
        uncertain_dynamics: also infer a Gaussian over the dynamics' own parameters, whose paths are
            then drawn under parameters of their own.
        uncertain_readouts: also draw each neuron's readout anew for each sample that is kept, from
            Laplace's approximation; mean rates stay those of the fitted readouts.
        relearn: steps after training in which dynamics and readouts learn with a posterior of each
            training trial's own, at most 1e6, see `LatentSDE.relearned`; 0 for none.
        full_marginals: of training_path='free': also infer covariances between coordinates along
            the path.
        sampled_times: of training_path='free': times drawn per trial and training step.
    """

    argument: ClassVar[str] = "posterior"
    kind: Literal["auto", "controlled", "drift", "autonomous", "initial-state"] = "auto"
    initial_s: float = 0.1
    initial_share: float | None = None
    full_initial: bool = False
    initial_variance: Positive = "exp"
    hidden_dim: int = 64
    bounded: bool = False
    align_modes: bool = False
    sleep: float = 0.0
    uncertain_dynamics: bool = False
    uncertain_readouts: bool = False
    relearn: int = 0
    full_marginals: bool = False
    sampled_times: int = 32

    def check(self) -> None:
        checks.number(self.of("sleep"), self.sleep, 0, 1e6)
        checks.number(self.of("initial_s"), self.initial_s, 0, LONGEST_S, unit="seconds")
        checks.whole(self.of("sampled_times"), self.sampled_times, 1, MOST_TIMES)
        checks.whole(self.of("hidden_dim"), self.hidden_dim, 1, WIDEST)
        checks.whole(self.of("relearn"), self.relearn, 0, 1_000_000)
        if self.initial_share is not None:
            checks.number(self.of("initial_share"), self.initial_share, 0, 1, above=True)
        if self.initial_share is not None and self.initial_s == 0:
            raise ModelError(
                f"posterior.initial_share is {self.initial_share:g} with posterior.initial_s=0, "
                "which infers no initial state: give initial_s what generation may see."
            )
        if self.align_modes and self.kind != "drift":
            raise ModelError(
                f"posterior.align_modes is True with posterior.kind={self.kind!r}: it turns the "
                "coordinates of kind='drift' alone."
            )
        if self.bounded and self.kind != "drift":
            raise ModelError(
                f"posterior.bounded is True with posterior.kind={self.kind!r}: it bounds the drift "
                "of kind='drift' alone."
            )

    def build_initial(self, n_inputs: int, state_dim: int) -> InitialHead | None:
        """Build the map to the initial state's law; None where it is not inferred."""
        if not n_inputs:
            return None
        return InitialHead(n_inputs, state_dim, self.full_initial, self.initial_variance)

    def initial_bins(self, bin_s: float) -> int:
        """Number of bins that the initial state is inferred from."""
        return 0 if self.initial_s == 0 else max(1, round(self.initial_s / bin_s))

    def build(self, dynamics: Dynamics, context_dim: int) -> Steering | None:
        """Build the control; None where only the initial state is inferred.

        Raises:
            ModelError: for dynamics that no such posterior fits.
        """
        kind = self.kind
        if kind == "auto":
            kind = "controlled" if dynamics.noise_dim else "initial-state"
        if kind == "initial-state" and dynamics.noise_dim:
            raise ModelError(
                "posterior.kind='initial-state' needs dynamics without noise, which "
                f"{type(dynamics).__name__} has: use noise=False, or posterior.kind='autonomous'."
            )
        if kind in ("autonomous", "initial-state"):
            return None
        if kind == "drift":
            return DriftSteering(dynamics, context_dim, self.hidden_dim, self.bounded)
        return ControlSteering(dynamics, context_dim, self.hidden_dim)

    def build_free(
        self, dynamics: Dynamics, context_dim: int
    ) -> tuple[FreePosterior, MatchedSteering]:
        """Build the marginals of training_path='free', and the steering that follows them.

        Raises:
            ModelError: for dynamics that no such posterior fits, or another kind of posterior.
        """
        if self.kind != "auto":
            raise ModelError(
                "training_path='free' has a posterior of its own kind, and posterior.kind is "
                f"{self.kind!r}: leave it at 'auto', or use training_path='simulated'."
            )
        for name in ("sleep", "uncertain_dynamics"):
            if getattr(self, name):
                raise ModelError(
                    f"{self.of(name)} learns from simulated paths: leave it out, or use "
                    "training_path='simulated'."
                )
        width = context_dim + dynamics.input_dim
        made = FreePosterior(
            dynamics, width, self.hidden_dim, self.full_marginals, self.sampled_times
        )
        return made, MatchedSteering(dynamics, self.full_marginals)


@dataclass(frozen=True)
class Signals(Options):
    """Signals that a latent SDE reads and predicts beside spikes.

    Attributes:
        stimulus: let the stimulus drive the dynamics, where the trials hold one.
        time: give time to the dynamics as a further input.
        behavior: predict behaviour, where the trials hold any.
        labels: names of labels to predict, one category a trial; None for all there are.
        encode_behavior: the encoder sees behaviour too, in half of the training trials.
        behavior_weight, label_weight: weights of their log-likelihoods, at most 1e6; that of spikes
            is 1.
        solve_readouts: solve the readouts of behaviour and labels in closed form before training
            and at each validation, instead of leaving them to the optimiser.
    """

    argument: ClassVar[str] = "signals"
    stimulus: bool = True
    time: bool = False
    behavior: bool = True
    labels: tuple[str, ...] | None = None
    encode_behavior: bool = False
    behavior_weight: float = 1.0
    label_weight: float = 1.0
    solve_readouts: bool = True

    def check(self) -> None:
        for name in ("behavior_weight", "label_weight"):
            checks.number(self.of(name), getattr(self, name), 0, 1e6)


@dataclass(frozen=True)
class Solver(Options):
    """Options for how a path is stepped.

    Attributes:
        bins_per_step: bins a step spans, 0.01 to 1e4: 2 in the paper; 0.5 for two steps a bin;
            never more internal time than the dynamics' `max_step`.
        interpolation: how context and stimulus are read between bins: 'linear' or 'previous' (the
            last value is held).
        checkpointed: less memory for the gradient, at the price of a second forward pass.
    """

    argument: ClassVar[str] = "solver"
    bins_per_step: float = 1.0
    interpolation: Interpolation = "linear"
    checkpointed: bool = False

    def check(self) -> None:
        bins = checks.number(self.of("bins_per_step"), self.bins_per_step, *STEPS)
        ratio = max(bins, 1 / bins)
        if not isclose(ratio, round(ratio), rel_tol=1e-6):
            raise ModelError(
                f"solver.bins_per_step is {bins:g}: it must be a whole number of bins, or one over "
                "a whole number, such as 0.5."
            )
