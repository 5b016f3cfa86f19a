"""The table of the benchmark's sets."""

import pytest

from undertow.data.readers.nlb_sets import NLB_SETS, group_name, is_group, nlb_set, parse_group
from undertow.errors import DataError

MAZES = ("mc_maze", "mc_maze_large", "mc_maze_medium", "mc_maze_small")
SET_NAMES = ("mc_maze", "mc_rtt", "area2_bump", "dmfc_rsg", *MAZES[1:])
BINS = {"mc_maze": 140, "mc_rtt": 120, "area2_bump": 120, "dmfc_rsg": 300}


def test_the_table_has_the_seven_sets_by_name() -> None:
    assert tuple(NLB_SETS) == SET_NAMES
    assert all(entry.name == name for name, entry in NLB_SETS.items())
    assert all(NLB_SETS[name].conditions == ("trial_type", "trial_version") for name in MAZES)
    assert len({entry.dandi_id for entry in NLB_SETS.values()}) == 7


@pytest.mark.parametrize("name", SET_NAMES)
def test_bins_of_the_window(name: str) -> None:
    bins = BINS.get(name, BINS["mc_maze"])
    assert (nlb_set(name).n_bins(5), nlb_set(name).n_bins(20)) == (bins, bins // 4)


@pytest.mark.parametrize("name", SET_NAMES)
def test_groups_tell_set_and_bin_width(name: str) -> None:
    groups = {bin_ms: group_name(name, bin_ms) for bin_ms in (5, 20)}
    assert groups == {5: name, 20: f"{name}_20"}
    assert {bin_ms: parse_group(group) for bin_ms, group in groups.items()} == {
        5: (name, 5),
        20: (name, 20),
    }
    assert not is_group(f"{name}_10")
    with pytest.raises(DataError, match=f"'{name}_10' is no group of the benchmark"):
        parse_group(f"{name}_10")


def test_columns_a_set_needs() -> None:
    assert nlb_set("mc_maze").trial_columns == ("move_onset_time", "trial_type", "trial_version")
    assert nlb_set("mc_rtt").trial_columns == ("start_time",)
    assert nlb_set("area2_bump").trial_columns == ("move_onset_time", "ctr_hold_bump", "cond_dir")
    assert set(nlb_set("dmfc_rsg").trial_columns) == {
        *("go_time", "set_time", "is_outlier", "tp", "is_eye", "theta", "is_short", "ts")
    }


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("MC_Maze", "mc_maze"),
        ("mc_maze_smal", "mc_maze_small"),
        ("dmfc", "dmfc_rsg"),
        ("MC_RTT", "mc_rtt"),
    ],
)
def test_the_nearest_name_is_told(name: str, near: str) -> None:
    with pytest.raises(DataError, match=rf"'{name}' is no set .*: did you mean '{near}'\?"):
        nlb_set(name)


def test_all_names_are_told_where_none_is_near() -> None:
    with pytest.raises(DataError, match="choose one of area2_bump, dmfc_rsg, mc_maze, mc_maze_l"):
        nlb_set("retina")
