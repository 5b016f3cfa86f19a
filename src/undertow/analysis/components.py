"""Principal components of latent trajectories."""

from dataclasses import dataclass, replace

import numpy as np

from undertow.errors import UndertowError


@dataclass(frozen=True, eq=False)
class Components:
    """Latents in their principal axes.

    Attributes:
        scores: (trials, time, components); NaN where the latents are.
        variance_share: share of the total variance, 0 to 1, (components,), largest first.
        axes: unit vectors, (components, dimension).
        mean: what was taken off first, (dimension,).
    """

    scores: np.ndarray
    variance_share: np.ndarray
    axes: np.ndarray
    mean: np.ndarray

    def of_trials(self, index: np.ndarray) -> "Components":
        """The same axes, the scores of some trials only."""
        return replace(self, scores=self.scores[index])


def principal_components(
    latents: np.ndarray, n: int = 3, valid: np.ndarray | None = None
) -> Components:
    """The `n` directions in which latents (trials, time, dimension) vary most, over trials and bins
    together.

    Bins with a NaN, and bins where `valid` (trials, time) is False, take no part. Each axis points
    so that its largest entry is positive.

    Raises:
        UndertowError: when fewer than two bins are left, or the latents do not vary.
    """
    dimension = latents.shape[2]
    use = np.isfinite(latents).all(axis=2)
    if valid is not None:
        use &= valid
    rows = latents[use].astype(np.float64)
    if len(rows) < 2:
        raise UndertowError(
            f"the latents have {len(rows)} usable bin(s): principal components need two or more."
        )
    mean = rows.mean(axis=0)
    _, singular, axes = np.linalg.svd(rows - mean, full_matrices=False)
    total = float((singular**2).sum())
    if total <= 1e-12 * max(1.0, float((mean**2).sum())):
        raise UndertowError(
            "the latents do not vary over bins and trials: they have no principal components."
        )
    axes = axes[: min(n, dimension, len(axes))]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    scores = np.full((*latents.shape[:2], len(axes)), np.nan)
    scores[use] = (rows - mean) @ axes.T
    return Components(scores, (singular**2)[: len(axes)] / total, axes, mean)
