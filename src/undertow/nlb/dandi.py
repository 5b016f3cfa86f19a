"""The recordings of a set, downloaded from the DANDI archive.

Its public interface is https://api.dandiarchive.org.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from undertow.checks import whole
from undertow.data.readers.nlb_sets import nlb_set
from undertow.errors import DataError
from undertow.names import printable, shown
from undertow.nlb.download import Asset, Say
from undertow.nlb.fetching import fetch_missing
from undertow.nlb.web import host_of, read_json_page

API = "https://api.dandiarchive.org/api"
SHA256 = "dandi:sha2-256"
MOST_PAGES, MOST_FILES, MOST_BYTES = 200, 2000, 10**13
"""Far above what any set of the benchmark has: of a listing, and of one file."""
LONGEST_NAME = 150  # bytes, so that a part's name, which is longer, fits too


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
        UndertowError: when the folder cannot be made, or another process downloads into it.
    """
    dandiset = nlb_set(set_name).dandi_id
    version = version or newest_version(dandiset, api)
    assets = list_assets(dandiset, version, api)
    label = f"{set_name}: dandiset {dandiset}, version {version}"
    return fetch_missing(Path(folder), assets, "nlb download", label, say)


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
            is no NWB file, too many, two of the same name, one without a SHA-256, or one whose
            name, size or SHA-256 cannot be right.
    """
    api = api.rstrip("/")
    first = f"{api}/dandisets/{dandiset}/versions/{quote(version, safe='')}/assets/"
    try:
        ids = [row["asset_id"] for row in _rows(first) if row["path"].endswith(".nwb")]
        found = [_asset(each, api) for each in ids]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{first} does not answer as DANDI does ({printable(repr(error))}): check the address."
        ) from None
    names = [asset.name for asset in found]
    if not names or len(set(names)) < len(names):
        what = "two files of one name" if names else "no NWB file"
        raise DataError(
            f"dandiset {dandiset}, version {printable(version)}, holds {what}: choose another "
            "version."
        )
    return sorted(found, key=lambda asset: asset.name)


def _rows(first: str) -> Iterator[dict[str, Any]]:
    """The entries of a list that comes in pages of one host, none of them twice.

    Raises:
        DataError: for a list without an end.
    """
    url, seen, n_rows = first, {first}, 0
    while True:
        page = read_json_page(url)
        for row in page["results"]:
            n_rows += 1
            if n_rows > MOST_FILES:
                raise DataError(
                    f"{first} lists more than {MOST_FILES} files: that is no set of the benchmark; "
                    "check the address."
                )
            yield row
        url = page["next"]
        if url is None:
            return
        if url in seen or len(seen) >= MOST_PAGES or host_of(url) != host_of(first):
            raise DataError(
                f"{first} goes on at {printable(url)}: that is no page of a list that ends here; "
                "check the address."
            )
        seen.add(url)


def _asset(asset_id: str, api: str) -> Asset:
    about = read_json_page(f"{api}/assets/{quote(asset_id, safe='')}/")
    name = _safe_name(about["path"])
    size, digest = about["contentSize"], about["digest"].get(SHA256)
    if digest is None:
        raise DataError(f"the archive has no SHA-256 of {name} yet: choose a published version.")
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-fA-F]{64}", digest):
        raise DataError(
            f"the archive gives {shown(digest)} as the SHA-256 of {name}: it must be 64 "
            "hexadecimal digits; choose another version."
        )
    whole("the archive's size of " + name, size, 1, MOST_BYTES, error=DataError)
    url = f"{api}/assets/{quote(asset_id, safe='')}/download/"
    return Asset(name, int(size), digest.lower(), url)


def _safe_name(path: str) -> str:
    """The last part of a path, as a file name for here.

    Raises:
        DataError: for a name that would leave the folder, hide, or not be writable.
    """
    name = PurePosixPath(path).name
    safe = name.isprintable() and len(name.encode("utf-8", "replace")) <= LONGEST_NAME
    if not safe or PureWindowsPath(name).name != name or name.startswith("."):
        raise DataError(
            f"the archive names a file {shown(path)}: that is no safe name for a file here."
        )
    return name
