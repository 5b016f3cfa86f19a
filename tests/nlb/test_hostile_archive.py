"""A server that means harm, or is broken: every answer is bounded and refused in a sentence."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.nlb.archive import VERSION, Archive, serve, straight_and_quick
from undertow.errors import DataError, UndertowError
from undertow.locks import LOCK, Holder
from undertow.nlb import dandi, download, download_set, web

NAME = "sub-J_desc-test_ecephys.nwb"


@pytest.fixture(autouse=True)
def _straight_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    straight_and_quick(monkeypatch)


@pytest.fixture
def archive() -> Iterator[Archive]:
    with serve(Archive({f"sub-J/{NAME}": b"spikes" * 100})) as running:
        yield running


def refused(archive: Archive, folder: Path, message: str) -> None:
    """The download is refused in one short line, and leaves nothing."""
    with pytest.raises(DataError, match=message) as caught:
        download_set("mc_maze_small", folder / "new", version=VERSION, api=archive.api)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()
    assert not [each for each in folder.rglob("*") if each.is_file()]


@pytest.mark.parametrize("size", [0, -1, "many", None, float("nan"), 1e300, [], True, 10**30])
def test_sizes_that_cannot_be_right(tmp_path: Path, archive: Archive, size: Any) -> None:
    archive.about = {"contentSize": size}
    refused(archive, tmp_path, "the archive's size of .* must be a whole number, .*1")


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "../" * 21 + "x", "g" * 64, "a/" * 32, 5, "0" * 10_000, "\x1b[31m"]
)
def test_digests_that_are_none(tmp_path: Path, archive: Archive, digest: Any) -> None:
    archive.about = {"digest": {"dandi:sha2-256": digest}}
    refused(archive, tmp_path, "it must be 64 hexadecimal digits")


@pytest.mark.parametrize(
    "path", ["a/x\0.nwb", "a/" + "x" * 300 + ".nwb", "a/x\n.nwb", "..", "a/..\\x.nwb", "a/c:x.nwb"]
)
def test_names_that_are_not_safe(tmp_path: Path, archive: Archive, path: str) -> None:
    archive.about = {"path": path}
    refused(archive, tmp_path, "no safe name for a file here")


@pytest.mark.parametrize("about", [{"path": 7}, {"path": None}, {"digest": None}, {"digest": "x"}])
def test_metadata_of_other_types(tmp_path: Path, archive: Archive, about: dict[str, Any]) -> None:
    archive.about = about
    refused(archive, tmp_path, "does not answer as DANDI does")


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[::1", "http://" + "a" * 70 + ".x/", "//"],
)
def test_redirects_to_what_is_no_address(tmp_path: Path, archive: Archive, location: str) -> None:
    archive.location = location
    refused(archive, tmp_path, "leads to an address|cannot be reached|answered 302")


@pytest.mark.parametrize(
    "page",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"next": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b"NaN",
        b'{"results": 5, "next": null}',
        b'{"results": ["x"], "next": null}',
        b'{"results": [], "next": 5}',
    ],
)
def test_json_that_is_none(tmp_path: Path, archive: Archive, page: bytes) -> None:
    archive.page = page
    refused(archive, tmp_path, "JSON object|as DANDI does|holds no NWB file")


def test_a_list_without_an_end(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = archive.api
    for following in (f"{api}/dandisets/000140/versions/{VERSION}/assets/", "http://elsewhere/x"):
        archive.following = following
        refused(archive, tmp_path, "no page of a list that ends here")
    archive.following = None
    rows = [{"asset_id": "asset-0", "path": "x.txt"}] * (dandi.MOST_FILES + 1)
    archive.page = json.dumps({"results": rows, "next": None}).encode()
    refused(archive, tmp_path, "lists more than 2000 files")
    monkeypatch.setattr(web, "PAGE_BYTES", 2**10)
    refused(archive, tmp_path, "is longer than")


def test_a_page_that_trickles(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "PAGE_SECONDS", -1.0)
    refused(archive, tmp_path, "is longer than")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("kind", ["link", "dangling link", "folder"])
def test_nothing_is_written_through_a_link(tmp_path: Path, archive: Archive, kind: str) -> None:
    (asset,) = dandi.list_assets("000140", VERSION, archive.api)
    folder, victim = tmp_path / "data", tmp_path / "victim"
    folder.mkdir()
    part = download.part_of(folder / NAME, asset)
    if kind == "folder":
        part.mkdir()
    else:
        part.symlink_to(victim)
        if kind == "link":
            victim.write_bytes(b"precious")
    with pytest.raises(DataError, match="is no plain file: remove it"):
        download_set("mc_maze_small", folder, version=VERSION, api=archive.api)
    assert victim.exists() == (kind == "link")
    assert kind != "link" or victim.read_bytes() == b"precious"


def test_two_downloads_into_one_folder_do_not_mix(tmp_path: Path, archive: Archive) -> None:
    lock = tmp_path / LOCK
    holder = replace(Holder.this("nlb download"), host="elsewhere")
    lock.write_text(json.dumps(asdict(holder)))
    with pytest.raises(UndertowError, match="is written to by another nlb download"):
        download_set("mc_maze_small", tmp_path, version=VERSION, api=archive.api)
    lock.write_text(json.dumps(asdict(replace(Holder.this("nlb download"), started="long ago"))))
    assert download_set("mc_maze_small", tmp_path, version=VERSION, api=archive.api)
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_a_download_reaches_the_disk_before_its_name(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replaced = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: [done.append("sync"), sync(number)])

    def move(source: Path, target: Path) -> None:
        done.append(Path(target).name)
        replaced(source, target)

    monkeypatch.setattr(os, "replace", move)
    download_set("mc_maze_small", tmp_path, version=VERSION, api=archive.api)
    where = done.index(NAME)
    assert "sync" in done[where - 1]
    assert "sync" in done[where + 1]
