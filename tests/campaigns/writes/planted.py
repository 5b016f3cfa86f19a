"""Planted commands that write badly, each in its own way, and one that writes well.

Run as a module it prints as JSON how many disturbances of each the campaign calls wrong.
"""

import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.campaigns.writes import running
from tests.campaigns.writes.trials import KILL, RIVALS, SIZE, Job, trial, undisturbed
from tests.campaigns.writes.verbs import Verb
from undertow.errors import UndertowError, WriteError
from undertow.files import written_whole
from undertow.places import new_file

TARGET, CONTENT = Path("made.txt"), "what was made\n" * 400


def well() -> None:
    """Held, whole, and repeated as if never killed."""
    with new_file(TARGET, "planted well"), written_whole(TARGET, True) as temporary:
        temporary.write_text(CONTENT)


def half() -> None:
    """Writes in place: a killed one leaves half a file, and is refused when repeated."""
    if TARGET.exists():
        raise UndertowError(f"{TARGET} exists: choose another file.")
    with TARGET.open("w") as file:
        file.write(CONTENT)
        os.fsync(file.fileno())


def litter() -> None:
    """Leaves its temporary file where it was killed."""
    temporary = Path(f".{os.getpid()}.part")
    temporary.write_text(CONTENT)
    os.replace(temporary, TARGET)


def traceback() -> None:
    """Lets the error of the system through."""
    TARGET.write_text(CONTENT)


def unlocked() -> None:
    """Whole, but two may write at once."""
    if TARGET.exists():
        raise UndertowError(f"{TARGET} exists: choose another file.")
    with written_whole(TARGET, overwrite=True) as temporary:
        temporary.write_text(CONTENT)


def unlike() -> None:
    """Makes something else where it is repeated."""
    before = Path("begun.txt")
    content = CONTENT[5:] if before.exists() else CONTENT
    before.write_text("begun\n")
    with written_whole(TARGET, overwrite=True) as temporary:
        temporary.write_text(content)


COMMANDS: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (well, half, litter, traceback, unlocked, unlike)
}


def main() -> None:
    """What `undertow WORD` does in this process: refusals are sentences."""
    try:
        COMMANDS[sys.argv[1]]()
    except UndertowError as error:
        print(f"planted: {error}", file=sys.stderr)
        raise SystemExit(3 if isinstance(error, WriteError) else 2) from None


def report() -> None:
    """Print command → kind of disturbance → what was wrong."""
    running.COMMAND = "tests.campaigns.writes.planted:main"
    for name in ("matplotlib.figure", "h5py", "safetensors.torch", "undertow.systems"):
        importlib.import_module(name)  # once, and not in every child
    found: dict[str, dict[str, list[str]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in COMMANDS:
            verb, place = Verb(name, (name,), needs=()), Path(scratch) / name
            known = undisturbed(verb, place)
            jobs = [Job(verb, KILL, k + 1) for k in range(len(known.calls))]
            jobs += [Job(verb, "EACCES", k + 1) for k in range(len(known.calls))]
            jobs += [Job(verb, "ENOSPC", 1), Job(verb, SIZE, 100), Job(verb, RIVALS)]
            for job in jobs:
                done = trial(job, known, place)
                found.setdefault(name, {}).setdefault(job.kind, []).append(done.fault)
    print(json.dumps(found))


if __name__ == "__main__":
    report()
