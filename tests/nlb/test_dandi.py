"""Downloads from a server that behaves like the archive: pages, redirects, breaks, wrong files,
full disks."""

import errno
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import numpy as np
import pytest

from tests.nlb.archive import VERSION, Archive, serve, straight_and_quick
from undertow.errors import DataError
from undertow.nlb import download, download_set

TRAIN, TEST = (
    "sub-J_ses-small_desc-train_behavior+ecephys.nwb",
    "sub-J_ses-small_desc-test_ecephys.nwb",
)
SIZE = 300_000
Usage = namedtuple("Usage", "total used free")


def content(seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(SIZE)


@pytest.fixture(autouse=True)
def _straight_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    straight_and_quick(monkeypatch)
    monkeypatch.setattr(download, "CHUNK", 10_000)


@pytest.fixture
def archive() -> Iterator[Archive]:
    files = {
        f"sub-J/{TRAIN}": content(0),
        f"sub-J/{TEST}": content(1),
        "dataset_description.json": b"{}",
    }
    with serve(Archive(files)) as running:
        yield running


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.part"))


def test_all_recordings_arrive_whole_under_their_own_names(
    tmp_path: Path, archive: Archive
) -> None:
    lines: list[str] = []
    found = download_set(
        "mc_maze_small", tmp_path / "new" / "folder", api=archive.api, say=lines.append
    )
    assert [path.name for path in found] == sorted([TRAIN, TEST])
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {TRAIN, TEST}
    assert (tmp_path / "new" / "folder" / TRAIN).read_bytes() == content(0)
    assert (tmp_path / "new" / "folder" / TEST).read_bytes() == content(1)
    assert lines[0] == f"mc_maze_small: dandiset 000140, version {VERSION}, 2 files, 2 to download"
    shares = [
        line for line in lines if line.startswith(f"{TEST}: 0.") or line.startswith(f"{TEST}: 0,")
    ]
    assert shares[-1] == f"{TEST}: 0.3 MB of 0.3 MB"
    assert len(shares) == 10
    assert lines[-1] == f"{TRAIN}: complete, SHA-256 checked"


def test_a_second_run_only_checks(tmp_path: Path, archive: Archive) -> None:
    first = download_set("mc_maze_small", tmp_path, api=archive.api)
    before, archive.asked = [path.stat().st_mtime_ns for path in first], []
    lines: list[str] = []
    assert download_set("mc_maze_small", tmp_path, api=archive.api, say=lines.append) == first
    assert [path.stat().st_mtime_ns for path in first] == before
    assert archive.asked == []
    assert lines == [f"mc_maze_small: dandiset 000140, version {VERSION}, 2 files, 0 to download"]


def test_a_cut_connection_goes_on_where_it_ended(tmp_path: Path, archive: Archive) -> None:
    archive.cut_after = [100_000, 50_000]
    download_set("mc_maze_small", tmp_path, api=archive.api)
    assert (tmp_path / TEST).read_bytes() == content(1)
    assert [asked for _, asked in archive.asked] == [None, "bytes=100000-", "bytes=150000-", None]
    assert not parts(tmp_path)


def test_what_arrived_is_kept_for_the_next_run(tmp_path: Path, archive: Archive) -> None:
    archive.cut_after = [10_000] * download.TRIES
    with pytest.raises(
        DataError, match=r"cut 5 times after 0\.1 MB of 0\.3 MB .* run the same command again"
    ):
        download_set("mc_maze_small", tmp_path, api=archive.api)
    assert [path.name.startswith(TEST) for path in parts(tmp_path)] == [True]
    assert not (tmp_path / TEST).exists()
    archive.asked = []
    download_set("mc_maze_small", tmp_path, api=archive.api)
    assert archive.asked[0][1] == "bytes=50000-"
    assert (tmp_path / TEST).read_bytes() == content(1)


def test_a_server_that_cannot_go_on_midway_starts_over(tmp_path: Path, archive: Archive) -> None:
    archive.ranges, archive.cut_after = False, [120_000]
    download_set("mc_maze_small", tmp_path, api=archive.api)
    assert archive.asked[1][1] == "bytes=120000-"
    assert (tmp_path / TEST).read_bytes() == content(1)


def test_a_part_that_is_whole_or_too_long_needs_no_second_download(
    tmp_path: Path, archive: Archive
) -> None:
    archive.cut_after = [10_000] * download.TRIES
    with pytest.raises(DataError, match="cut 5 times"):
        download_set("mc_maze_small", tmp_path, api=archive.api)
    (part,) = parts(tmp_path)
    part.write_bytes(content(1))
    archive.asked = []
    download_set("mc_maze_small", tmp_path, api=archive.api)
    assert len(archive.asked) == 1  # the other file
    (tmp_path / TEST).unlink()
    part.write_bytes(content(1) + b"more")
    download_set("mc_maze_small", tmp_path, api=archive.api)
    assert archive.asked[1:] == [(archive.asked[1][0], None)]
    assert (tmp_path / TEST).read_bytes() == content(1)


def test_a_wrong_checksum_leaves_no_file(tmp_path: Path, archive: Archive) -> None:
    archive.wrong_digest = True
    with pytest.raises(
        DataError, match=r"SHA-256 differs\) and was removed: run the same command again"
    ):
        download_set("mc_maze_small", tmp_path, api=archive.api)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_not_overwritten(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / TRAIN).write_bytes(b"mine")
    with pytest.raises(
        DataError, match=r"is there and is another file \(its SHA-256 differs\): move it"
    ):
        download_set("mc_maze_small", tmp_path, api=archive.api)
    assert (tmp_path / TRAIN).read_bytes() == b"mine"
    (tmp_path / TRAIN).write_bytes(content(1))  # the right size, another content
    with pytest.raises(DataError, match="is there and is another file"):
        download_set("mc_maze_small", tmp_path, api=archive.api)
    assert archive.asked == []


def test_too_little_free_space_is_said_before_anything_starts(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1, 1, 2 * SIZE - 1))
    with pytest.raises(
        DataError, match=r"0\.6 MB are still to come and .* has 0\.6 MB of free space: make room"
    ):
        download_set("mc_maze_small", tmp_path / "new", api=archive.api)
    assert list(tmp_path.iterdir()) == []
    assert archive.asked == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1, 1, 2 * SIZE))
    download_set("mc_maze_small", tmp_path / "new", api=archive.api)


