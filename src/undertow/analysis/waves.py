"""Oscillator groups as arrays of space × time."""

import numpy as np

from undertow.errors import UndertowError


def wave_groups(latent: np.ndarray, n_groups: int) -> np.ndarray:
    """Split a latent (trials, time, dimension) into equal consecutive groups.

    Returns:
        (groups, trials, space, time): within a group, neighbouring rows of `space` are coupled
        neighbours.

    Raises:
        UndertowError: when the dimension does not divide into the groups.
    """
    n_trials, n_time, dimension = latent.shape
    if n_groups < 1 or dimension % n_groups:
        raise UndertowError(
            f"a latent of {dimension} dimensions does not divide into {n_groups} equal groups."
        )
    grouped = latent.reshape(n_trials, n_time, n_groups, dimension // n_groups)
    return grouped.transpose(2, 0, 3, 1)
