"""Downloading one file: resumable, checked, and in place only when it is whole.

Every way it can fail is said in one sentence.
"""

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.errors import DataError
from undertow.files import put_in_place
from undertow.names import printable
from undertow.nlb.web import opened

if TYPE_CHECKING:
    from http.client import HTTPResponse

Say = Callable[[str], None]
CHUNK, TRIES, PAUSE_S = 1 << 20, 5, 1.0
FULL = (errno.ENOSPC, errno.EDQUOT)
PARTIAL_CONTENT = 206
"""The status of an answer that starts midway."""


@dataclass(frozen=True)
class Asset:
    """A file that a server has.

    Attributes:
        name: its file name, without folders.
        size: in bytes.
        sha256: of its content, hexadecimal.
        url: where its content is, or what redirects there.
    """

    name: str
    size: int
    sha256: str
    url: str


def part_of(target: Path, asset: Asset) -> Path:
    """Where the file lies until it is whole.

    Its name holds what it is, so that it is never continued as another file.
    """
    return target.with_name(f"{target.name}.{asset.sha256[:12]}.part")


def fetch(asset: Asset, target: Path, say: Say) -> None:
    """Download one file, from where an earlier attempt ended, and check it.

    It is moved into place when its SHA-256 is right.

    Args:
        asset: what to download.
        target: where it goes; nothing is there yet.
        say: called with a line about each tenth that arrived.

    Raises:
        DataError: when the server cannot be reached or cuts the connection time and again, or the
            disk is full (the part that arrived is kept); or when what arrived is not the file (it
            is removed).
    """
    part = part_of(target, asset)
    check_part(part)
    _receive_all(asset, part, say)
    if size_of(part) != asset.size or sha256_of(part) != asset.sha256:
        part.unlink()
        raise DataError(
            f"what arrived as {asset.name} is another file (its SHA-256 differs) and was removed: "
            "run the same command again, and check the address if it stays so."
        )
    put_in_place(part, target)


def check_part(part: Path) -> None:
    """Refuse a link, a folder or a device in the place of a part: it would be written through.

    Raises:
        DataError: for anything but a file of its own, or nothing.
    """
    if part.is_symlink() or (part.exists() and not part.is_file()):
        raise DataError(
            f"{part} is there and is no plain file: remove it, or choose another folder."
        )


def size_of(path: Path) -> int:
    """Bytes in a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_asset(path: Path, asset: Asset) -> bool:
    """Whether a path is of a file of this size and SHA-256; the size, which is quick, first."""
    return path.is_file() and size_of(path) == asset.size and sha256_of(path) == asset.sha256


def _receive_all(asset: Asset, part: Path, say: Say) -> None:
    """Open as many connections as the file takes, within reason."""
    if size_of(part) > asset.size:
        part.unlink()
    for attempt in range(TRIES):
        if (have := size_of(part)) >= asset.size:
            return
        if attempt:
            say(f"{asset.name}: the connection was cut, going on")
            time.sleep(PAUSE_S)
        _receive(asset, part, have, say)
    if size_of(part) < asset.size:
        raise DataError(
            f"the connection was cut {TRIES} times after {in_mb(size_of(part))} of "
            f"{in_mb(asset.size)} of {asset.name}: run the same command again to go on."
        )


def _receive(asset: Asset, part: Path, have: int, say: Say) -> None:
    """Open one connection and append what comes to the part.

    The part starts anew where the server does not go on midway.
    """
    with opened(asset.url, {"Range": f"bytes={have}-"} if have else {}) as response:
        _check_size(asset, response)
        if have and response.status != PARTIAL_CONTENT:
            say(f"{asset.name}: the server cannot go on midway, so it starts over")
            have = 0
        with _unbuffered(part, "ab" if have else "wb") as file:
            for chunk in _chunks(response):
                _write(file, chunk, part)
                told, have = _tenths(have, asset.size), have + len(chunk)
                if _tenths(have, asset.size) > told:
                    say(f"{asset.name}: {in_mb(have)} of {in_mb(asset.size)}")
                if have > asset.size:
                    return


def _check_size(asset: Asset, response: "HTTPResponse") -> None:
    """Refuse a file of another size before any of it is taken; what arrived earlier is kept.

    Raises:
        DataError: where the server tells the size, and it is not the file's.
    """
    told = response.headers.get("Content-Length") or ""
    if response.status == PARTIAL_CONTENT:
        told = (response.headers.get("Content-Range") or "").rpartition("/")[2]
    if told.isdecimal() and told != str(asset.size):
        raise DataError(
            f"{printable(asset.url, 200)} leads to a file of {printable(told)} bytes, and "
            f"{asset.name} has {asset.size}: check the address."
        )


def _chunks(response: "HTTPResponse") -> Iterator[bytes]:
    """Bytes as they come; they end early where the connection is cut or stands still."""
    from http.client import HTTPException

    try:
        while chunk := response.read1(CHUNK):
            yield chunk
    except (HTTPException, OSError):
        return


def _unbuffered(part: Path, mode: str) -> FileIO:
    try:
        return FileIO(part, mode, opener=_no_links)
    except OSError as error:
        raise DataError(
            f"{part} cannot be written ({error.strerror}): choose another folder."
        ) from None


def _no_links(name: str, flags: int) -> int:
    """Open without following a link, which may have come since the part was checked."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _write(file: FileIO, chunk: bytes, part: Path) -> None:
    """Write the whole chunk; on a full disk, as much as fits."""
    left = memoryview(chunk)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        what = (
            "the disk is full"
            if error.errno in FULL
            else f"{part} cannot be written ({error.strerror})"
        )
        raise DataError(
            f"{what}; what arrived is kept in {part.name}: make room, then run the same command "
            "again."
        ) from None


def _tenths(have: int, size: int) -> int:
    return 10 * have // max(size, 1)


def in_mb(size: int) -> str:
    """Bytes in words, '105.9 MB'."""
    return f"{size / 1e6:.1f} MB"
