"""`make_tensors`: every entry of every tensor against a second computation."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.nlb.direct import Direct
from tests.nlb.made_sets import MadeSet, make_set
from undertow.errors import DataWarning
from undertow.nlb import NLB_SETS, Phase, make_tensors

FOUR = ("mc_maze", "mc_rtt", "area2_bump", "dmfc_rsg")
CASES = [(name, bin_ms, phase) for name in FOUR for bin_ms in (5, 20) for phase in ("val", "test")]
CASES += [(name, 20, "val") for name in NLB_SETS if name not in FOUR]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., MadeSet]:
    @cache
    def make(name: str, **options: Any) -> MadeSet:
        return make_set(name, tmp_path_factory.mktemp(name), **options)

    return make


def assert_same(found: Mapping[str, np.ndarray], expected: Mapping[str, Any]) -> None:
    assert set(found) == set(expected)
    for name, values in expected.items():
        if name.endswith("cond_idx"):
            assert [list(each) for each in found[name]] == [list(each) for each in values], name
        else:
            np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.filterwarnings("ignore:.* are bins of training trials too")
@pytest.mark.parametrize(("name", "bin_ms", "phase"), CASES)
@pytest.mark.parametrize("cut_short", [False, True])
def test_every_entry(
    made: Callable[..., MadeSet], name: str, bin_ms: int, phase: Phase, cut_short: bool
) -> None:
    recording = made(name, cut_short=cut_short)
    tensors = make_tensors(recording.folder, name, bin_ms, phase)
    direct = Direct(recording, bin_ms, phase)
    assert (tensors.set_name, tensors.bin_ms, tensors.phase) == (name, bin_ms, phase)
    assert_same(tensors.inputs, direct.inputs())
    assert_same(tensors.targets, direct.targets() if phase == "val" else {})


def test_bins_of_both_parts_are_said(made: Callable[..., MadeSet]) -> None:
    with pytest.warns(
        DataWarning, match=r"% of the bins of the evaluation trials \(\d of \d "
    ) as said:
        make_tensors(made("area2_bump").folder, "area2_bump", 20)
    assert said[0].filename == __file__
