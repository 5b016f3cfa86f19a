"""Steps between observations, shared or per trial."""

import numpy as np
import pytest
import torch
from torch import Tensor

from undertow.errors import ModelError
from undertow.inference import TimeGrid

TIMES = torch.tensor([[0.0, 0.1, 0.4, 0.5, 0.9], [0.0, 0.2, 0.3, 0.7, 1.5]], dtype=torch.float64)


@pytest.mark.parametrize("substeps", [1, 2, 5])
def test_a_fraction_of_a_bin_divides_each_interval(substeps: int) -> None:
    grid = TimeGrid.over(TIMES, 1 / substeps)
    assert len(grid) == 4 * substeps
    for trial, times in enumerate(TIMES.numpy()):
        edges = np.interp(np.arange(4 * substeps) / substeps, np.arange(5), times)
        assert np.allclose(grid.starts_s[trial], edges, atol=1e-15)
        assert np.allclose(
            (grid.starts_s + grid.steps_s)[trial], [*edges[1:], times[-1]], atol=1e-15
        )
    path = torch.cat([grid.starts_s, TIMES[:, -1:]], 1)[..., None]
    assert torch.allclose(grid.at_observations(path)[..., 0], TIMES, atol=1e-15)


@pytest.mark.parametrize("bins", [2, 3, 4, 10])
def test_steps_over_several_bins_interpolate_the_states_between(bins: int) -> None:
    grid = TimeGrid.over(TIMES, bins)
    nodes = [*range(0, 4, bins), 4]
    assert torch.equal(grid.starts_s, TIMES[:, nodes[:-1]])
    path = torch.cat([grid.starts_s, TIMES[:, -1:]], 1)[..., None].square()
    for trial, times in enumerate(TIMES.numpy()):
        expected = np.interp(times, times[nodes], times[nodes] ** 2)
        assert np.allclose(grid.at_observations(path)[trial, :, 0], expected, atol=1e-14)


def test_shared_times_make_one_row_that_serves_every_trial() -> None:
    grid = TimeGrid.over(TIMES[:1], 2)
    assert grid.steps_s.shape == (1, 2)
    path = torch.randn(3, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert grid.at_observations(path).shape == (3, 5, 2)


def test_past_a_trials_end_its_last_interval_goes_on() -> None:
    times = TIMES.clone()
    times[1, 3:] = torch.nan
    grid = TimeGrid.over(times)
    assert torch.allclose(grid.steps_s[1], torch.tensor([0.2, 0.1, 0.1, 0.1], dtype=torch.float64))
    assert torch.equal(grid.steps_s[0], TIMES[0].diff())


@pytest.mark.parametrize(
    ("bins_per_step", "expected"), [(1, [2, 4]), (0.5, [4, 8]), (2, [1, 2]), (3, [1, 2])]
)
def test_steps_that_begin_before_the_last_observation_are_inside(
    bins_per_step: float, expected: list[int]
) -> None:
    grid = TimeGrid.over(TIMES, bins_per_step)
    inside = grid.inside(torch.tensor([3, 5]))
    assert inside.sum(1).tolist() == expected
    assert all(row.int().diff().le(0).all() for row in inside)


@pytest.mark.parametrize("wrong", [0.3, 1.5, -1.0, 0.0, float("nan")])
def test_other_shares_of_a_bin_are_refused(wrong: float) -> None:
    with pytest.raises(ModelError, match="bins_per_step is"):
        TimeGrid.over(TIMES, wrong)


def test_one_observation_needs_no_step() -> None:
    grid = TimeGrid.over(torch.zeros(1, 1), 2)
    assert len(grid) == 0
    path: Tensor = torch.ones(2, 1, 3)
    assert torch.equal(grid.at_observations(path), path)


def test_regular_bins_in_equal_steps() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    grid = TimeGrid.regular(3, 0.02, 4, like)
    assert len(grid) == 12
    assert grid.step_s == 0.005
    assert torch.allclose(grid.steps_s, torch.full((1, 12), 0.005).double())
    assert torch.allclose(grid.starts_s[0], 0.005 * torch.arange(12).double())
    path = torch.arange(13).double()[None, :, None]
    assert grid.at_observations(path).flatten().tolist() == [0, 4, 8, 12]
    values = torch.tensor([[[1.0], [2.0], [3.0]]])
    assert grid.held(values).flatten().tolist() == [1.0] * 4 + [2.0] * 4 + [3.0] * 4
    assert TimeGrid.regular(3, 0.02, 1, like).held(values) is values
