"""Methods section: data, model and fit in prose, from the settings they were run with."""

from undertow.report.model_words import describe_model
from undertow.report.page import decimal, plain, plural
from undertow.report.record import RunRecord
from undertow.report.scores import has_interval

BASELINES = {
    "smoothing": "The baseline smoothed spikes with a Gaussian and predicted held-out neurons from "
    "them by Poisson "
    "regression, width and penalty chosen within the training trials.",
}


def methods_paragraph(record: RunRecord) -> str:
    """Write the methods as plain text: data, split, model and settings, fit, scores, software."""
    parts = (_data, _heldout, _split, _model, _fit, _scores, _software)
    return " ".join(words for part in parts if (words := part(record)))


def _data(record: RunRecord) -> str:
    trials = record.prediction.trials
    start, stop = trials.start_s, trials.start_s + trials.n_time * trials.bin_s
    when = (
        f"from {start:g} to {stop:g} s relative to"
        if trials.times is None
        else "at irregular times after"
    )
    words = (
        f"Spikes of {trials.n_neurons} neurons were counted in bins of {1e3 * trials.bin_s:g} ms, "
        f"{when} {trials.event}."
    )
    if silent := int(trials.silent.sum()):
        words += (
            f" Neurons without a spike in the test trials ({silent}) were left out of the scores."
        )
    return words


def _heldout(record: RunRecord) -> str:
    trials, words = record.prediction.trials, ""
    if n := int(trials.heldout.sum()):
        seed = "" if record.split_seed is None else f" (split seed {record.split_seed})"
        words = (
            f"{n} neurons were held out{seed}: their spikes were predicted and never given to the "
            "encoder."
        )
    if trials.forward_bins:
        seconds = trials.forward_bins * trials.bin_s
        words += (
            f" The same holds for all neurons in the last {seconds:g} s of each trial (forward "
            "prediction)."
        )
    return words.strip()


def _split(record: RunRecord) -> str:
    n_test = record.prediction.trials.n_trials
    if record.train_prediction is None:
        return f"Scores are of {plural(n_test, 'test trial')}."
    n_train = record.train_prediction.trials.n_trials
    scored = f"scored on {plural(n_test, 'test trial')}"
    n_chosen = int(record.data_description.get("validation trials", 0))
    if not 0 < n_chosen < n_train:
        return f"The model was fitted on {plural(n_train, 'trial')} and {scored}."
    return (
        f"The model learned from {plural(n_train - n_chosen, 'trial')}, chose on {n_chosen} more "
        f"and was {scored}."
    )


def _model(record: RunRecord) -> str:
    baselines = [BASELINES[name] for name in record.baseline_names if name in BASELINES]
    return " ".join([describe_model(record.model_name, record.settings), *baselines])


def _fit(record: RunRecord) -> str:
    words = []
    if record.seed is not None:
        words.append(f"Weights, noise and batches used seed {record.seed}.")
    if record.history:
        took = f" ({record.seconds['fit']:.0f} s)" if "fit" in record.seconds else ""
        last = record.history[-1].get("epoch", len(record.history))
        words.append(f"Training ended after epoch {plain(last)}{took}.")
    return " ".join(words)


def _scores(record: RunRecord) -> str:
    scores = record.scores[record.model_name]
    listed, intervals = [], False
    for name, score in scores.items():
        unit = "" if score.unit == "R²" else f" {score.unit}"
        words = f"{name} {decimal(score.value)}{unit}"
        if has_interval(score):
            intervals = True
            words += (
                f" ({100 * score.level:g} % interval {decimal(score.low)} to {decimal(score.high)})"
            )
        listed.append(words)
    if not listed:
        return ""
    how = (
        " Intervals are bootstraps over test trials, drawn within conditions." if intervals else ""
    )
    if record.prediction.trials.condition is None:
        how = how.replace(", drawn within conditions", "")
    return f"Test scores: {'; '.join(listed)}.{how}"


def _software(record: RunRecord) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return f"Software: {listed}." if listed else ""
