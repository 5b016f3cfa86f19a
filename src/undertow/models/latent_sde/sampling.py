"""What-if trials: the prior of a fitted `LatentSDE` run from a start, under a stimulus, with
regions silenced."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.models.latent_sde.altering import silenced_coordinates
from undertow.models.latent_sde.network import Drawn, Encoded
from undertow.models.latent_sde.prediction import path_generator
from undertow.observations import Observation

if TYPE_CHECKING:
    from undertow.models.latent_sde import LatentSDE


@torch.no_grad()
def sample_trials(
    model: "LatentSDE",
    n: int | None,
    stimulus: ArrayLike | None,
    n_time: int | None,
    trials: TrialSet | None,
    silenced: Sequence[str],
    behavior: str,
    seed: int,
) -> TrialSet:
    """Trials made by the prior; see `LatentSDE.sample`.

    Path and observations have noise of their own, drawn alike whatever the stimulus, so that two
    calls with one seed differ by what was changed alone.
    """
    if behavior not in ("drawn", "mean"):
        raise ModelError(f"behavior is {behavior!r}: it must be 'drawn' or 'mean'.")
    network, device = model.network_, next(model.network_.parameters()).device
    held = silenced_coordinates(model, silenced)
    window = _window(model, n, stimulus, n_time, trials)
    batch = model.batch(window)
    start = None if trials is None else network.encode(model.batch(trials)).initial
    if start is not None:
        start = start[torch.arange(len(batch), device=start.device) % len(start)]
    encoded = Encoded(batch.inputs, start, network.encode_stimulus(batch))
    drawn = network.draw(batch, encoded, path_generator(device, seed, 0), generate=True, held=held)
    return window.replace(**_observed(model, batch, drawn, behavior, seed))


def _observed(
    model: "LatentSDE", batch: Batch, drawn: Drawn, behavior: str, seed: int
) -> dict[str, Any]:
    """Counts, true rates, behaviour and labels that the observation models make of paths."""
    network, read, device = model.network_, drawn.units.flatten(-2), drawn.units.device
    features = network.features(batch, drawn)
    made: dict[str, Any] = {
        "spikes": network.observation.sample(features, path_generator(device, seed, 1))
        .cpu()
        .numpy(),
        "truth": (network.observation.mean(features) / network.bin_s).cpu().numpy(),
    }
    if network.behavior is not None:
        sampled = network.behavior.sample(read, path_generator(device, seed, 2))
        values = sampled if behavior == "drawn" else network.behavior.predicted(read)
        made |= {
            "behavior": values.cpu().numpy(),
            "behavior_names": tuple(model.population_.behavior_names),
        }
        made["behavior_kind"] = (
            "categorical" if model.population_.behavior_categories else "continuous"
        )
    labels = {}
    for k, (name, observation) in enumerate(network.labels.items()):
        assert isinstance(observation, Observation)
        codes = observation.sample(
            observation.pool(read, batch.valid), path_generator(device, seed, 3 + k)
        )
        labels[name] = np.array(model.population_.categories[name])[codes.long().cpu().numpy()]
    return made | {"labels": labels}


def _window(
    model: "LatentSDE",
    n: int | None,
    stimulus: ArrayLike | None,
    n_time: int | None,
    trials: TrialSet | None,
) -> TrialSet:
    """Trials without a spike, with everything that is given: stimulus, times, ids, regions."""
    given = None if stimulus is None else _checked_stimulus(model, stimulus)
    if trials is not None:
        model._check_population(trials)
        if given is None and model.population_.stimulus_channels:
            given = trials.stimulus
    count = _count(n, trials, given)
    length = _length(model, n_time, None if stimulus is None else given, trials)
    if given is None and model.population_.stimulus_channels:
        raise ModelError(
            f"the model was fitted with {model.population_.stimulus_channels} stimulus channel(s): "
            "give a stimulus, (trials, time, channels), or trials that hold one."
        )
    return TrialSet(
        spikes=np.zeros((count, length, len(model.neuron_ids_)), np.float32),
        bin_s=model.bin_s_,
        stimulus=None if given is None else _held_on(given, count, length),
        neuron_ids=model.neuron_ids_,
        heldout=model.heldout_,
        derived=True,
        **_copied(model, trials, count, length),
    )


def _checked_stimulus(model: "LatentSDE", stimulus: ArrayLike) -> np.ndarray:
    """(trials, time, channels); one of two dimensions is the same in all trials."""
    given, channels = np.asarray(stimulus, np.float32), model.population_.stimulus_channels
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
    """Trials to make: as many as are given, which go round again where more are asked for."""
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
    model: "LatentSDE", n_time: int | None, stimulus: np.ndarray | None, trials: TrialSet | None
) -> int:
    """Bins: those of the stimulus, else as asked for, else those of the trials, else of the longest
    trial fitted."""
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
    return round(model.population_.duration_s / model.bin_s_) if trials is None else trials.n_time


def _held_on(stimulus: np.ndarray, count: int, length: int) -> np.ndarray:
    """`count` trials of `length` bins, rows going round, the last value held beyond the end."""
    rows, bins = np.arange(count) % len(stimulus), np.arange(length).clip(max=stimulus.shape[1] - 1)
    return stimulus[rows][:, bins]


def _copied(model: "LatentSDE", trials: TrialSet | None, count: int, length: int) -> dict[str, Any]:
    """What made trials have from the model and from the trials they start from."""
    names = model.population_.regions
    kept: dict[str, Any] = {}
    if len(names) > 1:
        kept["region"] = np.array(names)[model.population_.region_of]
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
    if not model.population_.stimulus_channels:
        kept["stimulus_names"] = ()
    if count == len(trials):
        kept["trial_ids"] = trials.trial_ids
    if length == trials.n_time:
        kept |= {
            "lengths": trials.lengths[rows],
            "times": None if trials.times is None else trials.times[rows],
        }
    return kept