def test_a_disk_that_fills_up_midway_keeps_the_part(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NearlyFull(FileIO):
        """Takes half of what it is given, and nothing beyond 50,000 bytes."""

        def write(self, data: memoryview) -> int:  # type: ignore[override]
            if self.tell() >= 50_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data[: max(1, len(data) // 2)])

    monkeypatch.setattr(download, "FileIO", NearlyFull)
    with pytest.raises(
        DataError, match=r"the disk is full; what arrived is kept in .*\.part: make room"
    ):
        download_set("mc_maze_small", tmp_path, api=archive.api)
    (part,) = parts(tmp_path)
    kept = part.read_bytes()
    assert len(kept) >= 50_000
    assert kept == content(1)[: len(kept)]
    monkeypatch.undo()
    download_set("mc_maze_small", tmp_path, api=archive.api)
    assert archive.asked[1][1] == f"bytes={len(kept)}-"
    assert (tmp_path / TEST).read_bytes() == content(1)


def test_ctrl_c_keeps_the_part(tmp_path: Path, archive: Archive) -> None:
    def interrupt(line: str) -> None:
        if "0.1 MB of" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_set("mc_maze_small", tmp_path, api=archive.api, say=interrupt)
    (part,) = parts(tmp_path)
    kept = part.stat().st_size
    assert 0 < kept < SIZE
    download_set("mc_maze_small", tmp_path, api=archive.api)
    assert archive.asked[1][1] == f"bytes={kept}-"
    assert (tmp_path / TEST).read_bytes() == content(1)


def test_the_version_can_be_chosen(tmp_path: Path, archive: Archive) -> None:
    archive.published = None
    with pytest.raises(DataError, match="no published version: ask for the version 'draft'"):
        download_set("mc_maze_small", tmp_path, api=archive.api)
    assert len(download_set("mc_maze_small", tmp_path, version="draft", api=archive.api)) == 2
    with pytest.raises(
        DataError, match=r"versions/0\.0\.0/assets/ answered 404 \(Not Found\): check the version"
    ):
        download_set("mc_maze_small", tmp_path, version="0.0.0", api=archive.api)


def test_no_network_and_unhappy_servers_are_said_in_a_sentence(
    tmp_path: Path, archive: Archive
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(
        DataError, match=rf"127\.0\.0\.1:{port} cannot be reached \(.+\): check the network"
    ):
        download_set("mc_maze_small", tmp_path, api=f"http://127.0.0.1:{port}/api")
    archive.status = 503
    with pytest.raises(DataError, match=r"answered 503 \(Service Unavailable\): try again later"):
        download_set("mc_maze_small", tmp_path, api=archive.api)
    archive.status = 200
    for page, message in (
        (b"<html>", "else than a JSON object"),
        (b"{}", "not answer as DANDI does"),
    ):
        archive.page = page
        with pytest.raises(DataError, match=message):
            download_set("mc_maze_small", tmp_path, version=VERSION, api=archive.api)
    with pytest.raises(DataError, match="is not an http:// or https:// address"):
        download_set("mc_maze_small", tmp_path, api=f"file://{tmp_path}")
    with pytest.raises(DataError, match="did you mean 'mc_maze'"):
        download_set("mc_maz", tmp_path, api=archive.api)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_says_nothing_is_left_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertow.nlb.web.TIMEOUT_S", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        api = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        with pytest.raises(DataError, match=r"cannot be reached \(timed out\)"):
            download_set("mc_maze_small", tmp_path, api=api)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"readme.txt": b"x"}, "holds no NWB file"),
        ({"a/x.nwb": b"1", "b/x.nwb": b"2"}, "holds two files of one name"),
        ({"a/.nwb": b"1"}, "no safe name"),
        ({"a/..\\x.nwb": b"1"}, "no safe name"),
    ],
)
def test_what_a_dandiset_must_hold(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    with serve(Archive(files)) as running, pytest.raises(DataError, match=message):
        download_set("mc_maze_small", tmp_path, api=running.api)
    assert list(tmp_path.iterdir()) == []


def test_the_web_stays_unimported_until_it_is_used() -> None:
    code = (
        "import sys, undertow.evaluation; print(*{'urllib.request', 'http.client'} & "
        "set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
