"""The seven sets of the Neural Latents Benchmark, and the names of their groups in files.

Pei, Ye et al. 2021, "Neural Latents Benchmark '21: Evaluating latent variable models of neural
population activity" (NeurIPS Datasets and Benchmarks).
"""

import re
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from undertow.errors import DataError
from undertow.names import listed, nearest, shown

FORWARD_MS = 200


@dataclass(frozen=True)
class NLBSet:
    """How trials of one set are cut, and what is scored.

    Attributes:
        name: the set's name, also the name of the group in files at 5 ms bins.
        dandi_id: number of its dandiset in the DANDI archive.
        align: trial column of the event that trials are aligned to, in seconds.
        window_ms: start and stop of a trial, from the event.
        lag_ms: behaviour is taken this much later than the spikes.
        behavior_series: the time series decoded, '' where `behavior_columns` are instead.
        behavior_columns: the trial columns decoded, one value a trial.
        conditions: trial columns whose different rows are the conditions of PSTHs; none without
            PSTHs.
        psth_std_ms: standard deviation of the Gaussian that spikes are smoothed with for PSTHs.
        decode_column: trial column whose values 0 and 1 each get a decoder of their own.
        start_column: trial column of the time from which held-out spikes and PSTHs count, the event
            ending them; '' where they fill the window.
        outlier_column: trial column that marks trials left out of PSTHs and of behaviour.
        produced_column: trial column of the produced time in ms, which bounds the jitter of the
            alignment; '' without jitter.
        n_heldin: held-in neurons of the published files.
        n_heldout: held-out neurons.
        n_train: training trials.
        n_val: validation trials.
    """

    name: str
    dandi_id: str
    align: str
    window_ms: tuple[int, int]
    n_heldin: int
    n_heldout: int
    n_train: int
    n_val: int
    lag_ms: int = 0
    behavior_series: str = ""
    behavior_columns: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    psth_std_ms: int = 0
    decode_column: str = ""
    start_column: str = ""
    outlier_column: str = ""
    produced_column: str = ""

    def n_bins(self, bin_ms: int) -> int:
        """Bins of the window."""
        return (self.window_ms[1] - self.window_ms[0]) // bin_ms

    @property
    def trial_columns(self) -> tuple[str, ...]:
        """The trial columns of numbers that trials with known behaviour must have."""
        named = (
            self.align,
            self.start_column,
            self.outlier_column,
            self.produced_column,
            self.decode_column,
        )
        return tuple(
            dict.fromkeys(filter(None, (*named, *self.conditions, *self.behavior_columns)))
        )


_MAZE = NLBSet(
    name="mc_maze",
    dandi_id="000128",
    align="move_onset_time",
    window_ms=(-250, 450),
    n_heldin=137,
    n_heldout=45,
    n_train=1721,
    n_val=574,
    lag_ms=100,
    behavior_series="hand_vel",
    conditions=("trial_type", "trial_version"),
    psth_std_ms=70,
)
_LARGE = replace(
    _MAZE,
    name="mc_maze_large",
    dandi_id="000138",
    n_heldin=122,
    n_heldout=40,
    n_train=375,
    n_val=125,
    lag_ms=120,
    psth_std_ms=50,
)
_TABLE = (
    _MAZE,
    NLBSet(
        name="mc_rtt",
        dandi_id="000129",
        align="start_time",
        window_ms=(0, 600),
        n_heldin=98,
        n_heldout=32,
        n_train=810,
        n_val=270,
        lag_ms=140,
        behavior_series="finger_vel",
    ),
    NLBSet(
        name="area2_bump",
        dandi_id="000127",
        align="move_onset_time",
        window_ms=(-100, 500),
        n_heldin=49,
        n_heldout=16,
        n_train=272,
        n_val=92,
        lag_ms=-20,
        behavior_series="hand_vel",
        conditions=("cond_dir", "ctr_hold_bump"),
        psth_std_ms=40,
        decode_column="ctr_hold_bump",
    ),
    NLBSet(
        name="dmfc_rsg",
        dandi_id="000130",
        align="go_time",
        window_ms=(-1500, 0),
        n_heldin=40,
        n_heldout=14,
        n_train=741,
        n_val=248,
        behavior_columns=("is_eye", "theta", "is_short", "ts", "tp"),
        conditions=("is_eye", "theta", "is_short", "ts"),
        psth_std_ms=70,
        start_column="set_time",
        outlier_column="is_outlier",
        produced_column="tp",
    ),
    _LARGE,
    replace(
        _LARGE,
        name="mc_maze_medium",
        dandi_id="000139",
        n_heldin=114,
        n_heldout=38,
        n_train=188,
        n_val=62,
    ),
    replace(
        _LARGE,
        name="mc_maze_small",
        dandi_id="000140",
        n_heldin=107,
        n_heldout=35,
        n_train=75,
        n_val=25,
    ),
)
NLB_SETS = {entry.name: entry for entry in _TABLE}


FINE_MS, COARSE_MS = 5, 20
"""The benchmark's two bin widths."""
_GROUP = re.compile(rf"({'|'.join(NLB_SETS)})(_{COARSE_MS})?")


def nlb_set(name: str) -> NLBSet:
    """The set of this name.

    Raises:
        DataError: for an unknown name, with the nearest one.
    """
    if not isinstance(name, str) or name not in NLB_SETS:
        hint = nearest(shown(name).strip("'").lower(), NLB_SETS)
        raise DataError(f"{shown(name)} is no set of the Neural Latents Benchmark: {hint}")
    return NLB_SETS[name]


def check_bin_ms(bin_ms: Any) -> int:
    """One of the benchmark's two bin widths, in ms.

    Raises:
        DataError: for anything else.
    """
    if not isinstance(bin_ms, Real) or bin_ms not in (FINE_MS, COARSE_MS):
        raise DataError(
            f"bin_ms is {shown(bin_ms)}: the benchmark has bins of {FINE_MS} and of {COARSE_MS} ms."
        )
    return FINE_MS if bin_ms == FINE_MS else COARSE_MS


def group_name(set_name: str, bin_ms: int) -> str:
    """The benchmark's name of set and bin width: 'mc_maze' at 5 ms, 'mc_maze_20' at 20 ms."""
    return set_name if bin_ms == FINE_MS else f"{set_name}_{int(bin_ms)}"


def parse_group(group: str) -> tuple[str, int]:
    """The set and the bin width in ms that a group's name tells: ('mc_maze', 20) of 'mc_maze_20'.

    Raises:
        DataError: when the name is none of the benchmark's.
    """
    match = _GROUP.fullmatch(group)
    if match is None:
        raise DataError(
            f"{shown(group)} is no group of the benchmark: name it after the set "
            f"({listed(NLB_SETS)}), with '_20' after it for bins of 20 ms."
        )
    return match[1], COARSE_MS if match[2] else FINE_MS


def is_group(name: str) -> bool:
    """Whether a name is one of the benchmark's groups."""
    return _GROUP.fullmatch(name) is not None
