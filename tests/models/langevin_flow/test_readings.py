"""Where the paper and its released code differ, each reading works alone and changes the result."""

from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.models.langevin_flow.test_building import OPTIONS
from tests.models.langevin_flow.test_presets import DIFFERENCES
from tests.models.small import GAPS, UNUSED, small
from undertow.errors import ModelError
from undertow.models import LangevinFlow, Variant
from undertow.models.parameters import annotations, option_classes
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)

Settings = dict[str, Any]
EULER = {"dynamics__scheme": "euler"}
SINGLY: dict[str, tuple[Settings, Settings]] = {
    "scheme": ({}, EULER),
    "hamiltonian_step": (EULER, {**EULER, "dynamics__hamiltonian_step": 0.5}),
    "reads previous": ({}, {"encoder__reads": "previous"}),
    "reads held": ({"encoder__reads": "previous"}, {"encoder__reads": "held"}),
    "recurrent_dropout": ({}, {"encoder__recurrent_dropout": 0.2}),
    "feedforward": ({}, {"decoder__feedforward": 9}),
    "heads": ({}, {"decoder__heads": 4}),
    "norm": ({}, {"decoder__norm": "post"}),
    "initial_scale": ({}, {"decoder__initial_scale": 0.67}),
    "potential": ({}, {"dynamics__potential": "mixed-oscillators", "dynamics__taps": 3}),
    "path_prior": (
        {"posterior__path_prior": "standard-normal"},
        {"posterior__path_prior": "released"},
    ),
    "likelihood": ({}, {"variant__likelihood": "mean"}),
    "learn_from_kept": ({}, {"variant__learn_from_kept": 0.3}),
    "average": ({}, {"variant__average": "log-rates"}),
}


def rates(**settings: Any) -> np.ndarray:
    return _rates(tuple(settings.items()))


@cache
def _rates(settings: tuple[tuple[str, Any], ...]) -> np.ndarray:
    published = {"posterior__initial_s": "first", "dynamics__allow_unstable": True}
    model = small(coordinated_dropout=0.5, dropout=0.1, **published, **dict(settings))
    return model.fit(GAPS).predict(GAPS).rates


def test_every_reading_is_tried() -> None:
    tried = {name for _, after in SINGLY.values() for name in after}
    assert tried >= {f"variant__{field.name}" for field in fields(Variant)}
    assert tried >= {option for options in DIFFERENCES.values() for option in options}


def test_every_option_is_tried_alone_here_or_among_the_settings_that_change_a_fit() -> None:
    tried = {name for _, after in SINGLY.values() for name in after}
    tried |= {name for settings in OPTIONS.values() for name in settings}
    tried |= {"posterior__stimulus"}  # on trials that hold one: test_stimulus.py
    assert tried >= {
        argument if field.name == "kind" else f"{argument}__{field.name}"
        for argument, annotation in annotations(LangevinFlow).items()
        for cls in option_classes(annotation)
        for field in fields(cls)
        if cls is not Training
    }


@pytest.mark.parametrize(("before", "after"), SINGLY.values(), ids=SINGLY.keys())
def test_every_reading_works_alone_and_changes_the_result(
    before: Settings, after: Settings
) -> None:
    found = rates(**after)
    assert np.isfinite(found[GAPS.valid]).all()
    assert not np.allclose(found, rates(**before), rtol=1e-6, equal_nan=True)


def test_averaging_log_rates_gives_less() -> None:
    """The geometric mean is below the arithmetic one wherever samples differ."""
    geometric, arithmetic = rates(variant__average="log-rates"), rates()
    assert (geometric <= arithmetic * (1 + 1e-6))[GAPS.valid].all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": {"average": "rates"}}, "variant is .*: it must be Variant"),
        (
            {"dynamics__scheme": "leapfrog"},
            "dynamics.scheme is 'leapfrog': .* 'splitting', 'euler'",
        ),
        ({"encoder__reads": "next"}, "encoder.reads is 'next'"),
        ({"decoder__norm": "rms"}, "decoder.norm is 'rms'"),
        ({"variant__likelihood": "max"}, "variant.likelihood is 'max'"),
        ({"variant__average": "median"}, "variant.average is 'median'"),
        (
            {"encoder__recurrent_dropout": 1.0},
            "encoder.recurrent_dropout is 1.0: it must be a number, from 0",
        ),
        ({"variant__learn_from_kept": -0.1}, "variant.learn_from_kept is -0.1"),
        ({**EULER, "dynamics__hamiltonian_step": 0.0}, "hamiltonian_step is 0.0"),
        ({"decoder__initial_scale": -1.0}, "initial_scale is -1.0"),
        ({"decoder__feedforward": 0}, "decoder.feedforward is 0"),
    ],
)
def test_wrong_readings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        small(**settings).fit(GAPS)
