"""The recordings of a set, downloaded from the DANDI archive."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from undertow.data.nlb.dandi_api import API, Asset, list_assets, newest_version
from undertow.data.nlb.downloading import Say, fetch, part_of, sha256_of, size_of
from undertow.data.nlb.sets import nlb_set
from undertow.errors import DataError


def download_set(
    set_name: str,
    folder: str | Path,
    version: str | None = None,
    api: str = API,
    say: Say | None = None,
) -> list[Path]:
    """Download the NWB files of a set of the benchmark; files that are there already are only
    checked.

    A file appears in the folder under its own name when it is whole and its SHA-256 is the
    archive's; until then it is a '.part' beside it, from which the next attempt goes on.

    Args:
        set_name: such as 'mc_maze_small'.
        folder: where the files go; made if need be.
        version: of the dandiset, such as '0.220113.0400' or 'draft'; the newest published one by
            default.
        api: address of the archive's interface.
        say: called with lines about what goes on.

    Returns:
        The files.

    Raises:
        DataError: for an unknown set or version, without network, on a full disk, for a wrong
            checksum, and where another file of the same name is in the way; each in one sentence.
    """
    folder, say = Path(folder), say or _silent
    dandiset = nlb_set(set_name).dandi_id
    version = version or newest_version(dandiset, api)
    assets = list_assets(dandiset, version, api)
    missing = [asset for asset in assets if not _is_there(folder / asset.name, asset)]
    say(
        f"{set_name}: dandiset {dandiset}, version {version}, {len(assets)} files, {len(missing)} "
        "to download"
    )
    _make_room(folder, missing)
    for asset in missing:
        fetch(asset, folder / asset.name, say)
        say(f"{asset.name}: complete, SHA-256 as in the archive")
    return [folder / asset.name for asset in assets]


def _is_there(path: Path, asset: Asset) -> bool:
    """Whether the file is there.

    Raises:
        DataError: when another file of that name is.
    """
    if not path.exists():
        return False
    if not path.is_file() or size_of(path) != asset.size or sha256_of(path) != asset.sha256:
        raise DataError(
            f"{path} is there and is not the archive's file: move it, or choose another folder."
        )
    return True


def _make_room(folder: Path, missing: Sequence[Asset]) -> None:
    """Make the folder, after a look at the disk.

    Raises:
        DataError: when the folder cannot be made, or what is still to come does not fit.
    """
    needed = sum(
        max(asset.size - size_of(part_of(folder / asset.name, asset)), 0) for asset in missing
    )
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise DataError(
            f"{needed / 1e6:.1f} MB are still to come and {folder} has {free / 1e6:.1f} MB of free "
            "space: make room, or choose another folder."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be made ({error.strerror}): choose another folder."
        ) from None


def _silent(line: str) -> None:
    """Say nothing."""
