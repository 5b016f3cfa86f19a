"""Whatever is given in Python: one sentence of the project's own, never another kind of error."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.data.hostile import hostile
from undertow.data import (
    Recording,
    TrialSet,
    as_trials,
    bin_spike_times,
    cut_windows,
    fold_trials,
    join_trials,
    split_trials,
    split_validation,
)
from undertow.errors import DataWarning, UndertowError

CASES, LONGEST = 250, 1000
TIMES = np.arange(0, 20, 0.05)
START = np.arange(1, 19, 2.0)
SET = {"spikes": np.ones((3, 4, 2)), "bin_s": 0.02, "behavior": np.ones((3, 4, 1))}
PARTS = {
    "spike_times": [TIMES, TIMES[::2]],
    "trials": {"start_time": START, "stop_time": START + 1, "side": np.tile([1, 2, 3], 3)},
    "signals": {"v": (TIMES, TIMES)},
    "units": {"region": ["a", "b"]},
}
TRIALS, RECORDING = TrialSet(**SET), Recording(**PARTS)
WINDOW = (0.0, 1.0)
CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any], str]] = {
    "TrialSet": (
        TrialSet,
        SET,
        "spikes bin_s start_s event lengths behavior behavior_names behavior_kind stimulus "
        "stimulus_names condition region neuron_ids trial_ids heldout forward_bins truth split "
        "labels times recorded_s",
    ),
    "Recording": (
        Recording,
        PARTS,
        "spike_times unit_ids units trials trial_ids signals obs_intervals",
    ),
    "bin": (
        RECORDING.bin,
        {"window_s": WINDOW},
        "align window_s bin_s units trials condition behavior stimulus label min_rate_hz "
        "forward_bins",
    ),
    "cut": (
        RECORDING.cut,
        {},
        "window_s bin_s fractions blocks units behavior stimulus min_rate_hz",
    ),
    "bin_spike_times": (
        bin_spike_times,
        {"spike_times": [TIMES], "events_s": [1.0, 2.0], "window_s": WINDOW},
        "spike_times events_s window_s bin_s condition",
    ),
    "cut_windows": (
        cut_windows,
        {"spikes": np.ones((100, 3)), "bin_s": 0.02, "window_s": 0.2},
        "spikes bin_s window_s fractions blocks behavior",
    ),
    "as_trials": (as_trials, {"data": np.ones((3, 4, 2)), "bin_s": 0.02}, "data bin_s"),
    "select": (TRIALS.select, {}, "trials time neurons"),
    "trials[]": (TRIALS.__getitem__, {}, "key"),
    "rebin": (TRIALS.rebin, {}, "bin_s"),
    "hold_out": (TRIALS.hold_out, {"k": 1}, "k seed"),
    "filter_rates": (TRIALS.filter_rates, {}, "minimum_hz"),
    "join_trials": (lambda other: join_trials(TRIALS, other), {}, "other"),
    "select_units": (RECORDING.select_units, {}, "units"),
    "split_trials": (split_trials, {"trials": TRIALS}, "fractions seed"),
    "split_validation": (split_validation, {"trials": TRIALS}, "fraction seed"),
    "fold_trials": (fold_trials, {"trials": TRIALS, "n": 2}, "n seed"),
}


@pytest.mark.parametrize("name", CALLS)
def test_hostile_values_are_read_or_refused_with_a_sentence(name: str) -> None:
    call, good, arguments = CALLS[name]
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        named = rng.choice(arguments.split(), rng.integers(1, 3))
        given = {**good, **{str(each): hostile(rng) for each in named}}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DataWarning)
            try:
                call(**given)
            except UndertowError as error:
                text = str(error)
                assert len(text) <= LONGEST, seed
                assert text.replace(" ", "").isprintable(), seed
