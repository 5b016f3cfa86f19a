"""Where results of a stream go on to, opened by an address."""

import sys
from typing import TYPE_CHECKING, TextIO
from urllib.parse import parse_qsl, urlsplit

from undertow.errors import DataError
from undertow.live.source import LOOPBACK, check_host, port_of
from undertow.models.streaming import StreamedBin

if TYPE_CHECKING:
    from undertow.live.running import Sink


class LineSink:
    """Prints a line a bin: its number, a colon, and behaviour, or rates where none is decoded.

    Args:
        lines: standard output by default.
    """

    def __init__(self, lines: TextIO | None = None) -> None:
        self._lines = sys.stdout if lines is None else lines

    def send(self, now: StreamedBin) -> None:
        """Print a bin."""
        values = now.rates if now.behavior is None else now.behavior
        self._lines.write(f"{now.bin}: {' '.join(f'{each:.6g}' for each in values)}\n")
        self._lines.flush()

    def close(self) -> None:
        """Nothing: standard output is not this program's to close."""


def open_sink(address: str, anywhere: bool = False) -> "Sink":
    """Open `redis://HOST:PORT/0?stream=NAME` or `-`, standard output.

    Args:
        address: where results go.
        anywhere: allow hosts other than this machine.

    Raises:
        DataError: for an address of another kind, another machine, or a server that is not there.
    """
    if address == "-":
        return LineSink()
    found = urlsplit(address)
    key = dict(parse_qsl(found.query)).get("stream")
    if found.scheme != "redis" or not key:
        raise DataError(
            f"results cannot go to {address}: give redis://HOST:PORT/0?stream=NAME, or - to print."
        )
    host = found.hostname or LOOPBACK[0]
    check_host(host, anywhere)
    from undertow.live.redis_streams import RedisSink

    return RedisSink(host, port_of(address) or 6379, found.path.strip("/") or "0", key)
