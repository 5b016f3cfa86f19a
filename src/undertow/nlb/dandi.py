"""The recordings of a set, downloaded from the DANDI archive.

Its public interface is https://api.dandiarchive.org.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from undertow.data.readers.nlb_sets import nlb_set
from undertow.errors import DataError
from undertow.nlb.download import (
    Asset,
    Say,
    fetch,
    part_of,
    read_json_page,
    sha256_of,
    size_of,
)

API = "https://api.dandiarchive.org/api"
SHA256 = "dandi:sha2-256"


def download_set(
    set_name: str,
    folder: str | Path,
    version: str | None = None,
    api: str = API,
    say: Say | None = None,
) -> list[Path]:
    """Download the NWB files of a set of the benchmark.

    Files that are there already are only checked.

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


def newest_version(dandiset: str, api: str = API) -> str:
    """The newest published version of a dandiset, such as '0.220113.0400'.

    Raises:
        DataError: when the interface cannot be asked, or nothing was published.
    """
    url = f"{api.rstrip('/')}/dandisets/{dandiset}/"
    published = read_json_page(url).get("most_recent_published_version")
    if not isinstance(published, dict) or not isinstance(published.get("version"), str):
        raise DataError(
            f"dandiset {dandiset} has no published version: ask for the version 'draft'."
        )
    return str(published["version"])


def list_assets(dandiset: str, version: str, api: str = API) -> list[Asset]:
    """The NWB files of one version of a dandiset, by name.

    Raises:
        DataError: when the interface cannot be asked or answers otherwise than expected, when there
            is no NWB file, two of the same name, or one without a SHA-256.
    """
    api = api.rstrip("/")
    first = f"{api}/dandisets/{dandiset}/versions/{quote(version, safe='')}/assets/"
    try:
        found = [
            _asset(row["asset_id"], api) for row in _rows(first) if row["path"].endswith(".nwb")
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{first} does not answer as DANDI does ({error!r}): check the address."
        ) from None
    names = [asset.name for asset in found]
    if not names or len(set(names)) < len(names):
        what = "two files of one name" if names else "no NWB file"
        raise DataError(
            f"dandiset {dandiset}, version {version}, holds {what}: choose another version."
        )
    return sorted(found, key=lambda asset: asset.name)


def _rows(url: str | None) -> Iterator[dict[str, Any]]:
    """The entries of a list that comes in pages."""
    while url is not None:
        page = read_json_page(url)
        yield from page["results"]
        url = page["next"]


def _asset(asset_id: str, api: str) -> Asset:
    about = read_json_page(f"{api}/assets/{quote(asset_id, safe='')}/")
    name = PurePosixPath(about["path"]).name
    if PureWindowsPath(name).name != name or name.startswith("."):
        raise DataError(
            f"the archive names a file {about['path']!r}: that is no safe name for a file here."
        )
    if SHA256 not in about["digest"]:
        raise DataError(f"the archive has no SHA-256 of {name} yet: choose a published version.")
    url = f"{api}/assets/{quote(asset_id, safe='')}/download/"
    return Asset(name, int(about["contentSize"]), str(about["digest"][SHA256]).lower(), url)
