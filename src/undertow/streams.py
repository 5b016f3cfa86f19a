"""Streams for native writers, which may crash where a write fails."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from undertow.files import written_whole


@contextmanager
def hdf5_stream(path: str | Path, overwrite: bool = False) -> Iterator["UnfailingStream"]:
    """A stream that h5py and h5netcdf write one HDF5 file to; in place once the block has ended.

    HDF5 that cannot write leaves its file half open, and closing it may end the process: so it is
    told that all went well, and the error is raised afterwards.

    Raises:
        DataError, WriteError: as `written_whole`.
    """
    with (
        written_whole(path, overwrite) as temporary,
        open(temporary, "r+b", buffering=0) as file,
    ):
        stream = UnfailingStream(file)
        try:
            yield stream
        finally:
            if stream.error is not None:  # whatever HDF5 made of it
                raise stream.error


class UnfailingStream(io.RawIOBase):
    """A file whose first refused write is remembered; nothing is written after it.

    Attributes:
        error: what the system refused first; None where all was written.
    """

    def __init__(self, file: io.FileIO) -> None:
        self.file, self.error = file, None

    error: OSError | None

    def readable(self) -> bool:
        """Yes: HDF5 reads back what it wrote."""
        return True

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position, also beyond the end."""
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        """Position in bytes."""
        return self.file.tell()

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`; with zeros where nothing could be written."""
        view = memoryview(buffer).cast("B")
        found = self.file.readinto(view) or 0
        view[found:] = bytes(len(view) - found)
        return len(view)

    def write(self, data: Any) -> int:
        """Write all of `data`, or remember why not."""
        view = memoryview(data).cast("B")
        while self.error is None and len(view):
            try:
                view = view[self.file.write(view) or 0 :]
            except OSError as error:
                self.error = error
        self.file.seek(len(view), os.SEEK_CUR)
        return memoryview(data).nbytes

    def truncate(self, size: int | None = None) -> int:
        """Set the size, or remember why not."""
        if self.error is None:
            try:
                return self.file.truncate(size)
            except OSError as error:
                self.error = error
        return size or 0
