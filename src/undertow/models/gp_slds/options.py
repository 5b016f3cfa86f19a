"""Options of `GPSLDS`: how it is fitted."""

from dataclasses import dataclass

from undertow import checks
from undertow.models.em.options import MOST, PathEM


@dataclass(frozen=True)
class VariationalEM(PathEM):
    """Options for variational expectation–maximisation.

    An iteration infers the paths of all training trials (E-step) and then, given them, drift,
    kernel, noise, initial law and readout (M-step).

    Attributes:
        kernel_steps: steps (L-BFGS) of kernel and noise in an iteration, on the bound with the
            drift at its best; 0 leaves them as they start.
        kernel_bins: bins that these steps use at most, drawn anew in each iteration.
        restarts: placements of the regimes to choose from at the start.
        path_steps, step_size, inference_steps, smoothing_s: see `PathEM`.
        iterations, batch_size, validate_every, monitor, patience, checkpoint_seconds: see `EM`.
    """

    kernel_steps: int = 8
    kernel_bins: int = 4000
    restarts: int = 3

    def check(self) -> None:
        super().check()
        for name in ("kernel_bins", "restarts"):
            checks.whole(self.of(name), getattr(self, name), 1, MOST)
        checks.whole(self.of("kernel_steps"), self.kernel_steps, 0, MOST)
