"""From tensors to trials for a model, and from its predictions to a submission."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from undertow.data.prediction import Prediction
from undertow.data.readers.nlb_schema import check_axes, check_dense
from undertow.data.readers.nlb_sets import nlb_set
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed
from undertow.nlb.submission import EVAL, FORWARD, TRAIN, Submission
from undertow.nlb.tensors import Tensors, as_ragged

LEARNED = ("train_spikes_heldin", "train_spikes_heldout")
NEEDED = (*LEARNED, "eval_spikes_heldin")
AHEAD = ("train_spikes_heldin_forward", "train_spikes_heldout_forward")


def trials_of(tensors: Tensors) -> tuple[TrialSet, TrialSet]:
    """The trials to learn from, and the trials to predict.

    Held-in neurons come first, held-out ones are marked; forward bins follow the window. Of the
    evaluation trials there are held-in spikes of the window and nothing else: the rest is NaN,
    whatever `tensors.targets` hold. Training trials have their condition where the targets tell it
    (−1: none), which validation trials are stratified by. There is no behaviour: models of the
    benchmark learn from spikes alone.

    Raises:
        DataError: when there are no training trials, or arrays do not fit together.
    """
    sizes = expected_shapes(tensors)
    n_eval, window, n_heldin = sizes[EVAL[0]]
    n_forward = sizes[FORWARD[0]][1] if FORWARD[0] in sizes else 0
    inputs, n_neurons = tensors.inputs, n_heldin + sizes[EVAL[1]][2]
    check_dense(tensors.group, (n_eval + sizes[TRAIN[0]][0], window + n_forward, n_neurons))
    entry = nlb_set(tensors.set_name)
    shared: dict[str, Any] = {
        "bin_s": tensors.bin_ms / 1e3,
        "start_s": entry.window_ms[0] / 1e3,
        "event": entry.align,
        "heldout": np.arange(n_neurons) >= n_heldin,
        "forward_bins": n_forward,
    }
    pairs = [LEARNED, AHEAD] if n_forward else [LEARNED]
    learned = np.concatenate(
        [np.concatenate([inputs[n] for n in pair], axis=2) for pair in pairs], axis=1
    )
    given = np.full((n_eval, window + n_forward, n_neurons), np.nan, np.float32)
    with np.errstate(over="ignore"):  # too large a count is refused as infinite
        given[:, :window, :n_heldin] = inputs["eval_spikes_heldin"]
    train = TrialSet(learned, condition=_conditions(tensors.targets, len(learned)), **shared)
    ids = len(learned) + np.arange(len(given))
    # derived: neurons that are not shown are not silent ones to warn of
    return train, TrialSet(given, trial_ids=ids, derived=True, **shared)


def submission_of(train: Prediction, evaluation: Prediction, tensors: Tensors) -> Submission:
    """The rates of both parts as a submission, in expected spikes per bin.

    Forward bins of the evaluation trials stand apart.

    Args:
        train: for the training trials of `trials_of(tensors)`, in their order.
        evaluation: for the evaluation trials.
        tensors: of the set predicted.

    Raises:
        DataError: when the predictions are not of the tensors' trials, neurons and bins.
    """
    rates = dict(zip(TRAIN, _populations(train, forward=False), strict=True))
    rates |= dict(zip(EVAL, _populations(evaluation, forward=False), strict=True))
    if evaluation.trials.forward_bins:
        rates |= dict(zip(FORWARD, _populations(evaluation, forward=True), strict=True))
    submission = Submission({tensors.group: rates})
    check_sizes(submission, tensors)
    return submission


def check_sizes(submission: Submission, tensors: Tensors) -> None:
    """Check that the submission's rates have the sizes of the tensors.

    Forward rates and, for 'dmfc_rsg', training rates may be missing.

    Raises:
        DataError: naming the array that does not fit, or when the set is not in the submission.
    """
    if tensors.group not in submission:
        raise DataError(
            f"the submission holds {listed(submission)}: there is no {tensors.group} in it."
        )
    sizes = expected_shapes(tensors)
    for name, rates in submission[tensors.group].items():
        if rates.shape != sizes.get(name):
            raise DataError(
                f"{tensors.group}/{name} has shape {rates.shape}: by the prepared tensors it must "
                f"be {sizes.get(name, 'left out, for they have no forward bins')}."
            )


def expected_shapes(tensors: Tensors) -> dict[str, tuple[int, int, int]]:
    """The shape of each array of rates that a submission for these tensors has, by its name.

    Raises:
        DataError: when there are no training trials, or arrays do not fit together.
    """
    inputs = tensors.inputs
    if missing := [name for name in NEEDED if name not in inputs]:
        raise DataError(
            f"the tensors of {tensors.group} ({tensors.phase}) have no {missing[0]}: models learn "
            "from training trials, so make the tensors from all files of the set."
        )
    check_axes(tensors.group, {name: np.shape(inputs[name]) for name in NEEDED})
    n_eval, window, n_heldin = inputs["eval_spikes_heldin"].shape
    n_train, _, n_heldout = inputs["train_spikes_heldout"].shape
    n_ahead = inputs[AHEAD[0]].shape[1] if all(name in inputs for name in AHEAD) else 0
    given, wanted = {LEARNED: (n_train, window)}, {TRAIN: (n_train, window), EVAL: (n_eval, window)}
    if n_ahead:
        given[AHEAD], wanted[FORWARD] = (n_train, n_ahead), (n_eval, n_ahead)
    neurons = (n_heldin, n_heldout)
    for name, expected in _with_neurons(given, neurons).items():
        if (shape := inputs[name].shape) != expected:
            raise DataError(
                f"{name} of {tensors.group} has shape {shape}: beside the others it must be "
                f"{expected}."
            )
    return _with_neurons(wanted, neurons)


def _with_neurons(
    sizes: Mapping[tuple[str, str], tuple[int, int]], neurons: tuple[int, int]
) -> dict[str, tuple[int, int, int]]:
    """Name → (trials, bins, neurons), from the trials and bins of a pair of names."""
    return {
        name: (*size, n)
        for names, size in sizes.items()
        for name, n in zip(names, neurons, strict=True)
    }


def _conditions(targets: Mapping[str, np.ndarray], n_trials: int) -> np.ndarray | None:
    """The number of each training trial's condition, −1 for none.

    None where the targets do not tell.
    """
    if "train_cond_idx" not in targets:
        return None
    conditions = np.full(n_trials, -1)
    for number, trials in enumerate(as_ragged("train_cond_idx", targets["train_cond_idx"])):
        if trials.size and not 0 <= trials.min() <= trials.max() < n_trials:
            raise DataError(
                f"train_cond_idx[{number}] names trials that are not there: there are {n_trials}."
            )
        conditions[trials] = number
    return conditions


def _populations(prediction: Prediction, forward: bool) -> tuple[np.ndarray, np.ndarray]:
    """Expected spikes per bin of held-in and of held-out neurons.

    They are those in the window or, with `forward`, in the forward bins.
    """
    trials = prediction.trials
    edge = trials.n_time - trials.forward_bins
    counts = prediction.counts[:, edge:] if forward else prediction.counts[:, :edge]
    return counts[:, :, ~trials.heldout], counts[:, :, trials.heldout]
