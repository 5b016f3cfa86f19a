"""A fit to a set of the benchmark: run.json, model, rates as a submission, scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undertow.data import Splits, split_validation
from undertow.experiments.identity import fingerprint, identity, run_directory, split_ids, versions
from undertow.experiments.scores import FILE as SCORES
from undertow.experiments.single_run import fit_facts, fit_or_load
from undertow.files import write_json
from undertow.models.base import Estimator, ProgressReport
from undertow.nlb.scoring import NLBScores, score_submission
from undertow.nlb.submission import Submission, write_submission
from undertow.nlb.tensors import LABELS, TRUTH, Tensors
from undertow.nlb.trials import submission_of, trials_of
from undertow.training import reporter, teller

RATES = "rates.h5"


@dataclass(frozen=True, eq=False)
class NLBRun:
    """The result of a fit to a set of the benchmark.

    Attributes:
        directory: where run.json, checkpoint/, model.safetensors, rates.h5 and scores.json lie.
        model: the fitted model.
        submission: its rates of training and evaluation trials, as in rates.h5.
        scores: by the benchmark's name of the result; empty in phase 'test', and where the truth is
            not among the tensors.
        fit_s: seconds of the fit.
    """

    directory: Path
    model: Estimator
    submission: Submission
    scores: Mapping[str, NLBScores]
    fit_s: float


def fit_nlb(
    tensors: Tensors,
    model: Estimator,
    out: str | Path,
    split_seed: int = 0,
    resume: bool = False,
    progress: ProgressReport | None = None,
    source: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
    verbose: bool = True,
) -> NLBRun:
    """Fit a model on the training trials of a set, then predict its evaluation trials, once.

    The epoch and every other choice are made on 15 % of the training trials, stratified by
    condition where the targets tell it. Of the evaluation trials the model is given held-in spikes
    of the window; targets are only scored against, and in phase 'val' alone.

    Args:
        tensors: of one set, with training trials.
        model: not fitted yet.
        out: a new or empty directory.
        split_seed: of the validation trials.
        resume: go on with the same run in `out`.
        progress: as in `model.fit`.
        source: where the tensors came from, kept in run.json ('path').
        say: called with one line before each longer step.
        verbose: as in `undertow.run`.

    Raises:
        UndertowError: when `out` is not empty and `resume` is False, or holds another run; for
            tensors without training trials and for settings the model refuses. Nothing is written
            then.
        Interrupted: on Ctrl-C, after the state was saved.
    """
    out, say = Path(out), teller(say, verbose)
    train, evaluation = trials_of(tensors)
    splits = Splits(*split_validation(train, seed=split_seed), evaluation)
    what = {
        **{name: getattr(tensors, name) for name in LABELS},
        **identity(model, train, {"split": split_ids(splits)}, split_seed),
        "evaluation_fingerprint": fingerprint(evaluation),
    }
    with run_directory(out, what, resume, source or {}):
        say(f"{model.cli_name}: {train!r} to learn from, {evaluation.n_trials} trials to predict")
        fitted = fit_or_load(model, splits, out, resume, reporter(progress, verbose))
        say("predicting the training trials")
        submission = submission_of(fitted.model.predict(train), fitted.test, tensors)
        write_submission(submission, out / RATES, overwrite=True)
        scores: dict[str, NLBScores] = {}
        # a score of test trials is one of score_test_trials, which counts it
        if TRUTH in tensors.targets and tensors.phase == "val":
            say("scoring")
            scores = score_submission(submission, tensors)
            about = {
                **what,
                "source": source or {},
                **fit_facts(fitted, splits),
                "notes": fitted.notes,
            }
            write_nlb_scores(out / SCORES, {model.cli_name: scores}, about)
    return NLBRun(out, fitted.model, submission, scores, fitted.fit_s)


def write_nlb_scores(
    path: Path, scores: Mapping[str, Mapping[str, NLBScores]], about: Mapping[str, Any]
) -> Path:
    """Write scores as JSON: run → result → score → value.

    The result has the benchmark's name, which tells set and bin width.
    """
    named = {
        run: {k: v for each in found.values() for k, v in each.named.items()}
        for run, found in scores.items()
    }
    return write_json(path, {"scores": named, **about, "versions": versions()})
