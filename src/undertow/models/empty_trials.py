"""Trials without a spike: what a fitted model fills with samples of its prior."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models.population import Population


def empty_trials(
    population: Population,
    n: int | None,
    stimulus: ArrayLike | None,
    n_time: int | None,
    trials: TrialSet | None,
) -> TrialSet:
    """Make trials without a spike that hold all that is given: stimulus, times, ids, regions.

    Raises:
        ModelError: for sizes that do not fit, or a stimulus that is missing or of no use.
    """
    given = None if stimulus is None else _checked_stimulus(population, stimulus)
    if trials is not None and given is None and population.stimulus_channels:
        given = trials.stimulus
    count = _count(n, trials, given)
    length = _length(population, n_time, None if stimulus is None else given, trials)
    if given is None and population.stimulus_channels:
        raise ModelError(
            f"the model was fitted with {population.stimulus_channels} stimulus channel(s): give a "
            "stimulus, (trials, time, channels), or trials that hold one."
        )
    return TrialSet(
        spikes=np.zeros((count, length, len(population.neuron_ids)), np.float32),
        bin_s=population.bin_s,
        stimulus=None if given is None else _held_on(given, count, length),
        neuron_ids=np.array(population.neuron_ids),
        heldout=np.array(population.heldout),
        derived=True,
        **_copied(population, trials, count, length),
    )


def _checked_stimulus(population: Population, stimulus: ArrayLike) -> np.ndarray:
    """Return the stimulus as (trials, time, channels); (time, channels) is used in every trial."""
    given, channels = np.asarray(stimulus, np.float32), population.stimulus_channels
    if given.ndim == 2:
        given = given[None]
    if not channels:
        raise ModelError("the model was fitted without a stimulus: none can be given.")
    if given.ndim != 3 or given.shape[2] != channels or not given.size:
        raise ModelError(
            f"stimulus has shape {np.shape(stimulus)}: it must be (trials, time, {channels}), or "
            f"(time, {channels}) for the same in all trials."
        )
    return given


def _count(n: int | None, trials: TrialSet | None, stimulus: np.ndarray | None) -> int:
    """Return the number of trials to make.

    By default it is the number given; where more are asked for, those given are used again in turn.
    """
    rows = {
        "trials": 1 if trials is None else len(trials),
        "stimulus": 1 if stimulus is None else len(stimulus),
    }
    most = max(rows.values())
    wrong = [name for name, size in rows.items() if size not in (1, most)]
    if wrong or (n is not None and (n < 1 or n % 1)):
        raise ModelError(
            f"n is {n}, trials are {rows['trials']} and the stimulus is of {rows['stimulus']}: n "
            "must be at least 1, and the stimulus of one trial or of as many as there are."
        )
    return most if n is None else n


def _length(
    population: Population, n_time: int | None, stimulus: np.ndarray | None, trials: TrialSet | None
) -> int:
    """Return the number of bins to make.

    It is that of the stimulus, else as asked for, else that of the trials, else of the longest
    trial fitted.
    """
    if n_time is not None and (n_time < 1 or n_time % 1):
        raise ModelError(f"n_time is {n_time}: it must be a whole number of bins, at least 1.")
    if stimulus is not None:
        if n_time not in (None, stimulus.shape[1]):
            raise ModelError(
                f"n_time is {n_time} and the stimulus has {stimulus.shape[1]} bins: give one of "
                "the two."
            )
        return stimulus.shape[1]
    if n_time is not None:
        return n_time
    return round(population.duration_s / population.bin_s) if trials is None else trials.n_time


def _held_on(stimulus: np.ndarray, count: int, length: int) -> np.ndarray:
    """Repeat rows to `count` trials and hold the last value up to `length` bins."""
    rows, bins = np.arange(count) % len(stimulus), np.arange(length).clip(max=stimulus.shape[1] - 1)
    return stimulus[rows][:, bins]


def _copied(
    population: Population, trials: TrialSet | None, count: int, length: int
) -> dict[str, Any]:
    """Copy what made trials take over from the model and from the trials they start from."""
    names = population.regions
    kept: dict[str, Any] = {}
    if len(names) > 1:
        kept["region"] = np.array(names)[population.region_of]
    if trials is None:
        return kept
    rows = np.arange(count) % len(trials)
    kept |= {
        "start_s": trials.start_s,
        "event": trials.event,
        "stimulus_names": trials.stimulus_names,
    }
    kept["condition"] = None if trials.condition is None else trials.condition[rows]
    if trials.region is not None:
        kept["region"] = trials.region
    if not population.stimulus_channels:
        kept["stimulus_names"] = ()
    if count == len(trials):
        kept["trial_ids"] = trials.trial_ids
    if length == trials.n_time:
        kept |= {
            "lengths": trials.lengths[rows],
            "times": None if trials.times is None else trials.times[rows],
        }
    return kept
