"""The truth of the benchmark's test trials: fetched, checked, and read for a score alone.

What the seven sets hide of their test trials, at both bin widths, is one HDF5 file in the
benchmark's own tools repository, github.com/neurallatents/nlb_tools, public since its server
stopped scoring in January 2026. Nothing that prepares, fits or chooses may import this module; a
test holds that.
"""

import re
import shutil
from pathlib import Path

from undertow.checks import whole
from undertow.data.readers.nlb_sets import group_name
from undertow.errors import DataError
from undertow.files import existing_file, written_whole
from undertow.names import shown
from undertow.nlb.download import Asset, Say, is_asset, sha256_of, size_of
from undertow.nlb.fetching import fetch_missing, is_there
from undertow.nlb.files import read_nlb_tensors
from undertow.nlb.tensors import TRUTH, Tensors
from undertow.nlb.web import host_of
from undertow.places import claimed_folder

PUBLISHED_FILE = Asset(
    name="eval_data_test.h5",
    size=105_927_616,
    sha256="f2f434d30193251b58e6a693381fdd185c8fbc0e47d38f8810e65295bc42c865",
    url="https://media.githubusercontent.com/media/neurallatents/nlb_tools/main/"
    "data/eval_data_test.h5",
)
"""The file in the repository; the address is that of a file in Git LFS."""
FOLDER = "truth"
POINTER = b"version https://git-lfs.github.com/spec/"
"""What a file of a repository begins with that was cloned without Git LFS."""
MOST_BYTES = 10**12
WHAT = "nlb truth"


def truth_file(folder: str | Path) -> Path:
    """Where the truth lies in the folder of prepared sets and runs."""
    return Path(folder) / FOLDER / PUBLISHED_FILE.name


def fetch_truth(
    folder: str | Path = "nlb",
    file: str | Path | None = None,
    address: str = PUBLISHED_FILE.url,
    *,
    sha256: str = PUBLISHED_FILE.sha256,
    size: int = PUBLISHED_FILE.size,
    say: Say | None = None,
) -> Path:
    """Fetch the truth of the benchmark's test trials into FOLDER/truth/eval_data_test.h5.

    It appears there when it is whole and its size and SHA-256 are right; until then it is a '.part'
    beside it, from which the next attempt goes on. A file that is there already is only checked.

    Args:
        folder: of prepared sets and runs; made if need be.
        file: a copy at hand, such as that of a clone of the repository, to take instead of
            downloading one.
        address: where the file is; the benchmark's repository by default.
        sha256: of the file, hexadecimal; the published one's by default.
        size: of the file in bytes.
        say: called with lines about what goes on.

    Returns:
        The file.

    Raises:
        DataError: without network, on a full disk, for a file of another size or SHA-256, and where
            another file is in the way; each in one sentence.
        UndertowError: when the folder cannot be made, or another process downloads into it.
        WriteError: when a copy cannot be written.
    """
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise DataError(f"sha256 is {shown(sha256)}: it must be 64 hexadecimal digits.")
    size = whole("size", size, 1, MOST_BYTES, error=DataError)
    asset, target = Asset(PUBLISHED_FILE.name, size, sha256.lower(), address), truth_file(folder)
    if file is not None:
        _copy(existing_file(file), target, asset)
        return target
    host_of(address)  # an address that is none is refused before the folder is made
    label = "truth of the benchmark's test trials"
    return fetch_missing(target.parent, [asset], WHAT, label, say)[0]


def _copy(source: Path, target: Path, asset: Asset) -> None:
    """Copy a file to its place; the copy is what is checked."""
    refuse_pointer(source)
    if is_there(target, asset):
        return
    if size_of(source) != asset.size:
        raise _another(source, asset)
    with claimed_folder(target.parent, WHAT, _any_folder), written_whole(target) as copy:
        shutil.copyfile(source, copy)
        if not is_asset(copy, asset):
            raise _another(source, asset)


def _any_folder(left: bool) -> None:
    """The truth goes into any folder, beside whatever is there."""


def _another(source: Path, asset: Asset) -> DataError:
    return DataError(
        f"{source} is another file: it must have {asset.size} bytes and the SHA-256 "
        f"{asset.sha256}; give a whole copy, or leave the file out to download one."
    )


def refuse_pointer(path: Path) -> None:
    """Refuse what Git leaves of a large file that was not fetched.

    Raises:
        DataError: saying how to get the file.
    """
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise DataError(
                f"{path} is the pointer of Git LFS, not the file it stands for: run git lfs pull "
                "there, or undertow nlb truth."
            )


def is_published(path: str | Path) -> bool:
    """Whether a file is the published truth of test trials; its size, which is quick, first."""
    return is_asset(Path(path), PUBLISHED_FILE)


def truth_sha256(path: str | Path) -> str:
    """SHA-256 of a file of truth, hexadecimal; `PUBLISHED_FILE.sha256` of the published one.

    Raises:
        DataError: when there is no such file, it is a pointer of Git LFS, or it has the published
            size and another content.
    """
    path = existing_file(path)
    refuse_pointer(path)
    found = sha256_of(path)
    if found != PUBLISHED_FILE.sha256 and size_of(path) == PUBLISHED_FILE.size:
        raise DataError(
            f"{path} has the size of the published truth and another SHA-256, so it is damaged: "
            "delete it and run undertow nlb truth."
        )
    return found


def read_truth(path: str | Path, set_name: str, bin_ms: int) -> Tensors:
    """The targets of a set's test trials at one bin width; nothing else of the file is read.

    Raises:
        DataError: when the file cannot be read, is of another phase, or lacks the held-out spikes
            of the set at this width.
    """
    tensors = read_nlb_tensors(path, set_name=set_name, bin_ms=bin_ms, phase="test")
    if TRUTH not in tensors.targets:
        raise DataError(
            f"{path} has no {group_name(set_name, bin_ms)}/{TRUTH}: give a file with the truth of "
            f"{set_name} at {bin_ms} ms bins."
        )
    return tensors
