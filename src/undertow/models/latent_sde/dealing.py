"""Which units of the dynamics (oscillators, coordinates) belong to which region."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models.population import BOTH, SHARED


class Units(NamedTuple):
    """Units by region.

    Attributes:
        own: the units of each region, which its decoder alone reads.
        shared: units that the decoders of all regions read.
    """

    own: list[list[int]]
    shared: list[int]

    @property
    def read(self) -> list[list[int]]:
        """The units that each region's decoder reads."""
        return [sorted([*own, *self.shared]) for own in self.own]


def deal_units(
    wanted: str | Mapping[str, int] | None, regions: Sequence[str], units: int, still: int = 0
) -> Units:
    """Deal out the units to the regions in turn.

    Neighbouring units start alike (slow oscillators come first, then those that are still), so that
    in this way every region has units of every kind.

    Args:
        wanted: as the model's `regions`.
        regions: names of the regions that have neurons.
        units: of the dynamics.
        still: the last so many of them do not turn; each region has its share of them.

    Raises:
        ModelError: where there are not enough units, or a number other than asked for.
    """
    if wanted is None:
        return Units([list(range(units))], [])
    sizes = _sizes(wanted, regions, units)
    if min(sizes.values()) < 1 or sum(sizes.values()) != units:
        raise ModelError(
            f"regions asks for {sizes} units: at least 1 each, {units} in all, as the dynamics "
            "have."
        )
    resting = _apportioned(list(sizes.values()), still)
    turning = [size - rest for size, rest in zip(sizes.values(), resting, strict=True)]
    dealt = [
        first + [units - still + k for k in last]
        for first, last in zip(_in_turn(turning), _in_turn(resting), strict=True)
    ]
    return Units(dealt[: len(regions)], [unit for more in dealt[len(regions) :] for unit in more])


def _sizes(wanted: str | Mapping[str, int], regions: Sequence[str], units: int) -> dict[str, int]:
    """Number of units by region, those that all share last."""
    if isinstance(wanted, str):
        names = [*regions, SHARED] if wanted == BOTH else [*regions]
        return {
            name: units // len(names) + (k < units % len(names)) for k, name in enumerate(names)
        }
    last = [] if SHARED in regions else [name for name in wanted if name == SHARED]
    return {name: int(wanted[name]) for name in [*regions, *last]}


def _apportioned(sizes: Sequence[int], number: int) -> list[int]:
    """Share out a number in proportion to sizes, in whole ones: largest remainders go first."""
    exact = [size * number / sum(sizes) for size in sizes]
    found = [int(share) for share in exact]
    order = sorted(range(len(sizes)), key=lambda k: (found[k] - exact[k], k))
    for k in order[: number - sum(found)]:
        found[k] += 1
    return found


def _in_turn(sizes: Sequence[int]) -> list[list[int]]:
    """Numbers from 0 on, one to each in turn for as long as it has room."""
    turns = sorted((turn, k) for k, size in enumerate(sizes) for turn in range(size))
    return [
        [number for number, (_, owner) in enumerate(turns) if owner == k] for k in range(len(sizes))
    ]


def present(
    wanted: str | Mapping[str, int] | None, trials: TrialSet
) -> str | Mapping[str, int] | None:
    """Restrict units by region to the regions that these trials have neurons in."""
    if not isinstance(wanted, Mapping) or trials.region is None:
        return wanted
    found = {str(name) for name in trials.region}
    return {name: units for name, units in wanted.items() if name in found or name == SHARED}
