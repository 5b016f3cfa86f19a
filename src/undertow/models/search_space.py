"""What a search over settings varies: ranges and choices, by the name of a setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from undertow import checks
from undertow.errors import ModelError
from undertow.names import shown

FACTORS = (0.8, 1.2)
"""By one of these a value is multiplied when it is perturbed (Jaderberg et al. 2017)."""
DRAWN_ANEW = 0.25
"""Share of the perturbations that draw a value anew instead."""
FURTHEST, TRIES = 1e12, 50
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        low, high: bounds, within ±1e12; above 0 where the scale is 'log'.
        scale: 'linear' draws uniformly, 'log' uniformly in the logarithm.
        whole: whole numbers alone.
    """

    low: float
    high: float
    scale: Scale = "linear"
    whole: bool = False

    def __post_init__(self) -> None:
        checks.number("range.low", self.low, -FURTHEST, FURTHEST)
        checks.number("range.high", self.high, -FURTHEST, FURTHEST)
        checks.one_of("range.scale", self.scale, get_args(Scale))
        checks.one_of("range.whole", self.whole, (True, False))
        if self.low > self.high:
            raise ModelError(f"a range goes from {self.low:g} to {self.high:g}: the lower first.")
        if self.scale == "log" and self.low <= 0:
            raise ModelError(
                f"a range of scale 'log' starts at {self.low:g}: it must start above 0."
            )

    @property
    def examples(self) -> tuple[float, ...]:
        """Values that a model must take if it is to take all: the bounds."""
        return self._made(self.low), self._made(self.high)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw a value."""
        if self.scale == "log":
            return self._made(float(np.exp(rng.uniform(np.log(self.low), np.log(self.high)))))
        return self._made(float(rng.uniform(self.low, self.high)))

    def perturbed(self, value: Any, rng: np.random.Generator) -> float:
        """Draw a value near one in use: a fifth more or less, or, now and then, any other.

        What is no number, such as a None that lets the model choose, is drawn anew too.
        """
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or rng.random() < DRAWN_ANEW:
            return self.draw(rng)
        return self._made(float(value) * float(rng.choice(FACTORS)))

    def _made(self, value: float) -> float:
        """The value within the bounds, whole where it must be."""
        held = min(max(value, self.low), self.high)  # exp(log(x)) may lie beyond x
        return round(held) if self.whole else float(held)


@dataclass(frozen=True)
class Choices:
    """Values to choose from, each as likely.

    Attributes:
        values: at least one, in an order in which neighbours are alike, if they have one.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.values, tuple | list) or not len(self.values):
            raise ModelError(
                f"choices are {shown(self.values)}: give a tuple of at least one value."
            )
        object.__setattr__(self, "values", tuple(self.values))

    @property
    def examples(self) -> tuple[Any, ...]:
        """Values that a model must take if it is to take all: each."""
        return self.values

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw a value."""
        return self.values[int(rng.integers(len(self.values)))]

    def perturbed(self, value: Any, rng: np.random.Generator) -> Any:
        """Draw a neighbour of the value in use, or, now and then, any other."""
        if value not in self.values or rng.random() < DRAWN_ANEW:
            return self.draw(rng)
        place = self.values.index(value) + int(rng.choice((-1, 1)))
        return self.values[min(max(place, 0), len(self.values) - 1)]


SearchSpace = Mapping[str, Range | Choices]
"""Setting, as `set_params` takes it ('training__learning_rate') → what it may be."""


def check_space(space: Any) -> None:
    """Refuse what is no space, or an empty one.

    Raises:
        ModelError: saying what a space is.
    """
    pairs = space.items() if isinstance(space, Mapping) else ()
    if not pairs or not all(
        isinstance(name, str) and isinstance(held, Range | Choices) for name, held in pairs
    ):
        raise ModelError(
            f"the search space is {shown(space)}: give settings by name, each with a "
            "Range(low, high) or Choices((…, …))."
        )


def sampled_settings(
    space: SearchSpace, given: Mapping[str, Any], samples: int, seed: int
) -> list[dict[str, Any]]:
    """Draw settings to try; the first are those given, so that the model is tried as it is, too.

    More samples begin with the fewer. Nothing is tried twice: a space of few choices gives fewer
    settings than asked for.

    Args:
        space: what is varied.
        given: the settings of the model as it is.
        samples: number of settings, at most.
        seed: of the draws.
    """
    drawn = [{name: given.get(name) for name in space}]
    for k in range(1, samples):
        rng = np.random.default_rng([seed, k])
        for _ in range(TRIES):
            settings = {name: held.draw(rng) for name, held in space.items()}
            if settings not in drawn:
                drawn.append(settings)
                break
    return drawn


def perturbed_settings(
    space: SearchSpace, settings: Mapping[str, Any], seed: Sequence[int]
) -> dict[str, Any]:
    """Draw settings near those in use.

    Args:
        space: what is varied.
        settings: in use, of every setting in the space.
        seed: of the draws.
    """
    rng = np.random.default_rng(list(seed))
    return {name: held.perturbed(settings.get(name), rng) for name, held in space.items()}
