"""What a run is, written to `run.json` before it starts.

So only the same run can be resumed in its directory.
"""

import hashlib
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import Splits, TrialSet
from undertow.data.overlaps import any_overlap
from undertow.dynamics import Dynamics
from undertow.errors import UndertowError, UnfinishedError
from undertow.experiments.records import read_run
from undertow.experiments.workers.shard import Shard
from undertow.files import flatten, plain, write_json
from undertow.locks import LOCK, claimed, locks_in, unfinished, writable
from undertow.memory import blocks
from undertow.models.base import Estimator
from undertow.names import kebab, printable
from undertow.options import Options
from undertow.places import check_not_file, claimed_folder, holds_nothing, refuse_folder

PACKAGES = ("undertow", "torch", "numpy", "scipy", "scikit-learn")
HASHED = ("spikes", "lengths", "heldout", "neuron_ids", "behavior", "stimulus", "condition")
FILE, RUN = "run.json", "run"
UNLABELLED = "fingerprint_without_labels"
ABOUT = ("source", "versions", UNLABELLED)
"""Entries of run.json that say more of a run and are not compared on resuming."""


def versions() -> dict[str, str]:
    """Package name → installed version, with Python's and the platform's beside them."""
    found = {"python": platform.python_version(), "platform": platform.platform(terse=True)}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def fingerprint(trials: TrialSet) -> str:
    """SHA-256 of everything a fit reads.

    That is counts, bin width, masks, ids, signals, conditions, labels and times, and where trials
    that overlap lie in the recording.
    """
    digest = hashlib.sha256(
        f"{trials.bin_s!r} {trials.forward_bins} {trials.spikes.shape}".encode()
    )
    # names go in beside the values, so that an array cannot pass for another one
    for name in HASHED:
        value = getattr(trials, name)
        if value is not None:
            digest.update(name.encode())
            # the bytes where they are: a large recording is not copied to be hashed
            for part in blocks(len(value), value.nbytes / max(len(value), 1)):
                digest.update(np.ascontiguousarray(value[part]).reshape(-1).view(np.uint8).data)
    for name, values in sorted(trials.labels.items()):
        digest.update(f"label {name} {values.dtype}".encode())
        digest.update(values.tobytes())
    if trials.times is not None:
        digest.update(f"times {trials.start_s!r}".encode())
        digest.update(trials.times.tobytes())
    if any_overlap(trials.recorded_s):  # where nothing overlaps, no split depends on it
        digest.update(b"recorded_s")
        digest.update(trials.recorded_s.tobytes())
    return digest.hexdigest()


def unlabelled_fingerprint(trials: TrialSet) -> str:
    """The fingerprint without labels.

    A finished run may be scored on other labels than it was fitted with.
    """
    return fingerprint(trials.replace(labels=None))


def settings_of(model: Estimator) -> dict[str, Any]:
    """Constructor arguments by name, in types JSON has.

    A piece of a model becomes a table of its name and all its options.
    """
    names = model.get_params(deep=False)
    return {name: plain(_table(model.piece(name))) for name in names}


def _table(value: Any) -> Any:
    if isinstance(value, Estimator):
        return {"model": value.cli_name, **settings_of(value)}
    if isinstance(value, Dynamics):
        return {"dynamics": kebab(type(value).__name__), **value.settings}
    if isinstance(value, Options):
        return ({} if value.name is None else {"name": value.name}) | vars(value)
    return value


def identity(
    model: Estimator,
    trials: TrialSet,
    splits: Mapping[str, Mapping[str, np.ndarray]],
    split_seed: int,
) -> dict[str, Any]:
    """What makes two runs the same.

    That is model, settings, data fingerprint, parts of the trials (their ids, see `split_ids`) and
    seeds.
    """
    return {
        "model": model.cli_name,
        "settings": settings_of(model),
        "data": {
            "fingerprint": fingerprint(trials),
            "bin_s": trials.bin_s,
            "trials": trials.n_trials,
        },
        UNLABELLED: unlabelled_fingerprint(trials),
        "splits": {name: plain(dict(ids)) for name, ids in splits.items()},
        "seeds": {"seed": model.get_params(deep=False).get("seed"), "split_seed": split_seed},
    }


