"""A stream of a tiny model, and a Redis server of the tests' own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from undertow.baselines import Smoothing
from undertow.data import TrialSet
from undertow.models.streaming import Stream

NEURONS, BIN_S = 4, 0.02


@cache
def trials() -> TrialSet:
    counts = np.random.default_rng(0).poisson(1.0, (12, 8, NEURONS))
    rng = np.random.default_rng(1)
    behavior = rng.normal(size=(12, 8, 2))
    return TrialSet(counts, BIN_S, behavior=behavior, behavior_names=("x_vel", "y_vel"))


def make_stream(behavior: bool = False) -> Stream:
    model = Smoothing(width_s=0.04, floor_hz=1.0, causal=True).fit(trials())
    return model.stream(trials() if behavior else False, lag_s=0.02)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server started for the tests; skips, by name, where there is none to start."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    pytest.importorskip("redis")
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (Path(folder) / "log").open("wb") as log:
        server = subprocess.Popen([program, *options], stdout=log, stderr=log)
    try:
        _wait(port)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("redis-server did not start")
