"""Interpolation of a context or a stimulus from some times to others."""

from typing import Literal, get_args

import torch
from torch import Tensor

from undertow.checks import one_of
from undertow.errors import ModelError

Interpolation = Literal["linear", "previous"]
REACHED = 1 - 1e-3
"""Of the way to the next time: rounding must not hold the value before it a step too long."""


def interpolate(
    values: Tensor, times_s: Tensor, at_s: Tensor, kind: Interpolation = "linear"
) -> Tensor:
    """Interpolate `values` given at `times_s` to the times `at_s`.

    u(t) = Σ_i η(v_i) ψ_i(t) (ElGazzar & van Gerven). Before the first time the first value is held,
    after the last one the last value. Differentiable in `values`.

    Args:
        values: (trials, time, channels); what stands at times that are NaN is ignored.
        times_s: increasing, (time,) or (1, time) for all trials or (trials, time); NaN past a
            trial's end.
        at_s: (steps,) or (1, steps) for all trials or (trials, steps).
        kind: 'linear', or 'previous': the value at the last time reached. A time counts as reached
            from a thousandth of its interval before it, so that rounding cannot delay a value.

    Returns:
        (trials, steps, channels).

    Raises:
        ModelError: for another kind, or times that do not belong to `values`.
    """
    one_of("interpolation", kind, get_args(Interpolation))
    times_s, at_s = torch.atleast_2d(times_s), torch.atleast_2d(at_s)
    _check_shapes(values, times_s, at_s)
    before, share = _place(times_s, at_s)
    after = before + (share > 0)  # never a padded entry, which may hold anything
    if kind == "previous":
        return _pick(values, torch.where(share > REACHED, after, before))
    return torch.lerp(
        _pick(values, before), _pick(values, after), share[..., None].to(values.dtype)
    )


def _place(times_s: Tensor, at_s: Tensor) -> tuple[Tensor, Tensor]:
    """Find the last time not after each of `at_s`, and how far towards the next one it lies.

    The latter is a share of the interval, in [0, 1).
    """
    rows = max(len(times_s), len(at_s))
    times_s = torch.where(times_s.isnan(), torch.inf, times_s).expand(rows, -1).contiguous()
    at_s = at_s.to(times_s.dtype).expand(rows, -1).contiguous()
    before = (torch.searchsorted(times_s, at_s, right=True) - 1).clamp(min=0)
    start = times_s.gather(1, before)
    stop = times_s.gather(1, (before + 1).clamp(max=times_s.shape[1] - 1))
    share = (at_s - start).clamp(min=0) / (stop - start)
    return before, torch.where(stop > start, share, 0.0)


def _pick(values: Tensor, index: Tensor) -> Tensor:
    """Pick entries of `values` (trials, time, channels) at `index` (trials or 1, steps).

    This is five times as fast as `gather`.
    """
    if len(index) == 1:
        return values.index_select(1, index[0])
    first = values.shape[1] * torch.arange(len(values), device=index.device)
    picked = values.flatten(0, 1).index_select(0, (first[:, None] + index).flatten())
    return picked.unflatten(0, index.shape)


def _check_shapes(values: Tensor, times_s: Tensor, at_s: Tensor) -> None:
    trials, n_time = values.shape[:2]
    if (
        times_s.shape[1] != n_time
        or len(times_s) not in (1, trials)
        or len(at_s) not in (1, trials)
    ):
        raise ModelError(
            f"values are {trials} trials of {n_time} times, times_s is {tuple(times_s.shape)}, "
            f"at_s {tuple(at_s.shape)}: give as many times as values, in one row or one per trial."
        )
