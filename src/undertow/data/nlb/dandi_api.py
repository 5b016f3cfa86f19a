"""What a dandiset holds, as the DANDI archive's public interface says
(https://api.dandiarchive.org)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from undertow.data.nlb.web import read_json_page
from undertow.errors import DataError

API = "https://api.dandiarchive.org/api"
SHA256 = "dandi:sha2-256"


@dataclass(frozen=True)
class Asset:
    """A file of the archive.

    Attributes:
        name: its file name, without folders.
        size: in bytes.
        sha256: of its content, hexadecimal.
        url: where its content is, by way of a redirect.
    """

    name: str
    size: int
    sha256: str
    url: str


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