def split_ids(split: Splits) -> dict[str, np.ndarray]:
    """Trial ids of each part."""
    return {part: trials.trial_ids for part, trials in split._asdict().items()}


@contextmanager
def run_directory(
    out: Path,
    what: Mapping[str, Any],
    resume: bool,
    source: Mapping[str, Any],
    shard: Shard | None = None,
) -> Iterator[None]:
    """Make `out` for this run, or find the same run in it, and hold it while the block lasts.

    A model that refuses its settings or data (an `UndertowError`) leaves no new directory behind.
    Where something worth keeping was written, the error says how to go on.

    Several shards of a run hold it together, whichever came first.

    Raises:
        UndertowError: when `out` holds anything and `resume` is False, holds another run, is
            written to by another process, or cannot be written. Nothing is written then.
    """
    part = None if shard is None else str(shard)

    def check(left: bool) -> None:
        check_directory(out, what, resume or shard is not None)

    def begin(left: bool) -> None:
        check(left)
        if shard is not None:  # before another shard looks
            _write_run(out, what, source)

    refuse_folder(out, part)
    check(False)  # before any folder is made
    with claimed_folder(out, RUN, begin, part):
        fresh = _write_run(out, what, source)
        try:
            yield
        except UnfinishedError:
            raise
        except UndertowError as error:
            if _results(out):
                raise type(error)(_with_way_on(str(error), out)) from None
            # a refusal leaves nothing behind, unless something worth keeping was written
            if fresh and shard is None:
                _empty(out)
            raise


def _write_run(out: Path, what: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
    """Write run.json, unless it is there; whether it was not."""
    if (out / FILE).exists():
        return False
    with writable(out):
        write_json(out / FILE, {**what, "source": source, "versions": versions()})
    return True


@contextmanager
def gathering(out: Path, shard: Shard | None) -> Iterator[None]:
    """Hold the folder of a run for the files that sum up all shards, where there are shards.

    Raises:
        HeldError: where another shard writes them.
    """
    if shard is None:
        yield
        return
    with claimed(out / LOCK, RUN, lambda left: None, out):
        yield


def _with_way_on(message: str, out: Path) -> str:
    """The message with what is kept, where it does not say so itself."""
    if "resume" in message:
        return message
    return (
        f"{message} What was done before is kept in {out}: once this is mended, the same command "
        "with --resume goes on."
    )


def _results(out: Path) -> list[Path]:
    """Files of a run that are worth keeping: all but run.json and what errors left."""
    locks = locks_in(out)
    files = [path for path in out.rglob("*") if path.is_file() and path not in locks]
    return [path for path in files if path.name != FILE and not path.name.endswith(".error.json")]


def _empty(out: Path) -> None:
    """Remove all but the lock, which goes last."""
    for path in out.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def left_by_a_killed_run(out: Path) -> bool:
    """Whether a run that was killed is all that stands between `out` and a finished one."""
    return unfinished(out / LOCK, RUN) and (out / FILE).exists()


def check_directory(out: Path, what: Mapping[str, Any], resume: bool) -> None:
    """The checks of `run_directory`, without writing.

    Raises:
        UndertowError: as `run_directory`.
    """
    check_not_file(out)
    if not os.path.isdir(out) or holds_nothing(out):
        return
    if not resume:
        raise UndertowError(
            f"{out} is not empty: choose another directory, or continue the run in it with "
            "--resume."
        )
    if not (out / FILE).exists():
        raise UndertowError(
            f"{out} is not empty and holds no {FILE}: there is no run to resume, choose another "
            "directory."
        )
    # versions and source may differ: another machine may finish the run
    earlier = {key: value for key, value in read_run(out / FILE).items() if key not in ABOUT}
    if changed := differences(
        earlier, {key: value for key, value in what.items() if key not in ABOUT}
    ):
        raise UndertowError(
            f"{out} holds another run ({changed}): resume with the same data and settings, or "
            "choose another directory."
        )


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The differences between two identities as text for a message; empty for none."""
    before, after = flatten(earlier), flatten(plain(now))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return "; ".join(
        f"{printable(key)} was {_short(before.get(key))}, is {_short(after.get(key))}"
        for key in keys[:4]
    )


def _short(value: Any) -> str:
    text = str(value)
    return printable(text, len(text) if len(text) <= 24 else 20)
