"""What count models share: links, regions, and where the rates start."""

import math
from itertools import product

import pytest
import torch
import torch.nn.functional as F

from undertow.errors import ModelError
from undertow.observations import CountObservation, NegativeBinomialObservation, PoissonObservation

RATES = torch.tensor([5.0, 0.0, 40.0, 1.0])
MODELS = pytest.mark.parametrize("cls", [PoissonObservation, NegativeBinomialObservation])
OPTIONS = (
    {},
    {"link": "softplus"},
    {"region": [1, 0, 0, 1]},
    {"link": "softplus", "region": [1, 0, 2, 1]},
)


def features(width: int = 6) -> torch.Tensor:
    return torch.randn(5, 7, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@MODELS
def test_rates_start_at_the_mean_rates(cls: type[PoissonObservation]) -> None:
    expected = torch.tensor([[5.0, 0.01, 40.0, 1.0]], dtype=torch.float64)
    for options, bin_s in product(OPTIONS, (0.005, 0.02)):
        model = cls(6, RATES, bin_s, **options).double()  # type: ignore[arg-type]
        rates = model.mean(torch.zeros(1, 6).double()).detach() / bin_s
        assert torch.allclose(rates, expected), options


def test_softplus_rates_are_the_starting_rate_times_a_softplus() -> None:
    model = PoissonObservation(6, RATES, 0.02, floor_hz=0.5, link="softplus").double()
    with torch.no_grad():
        readout = 30 * features() @ model.readout.weight.t() + model.readout.bias
        expected = 0.5 + (RATES - 0.5).clamp(min=0.01).double() * F.softplus(readout)
        assert torch.allclose(model.mean(30 * features()) / 0.02, expected, rtol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_softplus_rates_far_below_and_above_zero_stay_finite_with_their_gradients(
    dtype: torch.dtype,
) -> None:
    model = PoissonObservation(1, RATES, 0.02, link="softplus").to(dtype)
    with torch.no_grad():
        model.readout.weight.fill_(1.0)
    x = torch.tensor([-1e4, -100.0, -20.0, -19.9, 0.0, 100.0, 1e4], dtype=dtype)[
        :, None
    ].requires_grad_()
    log_prob = model.log_prob(x, torch.full((7, 4), 2.0, dtype=dtype))
    log_prob.sum().backward()
    assert x.grad is not None
    assert torch.isfinite(log_prob).all()
    assert torch.isfinite(x.grad).all()
    assert (x.grad[:4] > 0).all()  # a rate far too low is still pulled up


@MODELS
def test_neurons_read_their_region_alone(cls: type[CountObservation]) -> None:
    region = [1, 0, 2, 1]
    model, x = cls(6, RATES, 0.02, region=region).double(), features().requires_grad_()  # type: ignore[call-arg]
    for neuron, own in enumerate(region):
        (grad,) = torch.autograd.grad(model.log_rates(x)[..., neuron].sum(), x)
        touched = (grad.abs().sum((0, 1)) > 0).tolist()
        assert touched == [column // 2 == own for column in range(6)]


def test_one_region_is_as_none() -> None:
    one, plain = (
        PoissonObservation(6, RATES, 0.02, region=[0] * 4),
        PoissonObservation(6, RATES, 0.02),
    )
    with torch.no_grad():
        one.readout.blocks[0].weight.copy_(plain.readout.weight)
    assert torch.allclose(one.mean(features().float()), plain.mean(features().float()))
    assert set(plain.state_dict()) == {"readout.weight", "readout.bias"}


@pytest.mark.parametrize("region", [[0, 1, 1], [0, 2, 2, 0], [1, 1, 1, 1], [-1, 0, 0, 0], []])
def test_regions_that_do_not_fit_the_neurons_are_refused(region: list[int]) -> None:
    with pytest.raises(
        ModelError, match="give one per neuron, and each region from 0 on at least one neuron"
    ):
        PoissonObservation(6, RATES, 0.02, region=region)


def test_features_that_regions_cannot_share_are_refused() -> None:
    with pytest.raises(ModelError, match="7 features cannot be shared equally by 2 regions"):
        PoissonObservation(7, RATES, 0.02, region=[0, 1, 0, 1])


def test_an_unknown_link_is_refused() -> None:
    with pytest.raises(ModelError, match=r"link is 'log': .* 'exp', 'softplus'"):
        PoissonObservation(6, RATES, 0.02, link="log")


def test_the_floor_holds_for_both_links() -> None:
    for link in ("exp", "softplus"):
        model = PoissonObservation(6, RATES, 0.02, floor_hz=0.3, link=link).double()
        lowest = model.mean(
            -1e6 * features().abs().sign() * model.readout.weight.detach().sign()[0]
        )
        assert float(lowest.detach().min()) / 0.02 == pytest.approx(0.3, abs=1e-9)
        assert math.isfinite(float(lowest.detach().sum()))
