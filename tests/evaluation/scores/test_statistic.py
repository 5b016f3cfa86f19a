"""Saved statistics: read back as they were, and refused in a sentence where they are something
else."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from undertow.errors import DataError
from undertow.evaluation import load_statistics, save_statistics
from undertow.evaluation.scores.psth_sums import PsthRSquared
from undertow.evaluation.scores.statistic import Statistic
from undertow.evaluation.scores.sums import BitsPerSpike, RSquared

ABOUT = {"unit": "u", "trial_ids": np.arange(4), "condition": np.array(list("abab")), "bin_s": 0.02}
RNG = np.random.default_rng(0)
BITS = BitsPerSpike.from_counts(
    RNG.random((4, 5, 3)), RNG.poisson(1.0, (4, 5, 3)), name="co-bps", n_neurons=3, **ABOUT
)
VELOCITY = RSquared.from_targets(
    RNG.random((4, 5, 2)),
    RNG.random((4, 5, 2)),
    name="velocity R2",
    n_neurons=3,
    facts={"floor_hz": 0.5},
    **ABOUT,
)
PSTH = PsthRSquared(
    rates=RNG.random((4, 5, 3)),
    psth=RNG.random((2, 5, 3)),
    member=np.array([0, 1, 0, 1]),
    name="psth R2",
    n_neurons=3,
    **ABOUT,
)
GOOD = {each.name: each for each in (BITS, VELOCITY, PSTH)}


def test_they_come_back_with_their_facts(tmp_path: Path) -> None:
    found = load_statistics(save_statistics(tmp_path / "kept.npz", GOOD))
    assert {name: each.value for name, each in found.items()} == {
        name: each.value for name, each in GOOD.items()
    }
    assert found["velocity R2"].facts == {"floor_hz": 0.5}
    assert found["co-bps"].facts == {}


def test_files_written_before_there_were_facts_are_read(tmp_path: Path) -> None:
    arrays = BITS.to_arrays()
    arrays.pop("facts")
    np.savez(tmp_path / "old.npz", **{f"co-bps/{k}": v for k, v in arrays.items()})
    assert load_statistics(tmp_path / "old.npz")["co-bps"].value == BITS.value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("loss", np.zeros((3, 3))),
        ("loss", np.array(["a", "b", "c", "d"])),
        ("loss", np.array(2.0)),
        ("bin_s", np.array("ten")),
        ("bin_s", np.array(np.nan)),
        ("n_neurons", np.array(-3)),
        ("name", np.array(3)),
        ("note", np.arange(3)),
        ("trial_ids", np.zeros((0,))),
        ("trial_ids", np.array(7)),
        ("condition", np.arange(3)),
        ("facts", np.array("[1, 2]")),
        ("facts", np.array('{"a": "b"}')),
        ("facts", np.array("[" * 100_000)),
        ("kind", np.array("Nothing")),
        ("surprise", np.arange(4)),
    ],
)
def test_fields_that_do_not_fit_are_refused(tmp_path: Path, field: str, value: np.ndarray) -> None:
    arrays = {**BITS.to_arrays(), field: value}
    np.savez(tmp_path / "bad.npz", **{f"co-bps/{k}": v for k, v in arrays.items()})
    with pytest.raises(DataError) as found:
        load_statistics(tmp_path / "bad.npz")
    assert len(str(found.value)) < 400


@pytest.mark.parametrize("kept", [0, 1, 40, 300, -30])
def test_files_cut_short_or_of_something_else_are_refused(tmp_path: Path, kept: int) -> None:
    path = save_statistics(tmp_path / "kept.npz", GOOD)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="cannot be read as saved statistics"):
        load_statistics(path)
    path.write_text("score,value")
    with pytest.raises(DataError, match="cannot be read"):
        load_statistics(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="cannot be read"):
        load_statistics(path)
    np.savez(path, spikes=np.zeros(3))
    with pytest.raises(DataError, match="arrays of no statistic"):
        load_statistics(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("co-bps/loss", b"no array at all")
    with pytest.raises(DataError, match="arrays of no statistic"):
        load_statistics(path)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("rates", np.full((4, 3, 2), np.inf)),
        ("rates", np.zeros((4, 3, 5))),
        ("rates", np.full((4, 3, 2), -1e300)),
        ("rates", np.full((4, 3, 2), np.inf, np.float16)),
        ("psth", np.zeros((2, 3))),
        ("member", np.zeros((4, 1), int)),
        ("member", np.array([0, 1, 2, 0])),
        ("member", np.array([0.0, 1.0, 0.0, 1.0])),
    ],
)
def test_sums_that_do_not_fit_each_other_are_refused(field: str, wrong: np.ndarray) -> None:
    good = PsthRSquared(
        name="psth R2",
        unit="R²",
        trial_ids=np.arange(4),
        condition=None,
        bin_s=0.02,
        n_neurons=2,
        rates=np.ones((4, 3, 2)),
        psth=np.ones((2, 3, 2)),
        member=np.array([0, 1, 0, 1]),
    ).to_arrays()
    assert Statistic.from_arrays(good).n_trials == 4
    with pytest.raises(DataError, match=f"{field} of a PsthRSquared"):
        Statistic.from_arrays(good | {field: wrong})
    nothing = good | {"psth": np.full((2, 3, 2), np.nan)}
    with pytest.raises(DataError, match="has no bin in which all neurons have a PSTH"):
        Statistic.from_arrays(nothing)
