"""`Source`: where bins come from, opened by an address."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from undertow.errors import DataError
from undertow.live.bins import Frame

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Source(Protocol):
    """Gives frames as they come, until there are no more."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames in the order in which they arrive."""

    def close(self) -> None:
        """Let go of sockets and connections."""


def open_source(address: str, anywhere: bool = False) -> Source | Path:
    """Open `redis://…`, `tcp://…` or `stdin`; any other address is the path of a recording.

    Args:
        address: 'redis://127.0.0.1:6379/0?stream=NAME&field=NAME&dtype=int8' (see `RedisSource`),
            'tcp://127.0.0.1:PORT' (see `SocketSource`), 'stdin' (see `LineSource`), or a file.
        anywhere: allow hosts other than this machine.

    Raises:
        DataError: for an address of another kind, or another machine.
    """
    if address == "stdin":
        from undertow.live.lines import LineSource

        return LineSource()
    if "://" not in address:
        return Path(address)
    found = urlsplit(address)
    options = dict(parse_qsl(found.query, keep_blank_values=True))
    if found.scheme not in ("redis", "tcp"):
        raise DataError(
            f"{address} is no source: give redis://HOST:PORT/0?stream=NAME, tcp://HOST:PORT, "
            "stdin, or the path of a recording."
        )
    host, port = found.hostname or LOOPBACK[0], port_of(address)
    check_host(host, anywhere)
    if found.scheme == "tcp":
        from undertow.live.sockets import SocketSource

        return SocketSource(host, port or 0)
    from undertow.live.redis_streams import RedisSource

    return RedisSource(host, port or 6379, found.path.strip("/") or "0", options)


def port_of(address: str) -> int | None:
    """The port of an address.

    Raises:
        DataError: where it is none.
    """
    try:
        return urlsplit(address).port
    except ValueError as error:
        raise DataError(f"{address} has no port from 0 to 65535: {error}.") from None


def check_host(host: str, anywhere: bool) -> None:
    """Refuse another machine unless that is allowed.

    Raises:
        DataError: naming the host.
    """
    if host not in LOOPBACK and not anywhere:
        raise DataError(
            f"{host} is not this machine: spikes travel unencrypted and unauthenticated; allow it "
            "with anywhere=True (--anywhere) on a network that you trust."
        )
