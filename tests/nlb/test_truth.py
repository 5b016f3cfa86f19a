"""The truth of test trials: fetched from a server that breaks off or errs, copied, and read."""

import errno
import hashlib
import re
import shutil
import socket
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.nlb.archive import Archive, serve, straight_and_quick
from tests.nlb.made_truth import write_truth
from tests.nlb.random_tensors import random_tensors
from undertow.errors import DataError, UndertowError, WriteError
from undertow.nlb import download, fetch_truth, truth
from undertow.nlb.truth import PUBLISHED_FILE, read_truth, truth_file, truth_sha256

NAME = "eval_data_test.h5"
CONTENT = np.random.default_rng(0).bytes(300_000)
ASKED: dict[str, Any] = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:f2f4\nsize 105927616\n"


@pytest.fixture(autouse=True)
def _straight_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    straight_and_quick(monkeypatch)
    monkeypatch.setattr(download, "CHUNK", 10_000)


@pytest.fixture
def archive() -> Iterator[Archive]:
    with serve(Archive({NAME: CONTENT})) as running:
        yield running


def fetched(archive: Archive, folder: Path, **options: Any) -> Path:
    return fetch_truth(folder, address=archive.address(NAME), **{**ASKED, **options})


def left(folder: Path) -> list[str]:
    """Names of all files below a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_it_arrives_whole_at_its_place(tmp_path: Path, archive: Archive) -> None:
    lines: list[str] = []
    path = fetched(archive, tmp_path / "nlb", say=lines.append)
    assert path == tmp_path / "nlb" / "truth" / NAME
    assert path.read_bytes() == CONTENT
    assert left(tmp_path) == [NAME]
    assert lines[0] == "truth of the benchmark's test trials, 1 file, 1 to download"
    assert lines[-1] == f"{NAME}: complete, SHA-256 checked"
    before, archive.asked = path.stat().st_mtime_ns, []
    assert fetched(archive, tmp_path / "nlb") == path
    assert (archive.asked, path.stat().st_mtime_ns) == ([], before)


def test_a_break_is_gone_on_from_by_the_same_and_by_the_next_run(
    tmp_path: Path, archive: Archive
) -> None:
    archive.cut_after = [100_000, *[10_000] * (download.TRIES - 1)]
    with pytest.raises(DataError, match=r"cut 5 times after 0\.1 MB of 0\.3 MB"):
        fetched(archive, tmp_path)
    assert [name.endswith(".part") for name in left(tmp_path)] == [True]
    assert archive.asked[1][1] == "bytes=100000-"
    archive.asked = []
    assert fetched(archive, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in archive.asked] == ["bytes=140000-"]
    assert left(tmp_path) == [NAME]


def test_a_part_of_one_file_is_not_continued_as_another(tmp_path: Path, archive: Archive) -> None:
    archive.cut_after = [10_000] * download.TRIES
    with pytest.raises(DataError, match="cut 5 times"):
        fetched(archive, tmp_path)
    other, archive.asked = CONTENT[::-1], []
    archive.files = {NAME: other}
    path = fetched(archive, tmp_path, sha256=hashlib.sha256(other).hexdigest())
    assert path.read_bytes() == other
    assert [asked for _, asked in archive.asked] == [None]


def test_a_server_that_cannot_go_on_midway_starts_over_and_that_is_said(
    tmp_path: Path, archive: Archive
) -> None:
    lines: list[str] = []
    archive.ranges, archive.cut_after = False, [120_000]
    assert fetched(archive, tmp_path, say=lines.append).read_bytes() == CONTENT
    assert lines.count(f"{NAME}: the server cannot go on midway, so it starts over") == 1


def test_another_content_is_removed(tmp_path: Path, archive: Archive) -> None:
    with pytest.raises(DataError, match=r"is another file \(its SHA-256 differs\) and was removed"):
        fetched(archive, tmp_path / "nlb", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [POINTER, CONTENT + b"more"])
def test_another_size_is_refused_before_anything_is_taken(
    tmp_path: Path, archive: Archive, answer: bytes
) -> None:
    archive.files = {NAME: answer}
    with pytest.raises(DataError, match=f"of {len(answer)} bytes, and .* has 300000: check"):
        fetched(archive, tmp_path / "nlb")
    assert list(tmp_path.iterdir()) == []


def test_another_size_midway_leaves_what_arrived(tmp_path: Path, archive: Archive) -> None:
    archive.cut_after = [10_000] * download.TRIES
    with pytest.raises(DataError, match="cut 5 times"):
        fetched(archive, tmp_path)
    (part,) = truth_file(tmp_path).parent.glob("*.part")
    archive.files = {NAME: CONTENT + b"more"}
    with pytest.raises(DataError, match=r"of 300004 bytes, and .* has 300000: check the address"):
        fetched(archive, tmp_path)
    assert part.read_bytes() == CONTENT[:50_000]


def test_without_a_network_and_with_unhappy_servers(tmp_path: Path, archive: Archive) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/{NAME}"
    with pytest.raises(DataError, match=r"cannot be reached \(.+\): check the network"):
        fetch_truth(tmp_path, address=address, **ASKED)
    archive.status = 404
    with pytest.raises(DataError, match=r"answered 404 \(Not Found\)"):
        fetched(archive, tmp_path)
    assert left(tmp_path) == []


def test_a_disk_that_is_full(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 299_999))
        with pytest.raises(DataError, match=r"0\.3 MB are still to come .* make room"):
            fetched(archive, tmp_path / "nlb")
    assert list(tmp_path.iterdir()) == []

    class NearlyFull(FileIO):
        def write(self, data: memoryview) -> int:  # type: ignore[override]
            if self.tell() >= 50_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data[:10_000])

    with monkeypatch.context() as patch:
        patch.setattr(download, "FileIO", NearlyFull)
        with pytest.raises(DataError, match=r"the disk is full; what arrived is kept in .*\.part"):
            fetched(archive, tmp_path)
    (part,) = truth_file(tmp_path).parent.glob("*.part")
    kept, archive.asked = part.stat().st_size, []
    assert kept >= 50_000
    assert fetched(archive, tmp_path).read_bytes() == CONTENT
    assert archive.asked[0][1] == f"bytes={kept}-"


def test_nothing_is_overwritten(tmp_path: Path, archive: Archive) -> None:
    path, copy = truth_file(tmp_path), tmp_path / "copy.h5"
    path.parent.mkdir()
    path.write_bytes(b"mine")
    copy.write_bytes(CONTENT)
    for options in ({"address": archive.address(NAME)}, {"file": copy}):
        with pytest.raises(DataError, match="is there and is another file"):
            fetch_truth(tmp_path, **options, **ASKED)
    assert path.read_bytes() == b"mine"
    assert archive.asked == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sha256": "xyz"}, "sha256 is 'xyz': it must be 64 hexadecimal digits"),
        ({"size": 0}, "size is 0: it must be a whole number"),
        ({"address": "file:///etc/passwd"}, "is not an http:// or https:// address"),
        ({"file": "nowhere.h5"}, "nowhere.h5 is not there"),
    ],
)
def test_what_is_asked_for_must_make_sense(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        fetch_truth(tmp_path / "nlb", **{**ASKED, **options})
    assert list(tmp_path.iterdir()) == []


# --- a copy at hand ------------------------------------------------------------------------------


def test_a_copy_at_hand_is_taken_when_it_is_the_file(tmp_path: Path) -> None:
    copy = tmp_path / "clone.h5"
    copy.write_bytes(CONTENT)
    path = fetch_truth(tmp_path / "nlb", copy, **ASKED)
    assert (path.read_bytes(), left(tmp_path / "nlb")) == (CONTENT, [NAME])
    assert fetch_truth(tmp_path / "nlb", path, **ASKED) == path
    with pytest.raises(DataError, match=f"must have {PUBLISHED_FILE.size} bytes and the SHA-256"):
        fetch_truth(tmp_path / "other", copy)
    for wrong in (CONTENT[:-1], CONTENT[::-1]):
        copy.write_bytes(wrong)
        with pytest.raises(DataError, match="is another file: it must have 300000 bytes"):
            fetch_truth(tmp_path / "other", copy, **ASKED)
    assert not (tmp_path / "other").exists()


def test_a_clone_without_its_large_files_is_told_apart(tmp_path: Path) -> None:
    copy = tmp_path / NAME
    copy.write_bytes(POINTER)
    for use in (lambda: fetch_truth(tmp_path / "nlb", copy), lambda: truth_sha256(copy)):
        with pytest.raises(DataError, match=r"is the pointer of Git LFS, .*: run git lfs pull"):
            use()
    assert not (tmp_path / "nlb").exists()


def test_a_copy_that_does_not_fit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clone.h5").write_bytes(CONTENT)

    def full(source: Path, target: Path) -> None:
        target.write_bytes(CONTENT[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(WriteError, match="could not be written: the disk is full"):
        fetch_truth(tmp_path / "nlb", tmp_path / "clone.h5", **ASKED)
    assert left(tmp_path) == ["clone.h5"]


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize("set_name", ["mc_maze", "dmfc_rsg", "mc_maze_small"])
def test_one_set_at_one_width_is_read(tmp_path: Path, set_name: str, bin_ms: int) -> None:
    """Whatever lies in the other groups, those of other widths among them."""
    path, expected = write_truth(tmp_path / "t.h5"), random_tensors(set_name, bin_ms)
    with h5py.File(path, "a") as file:
        for group in file.keys() - {expected.group}:
            file[group]["eval_spikes_heldin_forward"][:] = -1
    found = read_truth(path, set_name, bin_ms)
    assert (found.set_name, found.bin_ms, found.phase) == (set_name, bin_ms, "test")
    assert found.inputs == {}
    assert found.targets.keys() == expected.targets.keys()
    np.testing.assert_array_equal(
        found.targets["eval_spikes_heldout"], expected.targets["eval_spikes_heldout"]
    )


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    path = write_truth(tmp_path / "t.h5", ("mc_rtt", "mc_maze"), (20,))
    with pytest.raises(UndertowError, match="hold mc_maze at 20 ms, mc_rtt at 20 ms"):
        read_truth(path, "mc_maze", 5)
    with h5py.File(path, "a") as file:
        del file["mc_rtt_20/eval_spikes_heldout"]
    with pytest.raises(DataError, match="has no mc_rtt_20/eval_spikes_heldout: give a file with"):
        read_truth(path, "mc_rtt", 20)


def test_a_damaged_file_is_known_by_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_truth(tmp_path / "t.h5", ("mc_rtt",), (20,))
    content = path.read_bytes()
    published = replace(
        PUBLISHED_FILE, size=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    monkeypatch.setattr(truth, "PUBLISHED_FILE", published)
    assert truth_sha256(path) == published.sha256
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match=re.escape(f"{path} has the size of the published truth")):
        truth_sha256(path)
    path.write_bytes(content + b"x")  # another file, which only does not compare
    assert truth_sha256(path) != published.sha256
