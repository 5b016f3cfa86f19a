"""The regional decoder: which region reads which units, and rates in the neurons' own order."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from undertow.decoders import RegionalDecoder
from undertow.errors import ModelError
from undertow.observations import PoissonObservation

TRIALS, BINS, UNITS, NUMBERS, HIDDEN = 2, 5, 6, 2, 7
REGIONS = (slice(0, 2), [5, 3], [2, 4])
TIME_S = (torch.arange(BINS) + 0.5) * 0.02
VALID = torch.ones(TRIALS, BINS, dtype=torch.bool)
REGION = [2, 0, 1, 1, 0, 2, 2, 0]  # of each neuron


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(regions: object = REGIONS) -> RegionalDecoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return RegionalDecoder(UNITS * NUMBERS, regions, NUMBERS, HIDDEN).double()  # type: ignore[arg-type]


def test_each_region_has_a_softplus_layer_over_its_own_units() -> None:
    decoder, units = make(), draw(TRIALS, BINS, UNITS, NUMBERS)
    features = decoder(units.flatten(-2), VALID, TIME_S)
    assert features.shape == (TRIALS, BINS, decoder.feature_dim) == (TRIALS, BINS, 3 * HIDDEN)
    for j, region in enumerate(REGIONS):
        own = units[..., region, :].flatten(-2)
        block = slice(j * HIDDEN, (j + 1) * HIDDEN)
        expected = F.softplus(
            own @ decoder.hidden.blocks[j].weight.t() + decoder.hidden.bias[block]
        )
        assert torch.allclose(features[..., block], expected, atol=1e-12)


def test_a_shared_state_is_read_by_every_region() -> None:
    decoder = make([slice(None)] * 3)
    x = draw(TRIALS, BINS, UNITS * NUMBERS).requires_grad_()
    features = decoder(x, VALID, TIME_S)
    for j in range(3):
        (grad,) = torch.autograd.grad(features[..., j * HIDDEN].sum(), x, retain_graph=True)
        assert (grad != 0).all()


def test_one_group_and_width_128_are_the_default() -> None:
    decoder = RegionalDecoder(12)
    assert decoder.feature_dim == 128
    assert decoder.causal


def test_neurons_read_their_region_alone_in_whatever_order_they_come() -> None:
    """A push on one region's units moves the rates of that region's neurons, and of no other."""
    decoder = make()
    observation = PoissonObservation(
        decoder.feature_dim, torch.full((8,), 5.0), 0.02, region=REGION
    ).double()
    units = draw(TRIALS, BINS, UNITS, NUMBERS)
    before = observation.mean(decoder(units.flatten(-2), VALID, TIME_S))
    for j, region in enumerate(REGIONS):
        pushed = units.clone()
        pushed[..., region, :] += 1.0
        moved = observation.mean(decoder(pushed.flatten(-2), VALID, TIME_S)) != before
        assert (
            moved.all((0, 1)).tolist()
            == moved.any(0).any(0).tolist()
            == [own == j for own in REGION]
        )


def test_the_order_of_neurons_changes_no_rate() -> None:
    """The same networks with the neurons in another order give the same rates in that order."""
    order = [5, 0, 7, 3, 1, 6, 2, 4]
    observation = PoissonObservation(
        3 * HIDDEN, torch.full((8,), 5.0), 0.02, region=REGION
    ).double()
    other = PoissonObservation(
        3 * HIDDEN, torch.full((8,), 5.0), 0.02, region=[REGION[k] for k in order]
    ).double()
    with torch.no_grad():
        observation.readout.bias += draw(8)
        other.readout.bias.copy_(observation.readout.bias[order])
        for j in range(3):
            mine = [k for k in range(8) if REGION[k] == j]
            theirs = [k for k in order if REGION[k] == j]
            rows = [mine.index(k) for k in theirs]
            other.readout.blocks[j].weight.copy_(observation.readout.blocks[j].weight[rows])
    features = draw(TRIALS, BINS, 3 * HIDDEN, seed=1)
    assert torch.allclose(other.mean(features), observation.mean(features)[..., order], atol=1e-12)


@pytest.mark.parametrize("region", [[], [6], [-1, 0], [1, 1], slice(6, 9)])
def test_units_that_do_not_exist_are_refused(region: object) -> None:
    with pytest.raises(
        ModelError, match=r"region 1 reads units .*give each region at least one of the 6 units"
    ):
        make([slice(0, 2), region])


def test_inputs_must_be_whole_units_and_regions_at_least_one() -> None:
    with pytest.raises(
        ModelError, match="13 decoder inputs are no whole number of units of 2 numbers"
    ):
        RegionalDecoder(13, numbers_per_unit=2)
    with pytest.raises(ModelError, match="blocks must each read and write something"):
        make([])
