"""`RedisSource` and `RedisSink`: bins from a Redis stream, and results into one, as BRAND rigs do.

BRAND: Ali et al. (2024), J. Neural Eng. 21 026046.
"""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from undertow.errors import DataError
from undertow.live.bins import Frame
from undertow.models.streaming import StreamedBin

DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
KNOWN = ("stream", "field", "dtype", "bin", "times", "units", "from")
WAIT_MS = 500


def _redis() -> ModuleType:
    try:
        import redis
    except ImportError as error:
        raise DataError(
            "reading a Redis stream needs the package redis: pip install 'undertow[stream]'."
        ) from error
    return redis


class RedisSource:
    """Entries of a Redis stream, one bin each, or spikes with their times.

    Args:
        host, port, database: of the server.
        options: 'stream', its key; 'field', that holds the counts as bytes ('samples'); 'dtype' of
            each ('int8'); 'bin', the field of the bin's number as text or int64 bytes, without
            which each entry is the next bin; instead of counts 'times' and 'units', fields of
            float64 seconds and int32 units; 'from', where to begin: '$' for what comes from now on
            (the default) or '0' for everything. An entry with the field 'reset' begins a trial, one
            with 'end' is the last.

    Raises:
        DataError: for an option that is none, or a server that is not there.
    """

    def __init__(self, host: str, port: int, database: str, options: Mapping[str, str]) -> None:
        redis = _redis()
        if unknown := sorted(set(options) - set(KNOWN)):
            raise DataError(f"redis has no option {unknown[0]!r}: known are {', '.join(KNOWN)}.")
        if not options.get("stream"):
            raise DataError("a Redis source needs a stream: redis://HOST:PORT/0?stream=NAME.")
        if options.get("dtype", "int8") not in DTYPES:
            raise DataError(f"dtype is {options['dtype']!r}: it must be among {', '.join(DTYPES)}.")
        self._key, self._last = options["stream"], options.get("from", "$")
        self._field, self._dtype = options.get("field", "samples"), options.get("dtype", "int8")
        self._bin, self._times = options.get("bin"), options.get("times")
        self._units = options.get("units", "units")
        self._error = redis.RedisError
        self._client = connected(host, port, database)

    def __iter__(self) -> Iterator[Frame]:
        """Frames of all entries, waiting for more.

        Raises:
            DataError: for an entry without the fields asked for, or a lost server.
        """
        try:
            while True:
                found = self._client.xread({self._key: self._last}, count=256, block=WAIT_MS)
                for _, entries in found or []:
                    for name, fields in entries:
                        self._last = name
                        if b"end" in fields:
                            return
                        yield self._frame(fields)
        except self._error as error:
            raise DataError(f"the Redis server is lost: {error}.") from error

    def _frame(self, fields: Mapping[bytes, bytes]) -> Frame:
        restarts = b"reset" in fields
        if self._times is not None:
            times, units = self._bytes(fields, self._times), self._bytes(fields, self._units)
            return Frame(
                times_s=np.frombuffer(times, "<f8"),
                units=np.frombuffer(units, "<i4"),
                restarts=restarts,
            )
        counts = np.frombuffer(self._bytes(fields, self._field), self._dtype)
        number = None if self._bin is None else _number(self._bytes(fields, self._bin))
        return Frame(number, counts.astype(np.float32), restarts=restarts)

    def _bytes(self, fields: Mapping[bytes, bytes], name: str) -> bytes:
        if (found := fields.get(name.encode())) is None:
            known = ", ".join(sorted(key.decode(errors="replace") for key in fields))
            raise DataError(f"an entry of {self._key} has no field {name!r}: it has {known}.")
        return found

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class RedisSink:
    """Adds what is known of each bin to a Redis stream, as fields of float32 bytes.

    Fields are 'bin' (text), 'rates', 'behavior' where it is decoded, and one per latent.

    Args:
        host, port, database: of the server.
        key: of the stream, which keeps about its last 100,000 entries.

    Raises:
        DataError: for a server that is not there.
    """

    def __init__(self, host: str, port: int, database: str, key: str) -> None:
        self._client, self._key = connected(host, port, database), key
        self._error = _redis().RedisError

    def send(self, now: StreamedBin) -> None:
        """Add an entry.

        Raises:
            DataError: for a lost server.
        """
        fields: dict[Any, Any] = {"bin": str(now.bin), "rates": _floats(now.rates)}
        fields |= {name: _floats(each) for name, each in now.latents.items()}
        if now.behavior is not None:
            fields["behavior"] = _floats(now.behavior)
        try:
            self._client.xadd(self._key, fields, maxlen=100_000, approximate=True)
        except self._error as error:
            raise DataError(f"the Redis server is lost: {error}.") from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def connected(host: str, port: int, database: str) -> Any:
    """A client of a server that answers.

    Raises:
        DataError: where none does.
    """
    redis = _redis()
    try:
        client = redis.Redis(host=host, port=port, db=int(database), socket_connect_timeout=5)
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise DataError(f"no Redis server at {host}:{port}/{database}: {error}.") from error
    return client


def _floats(values: np.ndarray) -> bytes:
    return np.asarray(values, "<f4").tobytes()


def _number(found: bytes) -> int:
    try:
        return int(found)
    except ValueError:
        pass
    if len(found) in (1, 2, 4, 8):
        return int.from_bytes(found, "little", signed=True)
    raise DataError(f"a bin's number is {found!r}: it must be text or 1 to 8 bytes.")
