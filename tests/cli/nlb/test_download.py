"""`undertow nlb download`: what it prints, and how it ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Undertow
from tests.nlb.archive import Archive, serve, straight_and_quick
from undertow.nlb import download

WORDS = ("nlb", "download", "mc_maze_small")


@pytest.fixture(autouse=True)
def _straight_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    straight_and_quick(monkeypatch)


@pytest.fixture
def archive() -> Iterator[Archive]:
    with serve(Archive({"sub-J/train.nwb": b"1" * 5000, "sub-J/test.nwb": b"2" * 5000})) as running:
        yield running


def test_it_prints_the_files_and_says_what_it_does(
    undertow: Undertow, tmp_path: Path, archive: Archive
) -> None:
    done = undertow(*WORDS, "--out", tmp_path / "new", "--api", archive.api)
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == [
        str(tmp_path / "new" / name) for name in ("test.nwb", "train.nwb")
    ]
    assert "2 files, 2 to download" in done.stderr
    assert "train.nwb: complete, SHA-256 checked" in done.stderr
    again = undertow(*WORDS, "--out", tmp_path / "new", "--api", archive.api, "--quiet")
    assert again.stdout == done.stdout
    assert again.stderr == ""


def test_errors_are_one_line(undertow: Undertow, tmp_path: Path, archive: Archive) -> None:
    out = ("--out", tmp_path / "new")
    for words, message in (
        ((*WORDS, *out, "--api", archive.api, "--version", "0"), "answered 404"),
        (("nlb", "download", "mc_maz", *out), "did you mean 'mc_maze'?"),
    ):
        done = undertow(*words)
        assert done.exit_code == 2
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("undertow nlb download: ")
        assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_says_what_is_kept(
    undertow: Undertow, tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "sha256_of", interrupted)
    done = undertow(*WORDS, "--out", tmp_path, "--api", archive.api)
    assert done.exit_code == 130
    assert "what arrived is kept, and the same command goes on" in done.stderr
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    monkeypatch.undo()
    assert undertow(*WORDS, "--out", tmp_path, "--api", archive.api).exit_code == 0


def test_the_group_shows_its_verbs(undertow: Undertow) -> None:
    assert "download" in undertow("nlb", "--help").stdout
