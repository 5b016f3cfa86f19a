"""The weight of the KL terms over training."""

import pytest

from undertow.errors import ModelError
from undertow.inference import KLSchedule


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (KLSchedule("constant", 2.0), [2, 2, 2, 2, 2]),
        (KLSchedule("linear", 2.0, rise=0.5), [0, 0.5, 1, 2, 2]),
        (KLSchedule("cyclic", 1.0, cycles=2, rise=0.5), [0, 0.5, 1, 0, 1]),
        (KLSchedule("cyclic", 10.0, cycles=1, rise=1.0), [0, 1.25, 2.5, 5, 10]),
    ],
)
def test_weight_over_training(schedule: KLSchedule, expected: list[float]) -> None:
    assert [schedule(p) for p in (0, 0.125, 0.25, 0.5, 1.0)] == pytest.approx(expected)


def test_the_papers_cycles_rise_for_half_of_each() -> None:
    schedule = KLSchedule(peak=10.0)
    for cycle in range(4):
        assert [schedule((cycle + x) / 4) for x in (0.0, 0.25, 0.5, 0.75)] == pytest.approx(
            [0, 5, 10, 10]
        )


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"shape": "up"}, "shape"),
        ({"peak": -1.0}, "peak"),
        ({"rise": 2.0}, "rise"),
        ({"cycles": 0}, "cycles"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict, word: str) -> None:
    with pytest.raises(ModelError, match=word):
        KLSchedule(**wrong)
