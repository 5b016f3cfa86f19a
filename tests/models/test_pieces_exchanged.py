"""A piece set by name in the place of another keeps the options that both have."""

from typing import Any

import pytest

from undertow.models import (
    Counts,
    Estimator,
    GRUEncoding,
    Langevin,
    LangevinFlow,
    LatentSDE,
    LinearDecoding,
    LinearEncoding,
    MLPDecoding,
    PathPosterior,
    TransformerDecoding,
)


@pytest.mark.parametrize(
    ("model", "change", "expected"),
    [
        (
            LangevinFlow(decoder=TransformerDecoding(width=32, inputs=("z",), withhold_h=0.1)),
            {"decoder": "linear"},
            LinearDecoding(inputs=("z",), withhold_h=0.1),
        ),
        (
            LangevinFlow(decoder=TransformerDecoding(width=32, heads=2)),
            {"decoder": "mlp"},
            MLPDecoding(width=32),
        ),
        (
            LangevinFlow(encoder=GRUEncoding(hidden_dim=5, bidirectional=False)),
            {"encoder": "linear"},
            LinearEncoding(hidden_dim=5),
        ),
        (
            LangevinFlow(observation=Counts(link="softplus", rate_floor_hz=1.0)),
            {"observation": "negative-binomial"},
            Counts("negative-binomial", "softplus", 1.0),
        ),
        (
            LatentSDE(posterior=PathPosterior(initial_s=0.3, hidden_dim=9)),
            {"posterior": "drift"},
            PathPosterior("drift", 0.3, hidden_dim=9),
        ),
        (LangevinFlow(dynamics=Langevin(groups=2)), {"dynamics": None}, None),
        (LangevinFlow(dynamics=None), {"dynamics": "langevin"}, Langevin()),
        (
            LangevinFlow(decoder=MLPDecoding(width=32)),
            {"decoder": MLPDecoding(withhold_h=0.1)},
            MLPDecoding(withhold_h=0.1),
        ),
    ],
)
def test_a_piece_by_name_keeps_what_it_shares_and_one_as_an_object_nothing(
    model: Estimator, change: dict[str, Any], expected: Any
) -> None:
    (name,) = change
    before = model.piece(name)
    assert model.copy(**change).piece(name) == expected
    assert model.piece(name) == before


def test_a_piece_that_keeps_nothing_stays_a_name() -> None:
    assert LangevinFlow().set_params(decoder="linear").decoder == "linear"
