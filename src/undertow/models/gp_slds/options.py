"""Options of `GPSLDS`: how it is fitted."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from undertow import checks
from undertow.options import Options

MOST = 10**9


@dataclass(frozen=True)
class VariationalEM(Options):
    """Options for variational expectation–maximisation.

    An iteration infers the paths of all training trials (E-step) and then, given them, drift,
    kernel, noise, initial law and readout (M-step).

    Attributes:
        iterations: of the whole, at most; at most 1e9.
        path_steps: natural-gradient steps of each path in an iteration.
        step_size: the first size of such a step, above 0 and up to 1; steps that would lower the
            bound are halved.
        kernel_steps: steps (L-BFGS) of kernel and noise in an iteration, on the bound with the
            drift at its best; 0 leaves them as they start.
        kernel_bins: bins that these steps use at most, drawn anew in each iteration.
        restarts: placements of the regimes to choose from at the start.
        smoothing_s: width of the Gaussian that smooths the counts from which paths start, seconds.
        inference_steps: natural-gradient steps of the paths of new trials, at most.
        batch_size: trials whose paths are inferred at once.
        validate_every: iterations between validations.
        monitor: what validation measures, in bits per spike: 'co-bps' (held-out neurons),
            'likelihood' (the evidence bound), 'generate' (the bins after those that mode 'generate'
            is shown) or 'auto' (co-bps where neurons are held out, else the bound).
        patience: iterations without a better validation score after which it ends; None for never.
        checkpoint_seconds: least time between two checkpoints.
    """

    argument: ClassVar[str] = "em"
    iterations: int = 60
    path_steps: int = 4
    step_size: float = 1.0
    kernel_steps: int = 8
    kernel_bins: int = 4000
    restarts: int = 3
    smoothing_s: float = 0.05
    inference_steps: int = 40
    batch_size: int = 64
    validate_every: int = 5
    monitor: Literal["auto", "co-bps", "likelihood", "generate"] = "auto"
    patience: int | None = 20
    checkpoint_seconds: float = 5.0

    def check(self) -> None:
        for name in ("iterations", "path_steps", "kernel_bins", "restarts", "inference_steps"):
            checks.whole(self.of(name), getattr(self, name), 1, MOST)
        for name in ("batch_size", "validate_every"):
            checks.whole(self.of(name), getattr(self, name), 1, MOST)
        checks.whole(self.of("kernel_steps"), self.kernel_steps, 0, MOST)
        checks.number(self.of("step_size"), self.step_size, 0, 1, above=True)
        checks.number(self.of("smoothing_s"), self.smoothing_s, 0, 1e3, above=True, unit="seconds")
        checks.number(self.of("checkpoint_seconds"), self.checkpoint_seconds, 0, MOST)
        if self.patience is not None:
            checks.whole(self.of("patience"), self.patience, 1, MOST)
