"""Where bins come from: text, sockets, Redis, recordings."""

import io
import socket
import threading
import time

import numpy as np
import pytest

from tests.live.sources import NEURONS, redis_port, trials
from undertow.errors import DataError
from undertow.live import open_source
from undertow.live.lines import LineSource
from undertow.live.redis_streams import RedisSink, RedisSource
from undertow.live.replay import Replay
from undertow.live.sockets import END, LENGTH, SocketSource, count_frame, spike_frame
from undertow.models.streaming import StreamedBin

__all__ = ["redis_port"]


# --- text -----------------------------------------------------------------------------------


def test_lines_are_bins() -> None:
    text = "# counts\n0 1 nan\n\n7: 3,4,5\nreset\n1 1 1\n"
    found = list(LineSource(io.StringIO(text)))
    assert [each.bin for each in found] == [None, None, 7, None]
    np.testing.assert_array_equal(found[0].counts, [0, 1, np.nan])
    assert found[1].counts is None
    assert found[2].counts.tolist() == [3, 4, 5]
    assert [each.restarts for each in found] == [False, False, False, True]


@pytest.mark.parametrize("line", ["spam", "1.5: 0 0", "0 0 x"])
def test_a_line_that_is_no_bin_is_named(line: str) -> None:
    with pytest.raises(DataError, match="is no bin"):
        list(LineSource(io.StringIO(line + "\n")))


# --- sockets --------------------------------------------------------------------------------


def received(*sent: bytes) -> list:
    source, found = SocketSource("127.0.0.1", 0), []
    reader = threading.Thread(target=lambda: found.extend(source))
    reader.start()
    with socket.create_connection(("127.0.0.1", source.port)) as rig:
        for each in sent:
            rig.sendall(each)
    reader.join(10)
    source.close()
    return found


def test_frames_of_a_socket_are_bins_and_spikes() -> None:
    whole = count_frame(3, np.array([1.0, np.nan])) + spike_frame(np.array([0.5]), np.array([1]))
    # in two parts, as a network may deliver them
    found = received(whole[:7], whole[7:], count_frame(4, np.zeros(2), restarts=True), END)
    assert [each.bin for each in found] == [3, None, 4]
    np.testing.assert_array_equal(found[0].counts, [1, np.nan])
    assert (found[1].times_s.tolist(), found[1].units.tolist()) == ([0.5], [1])
    assert [each.restarts for each in found] == [False, False, True]


def test_a_connection_that_breaks_amid_a_frame_keeps_what_came_before() -> None:
    assert len(received(count_frame(0, np.zeros(2)), count_frame(1, np.zeros(2))[:9])) == 1


@pytest.mark.parametrize(
    "sent", [LENGTH.pack(2**31), LENGTH.pack(4) + b"abcd", LENGTH.pack(9) + b"X" + bytes(8)]
)
def test_bytes_that_are_no_frame_are_refused(sent: bytes) -> None:
    source = SocketSource("127.0.0.1", 0)
    rig = socket.create_connection(("127.0.0.1", source.port))
    rig.sendall(sent)
    with pytest.raises(DataError, match="a frame"):
        list(source)
    rig.close()
    source.close()


def test_a_port_that_is_taken_is_refused() -> None:
    source = SocketSource("127.0.0.1", 0)
    with pytest.raises(DataError, match="cannot listen"):
        SocketSource("127.0.0.1", source.port)
    source.close()


# --- Redis ----------------------------------------------------------------------------------


def test_entries_of_a_redis_stream_are_bins(redis_port: int) -> None:
    import redis

    client = redis.Redis(port=redis_port)
    counts = np.arange(NEURONS, dtype=np.int8)
    client.xadd("binned", {"samples": counts.tobytes(), "n": "5"})
    client.xadd("binned", {"samples": counts.tobytes(), "n": (6).to_bytes(8, "little")})
    client.xadd("binned", {"samples": counts.tobytes(), "n": "7", "reset": ""})
    client.xadd("binned", {"end": ""})
    address = f"redis://127.0.0.1:{redis_port}/0?stream=binned&from=0&bin=n"
    found = list(open_source(address))
    assert [each.bin for each in found] == [5, 6, 7]
    assert found[0].counts.tolist() == [0, 1, 2, 3]
    assert found[2].restarts


