"""Interpolation against numpy, entry by entry; irregular and padded times; gradients."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from undertow.encoders import Interpolation, interpolate
from undertow.errors import ModelError

TRIALS, BINS, STEPS, CHANNELS = 3, 7, 20, 2
RNG = np.random.default_rng(0)
VALUES = torch.tensor(RNG.standard_normal((TRIALS, BINS, CHANNELS)))
TIMES = torch.tensor(np.sort(RNG.uniform(0, 1, (TRIALS, BINS)), axis=1))
AT = torch.tensor(RNG.uniform(-0.2, 1.2, (TRIALS, STEPS)))  # beyond both ends too


def previous(at: np.ndarray, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The value at the last time not after each; the first before it."""
    return np.array([values[max(int((times <= a).sum()) - 1, 0)] for a in at])


@pytest.mark.parametrize("kind", ["linear", "previous"])
def test_every_entry_is_numpys(kind: Interpolation) -> None:
    for times, at in product((TIMES, TIMES[:1], TIMES[0]), (AT, AT[:1], AT[0])):
        check_entries(kind, times, at)


def check_entries(kind: Interpolation, times: Tensor, at: Tensor) -> None:
    """Times and places of every trial, in one row, or shared."""
    found = interpolate(VALUES, times, at, kind)
    assert found.shape == (TRIALS, STEPS, CHANNELS)
    by_numpy = np.interp if kind == "linear" else previous
    every_time = times.expand(TRIALS, BINS).numpy()
    every_at = at.expand(TRIALS, STEPS).numpy()
    for trial in range(TRIALS):
        for channel in range(CHANNELS):
            expected = by_numpy(
                every_at[trial], every_time[trial], VALUES[trial, :, channel].numpy()
            )
            assert np.allclose(found[trial, :, channel].numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["linear", "previous"])
def test_at_its_own_times_it_is_the_values(kind: Interpolation) -> None:
    assert torch.equal(interpolate(VALUES, TIMES, TIMES, kind), VALUES)


def test_times_reached_up_to_rounding_count_as_reached() -> None:
    """Twelve steps of a third of a bin, summed in single precision, end at the fourth bin and not
    just before it."""
    times = torch.arange(5) * 0.02
    at = torch.full((1, 12), 0.02 / 3).cumsum(1)
    values = torch.arange(5.0)[None, :, None]
    held = interpolate(values, times, at, "previous")[0, :, 0]
    assert held.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4]


@pytest.mark.parametrize("kind", ["linear", "previous"])
def test_padded_times_and_what_stands_there_change_nothing(kind: Interpolation) -> None:
    times, values, length = TIMES.clone(), VALUES.clone(), 4
    times[1, length:] = math.nan
    alone = interpolate(VALUES[1:2, :length], TIMES[1:2, :length], AT[1:2], kind)
    for garbage in (math.nan, math.inf, 1e30):
        values[1, length:] = garbage
        found = interpolate(values, times, AT, kind)
        assert torch.equal(found[1:2], alone)
        assert torch.equal(found[0], interpolate(VALUES, TIMES, AT, kind)[0])


def test_one_time_alone_is_held_everywhere() -> None:
    for kind in ("linear", "previous"):
        assert torch.equal(
            interpolate(VALUES[:, :1], TIMES[:, :1], AT, kind), VALUES[:, :1].expand(-1, STEPS, -1)
        )


@pytest.mark.parametrize("kind", ["linear", "previous"])
@pytest.mark.parametrize("shared", [True, False])
def test_gradients_reach_the_values(kind: Interpolation, shared: bool) -> None:
    times, at = (TIMES[0], AT[0, :6]) if shared else (TIMES, AT[:, :6])
    values = VALUES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: interpolate(v, times, at, kind), values)


def test_single_precision_values_stay_so() -> None:
    assert interpolate(VALUES.float(), TIMES, AT).dtype == torch.float32


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ModelError, match=r"interpolation is 'cubic': .* 'linear', 'previous'"):
        interpolate(VALUES, TIMES, AT, "cubic")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="as many times as values, in one row or one per trial"):
        interpolate(VALUES, TIMES[:, :-1], AT)
    with pytest.raises(ModelError, match=r"values are 3 trials of 7 times, times_s is \(2, 7\)"):
        interpolate(VALUES, TIMES[:2], AT)
