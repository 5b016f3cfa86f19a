"""Equality of all tensors with the reference implementation of the benchmark, where that is
installed."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.nlb.made_sets import make_set
from undertow.nlb import Phase, Tensors, make_tensors

pytestmark = pytest.mark.filterwarnings("ignore:.* are bins of training trials too")
CASES = [
    ("mc_maze", 20, "val"),
    ("mc_rtt", 20, "val"),
    ("area2_bump", 20, "val"),
    ("dmfc_rsg", 20, "val"),
]
MORE = [(name, 5, "val") for name, _, _ in CASES]
MORE += [(name, bin_ms, "test") for name in ("mc_maze", "mc_rtt", "dmfc_rsg") for bin_ms in (5, 20)]


@pytest.fixture(scope="module")
def reference() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The reference's two modules, made to run on the pandas that is installed."""
    pandas = pytest.importorskip("pandas")
    interface = pytest.importorskip("nlb_tools.nwb_interface", reason="nlb-tools is not installed")
    tensors = pytest.importorskip("nlb_tools.make_tensors", reason="nlb-tools is not installed")
    to_numpy, load = pandas.DataFrame.to_numpy, interface.NWBDataset.load

    def sorted_by_time(self: Any, *args: Any, **options: Any) -> tuple[Any, ...]:
        data, *rest = load(self, *args, **options)
        return data.sort_index(), *rest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            pandas.DataFrame, "to_numpy", lambda self, *a, **k: to_numpy(self, *a, **k).copy()
        )
        patch.setattr(interface.NWBDataset, "load", sorted_by_time)
        patch.setattr(interface, "_poolmap", lambda function, items: list(map(function, items)))
        yield interface, tensors


def reference_tensors(
    modules: tuple[ModuleType, ModuleType], folder: Path, ours: Tensors
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and targets as the reference makes them."""
    interface, make = modules
    train = "train" if ours.phase == "val" else ["train", "val"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reference's warnings are not under test
        data = interface.NWBDataset(str(folder))
        data.resample(ours.bin_ms)
        both = {"include_behavior": True, "include_forward_pred": True}
        inputs = make.make_train_input_tensors(data, ours.set_name, train, save_file=False, **both)
        evaluated = make.make_eval_input_tensors(data, ours.set_name, ours.phase, save_file=False)
        inputs["eval_spikes_heldin"] = evaluated["eval_spikes_heldin"]
        if ours.phase == "test":
            return inputs, {}
        targets = make.make_eval_target_tensors(
            data, ours.set_name, train, ours.phase, save_file=False, include_psth=True
        )
    return inputs, targets[ours.group]


def check(modules: Any, folder: Path, name: str, bin_ms: int, phase: Phase) -> None:
    make_set(name, folder, seed=3, n_trials=16)
    ours = make_tensors(folder, name, bin_ms, phase)
    for found, expected in zip(
        (ours.inputs, ours.targets), reference_tensors(modules, folder, ours), strict=True
    ):
        assert set(found) == set(expected)
        for key, values in expected.items():
            if key.endswith("cond_idx"):
                assert [list(each) for each in found[key]] == [list(each) for each in values], key
            else:
                np.testing.assert_allclose(
                    found[key], np.asarray(values, float), rtol=1e-6, atol=1e-9, err_msg=key
                )


@pytest.mark.parametrize(("name", "bin_ms", "phase"), CASES)
def test_equals_the_reference(
    reference: Callable[..., Any], tmp_path: Path, name: str, bin_ms: int, phase: Phase
) -> None:
    check(reference, tmp_path, name, bin_ms, phase)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "bin_ms", "phase"), MORE)
def test_equals_the_reference_everywhere(
    reference: Callable[..., Any], tmp_path: Path, name: str, bin_ms: int, phase: Phase
) -> None:
    check(reference, tmp_path, name, bin_ms, phase)
