"""What a fitted model's oscillators are, and their coupling over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from undertow.data import TrialSet
from undertow.dynamics import Dynamics, SecondOrderOscillators
from undertow.errors import UndertowError
from undertow.models import Ensemble, Estimator, LatentSDE
from undertow.models.population import SHARED


@runtime_checkable
class HasFrequencies(Protocol):
    """Dynamics made of oscillators."""

    @property
    def natural_frequencies_hz(self) -> Tensor:
        """Natural frequencies in Hz, (oscillators,)."""


@runtime_checkable
class HasCoupling(Protocol):
    """Dynamics whose units are coupled by a matrix."""

    @property
    def timescale_s(self) -> Tensor:
        """Seconds per unit of internal time."""

    def coupling_matrix(self, u: Tensor | None = None) -> Tensor:
        """Coupling per unit of internal time, (…, units, units): row i is what acts on unit i."""


@dataclass(frozen=True, eq=False)
class CouplingOverTime:
    """Coupling of each pair of units, averaged over trials.

    Attributes:
        strength: K_ij per second (per second squared for a second-order form), (models, time,
            units, units): row i is what acts on unit i; units are sorted by region and, within it,
            by natural frequency where they have one.
        region: region of each unit, (units,).
        unit: '1/s' or '1/s²'.
    """

    strength: np.ndarray
    region: np.ndarray
    unit: str

    @property
    def changes(self) -> bool:
        """Whether the coupling, averaged over trials, changes in time."""
        return bool(np.ptp(self.strength, axis=1).max() > 0)

    @property
    def mean(self) -> np.ndarray:
        """Mean over models, (time, units, units)."""
        mean: np.ndarray = self.strength.mean(axis=0)
        return mean

    @property
    def std(self) -> np.ndarray | None:
        """Spread over models, (time, units, units); None for one model."""
        return self.strength.std(axis=0, ddof=1) if len(self.strength) > 1 else None

    def between_regions(self) -> dict[tuple[str, str], np.ndarray]:
        """Root mean square of K_ij between different units: (from, to) → (models, time).

        A pair of regions without such units has no entry.
        """
        names, other = (
            list(dict.fromkeys(self.region.tolist())),
            ~np.eye(len(self.region), dtype=bool),
        )
        found = {}
        for source in names:
            for target in names:
                pairs = (self.region == target)[:, None] & (self.region == source) & other
                if pairs.any():
                    found[source, target] = np.sqrt((self.strength[:, :, pairs] ** 2).mean(axis=-1))
        return found


Models = Estimator | Sequence[Estimator]
"""A fitted LatentSDE, an Ensemble of them, or several that differ in their seed."""


@torch.no_grad()
def coupling_over_time(models: Models, trials: TrialSet) -> CouplingOverTime:
    """Average the coupling under the trials' stimulus over these trials.

    It is that of one model, or of several that differ in their seed alone.

    Seeds need not find the same oscillators: within a region they are compared by rank of their
    frequency.

    Raises:
        UndertowError: for dynamics without a coupling matrix, models of different dynamics or
            regions, or irregular times.
    """
    models = alike(models)
    if trials.times is not None:
        raise UndertowError(
            "the trials have irregular times: a coupling averaged over trials needs regular bins."
        )
    strength = np.stack([_strength(model, trials) for model in models])
    unit = "1/s" if _power(models[0]) == 1 else "1/s²"
    return CouplingOverTime(strength, sorted_regions(models[0]), unit)


def _strength(model: LatentSDE, trials: TrialSet) -> np.ndarray:
    """Average K of one model over trials, in the order of units: (time, units, units)."""
    dynamics, order = model.dynamics_, unit_order(model)
    if not isinstance(dynamics, HasCoupling):
        raise UndertowError(f"{kind_of(model)} has no coupling matrix between units.")
    inputs, like = model.encoded_inputs(trials), next(dynamics.parameters())
    u = torch.as_tensor(np.nan_to_num(inputs), dtype=like.dtype, device=like.device)
    matrix = dynamics.coupling_matrix(u if inputs.shape[2] else None).cpu().numpy()
    # per unit of internal time → per second, twice for accelerations
    per_second = matrix / float(dynamics.timescale_s) ** _power(model)
    return _over_trials(per_second, trials)[:, order][:, :, order]


def _over_trials(matrix: np.ndarray, trials: TrialSet) -> np.ndarray:
    """Average over the trials that have a bin, (time, units, units).

    The coupling is (units, units) or (trials, time, units, units).
    """
    if matrix.ndim == 2:
        return np.broadcast_to(matrix, (trials.n_time, *matrix.shape))
    weight = trials.valid / np.maximum(trials.valid.sum(axis=0), 1)
    return np.einsum("nt,ntij->tij", weight, matrix)


def alike(models: Models) -> list[LatentSDE]:
    """Return one or several models as a list, all of the same dynamics and regions."""
    given = [models] if not isinstance(models, Sequence) else list(models)
    found = [member for each in given for member in latent_sdes(each)]
    if not found:
        raise UndertowError("no model was given: pass a fitted LatentSDE, or several.")
    kinds = {(kind_of(model), model.unit_regions().tobytes()) for model in found}
    if len(kinds) > 1:
        raise UndertowError(
            "the models have different dynamics or regions: compare models that differ in their "
            "seed."
        )
    return found


def latent_sdes(model: object) -> list[LatentSDE]:
    """Return the fitted LatentSDE itself, or those that an Ensemble consists of.

    Raises:
        UndertowError: for anything else.
    """
    members: list[object] = [model]
    if isinstance(model, Ensemble):
        model._check_fitted()
        members = [*model.members_]
    found = [each for each in members if isinstance(each, LatentSDE)]
    if wrong := [each for each in members if not isinstance(each, LatentSDE)]:
        raise UndertowError(
            "frequencies, coupling and phase portraits are those of a LatentSDE, and this is a "
            f"{type(wrong[0]).__name__}: pass a fitted LatentSDE, or an Ensemble of them."
        )
    return found


def unit_order(model: LatentSDE) -> np.ndarray:
    """Order units by region, shared ones last, then by natural frequency where they have one."""
    hz, region = frequencies_hz(model.dynamics_), model.unit_regions()
    names = [*model.population_.regions, SHARED]
    place = np.array([names.index(name) for name in region])
    return np.lexsort((np.arange(len(place)) if hz is None else hz, place))


def sorted_regions(model: LatentSDE) -> np.ndarray:
    """Return the region of each unit, in this order."""
    return model.unit_regions()[unit_order(model)]


def frequencies_hz(dynamics: Dynamics) -> np.ndarray | None:
    """Return |ω| / 2π in Hz, (oscillators,), 0 for units that are still.

    None for dynamics that are no oscillators.
    """
    if not isinstance(dynamics, HasFrequencies):
        return None
    hz: np.ndarray = dynamics.natural_frequencies_hz.detach().abs().cpu().numpy()
    return hz


def _power(model: LatentSDE) -> int:
    """Return the power of 1/s in the unit of K: 2 for a second-order form, else 1."""
    return 2 if isinstance(model.dynamics_, SecondOrderOscillators) else 1


def kind_of(model: LatentSDE) -> str:
    return type(model.dynamics_).__name__