def test_spike_times_of_a_redis_stream(redis_port: int) -> None:
    import redis

    client = redis.Redis(port=redis_port)
    times, units = np.array([0.1, 0.2]), np.array([1, 0], np.int32)
    client.xadd("events", {"t": times.tobytes(), "units": units.tobytes()})
    client.xadd("events", {"end": ""})
    address = f"redis://localhost:{redis_port}/0?stream=events&from=0&times=t"
    (found,) = open_source(address)
    assert (found.times_s.tolist(), found.units.tolist()) == ([0.1, 0.2], [1, 0])


def test_a_redis_source_waits_for_what_comes(redis_port: int) -> None:
    import redis

    client, found = redis.Redis(port=redis_port), []
    source = open_source(f"redis://127.0.0.1:{redis_port}/0?stream=later&dtype=float32")
    reader = threading.Thread(target=lambda: found.extend(source))
    reader.start()
    time.sleep(0.3)  # it reads from now on
    for k in range(3):
        client.xadd("later", {"samples": np.full(2, k, np.float32).tobytes()})
    client.xadd("later", {"end": ""})
    reader.join(10)
    assert [each.counts.tolist() for each in found] == [[0, 0], [1, 1], [2, 2]]


def test_results_go_into_a_redis_stream(redis_port: int) -> None:
    import redis

    sink = RedisSink("127.0.0.1", redis_port, "0", "decoded")
    now = StreamedBin(4, np.array([1.5, 2.5]), {"z": np.zeros(3)}, np.array([0.25]))
    sink.send(now)
    sink.close()
    ((_, fields),) = redis.Redis(port=redis_port).xrange("decoded")
    assert fields[b"bin"] == b"4"
    assert np.frombuffer(fields[b"rates"], "<f4").tolist() == [1.5, 2.5]
    assert np.frombuffer(fields[b"behavior"], "<f4").tolist() == [0.25]
    assert len(fields[b"z"]) == 12


def test_what_a_redis_source_refuses(redis_port: int) -> None:
    import redis

    redis.Redis(port=redis_port).xadd("odd", {"other": "1"})
    (source,) = [open_source(f"redis://127.0.0.1:{redis_port}/0?stream=odd&from=0")]
    with pytest.raises(DataError, match="no field 'samples': it has other"):
        next(iter(source))
    for options, match in (
        ({}, "needs a stream"),
        ({"stream": "a", "dtype": "int7"}, "dtype is 'int7'"),
        ({"stream": "a", "spam": "1"}, "no option 'spam'"),
    ):
        with pytest.raises(DataError, match=match):
            RedisSource("127.0.0.1", redis_port, "0", options)
    with pytest.raises(DataError, match="no Redis server"):
        RedisSource("127.0.0.1", 1, "0", {"stream": "a"})


# --- recordings and addresses ---------------------------------------------------------------


def test_a_recording_is_replayed_trial_by_trial() -> None:
    found = list(Replay(trials(), speed=0))
    assert [each.bin for each in found] == list(range(12 * 8))
    assert [k for k, each in enumerate(found) if each.restarts] == list(range(0, 96, 8))
    np.testing.assert_array_equal(found[9].counts, trials().spikes[1, 1])


def test_a_replay_takes_its_time() -> None:
    """Not faster than it was recorded, whatever else the machine does."""
    one, started = trials()[:1], time.monotonic()
    assert len(list(Replay(one, speed=4.0))) == 8
    assert time.monotonic() - started >= 7 * 0.02 / 4


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("http://127.0.0.1:1", "is no source"),
        ("tcp://10.1.2.3:80", "10.1.2.3 is not this machine"),
        ("redis://example.org/0?stream=a", "example.org is not this machine"),
        ("tcp://127.0.0.1:99999", "no port"),
    ],
)
def test_addresses_that_are_refused(address: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        open_source(address)


def test_any_other_address_is_a_path() -> None:
    assert str(open_source("recording.nwb")) == "recording.nwb"
