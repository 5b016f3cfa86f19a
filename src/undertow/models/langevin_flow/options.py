"""Options of LangevinFlow's own pieces: its dynamics, its posterior and the released variant."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from undertow import checks
from undertow.dynamics import (
    ContextPotential,
    CoupledOscillatorPotential,
    DoubleWellPotential,
    Dynamics,
    EulerLangevin,
    FreeOscillatorPotential,
    InputDrivenPotential,
    MixedOscillatorPotential,
    MLPPotential,
    OverdampedLangevin,
    Potential,
    UnderdampedLangevin,
)
from undertow.dynamics.langevin_base import Learnable
from undertow.dynamics.limits import CONSTANTS, TIMESCALES_S, WIDEST
from undertow.dynamics.overdamped_langevin import OverdampedLearnable
from undertow.errors import ModelError
from undertow.options import Options

PotentialName = Literal[
    "coupled-oscillators",
    "input-driven",
    "free-oscillators",
    "mixed-oscillators",
    "mlp",
    "context",
    "double-well",
]
LONGEST_S = 1e9
"""Longest window of the initial state: any longer is a slip."""
OVERDAMPED: tuple[OverdampedLearnable, ...] = get_args(OverdampedLearnable)
OSCILLATORS = ("coupled-oscillators", "input-driven", "free-oscillators", "mixed-oscillators")


@dataclass(frozen=True)
class Langevin(Options):
    """Dynamics m dv = −∇U(z) dt − mγ v dt + √(2mγ k_Bτ) dW of LangevinFlow's latents (eq. 1).

    Attributes:
        potential: 'coupled-oscillators' (confining), 'input-driven' (the same, tilted by the
            counts), 'free-oscillators' (eq. 2 as printed), 'mixed-oscillators' (the released
            code's), 'mlp', 'context' (a network of positions and h), 'double-well', or what builds
            a `Potential` from the number of positions.
        order: 2, or 1 for positions alone that slide down the potential (no 'v'; `mass` and
            `gamma` are unused).
        groups, taps: oscillator chains and kernel length of the oscillator potentials, at most
            4,096.
        mass, gamma, temperature: m, γ and k_Bτ, 1e-18 to 1e18 (with order 1, a temperature of 0 is
            no noise); γ per unit of internal time t / timescale_s.
        timescale_s: seconds per unit of internal time, 1e-6 to 1e6; 'bin' is one bin.
        learn: which of 'mass', 'gamma', 'temperature', 'timescale' are learned.
        allow_unstable: run dynamics whose step can diverge, instead of refusing them.
        scheme: 'splitting' (stable, exact friction and noise) or 'euler' (Algorithm 1, one explicit
            step a bin).
        hamiltonian_step: with 'euler', the step of positions and force: 1 in the paper, 0.01 in the
            released code.
    """

    argument: ClassVar[str] = "dynamics"
    name: ClassVar[str | None] = "langevin"
    potential: PotentialName | Callable[[int], Potential] = "coupled-oscillators"
    order: Literal[1, 2] = 2
    groups: int = 4
    taps: int = 7
    mass: float = 1.0
    gamma: float = 0.7
    temperature: float = 0.5
    timescale_s: float | Literal["bin"] = 0.05
    learn: tuple[Learnable, ...] = ("gamma", "temperature")
    allow_unstable: bool = False
    scheme: Literal["splitting", "euler"] = "splitting"
    hamiltonian_step: float = 1.0

    def check(self) -> None:
        for learned in self.learn:
            checks.one_of(self.of("learn"), learned, get_args(Learnable))
        if not callable(self.potential):
            checks.one_of(self.of("potential"), self.potential, get_args(PotentialName))
        if isinstance(self.timescale_s, str):
            checks.one_of(self.of("timescale_s"), self.timescale_s, ("bin",))
        else:
            checks.number(self.of("timescale_s"), self.timescale_s, *TIMESCALES_S, unit="seconds")
        for name in ("groups", "taps"):
            checks.whole(self.of(name), getattr(self, name), 1, WIDEST)
        for name in ("mass", "gamma", "hamiltonian_step"):
            checks.number(self.of(name), getattr(self, name), *CONSTANTS)
        if self.temperature != 0 or self.order == 2:
            checks.number(self.of("temperature"), self.temperature, *CONSTANTS)
        if self.order == 1 and self.scheme == "euler":
            raise ModelError("dynamics.order=1 has no velocity: leave dynamics.scheme 'splitting'.")

    @property
    def grouped(self) -> bool:
        """Whether the positions are arranged in chains of oscillators."""
        return self.potential in OSCILLATORS

    def build(self, latent_dim: int, n_heldin: int, bin_s: float, context_dim: int = 1) -> Dynamics:
        """Build dynamics of so many positions.

        An input-driven potential reads the held-in counts, a context potential the encoder's state.

        Raises:
            ModelError: naming the setting and the rule it breaks.
        """
        options: dict[str, Any] = {
            "temperature": self.temperature,
            "allow_unstable": self.allow_unstable,
            "timescale_s": bin_s if self.timescale_s == "bin" else self.timescale_s,
            "potential": self._potential_builder(n_heldin, context_dim),
        }
        if self.order == 1:
            learn = [name for name in OVERDAMPED if name in self.learn]
            return OverdampedLangevin(latent_dim, learn=learn, **options)
        options |= {"mass": self.mass, "gamma": self.gamma, "learn": self.learn}
        if self.scheme == "euler":
            step = self.hamiltonian_step
            return EulerLangevin(2 * latent_dim, hamiltonian_step=step, **options)
        return UnderdampedLangevin(2 * latent_dim, **options)

    def _potential_builder(self, n_heldin: int, context_dim: int) -> Callable[[int], Potential]:
        """Return the function that builds the potential from the number of positions."""

        def oscillators(dim: int) -> Potential:
            return CoupledOscillatorPotential(dim, self.groups, self.taps)

        if not isinstance(self.potential, str):
            return self.potential
        return {
            "coupled-oscillators": oscillators,
            "free-oscillators": lambda dim: FreeOscillatorPotential(dim, self.groups, self.taps),
            "mixed-oscillators": lambda dim: MixedOscillatorPotential(dim, self.groups, self.taps),
            "input-driven": lambda dim: InputDrivenPotential(dim, n_heldin, oscillators),
            "mlp": MLPPotential,
            "context": lambda dim: ContextPotential(dim, context_dim),
            "double-well": DoubleWellPotential,
        }[self.potential]


@dataclass(frozen=True)
class LangevinPosterior(Options):
    """Options for how the observations steer the latents.

    Attributes:
        kind: 'autonomous' (only the initial state is inferred) or 'controlled' (the encoder also
            pushes the velocities; its cost is the Girsanov KL).
        initial_s: seconds at the trial's start that the initial state is inferred from; 'first' for
            the first bin alone, 'all' for the whole trial.
        path_prior: 'dynamics'; 'standard-normal' for the N(0, I) on every velocity of eq. 7;
            'released' for what the released code adds in its place.
        stimulus: let the encoder read the stimulus beside the counts, where the trials hold one.
    """

    argument: ClassVar[str] = "posterior"
    kind: Literal["autonomous", "controlled"] = "controlled"
    initial_s: float | Literal["first", "all"] = "all"
    path_prior: Literal["dynamics", "standard-normal", "released"] = "dynamics"
    stimulus: bool = True

    def check(self) -> None:
        if isinstance(self.initial_s, str):
            checks.one_of(self.of("initial_s"), self.initial_s, ("first", "all"))
        else:
            checks.number(
                self.of("initial_s"), self.initial_s, 0, LONGEST_S, above=True, unit="seconds"
            )

    def initial_bins(self, bin_s: float) -> int | None:
        """Number of bins that the initial state is inferred from; None for all."""
        if self.initial_s == "all":
            return None
        return 1 if self.initial_s == "first" else max(1, round(float(self.initial_s) / bin_s))


@dataclass(frozen=True)
class Variant(Options):
    """Choices in which the code released with LangevinFlow differs from the paper.

    Attributes:
        likelihood: 'sum' over bins and neurons (nats per trial) or 'mean' over them, beside KL
            terms that stay sums.
        learn_from_kept: share of the inputs not hidden by coordinated dropout that are learned from
            too.
        average: what is averaged over posterior samples, 'rates' or 'log-rates'.
    """

    argument: ClassVar[str] = "variant"
    likelihood: Literal["sum", "mean"] = "sum"
    learn_from_kept: float = 0.0
    average: Literal["rates", "log-rates"] = "rates"

    def check(self) -> None:
        checks.share(self.of("learn_from_kept"), self.learn_from_kept)
