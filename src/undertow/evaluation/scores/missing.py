"""Which scores could not be made of a prediction, and why: what to add to have them."""

from collections.abc import Iterator

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.data.validation import known_labels
from undertow.evaluation.scores.likelihood import silent_in
from undertow.evaluation.scores.psth import common_conditions
from undertow.evaluation.scores.trials import spiking, varies, window, window_truth
from undertow.evaluation.scores.velocity import LOG_RATES, decodable, velocity_channels
from undertow.names import printable

NO_TRAINING = "it needs the training trials, and they are not given with these data"


def missing_scores(prediction: Prediction, train: Prediction | None = None) -> dict[str, str]:
    """Name → why `sufficient_statistics` has no such score of this prediction.

    Args:
        prediction: for the trials to score.
        train: of the same model for its training trials; None where they are not known.
    """
    trials, fitted_on = prediction.trials, None if train is None else train.trials
    reasons = {
        "co-bps": _no_likelihood(trials, fitted_on, trials.heldout, "no neuron is held out"),
        "held-in bps": _no_held_in(prediction, fitted_on),
        "fp-bps": _no_forward(trials, fitted_on),
        "rate R2": _no_truth(trials),
        "psth R2": _no_psth(trials, fitted_on),
        "velocity R2": _no_velocity(trials, fitted_on, 0),
        "velocity R2 log-rate": _no_velocity(trials, fitted_on, LOG_RATES.bins(trials)),
        **dict(_no_labels(trials, fitted_on)),
    }
    return {name: why for name, why in reasons.items() if why}


def _no_likelihood(
    trials: TrialSet,
    train: TrialSet | None,
    neurons: np.ndarray,
    none: str,
    bins: slice | None = None,
) -> str:
    if not neurons.any():
        return none
    heard = neurons & spiking(trials, window(trials) if bins is None else bins)
    if not heard.any():
        return "none of its neurons fires a spike in the bins scored"
    if not (heard & ~silent_in(train)).any():
        return "none of its neurons that fire here fires a spike in the training trials"
    return ""


def _no_held_in(prediction: Prediction, train: TrialSet | None) -> str:
    trials = prediction.trials
    if prediction.hidden_rates is None:
        return "it needs predictions with entries hidden (predict_hidden), and there are none"
    return _no_likelihood(trials, train, ~trials.heldout, "every neuron is held out")


def _no_forward(trials: TrialSet, train: TrialSet | None) -> str:
    if not trials.forward_bins:
        return "the window has no forward bins"
    after = slice(trials.n_time - trials.forward_bins, None)
    return _no_likelihood(trials, train, np.ones(trials.n_neurons, bool), "", after)


def _no_truth(trials: TrialSet) -> str:
    if trials.truth is None:
        return "the true rates are not known"
    scored = spiking(trials, window(trials)) & varies(window_truth(trials))
    return "" if scored.any() else "no neuron that fires has a true rate that varies"


def _no_psth(trials: TrialSet, train: TrialSet | None) -> str:
    if trials.condition is None:
        return "the trials have no conditions"
    if train is None:
        return NO_TRAINING
    if train.condition is None:
        return "the training trials have no conditions"
    if trials.times is not None:
        return "the bins are at irregular times, so trials cannot be averaged"
    if trials.n_time != train.n_time:
        return f"these trials have {trials.n_time} bins and the training trials {train.n_time}"
    return "" if common_conditions(trials) else "no bin is observed in all trials of a condition"


def _no_velocity(trials: TrialSet, train: TrialSet | None, lag: int) -> str:
    if trials.behavior is None:
        return "the trials hold no behaviour"
    if trials.behavior_kind != "continuous":
        return "behaviour is categorical"
    if not velocity_channels(trials):
        return "no behaviour channel has 'vel' in its name"
    if train is None:
        return NO_TRAINING
    if lag and (trials.times is not None or train.times is not None):
        return "the bins are at irregular times, so velocity cannot lag by whole bins"
    for each, which in ((trials, "these"), (train, "the training")):
        if not decodable(each, lag):
            return f"velocity is known in fewer than 5 bins of {which} trials"
    return ""


def _no_labels(trials: TrialSet, train: TrialSet | None) -> Iterator[tuple[str, str]]:
    """A reason for each label that cannot be decoded."""
    for name in trials.labels:
        yield f"label accuracy {name}", _no_label(trials, train, name)


def _no_label(trials: TrialSet, train: TrialSet | None, name: str) -> str:
    if train is None:
        return NO_TRAINING
    if name not in train.labels:
        return f"the training trials have no label {printable(name)}"
    learned = train.labels[name]
    if np.unique(learned[known_labels(learned)]).size < 2:
        return "the training trials hold fewer than two of its values"
    known = bool(known_labels(trials.labels[name]).any())
    return "" if known else "no trial here has a known value"
