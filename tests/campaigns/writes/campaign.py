"""The campaign of disturbed writes: which jobs, by how many processes, and the table of them."""

import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from tests.campaigns import seeds
from tests.campaigns.outcome import say
from tests.campaigns.table import aligned, shares
from tests.campaigns.target import Rng, chance, pick
from tests.campaigns.writes.trials import (
    FULL,
    KILL,
    KILL_TWICE,
    RIVALS,
    SINGLE,
    SIZE,
    Job,
    Trial,
    Undisturbed,
    trial,
    undisturbed,
)
from tests.campaigns.writes.verbs import Verb, make_seeds

Known = Mapping[str, Undisturbed]
TWICE = 0.15
"""Share of the kills whose repetition is killed as well."""
COLUMNS = ("kills", "faults", "two writers")


@dataclass
class WritesTally:
    """All trials, and the table of them."""

    seed: int
    trials: list[Trial] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return sum(bool(each.fault) for each in self.trials)

    def number(self, column: str) -> int:
        """How many trials of a column."""
        return sum(_column(each.job) == column for each in self.trials)

    def lines(self) -> list[str]:
        """The table of verbs × kinds with 'wrong of all', then each fault."""
        verbs = list(dict.fromkeys(each.job.verb.name for each in self.trials))
        rows = [[name, *(self._cell(name, column) for column in COLUMNS)] for name in verbs]
        return aligned([["verb (wrong / all)", *COLUMNS], *rows]) + self._faults()

    def _cell(self, name: str, column: str) -> str:
        here = [t for t in self.trials if t.job.verb.name == name and _column(t.job) == column]
        return f"{sum(bool(each.fault) for each in here)} / {len(here)}"

    def _faults(self) -> list[str]:
        wrong = [each for each in self.trials if each.fault]
        kinds = Counter((each.job.verb.name, each.job.kind, each.fault[:60]) for each in wrong)
        lines = []
        for each in wrong:
            kind = (each.job.verb.name, each.job.kind, each.fault[:60])
            if count := kinds.pop(kind, 0):
                job = each.job
                lines.append(
                    f"{count} × {job.verb.name}: {job.kind} at call {job.at}: {each.fault}"
                )
                lines.append(f"    {each.where}")
        return lines


def _column(job: Job) -> str:
    return {KILL: "kills", KILL_TWICE: "kills", RIVALS: "two writers"}.get(job.kind, "faults")


def disturb(
    verbs: Mapping[str, Verb],
    kills: int,
    faults: int,
    seed: int,
    workers: int = 2,
    minutes: float | None = None,
    rivals: bool = True,
) -> WritesTally:
    """Run the campaign.

    Args:
        verbs: by name.
        kills, faults: how many, shared between the verbs by their weights.
        seed: of the calls that are chosen.
        workers: processes.
        minutes: after which no further trial is started.
        rivals: whether each verb is also run twice at once.
    """
    from tests.campaigns.fuzz import import_all

    import_all()
    start = time.monotonic()
    make_seeds(seeds.folder())  # by forked processes: this one must not use torch's gradients
    tally = WritesTally(seed)
    with tempfile.TemporaryDirectory(prefix="campaign-writes-") as scratch:
        context = multiprocessing.get_context("fork")
        place = Path(scratch)
        with context.Pool(workers, maxtasksperchild=50) as pool:
            measured = pool.imap(partial(_undisturbed, place=place), verbs.values())
            known = dict(zip(verbs, measured, strict=True))
            jobs = list(_jobs(verbs, known, kills, faults, seed, rivals))
            numbered = ((k, job, known[job.verb.name]) for k, job in enumerate(jobs))
            until = None if minutes is None else start + 60 * minutes
            for done in pool.imap_unordered(partial(_trial, place=place, until=until), numbered):
                if done is not None:
                    tally.trials.append(done)
                    if len(tally.trials) % 50 == 0:
                        say(f"{len(tally.trials)} of {len(jobs)} trials, {tally.faults} wrong")
    return tally


def _undisturbed(verb: Verb, place: Path) -> Undisturbed:
    return undisturbed(verb, place / verb.name.replace(" ", "_"))


def _trial(
    numbered: tuple[int, Job, Undisturbed], place: Path, until: float | None
) -> Trial | None:
    number, job, known = numbered
    if until is not None and time.monotonic() > until:
        return None
    return trial(job, known, place / f"trial{number}")


def _jobs(
    verbs: Mapping[str, Verb], known: Known, kills: int, faults: int, seed: int, rivals: bool
) -> Iterator[Job]:
    """All jobs, in an order in which an early end cuts all verbs alike."""
    rng = np.random.default_rng(seed)
    weights = {name: verb.share for name, verb in verbs.items()}
    jobs: list[Job] = []
    for name, count in shares(weights, kills).items():
        jobs += _kills(rng, verbs[name], len(known[name].calls), count)
    for name, count in shares(weights, faults).items() if faults else ():
        jobs += [_fault(rng, verbs[name], known[name]) for _ in range(count)]
    order: Sequence[int] = rng.permutation(len(jobs)).tolist()
    yield from (Job(verb, RIVALS) for verb in verbs.values() if rivals)
    yield from (jobs[k] for k in order)


def _kills(rng: Rng, verb: Verb, n_calls: int, count: int) -> Iterator[Job]:
    """Kills at so many different calls, at all where there are fewer."""
    for at in sorted(rng.permutation(n_calls)[:count].tolist()):
        twice = chance(rng, TWICE)
        then = int(rng.integers(1, n_calls + 1))
        yield Job(verb, KILL_TWICE if twice else KILL, at + 1, then if twice else 0)


def _fault(rng: Rng, verb: Verb, known: Undisturbed) -> Job:
    if chance(rng, 0.15):
        return Job(verb, SIZE, int(rng.integers(known.largest + 1) * rng.random() ** 2))
    kind = str(pick(rng, (*FULL, *SINGLE)))
    return Job(verb, kind, int(rng.integers(1, len(known.calls) + 1)))
