"""How many bins a growing step takes, and the refusal that names them."""

import math

import pytest

from undertow.dynamics.growth import bins_to_grow, refuse_growth
from undertow.errors import StabilityError


def test_bins_are_those_in_which_a_state_grows_a_thousandfold() -> None:
    for radius in (1.001, 1.7, 30.0):
        assert radius ** bins_to_grow(radius) == pytest.approx(1000.0)
    assert bins_to_grow(1.0) == bins_to_grow(0.3) == math.inf


@pytest.mark.parametrize("radius", [None, 0.5, 1.0, 1.0006])
def test_what_does_not_grow_in_ten_thousand_bins_passes(radius: float | None) -> None:
    refuse_growth(radius, "step is", "a smaller one")


@pytest.mark.parametrize(("radius", "bins"), [(1.0008, 8638), (10.0, 3), (1.713, 13)])
def test_what_grows_is_refused_with_radius_bins_and_the_way_out(radius: float, bins: int) -> None:
    message = (
        f"the step is unstable: its spectral radius is {radius:.4g} per bin, so that paths grow "
        f"1000-fold in {bins} bins; use a smaller one, or pass allow_unstable=True."
    )
    with pytest.raises(StabilityError) as refused:
        refuse_growth(radius, "step is", "a smaller one")
    assert str(refused.value) == message
