"""Options of `GPSLDS`: how it is fitted."""

from dataclasses import dataclass

from undertow import checks
from undertow.models.em.options import EM, MOST


@dataclass(frozen=True)
class VariationalEM(EM):
    """Options for variational expectation–maximisation.

    An iteration infers the paths of all training trials (E-step) and then, given them, drift,
    kernel, noise, initial law and readout (M-step).

    Attributes:
        path_steps: natural-gradient steps of each path in an iteration.
        step_size: the first size of such a step, above 0 and up to 1; steps that would lower the
            bound are halved.
        kernel_steps: steps (L-BFGS) of kernel and noise in an iteration, on the bound with the
            drift at its best; 0 leaves them as they start.
        kernel_bins: bins that these steps use at most, drawn anew in each iteration.
        restarts: placements of the regimes to choose from at the start.
        smoothing_s: width of the Gaussian that smooths the counts from which paths start, seconds.
        inference_steps: natural-gradient steps of the paths of new trials, at most.
        iterations, batch_size, validate_every, monitor, patience, checkpoint_seconds: see `EM`.
    """

    path_steps: int = 4
    step_size: float = 1.0
    kernel_steps: int = 8
    kernel_bins: int = 4000
    restarts: int = 3
    smoothing_s: float = 0.05
    inference_steps: int = 40

    def check(self) -> None:
        super().check()
        for name in ("path_steps", "kernel_bins", "restarts", "inference_steps"):
            checks.whole(self.of(name), getattr(self, name), 1, MOST)
        checks.whole(self.of("kernel_steps"), self.kernel_steps, 0, MOST)
        checks.number(self.of("step_size"), self.step_size, 0, 1, above=True)
        checks.number(self.of("smoothing_s"), self.smoothing_s, 0, 1e3, above=True, unit="seconds")
