"""Places: the folder or file that one command writes to, held by it and free of what was killed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from undertow.errors import UndertowError
from undertow.files import LONGEST_STEM, partials
from undertow.locks import LOCK, claimed, lock_of, locks_in, refuse_held, writable


def holds_nothing(folder: Path) -> bool:
    """Whether a folder holds nothing, or only what a killed process was about to write."""
    left = {*partials(folder), *locks_in(folder)}
    return all(each in left for each in folder.iterdir())


@contextmanager
def claimed_folder(
    out: Path, what: str, check: Callable[[bool], None], shard: str | None = None
) -> Iterator[bool]:
    """Make a folder and hold it; see `claimed`.

    Parts of files that killed processes left in it are removed. An error before anything was
    written removes every folder made here.

    Args:
        out: the folder.
        what, check: of `claimed`.
        shard: such as '2/8': hold it beside the processes of other shards.
    """

    def check_others(left: bool) -> None:
        refuse_folder(out, shard)
        check(left)

    with _made(out, out), claimed(lock_of(out, shard), what, check_others, out) as left:
        if shard is None:  # others may be writing
            remove_partials(out)
        yield left


def refuse_folder(out: Path, shard: str | None = None) -> None:
    """Refuse a folder that another process holds; a shard, that a process holds alone.

    Raises:
        HeldError: with the process, and what to do.
    """
    own = lock_of(out, shard)
    for lock in locks_in(out) if shard is None else (out / LOCK,):
        if lock != own:
            refuse_held(lock, out)


@contextmanager
def _made(folder: Path, place: Path) -> Iterator[None]:
    """Make a folder for `place`, with all above it; an error removes those that stayed empty."""
    made = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    try:
        with writable(place):
            folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with suppress(OSError):
            for each in made:
                each.rmdir()  # refuses where it holds anything
        raise


@contextmanager
def new_folder(out: Path, what: str) -> Iterator[None]:
    """Hold a new or empty folder for the files of one command.

    A killed command may be given again; an error or Ctrl-C removes what it wrote.

    Raises:
        UndertowError: when it holds anything else, or as `claimed`.
    """

    def check(left: bool) -> None:
        if not left and not holds_nothing(out):
            raise UndertowError(
                f"{out} exists and is not an empty directory: choose another for the results."
            )

    check_not_file(out)
    with claimed_folder(out, what, check):
        before = set(out.iterdir())
        try:
            yield
        except BaseException as error:
            for path in set(out.iterdir()) - before:
                path.unlink(missing_ok=True)
            _say_nothing_is_kept(error)
            raise


def check_not_file(out: Path) -> None:
    """Refuse a file where a folder should be.

    Raises:
        UndertowError: naming it.
    """
    if os.path.lexists(out) and not os.path.isdir(out):
        raise UndertowError(f"{out} is a file: give a directory for the results.")


@contextmanager
def new_file(path: Path, what: str, taken: str = "choose another file.") -> Iterator[Path]:
    """Hold the place of a file that is to be made, and make its folder.

    A killed command may be given again.

    Args:
        path: of the file.
        what: which command makes it.
        taken: what is said, after 'exists: ', where there is one.

    Raises:
        UndertowError: when it exists, or as `claimed`.
    """

    def check(left: bool) -> None:
        if not left and os.path.lexists(path):
            raise UndertowError(f"{path} exists: {taken}")

    lock = path.with_name(f".{path.name[:LONGEST_STEM]}.lock")
    with _made(path.parent, path), claimed(lock, what, check, path):
        for part in partials(path.parent, path.name):
            part.unlink(missing_ok=True)
        try:
            yield path
        except BaseException as error:
            _say_nothing_is_kept(error)
            raise


def _say_nothing_is_kept(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt) and not error.args:
        error.args = ("interrupted; nothing was written.",)


def remove_partials(folder: Path) -> None:
    """Remove what killed processes left of files in a folder and in those inside it."""
    for inner in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
        for part in partials(inner):
            part.unlink(missing_ok=True)
