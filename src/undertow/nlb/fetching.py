"""Downloading the files that a folder lacks.

Room for them is looked for first, and one process downloads into a folder at a time.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from undertow.errors import DataError
from undertow.nlb.download import (
    Asset,
    Say,
    check_part,
    fetch,
    in_mb,
    is_asset,
    part_of,
    size_of,
)
from undertow.places import claimed_folder


def fetch_missing(
    folder: Path, assets: Sequence[Asset], what: str, label: str, say: Say | None = None
) -> list[Path]:
    """Download the files that a folder lacks; those that are there are only checked.

    A file appears under its own name when it is whole and its SHA-256 is right; until then it is a
    '.part' beside it, from which the next attempt goes on.

    Args:
        folder: where the files go; made if need be.
        assets: the files.
        what: which command downloads.
        label: what the files are, for the first line.
        say: called with lines about what goes on.

    Raises:
        DataError: as `fetch`, where the disk has too little room, and where another file is in the
            way of one.
        UndertowError: when the folder cannot be made, or another process downloads into it.
    """
    say, missing = say or _silent, _missing(folder, assets)
    files = "1 file" if len(assets) == 1 else f"{len(assets)} files"
    say(f"{label}, {files}, {len(missing)} to download")
    if missing:
        _check_room(folder, missing)
        with claimed_folder(folder, what, _any_folder):
            # once more: another process may have ended in between
            for asset in _missing(folder, missing):
                fetch(asset, folder / asset.name, say)
                say(f"{asset.name}: complete, SHA-256 checked")
    return [folder / asset.name for asset in assets]


def _silent(line: str) -> None:
    """Say nothing."""


def _missing(folder: Path, assets: Sequence[Asset]) -> list[Asset]:
    return [asset for asset in assets if not is_there(folder / asset.name, asset)]


def _any_folder(left: bool) -> None:
    """Files go into any folder, beside whatever is there."""


def is_there(path: Path, asset: Asset) -> bool:
    """Whether the file is there.

    Raises:
        DataError: when another file of that name is.
    """
    if not path.exists():
        return False
    if not is_asset(path, asset):
        raise DataError(
            f"{path} is there and is another file (its SHA-256 differs): move it, or choose "
            "another folder."
        )
    return True


def _check_room(folder: Path, missing: Sequence[Asset]) -> None:
    """See, before anything is made, that what is still to come fits on the disk.

    Raises:
        DataError: when it does not, or something else lies where a part would.
    """
    for asset in missing:
        check_part(part_of(folder / asset.name, asset))
    needed = sum(
        max(asset.size - size_of(part_of(folder / asset.name, asset)), 0) for asset in missing
    )
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise DataError(
            f"{in_mb(needed)} are still to come and {folder} has {in_mb(free)} of free space: "
            "make room, or choose another folder."
        )
