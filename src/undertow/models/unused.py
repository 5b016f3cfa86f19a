"""What a model does not use of the trials it is given, said once before it is fitted."""

import warnings

from undertow.data import TrialSet
from undertow.errors import UnusedWarning
from undertow.evaluation import velocity_channels
from undertow.names import listed


def unused_by_spikes_alone(model: str, trials: TrialSet) -> list[str]:
    """What a model of spikes alone does not use, a sentence each.

    Labels, and channels of behaviour that are velocities, are at least decoded from its rates for
    the scores.
    """
    found = []
    if trials.stimulus is not None:
        found.append(
            f"{model} does not use the stimulus (channels: {trials.stimulus.shape[2]}): the "
            "dynamics of latent-sde are driven by it."
        )
    return found + unused_behavior(model, trials)


def unused_behavior(model: str, trials: TrialSet) -> list[str]:
    """What a model of spikes and stimuli does not use, a sentence each."""
    found = []
    if trials.behavior is not None and not velocity_channels(trials):
        names = listed(trials.behavior_names)
        how = (
            "no channel's name holds 'vel', so that no velocity is decoded for the scores (name "
            "velocities so, such as hand_vel_x)"
            if trials.behavior_kind == "continuous"
            else "categories of each bin are not decoded for the scores"
        )
        found.append(
            f"{model} does not use the behaviour ({names}): {how}; latent-sde learns and predicts "
            "behaviour."
        )
    return found


def warn_of_unused(sentences: list[str]) -> None:
    """Warn of what is not used."""
    for each in sentences:
        warnings.warn(each, UnusedWarning, stacklevel=3)
