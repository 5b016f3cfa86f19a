"""One disturbance of one command, and what was wrong afterwards."""

import errno
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.writes.comparing import Files, Reference, files_of
from tests.campaigns.writes.running import Ended, Running, run
from tests.campaigns.writes.shim import CREATING, REMOVING, Act, fail_at, kill_at, meet
from tests.campaigns.writes.verbs import Verb

KILL, KILL_TWICE, RIVALS, SIZE = "kill", "two kills", "two writers", "file size"
FULL = {"ENOSPC": errno.ENOSPC, "EFBIG": errno.EFBIG}
"""Errors that stay once they are there, and hit what creates or grows files."""
SINGLE = {"EROFS": errno.EROFS, "EACCES": errno.EACCES, "EIO": errno.EIO}
"""Errors that hit one call of any kind."""
FASTER = 7.0
PROGRESS = "checkpoint"
"""In the path of files that hold how far a fit is: they differ in a run that was broken off."""


@dataclass(frozen=True)
class Job:
    """A disturbance: of which verb, of which kind, at which of its calls (or which file size)."""

    verb: Verb
    kind: str
    at: int = 0
    then: int = 0


@dataclass(frozen=True)
class Trial:
    """What became of a disturbed command.

    Attributes:
        job: the disturbance.
        fault: what was wrong; '' for nothing.
        where: the call that was disturbed.
        seconds: that command and repetition took.
    """

    job: Job
    fault: str
    where: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Undisturbed:
    """A command left in peace: its files and its calls."""

    reference: Reference
    calls: tuple[tuple[str, str], ...]
    largest: int


def undisturbed(verb: Verb, place: Path) -> Undisturbed:
    """Run a command twice in peace, the second time under a faster clock."""
    ends: list[Ended] = []
    files: list[Files] = []
    for clock in (1.0, FASTER):
        folder = verb.folder(place)
        ended = run(verb.words, folder, clock=clock)
        if ended.code:
            raise RuntimeError(f"{verb.name} ended with {ended.code} undisturbed: {ended.err}")
        ends.append(ended)
        files.append(files_of(folder))
    reference = Reference(*files, exact=verb.exact)
    return Undisturbed(reference, ends[0].calls, max(map(len, files[0].values())))


def trial(job: Job, known: Undisturbed, place: Path) -> Trial:
    """Disturb a command in the folder `place`, repeat it, and compare the files with `known`."""
    start = time.monotonic()
    folder = job.verb.folder(place)
    fault, where = KINDS.get(job.kind, _failing)(job, known, folder)
    shutil.rmtree(place, ignore_errors=True)
    return Trial(job, fault, where, time.monotonic() - start)


def _killing(job: Job, known: Undisturbed, folder: Path) -> tuple[str, str]:
    first = run(job.verb.words, folder, kill_at(job.at))
    if not first.killed and first.code:
        return f"before its kill {first.sentence_fault(())}", ""
    if job.kind == KILL_TWICE:
        second = run(job.verb.again, folder, kill_at(job.then))
        if not second.killed and second.code:
            return f"repeated after a kill: {second.sentence_fault(())}", _where(first)
    return _repeated(job, known, folder, "killed"), _where(first)


def _failing(job: Job, known: Undisturbed, folder: Path) -> tuple[str, str]:
    if job.kind in FULL:
        act = fail_at(job.at, FULL[job.kind], CREATING, lasting=True)
    else:
        act = fail_at(job.at, SINGLE[job.kind])
    return _refused(job, known, folder, run(job.verb.words, folder, act))


def _outgrowing(job: Job, known: Undisturbed, folder: Path) -> tuple[str, str]:
    return _refused(job, known, folder, run(job.verb.words, folder, file_size=job.at))


def _refused(job: Job, known: Undisturbed, folder: Path, first: Ended) -> tuple[str, str]:
    """What is wrong after a fault: with the sentence, with what lies there, with repeating it."""
    kind, where = (first.calls[job.at - 1] if 0 < job.at <= len(first.calls) else ("", ""))[:2]
    spared = where.strip("'") if kind in REMOVING else ""
    place, found = f"{kind} {where}", files_of(folder)
    if first.code == 0:
        found.pop(spared, None)
        return "; ".join(known.reference.differences(found)[:3]), place
    if fault := first.sentence_fault():
        return fault, place
    if fault := _half(known, found, spared):
        return fault, place
    return _repeated(job, known, folder, "failed"), place


def _half(known: Undisturbed, found: Files, spared: str) -> str:
    """Temporary files and locks left over, and files that are not what they would have become."""
    left = [n for n in found if n not in known.reference.one and n != spared and _temporary(n)]
    if left:
        return f"left over: {', '.join(left[:3])}"
    whole = {
        name: content
        for name, content in found.items()
        if name in known.reference.one and PROGRESS not in name
    }
    return "; ".join(known.reference.differences(whole, may_lack=True)[:3])


def _temporary(name: str) -> bool:
    last = name.rpartition("/")[2]
    return last.endswith((".part", ".lock", ".tmp"))


def _repeated(job: Job, known: Undisturbed, folder: Path, what: str) -> str:
    """Repeat the command; what is wrong then."""
    again = run(job.verb.again, folder)
    if again.code:
        return f"repeated after it was {what}, it ended with {again.code}: {again.last}"
    return "; ".join(known.reference.differences(files_of(folder))[:3])


def _rivalling(job: Job, known: Undisturbed, folder: Path) -> tuple[str, str]:
    """Two of the same command at once."""
    barrier = folder.with_name(f"{folder.name}.barrier")
    shutil.rmtree(barrier, ignore_errors=True)
    barrier.mkdir()
    acts: list[Act] = [meet(barrier, "one", "other"), meet(barrier, "other", "one")]
    both = [Running(job.verb.words, folder, act) for act in acts]
    ends = sorted((each.ended() for each in both), key=lambda end: end.code)
    shutil.rmtree(barrier, ignore_errors=True)
    if ends[0].code:
        return f"none won: {ends[0].last}", ""
    if fault := ends[1].sentence_fault((2,)):
        return f"the second: {fault}", ""
    return "; ".join(known.reference.differences(files_of(folder))[:3]), ""


def _where(ended: Ended) -> str:
    return " ".join(ended.calls[-1]) if ended.calls else ""


Disturbance = Callable[[Job, Undisturbed, Path], tuple[str, str]]
KINDS: dict[str, Disturbance] = {
    KILL: _killing,
    KILL_TWICE: _killing,
    RIVALS: _rivalling,
    SIZE: _outgrowing,
}
