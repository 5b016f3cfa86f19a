"""Options of fits by expectation–maximisation."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from undertow import checks
from undertow.options import Options

MOST = 10**9


@dataclass(frozen=True)
class EM(Options):
    """Options of expectation–maximisation, whatever is inferred and learned in its two steps.

    Attributes:
        iterations: of both steps, at most; at most 1e9.
        batch_size: trials whose paths are inferred at once.
        validate_every: iterations between validations.
        monitor: what validation measures, in bits per spike: 'co-bps' (held-out neurons),
            'likelihood' (the evidence bound), 'generate' (bins that the model is not shown; not of
            all models) or 'auto' (co-bps where neurons are held out, else the bound).
        patience: iterations without a better validation score after which it ends; None for never.
        checkpoint_seconds: least time between two checkpoints.
    """

    argument: ClassVar[str] = "em"
    iterations: int = 60
    batch_size: int = 64
    validate_every: int = 5
    monitor: Literal["auto", "co-bps", "likelihood", "generate"] = "auto"
    patience: int | None = 20
    checkpoint_seconds: float = 5.0

    def check(self) -> None:
        for name in ("iterations", "batch_size", "validate_every"):
            checks.whole(self.of(name), getattr(self, name), 1, MOST)
        checks.number(self.of("checkpoint_seconds"), self.checkpoint_seconds, 0, MOST)
        if self.patience is not None:
            checks.whole(self.of("patience"), self.patience, 1, MOST)


@dataclass(frozen=True)
class PathEM(EM):
    """Options of expectation–maximisation whose E-step infers paths by natural gradients.

    Attributes:
        path_steps: natural-gradient steps of each path in an iteration.
        step_size: the first size of such a step, above 0 and up to 1; steps that would lower the
            bound are halved.
        inference_steps: natural-gradient steps of the paths of new trials, at most.
        smoothing_s: width of the Gaussian that smooths the counts from which paths start, seconds.
        iterations, batch_size, validate_every, monitor, patience, checkpoint_seconds: see `EM`.
    """

    path_steps: int = 4
    step_size: float = 1.0
    inference_steps: int = 40
    smoothing_s: float = 0.05

    def check(self) -> None:
        super().check()
        for name in ("path_steps", "inference_steps"):
            checks.whole(self.of(name), getattr(self, name), 1, MOST)
        checks.number(self.of("step_size"), self.step_size, 0, 1, above=True)
        checks.number(self.of("smoothing_s"), self.smoothing_s, 0, 1e3, above=True, unit="seconds")
