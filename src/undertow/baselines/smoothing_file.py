"""What the file of a fitted `Smoothing` holds, checked before it is used."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.errors import ModelError
from undertow.models.persistence import known_types
from undertow.schema import fit_value

if TYPE_CHECKING:
    from torch import Tensor

IDS = re.compile(r"[<>|=]?(U[0-9]{1,4}|[iuf][1248])")
"""Types of neuron ids, as NumPy writes them."""


@dataclass(frozen=True)
class Header:
    """What the JSON header holds; `choice` is width, floor and penalty."""

    model: str
    params: dict[str, Any]
    choice: tuple[float, float, float]
    bin_s: float
    neuron_ids: list[str | int | float]
    neuron_ids_dtype: str
    heldout: list[bool]
    shrinkage: tuple[float, float] | None = None

    def check(self, tensors: "Mapping[str, Tensor]", path: str | Path) -> None:
        """Refuse entries that do not fit each other or the tensors.

        Raises:
            ModelError: naming the rule.
        """
        for rule in self._broken_rules(tensors):
            raise ModelError(f"{path} does not fit together: {rule}.")

    def _holds(self, neuron_id: float) -> bool:
        """Whether the type of the ids holds this number."""
        dtype = np.dtype(self.neuron_ids_dtype)
        if dtype.kind == "f":
            return abs(neuron_id) <= float(np.finfo(dtype).max)
        limits = np.iinfo(dtype)
        return neuron_id == neuron_id // 1 and limits.min <= neuron_id <= limits.max

    def _broken_rules(self, tensors: "Mapping[str, Tensor]") -> Iterator[str]:
        n, hidden, names = len(self.neuron_ids), sum(self.heldout), {str, int, float}
        shapes = {"weights": (n - hidden, hidden), "offset": (hidden,)}
        shapes |= {"mean_rates": (n,), "forward_rates": (n,)}
        if not IDS.fullmatch(self.neuron_ids_dtype):
            yield "neuron_ids_dtype is no type of ids"
            return
        text = "U" in self.neuron_ids_dtype
        rules = {
            "neuron_ids and heldout need an entry per neuron": n == len(self.heldout) > 0,
            "neuron_ids are not of their type": {type(i) for i in self.neuron_ids}
            <= ({str} if text else names - {str})
            and all(isinstance(i, str) or self._holds(i) for i in self.neuron_ids),
            "choice and bin_s must be positive": self.choice[0] > 0
            and min(self.choice) >= 0
            and max(self.choice) < 1e9
            and 0 < self.bin_s < 1e9
            and all(0 <= each < 1e9 for each in self.shrinkage or ()),
            f"its arrays must be {', '.join(shapes)}": tensors.keys() == shapes.keys(),
        }
        yield from (rule for rule, kept in rules.items() if not kept)
        for name, shape in shapes.items():
            if (tensor := tensors.get(name)) is not None:
                if tuple(tensor.shape) != shape or not tensor.is_floating_point():
                    yield f"{name} must be numbers of the shape {shape}"
                elif not tensor.isfinite().all():
                    yield f"{name} holds what is no finite number"


def check_params(cls: type, params: Mapping[str, Any], path: str | Path) -> None:
    """Refuse settings of a file that the constructor does not take.

    Raises:
        ModelError: for an unknown setting, or a value of another type.
    """
    for name, kind in known_types(cls, params, path).items():
        if name in params:
            fit_value(f"{name} in {path}", params[name], kind)
