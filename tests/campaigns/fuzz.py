"""The fuzz campaign: hostile inputs for every target, judged in worker processes."""

import importlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.campaigns import seeds
from tests.campaigns.keeping import Keeper
from tests.campaigns.outcome import Outcome, say
from tests.campaigns.pool import SECONDS, Job, outcomes
from tests.campaigns.table import Tally, interleaved, shares
from tests.campaigns.target import Target
from tests.campaigns.worker import make, use

HEAVY = ("torch", "h5py", "pynwb", "xarray", "h5netcdf", "scipy.io", "sklearn", "undertow.models")
IMPORTED = ("undertow.cli.app", "undertow.experiments", "undertow.nlb", "undertow.data", "typer")


def import_all() -> None:
    """Import what workers use, once, before they are forked; torch must not start threads."""
    import gc

    for name in (*HEAVY, *IMPORTED):
        importlib.import_module(name)
    importlib.import_module("torch").set_num_threads(1)
    gc.collect()
    gc.freeze()  # so that a worker's collections do not walk through the libraries


def fuzz(
    targets: Mapping[str, Target],
    total: int,
    seed: int,
    kept: Path,
    workers: int = 2,
    minutes: float | None = None,
    seconds: float = SECONDS,
) -> Tally:
    """Run a campaign of `total` inputs, or as many as fit in `minutes`.

    Args:
        targets: by name.
        total: inputs, shared between the targets by their weights.
        seed: of all inputs.
        kept: folder for the inputs that failed.
        workers: processes.
        minutes: after which no further input is started.
        seconds: that an input may take.
    """
    import_all()
    seeds.make_all(targets)
    tally, keeper = Tally(seed), Keeper(kept, seed)
    counts = shares({name: target.share for name, target in targets.items()}, total)
    jobs = _until(list(interleaved(counts)), minutes)
    for outcome in outcomes(jobs, targets, seed, workers, seconds, keeper):
        tally.add(outcome)
        if tally.total % 500 == 0:
            say(f"{tally.total} of {sum(counts.values())} inputs, {tally.faults} faults")
    return tally


def _until(jobs: Sequence[Job], minutes: float | None) -> Iterator[Job]:
    start = time.monotonic()
    for job in jobs:
        if minutes is not None and time.monotonic() - start > 60 * minutes:
            return
        yield job


def replay(target: Target, seed: int, number: int, folder: Path) -> Outcome:
    """Make one input in `folder` and use it in this process."""
    import_all()
    seeds.make_all({target.name: target})
    made = make(target, seed, number, folder)
    if isinstance(made, Outcome):
        return made
    say(f"{made.path} ({'; '.join(made.changes)}) {made.options or ''}")
    return use(target, number, made)
