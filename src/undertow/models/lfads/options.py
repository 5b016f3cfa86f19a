"""Options of LFADS's own pieces: its generator, initial condition and controller."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from undertow import checks
from undertow.dynamics.limits import TIMESCALES_S
from undertow.models.encoding import WIDEST
from undertow.options import Options

MOST_WEIGHT = 1e6
STDS = (1e-6, 1e6)


@dataclass(frozen=True)
class GRUGenerator(Options):
    """Options of the generator, a GRU whose states are the modelled dynamics.

    Attributes:
        hidden_dim: units, at most 65,536.
        l2_penalty: what half the mean square of its recurrent weights costs, nats per trial, at
            most 1e6.
    """

    argument: ClassVar[str] = "generator"
    hidden_dim: int = 100
    l2_penalty: float = 0.0

    def check(self) -> None:
        checks.whole(self.of("hidden_dim"), self.hidden_dim, 1, WIDEST)
        checks.number(self.of("l2_penalty"), self.l2_penalty, 0, MOST_WEIGHT)


@dataclass(frozen=True)
class InitialCondition(Options):
    """Options of the inferred initial condition, from which the generator's first state is made.

    Attributes:
        dim: numbers inferred, at most 65,536.
        prior: 'learned' (a Gaussian with learned means and variances) or 'standard' (N(0, 1)).
        kl_weight: weight of its KL term beside `kl`, at most 1e6.
    """

    argument: ClassVar[str] = "initial"
    dim: int = 64
    prior: Literal["learned", "standard"] = "learned"
    kl_weight: float = 5.0

    def check(self) -> None:
        checks.whole(self.of("dim"), self.dim, 1, WIDEST)
        checks.number(self.of("kl_weight"), self.kl_weight, 0, MOST_WEIGHT)


@dataclass(frozen=True)
class GRUController(Options):
    """Options of the controller, which infers the inputs, and of the inputs' prior.

    Attributes:
        hidden_dim: units of the controller, at most 65,536.
        correlation_s: autocorrelation time of the inputs' prior in seconds, 1e-6 to 1e6.
        prior_std: its standard deviation, 1e-6 to 1e6.
        learn_prior: learn both for each input, from these values on.
        kl_weight: weight of the inputs' KL term beside `kl`, at most 1e6.
        l2_penalty: what half the mean square of its recurrent weights costs, nats per trial, at
            most 1e6.
    """

    argument: ClassVar[str] = "controller"
    hidden_dim: int = 64
    correlation_s: float = 0.1
    prior_std: float = 0.3
    learn_prior: bool = True
    kl_weight: float = 1.0
    l2_penalty: float = 0.0

    def check(self) -> None:
        checks.whole(self.of("hidden_dim"), self.hidden_dim, 1, WIDEST)
        checks.number(self.of("correlation_s"), self.correlation_s, *TIMESCALES_S, unit="seconds")
        checks.number(self.of("prior_std"), self.prior_std, *STDS)
        for name in ("kl_weight", "l2_penalty"):
            checks.number(self.of(name), getattr(self, name), 0, MOST_WEIGHT)
