"""Units of the regions: dealt out in turn, shared by all where asked for, still in each."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.latent_sde.test_masks import FULL, rates_of
from tests.models.latent_sde.test_network import doubled, generator, moved
from tests.models.small_sde import N_TIME, TRIALS, fit
from undertow.analysis import coupling_over_time, natural_frequencies
from undertow.dynamics import CoupledOscillators
from undertow.errors import ModelError
from undertow.models import LatentSDE
from undertow.models.latent_sde.dealing import deal_units

NAMES = ("CA1", "MOs", "V1")
SIZES = {"V1": 2, "shared": 2, "CA1": 1, "MOs": 1}


@cache
def shared() -> LatentSDE:
    """Six oscillators, two of which all regions read."""
    return moved(fit(FULL, dynamics=CoupledOscillators(12), regions=SIZES))


def test_units_go_to_the_regions_in_turn() -> None:
    assert deal_units(None, ("all",), 4) == ([[0, 1, 2, 3]], [])
    assert deal_units("split", NAMES, 7) == ([[0, 3, 6], [1, 4], [2, 5]], [])
    assert deal_units({"a": 1, "b": 3}, ("a", "b"), 4) == ([[0], [1, 2, 3]], [])


def test_shared_units_are_dealt_as_those_of_one_more_region() -> None:
    assert deal_units("shared+split", NAMES, 9) == ([[0, 4, 8], [1, 5], [2, 6]], [3, 7])
    found = deal_units({"shared": 2, "a": 1, "b": 2}, ("a", "b"), 5)
    assert found == ([[0], [1, 3]], [2, 4])
    assert found.read == [[0, 2, 4], [1, 2, 3, 4]]
    named = deal_units({"shared": 2, "b": 1}, ("shared", "b"), 3)  # a region of that name
    assert named == ([[0, 2], [1]], [])


@pytest.mark.parametrize(
    ("sizes", "still", "each"),
    [((4, 4), 4, (2, 2)), ((6, 2), 4, (3, 1)), ((5, 3, 1), 3, (2, 1, 0)), ((2, 2), 4, (2, 2))],
)
def test_every_region_has_its_share_of_still_units(
    sizes: tuple[int, ...], still: int, each: tuple[int, ...]
) -> None:
    wanted = {f"r{k}": size for k, size in enumerate(sizes)}
    own = deal_units(wanted, tuple(wanted), sum(sizes), still).own
    assert tuple(map(len, own)) == sizes
    assert sorted(unit for group in own for unit in group) == list(range(sum(sizes)))
    assert tuple(sum(unit >= sum(sizes) - still for unit in group) for group in own) == each


def test_regions_read_their_own_units_and_the_shared_ones() -> None:
    model = shared()
    owners = model.unit_regions()
    assert sorted(owners.tolist()) == ["CA1", "MOs", "V1", "V1", "shared", "shared"]
    network, batch = doubled(model, FULL)
    units = torch.randn(2, N_TIME, 6, 2, generator=generator()).double()
    with torch.no_grad():
        rates = rates_of(network, batch, units)
        for name in dict.fromkeys(owners.tolist()):
            other = units.clone()
            other[:, :, owners == name] += 1.0
            differs = (rates_of(network, batch, other) != rates).flatten(0, 1).any(0)
            assert differs.tolist() == [name in (region, "shared") for region in FULL.region]


def test_shared_units_can_be_silenced_and_told_apart(tmp_path: Path) -> None:
    model = LatentSDE.load(shared().save(tmp_path / "model.safetensors"))
    same, silent = (
        model.sample(trials=FULL, silenced=names, seed=1).truth for names in ((), ("shared",))
    )
    assert not np.allclose(np.asarray(same), np.asarray(silent))
    found = natural_frequencies(model)
    assert found.regions == ("V1", "CA1", "MOs", "shared")
    assert found.of("shared").shape == (1, 2)
    between = coupling_over_time(model, FULL).between_regions()
    assert {("shared", "V1"), ("MOs", "shared"), ("shared", "shared")} <= between.keys()
    with pytest.raises(ModelError, match="there is no region 'V2'"):
        model.sample(trials=FULL, silenced=("V2",))


def test_still_units_are_at_zero_hertz_in_every_region() -> None:
    model = fit(dynamics=CoupledOscillators(24, still=0.25), regions="split")
    found = natural_frequencies(model)
    assert [(found.of(name) == 0).sum() for name in NAMES] == [1, 1, 1]
    assert (found.start_hz[found.hz == 0] == 0).all()
    turning = [found.of(name)[found.of(name) > 0] for name in NAMES]
    assert [float(found.median_of(name)[0]) for name in NAMES] == [np.median(hz) for hz in turning]


def test_wrong_regions_are_refused() -> None:
    with pytest.raises(ModelError, match=r"regions is 'both': it must be 'split', 'shared\+split'"):
        fit(regions="both")
    renamed = TRIALS.replace(region=["shared", "V1", "V1", "shared", "MOs", "V1"])
    with pytest.raises(ModelError, match="have a region named 'shared': give it another name"):
        fit(renamed, regions="shared+split")
    with pytest.raises(ModelError, match=r"regions asks for \{.*'shared': 1\} units: at least 1"):
        fit(regions={"CA1": 1, "V1": 1, "MOs": 1, "shared": 1}, latent_dim=6)
