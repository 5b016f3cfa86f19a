"""Several recordings from trials to reports: one joint fit, and of each session an ordinary run."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undertow.data import Sessions, Splits, split_trials
from undertow.experiments.fitting import FIT, noted
from undertow.experiments.identity import identity, run_directory, settings_of, split_ids
from undertow.experiments.single_run import CHECKPOINT, MODEL, Run, RunResult
from undertow.experiments.transfer import Transfer, transfer
from undertow.files import write_json
from undertow.memory import give_back
from undertow.models import JointModel
from undertow.models.base import ProgressReport
from undertow.models.joint.files import SESSIONS
from undertow.report import check_kinds
from undertow.training import reporter, teller

JOINT = "joint"


@dataclass(frozen=True, eq=False)
class JointResult:
    """A finished joint run.

    Attributes:
        directory: where everything lies.
        model: the fitted model.
        runs: session → its run, in a directory of its name.
        transfer: how well velocity decoders do in sessions that they were not learned in; None
            where sessions do not have the same channels of velocity.
    """

    directory: Path
    model: JointModel
    runs: Mapping[str, RunResult]
    transfer: Transfer | None = None


def run_sessions(
    sessions: Sessions,
    model: JointModel,
    out: str | Path,
    *,
    split_seed: int = 0,
    resume: bool = False,
    progress: ProgressReport | None = None,
    say: Callable[[str], None] | None = None,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
    figures: Collection[str] = ("png",),
    verbose: bool = True,
) -> JointResult:
    """Fit one model to several sessions and report on each, beside smoothing.

    The directory of a session is that of an ordinary run, which other commands read.

    Args:
        sessions: all trials of each, held-out neurons marked; each is split as in `run`.
        model: not fitted yet.
        out: a new or empty directory: gets run.json, sessions.safetensors (see
            `JointModel.load`), a directory per session and, where velocity is known, transfer.json.
        split_seed, resume, progress, say, figures, verbose: as in `run`.
        sources: session → where its trials came from.

    Raises:
        UndertowError: as `run`.
        Interrupted: on Ctrl-C, after the state was saved.
    """
    check_kinds(figures)
    out, tell, report = Path(out), teller(say, verbose), reporter(progress, verbose)
    template = model.template()
    with noted() as said:
        splits = {name: split_trials(each, seed=split_seed) for name, each in sessions.items()}
    whats = {
        name: identity(template, each, {"split": split_ids(splits[name])}, split_seed)
        for name, each in sessions.items()
    }
    own = {name: {"source": dict((sources or {}).get(name, {}))} for name in sessions}
    what = {
        "model": JOINT,
        "settings": {"channels": model.channels, "model": settings_of(template)},
        "sessions": {name: each["data"] | each["splits"] for name, each in whats.items()},
        "seeds": {"seed": template.seed, "split_seed": split_seed},
    }
    with run_directory(out, what, resume, {name: each["source"] for name, each in own.items()}):
        fitted = _fitted(model, splits, whats, own, out, resume, report)
        runs = {}
        for name, parts in splits.items():
            tell(f"session {name}")
            notes = [*said, _words(name, list(splits))]
            about = {**whats[name], **own[name]}
            each = Run(out / name, about, notes, True, report, tell, figures)
            with run_directory(out / name, whats[name], True, own[name]["source"]):
                runs[name] = each.carry_out(template.copy(), parts)
            give_back()
        transferred = transfer(fitted, splits)
        if transferred is not None:
            transferred.write(out)
    return JointResult(out, fitted, runs, transferred)


def _fitted(
    model: JointModel,
    splits: Mapping[str, Splits],
    whats: Mapping[str, Mapping[str, Any]],
    own: Mapping[str, Mapping[str, Any]],
    out: Path,
    resume: bool,
    report: ProgressReport,
) -> JointModel:
    """Fit and save in `out`; a run that has done so is only read again."""
    if (out / SESSIONS).exists():
        return type(model).load(out)
    started = time.perf_counter()
    train = {name: each.train for name, each in splits.items()}
    held = {name: each.validation for name, each in splits.items()}
    with noted() as notes:
        model.fit(train, held, checkpoint=out / CHECKPOINT, resume=resume, progress=report)
    for name, each in model.sessions_.items():
        with run_directory(out / name, whats[name], True, own[name]["source"]):
            seconds = time.perf_counter() - started
            about = {"fit_s": seconds, "notes": [*notes, *each.notes_]}
            write_json((out / name / MODEL).with_suffix(FIT), about)
    model.save(out)
    return model


def _words(name: str, names: list[str]) -> str:
    others = ", ".join(each for each in names if each != name) or "no other session"
    return (
        f"Fitted together with {others}: all but the read-in and the readouts is shared; the time "
        "of the fit is that of all sessions."
    )
