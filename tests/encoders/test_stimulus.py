"""The stimulus encoder: identity or network, time as a channel, missing values held."""

import math

import pytest
import torch
from torch import Tensor

from undertow.encoders import StimulusEncoder
from undertow.errors import ModelError

TRIALS, BINS = 3, 6
TIME_S = torch.arange(BINS) * 0.1
NAN = math.nan


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n_inputs", [1, 3, 4])
def test_no_wider_than_the_state_it_is_itself(n_inputs: int) -> None:
    encoder, stimulus = StimulusEncoder(n_inputs, 4), draw(TRIALS, BINS, n_inputs)
    assert encoder.output_dim == n_inputs
    assert torch.equal(encoder(stimulus, TIME_S), stimulus)
    assert not list(encoder.parameters())


@pytest.mark.parametrize("time", [False, True])
def test_wider_it_goes_through_a_network_bin_by_bin(time: bool) -> None:
    encoder, stimulus = StimulusEncoder(9, 4, time, hidden_dim=5), draw(TRIALS, BINS, 9)
    u = encoder(stimulus, TIME_S)
    assert u.shape == (TRIALS, BINS, encoder.output_dim) == (TRIALS, BINS, 4 + time)
    w = dict(encoder.network.named_parameters())
    expected = (stimulus @ w["0.weight"].t() + w["0.bias"]).tanh() @ w["2.weight"].t() + w["2.bias"]
    assert torch.allclose(u[..., :4], expected, atol=1e-6)
    u.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())


@pytest.mark.parametrize("n_inputs", [0, 2])
def test_time_is_the_last_channel_as_a_share_of_the_trial(n_inputs: int) -> None:
    encoder, stimulus = (
        StimulusEncoder(n_inputs, 4, time=True, duration_s=0.5),
        draw(TRIALS, BINS, n_inputs),
    )
    u = encoder(stimulus, TIME_S)
    assert u.shape == (TRIALS, BINS, encoder.output_dim) == (TRIALS, BINS, n_inputs + 1)
    assert torch.equal(u[..., :-1], stimulus)
    assert torch.allclose(u[..., -1], torch.tensor([0, 0.2, 0.4, 0.6, 0.8, 1.0]).expand(TRIALS, -1))


def test_times_of_each_trial_are_its_own_and_held_past_its_end() -> None:
    times = TIME_S.repeat(TRIALS, 1)
    times[1] += 0.05
    times[1, 3:] = NAN
    u = StimulusEncoder(0, 4, time=True)(torch.zeros(TRIALS, BINS, 0), times)[..., 0]
    assert torch.allclose(u[1], torch.tensor([0.05, 0.15, 0.25, 0.25, 0.25, 0.25]))
    assert torch.equal(u[0], TIME_S)


@pytest.mark.parametrize("n_inputs", [2, 8])
def test_missing_values_are_the_last_known_and_zero_before_the_first(n_inputs: int) -> None:
    encoder, stimulus = StimulusEncoder(n_inputs, 4), draw(1, BINS, n_inputs)
    whole = stimulus.clone()
    stimulus[0, :, 0] = torch.tensor([NAN, NAN, 3.0, NAN, 5.0, NAN])
    whole[0, :, 0] = torch.tensor([0.0, 0.0, 3.0, 3.0, 5.0, 5.0])
    stimulus[0, :, 1], whole[0, :, 1] = NAN, 0.0
    assert torch.equal(encoder(stimulus, TIME_S), encoder(whole, TIME_S))


def test_what_comes_later_fills_nothing_before() -> None:
    encoder, stimulus = StimulusEncoder(2, 4), draw(TRIALS, BINS, 2)
    stimulus[:, 1:3] = NAN
    later = torch.cat([stimulus[:, :4], draw(TRIALS, 2, 2, seed=1)], 1)
    assert torch.equal(encoder(later, TIME_S)[:, :4], encoder(stimulus, TIME_S)[:, :4])


def test_a_duration_of_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match=r"duration_s is 0: .* seconds, above 0"):
        StimulusEncoder(1, 4, time=True, duration_s=0)
