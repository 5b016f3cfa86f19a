"""`SocketSource`: bins as length-prefixed frames on a socket."""

import socket
import struct
from collections.abc import Iterator

import numpy as np

from undertow.errors import DataError
from undertow.live.bins import Frame

LENGTH, HEAD = struct.Struct("<I"), struct.Struct("<cq")
MOST_BYTES = 2**24
COUNTS, SPIKES = b"C", b"S"
SPIKE = np.dtype([("time_s", "<f8"), ("unit", "<i4")])


def count_frame(number: int, counts: np.ndarray, restarts: bool = False) -> bytes:
    """Bytes of a bin: its length (uint32), 'C' or, where a trial begins, 'R', its number (int64),
    and counts (float32 each); all little-endian.
    """
    body = HEAD.pack(b"R" if restarts else COUNTS, number)
    body += np.asarray(counts, "<f4").tobytes()
    return LENGTH.pack(len(body)) + body


def spike_frame(times_s: np.ndarray, units: np.ndarray) -> bytes:
    """Bytes of spikes: their length, 'S', a number that is not read, then time in seconds since the
    stream began (float64) and unit (int32) of each. Unit −1 says how far time has come.
    """
    spikes = np.zeros(len(times_s), SPIKE)
    spikes["time_s"], spikes["unit"] = times_s, units
    body = HEAD.pack(SPIKES, 0) + spikes.tobytes()
    return LENGTH.pack(len(body)) + body


END = LENGTH.pack(0)
"""Says that no more frames come."""


class SocketSource:
    """Listens on a port for one program, and reads the frames that it sends.

    A frame is `count_frame` or `spike_frame`; one of length zero, or a closed connection, ends the
    stream.

    Args:
        host: address to listen on.
        port: 0 for any that is free.

    Attributes:
        port: on which it listens.

    Raises:
        DataError: for a port that is taken or not allowed.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            self._listening = socket.create_server((host, port))
        except OSError as error:
            raise DataError(f"cannot listen on {host}:{port}: {error.strerror}.") from error
        self.port = int(self._listening.getsockname()[1])

    def __iter__(self) -> Iterator[Frame]:
        """Frames of the first program that connects.

        Raises:
            DataError: for bytes that are no frame.
        """
        connection, _ = self._listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(LENGTH.size)) == LENGTH.size:
                (size,) = LENGTH.unpack(head)
                if size == 0:
                    return
                if not HEAD.size <= size <= MOST_BYTES:
                    raise DataError(f"a frame says it has {size} bytes: it must have 9 to 2^24.")
                body = stream.read(size)
                if len(body) < size:
                    return  # cut off amid a frame: what came before is kept
                yield _frame(body)

    def close(self) -> None:
        """Stop listening."""
        self._listening.close()


def _frame(body: bytes) -> Frame:
    kind, number = HEAD.unpack_from(body)
    rest = body[HEAD.size :]
    if kind in (COUNTS, b"R") and len(rest) % 4 == 0:
        return Frame(number, np.frombuffer(rest, "<f4"), restarts=kind == b"R")
    if kind == SPIKES and len(rest) % SPIKE.itemsize == 0:
        spikes = np.frombuffer(rest, SPIKE)
        return Frame(times_s=spikes["time_s"], units=spikes["unit"])
    raise DataError(
        f"a frame of {len(body)} bytes begins with {kind!r}: it must be C or R with float32 counts,"
        " or S with pairs of float64 times and int32 units."
    )
