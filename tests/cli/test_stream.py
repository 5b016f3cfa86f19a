"""`undertow stream`: a fitted model on a recording, text, a socket and a Redis server."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.live.sources import redis_port
from undertow.baselines import Smoothing
from undertow.cli.app import app
from undertow.data import TrialSet
from undertow.live import read_stream
from undertow.live.sockets import END, count_frame

__all__ = ["redis_port"]
NEURONS = 5
START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by a background parent
from undertow.cli.start import main
main()
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recording, a causal model and one that is not."""
    folder, rng = tmp_path_factory.mktemp("rig"), np.random.default_rng(0)
    counts, velocity = rng.poisson(1.0, (20, 10, NEURONS)), rng.normal(size=(20, 10, 2))
    np.savez(folder / "recording.npz", spikes=counts, bin_ms=20, hand_vel=velocity)
    trials = TrialSet.from_npz(folder / "recording.npz")
    Smoothing(width_s=0.04, floor_hz=1.0, causal=True).fit(trials).save(folder / "causal")
    Smoothing(width_s=0.04, floor_hz=1.0).fit(trials).save(folder / "smoother")
    return folder


def run(*arguments: object, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["stream", *map(str, arguments)], input=given)


def test_a_recording_is_replayed(rig: Path, tmp_path: Path) -> None:
    data = rig / "recording.npz"
    found = run(
        rig / "causal", "--source", data, "--out", tmp_path / "a", "--speed", 0,
        "--decode", data, "--lag-ms", 40,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "streamed 200 bins (4.0 s), half of them within" in found.stderr
    held = read_stream(tmp_path / "a")
    assert held.rates.shape == (200, NEURONS)
    assert held.behavior.shape == (200, 2)
    assert held.channel.values.tolist() == ["hand_vel_x", "hand_vel_y"]
    again = run(rig / "causal", "--source", data, "--out", tmp_path / "a")
    assert again.exit_code == 2
    assert "not an empty directory" in again.stderr


def test_lines_of_text_are_streamed_and_printed(rig: Path, tmp_path: Path) -> None:
    lines = "".join(f"{k}: {'1 ' * NEURONS}\n" for k in (0, 1, 3, 3, 2))
    found = run(rig / "causal", "--source", "stdin", "--out", tmp_path, "--to", "-", given=lines)
    assert found.exit_code == 0, found.output
    assert [line.split(":")[0] for line in found.stdout.splitlines()[:4]] == ["0", "1", "2", "3"]
    assert "1 missing; 1 late; 1 duplicated" in found.stderr


def test_another_width_is_one_sentence_and_keeps_what_came_before(
    rig: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    found = run(rig / "causal", "--source", "stdin", "--out", out, given="1 1 1 1 1\n1 1\n")
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert "shape (2,): the model reads 5 neurons" in line
    assert f"What was streamed before is in {out}" in line
    assert read_stream(out).sizes["bin"] == 1
    nothing = run(rig / "causal", "--source", "stdin", "--out", tmp_path / "b", given="1 1\n")
    assert nothing.exit_code == 2
    assert not (tmp_path / "b").exists() or not list((tmp_path / "b").iterdir())


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["smoother", "--source", "stdin"], "fit one with causal=True"),
        (["nothing", "--source", "stdin"], "is not there"),
        (["causal", "--source", "spam://x"], "is no source"),
        (["causal", "--source", "absent.npz"], "is not there"),
        (["causal", "--source", "tcp://8.8.8.8:1"], "is not this machine"),
        (["causal", "--source", "stdin", "--speed", "-1"], "--speed"),
        (["causal", "--source", "stdin", "--seconds", "0"], "--seconds"),
        (["causal", "--source", "stdin", "--to", "spam"], "results cannot go to"),
        (["causal", "--source", "stdin", "--particles", "9"], "no paths to filter"),
        (["causal", "--source", "stdin", "--samples", "2"], "has no posterior"),
    ],
)
def test_what_is_refused(rig: Path, tmp_path: Path, arguments: list[str], match: str) -> None:
    found = run(rig / arguments[0], *arguments[1:], "--out", tmp_path / "out", given="")
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert match in line


def test_it_ends_after_so_many_seconds(rig: Path, tmp_path: Path) -> None:
    data = rig / "recording.npz"
    found = run(rig / "causal", "--source", data, "--out", tmp_path, "--seconds", 0.1)
    assert found.exit_code == 0
    assert 0 < read_stream(tmp_path).sizes["bin"] < 200


def command(rig: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, "stream", str(rig / "causal")]
        + [str(each) for each in arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def said(process: subprocess.Popen[str], word: str) -> str:
    """The first line on stderr that holds a word."""
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return line
    raise AssertionError(f"it ended without saying {word!r}")


def test_a_socket_is_streamed(rig: Path, tmp_path: Path) -> None:
    with command(rig, "--source", "tcp://127.0.0.1:0", "--out", tmp_path / "out") as process:
        port = int(said(process, "listening").split()[-1])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for k in range(30):
                connection.sendall(count_frame(k, np.ones(NEURONS)))
            connection.sendall(END)
        assert process.wait(30) == 0
    assert read_stream(tmp_path / "out").sizes["bin"] == 30


def test_control_c_keeps_what_was_streamed(rig: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with command(rig, "--source", "tcp://127.0.0.1:0", "--out", out, "--show") as process:
        port = int(said(process, "listening").split()[-1])
        assert said(process, "open").split()[-1].startswith("http://127.0.0.1:")
        with socket.create_connection(("127.0.0.1", port)) as connection:
            for k in range(10):
                connection.sendall(count_frame(k, np.ones(NEURONS)))
            _until(lambda: (out / "stream.json").exists())
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            line = said(process, "ended")
        assert process.wait(30) == 130
    assert f"what was streamed is in {out}" in line
    assert read_stream(out).sizes["bin"] == 10


def test_from_redis_to_redis(rig: Path, tmp_path: Path, redis_port: int) -> None:
    import redis

    client, key = redis.Redis(port=redis_port), "cli"
    for k in range(5):
        client.xadd(key, {"samples": np.full(NEURONS, k, np.int8).tobytes()})
    client.xadd(key, {"end": ""})
    server = f"redis://127.0.0.1:{redis_port}/0?stream"
    found = run(
        rig / "causal", "--source", f"{server}={key}&from=0", "--out", tmp_path / "out",
        "--to", f"{server}=decoded-cli", "--decode", rig / "recording.npz", "--lag-ms", 0,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    entries = client.xrange("decoded-cli")
    assert [int(fields[b"bin"]) for _, fields in entries] == list(range(5))
    assert len(entries[0][1][b"behavior"]) == 8
    about = json.loads((tmp_path / "out" / "stream.json").read_text())
    assert about["counted"]["bins"] == 5


def _until(holds: object) -> None:
    for _ in range(300):
        if holds():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in 15 s")


def test_threads_are_gone_in_the_end() -> None:
    assert not [each for each in threading.enumerate() if "serve_forever" in each.name]
