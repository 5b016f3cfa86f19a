"""Options of the fits of baselines with Gaussian latents."""

from dataclasses import dataclass

from undertow import checks
from undertow.models.em import PathEM
from undertow.models.em.options import MOST
from undertow.models.search_space import Choices, SearchSpace

SPACE: SearchSpace = {
    "latent_dim": Choices((3, 4, 6, 8, 12, 16, 24, 32)),
    "observed": Choices(("gaussian", "poisson")),
}
"""What a search over settings of any of them varies."""


@dataclass(frozen=True)
class LatentEM(PathEM):
    """Options of expectation–maximisation of Gaussian latents.

    Attributes:
        refit: iterations that follow on training and validation trials together, once everything is
            chosen; 0 for none.
        path_steps, step_size, inference_steps, smoothing_s: see `PathEM`.
        iterations, batch_size, validate_every, monitor, patience, checkpoint_seconds: see `EM`.
    """

    refit: int = 5

    def check(self) -> None:
        super().check()
        checks.whole(self.of("refit"), self.refit, 0, MOST)


@dataclass(frozen=True)
class SwitchingEM(LatentEM):
    """Options of expectation–maximisation of regimes that take turns.

    Attributes:
        restarts: fits of autoregressions that take turns, of which the likeliest is where regimes
            start.
        refit: see `LatentEM`.
        path_steps, step_size, inference_steps, smoothing_s: see `PathEM`.
        iterations, batch_size, validate_every, monitor, patience, checkpoint_seconds: see `EM`.
    """

    restarts: int = 4

    def check(self) -> None:
        super().check()
        checks.whole(self.of("restarts"), self.restarts, 1, MOST)
