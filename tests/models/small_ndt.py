"""NDT and STNDT small enough to fit in a fraction of a second; their networks in float64."""

import warnings
from functools import cache
from typing import Any

from torch import Tensor

from tests.models.small import GAPS
from undertow.data.batches import Batch
from undertow.models import NDT
from undertow.models.ndt.network import NDTNetwork
from undertow.randomness import isolated_seed
from undertow.training import Training

SMALL = {"encoder__width": 8, "encoder__heads": 2}


def small(cls: type[Any] = NDT, epochs: int = 2, **settings: Any) -> Any:
    training = Training(epochs=epochs, batch_size=16, validate_every=1, learning_rate=1e-2)
    return cls(training=training).set_params(**SMALL).set_params(**settings)


@cache
def fitted(cls: type[Any] = NDT) -> Any:
    """One fit on `GAPS` for all who only look."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return small(cls).fit(GAPS)


def built(cls: type[Any] = NDT, **settings: Any) -> tuple[NDTNetwork, Batch]:
    """An untrained network in float64, and `GAPS` as it reads them."""
    model = small(cls, **settings)
    with isolated_seed(0):
        network = model.build_network(model.describe(GAPS)).double().eval()
    return network, Batch.from_trials(GAPS, dtype=next(network.parameters()).dtype)


def weights(model: Any) -> dict[str, Tensor]:
    return dict(model.network_.state_dict())
