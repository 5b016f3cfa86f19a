"""Addresses of clusters: what is none, or does not answer, is refused at once; one that runs is
used, and left running."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.experiments.search.small import UNUSED, scores, searched
from undertow.errors import UndertowError
from undertow.experiments.workers import ray_session as module
from undertow.experiments.workers.ray_guard import MARK, end_marked, mark_of

without_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is not installed: undertow[tune]"
)
RAY = Path(sys.executable).with_name("ray")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.0.0.1:6379", ("10.0.0.1", 6379)),
        ("ray://head:10001", ("head", 10001)),
        ("auto", ("", None)),
        ("head", ("", None)),
        ("head:port", ("head", None)),
    ],
)
def test_an_address_has_a_host_and_a_port(address: str, found: tuple[str, int | None]) -> None:
    assert module._host_and_port(address) == found


def test_loopback_is_known() -> None:
    assert all(map(module._is_loopback, ("127.0.0.1", "::1", "localhost")))
    assert not any(map(module._is_loopback, ("10.0.0.1", "head", "")))


@pytest.mark.parametrize("address", ["nonsense", "head:port", "ray://"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UndertowError, match="it must be auto, HOST:PORT or ray://HOST:PORT"):
        module._check_answers(address)


def test_an_address_where_nothing_answers_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: nobody else can answer there
        port = taken.getsockname()[1]
        for start in ("", "ray://"):
            with pytest.raises(UndertowError, match=rf"{start}127.0.0.1:{port} \(.*refused"):
                module._check_answers(f"{start}127.0.0.1:{port}")


def free_ports(n: int) -> list[int]:
    """Ports that are free, below those that Ray gives its workers."""
    sockets = [socket.socket() for _ in range(n)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@pytest.fixture
def cluster(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A cluster of one node that another command started; its address."""
    temporary = Path(tmp_path_factory.mktemp("c"))
    mark = mark_of(temporary)
    port, client = free_ports(2)
    for name, value in {
        **module.LOOPBACK,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": module.TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
    }.items():
        monkeypatch.setenv(name, value)
    options = {
        "--port": port,
        **({"--ray-client-server-port": client} if find_spec("grpc") else {}),
        "--node-ip-address": "127.0.0.1",
        "--include-dashboard": "false",
        "--num-cpus": 2,
        "--min-worker-port": 0,
        "--max-worker-port": 0,
        "--object-store-memory": 100 * 2**20,
        "--temp-dir": temporary,
    }
    words = [str(each) for pair in options.items() for each in pair]
    command = [RAY, "start", "--head", *words]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, MARK: mark})
    yield f"127.0.0.1:{port}"
    end_marked(mark)  # `ray stop` would end every Ray of this machine


@pytest.mark.slow
@without_ray
@pytest.mark.filterwarnings(UNUSED)
@pytest.mark.skipif(not RAY.exists(), reason="the command `ray` is not beside Python")
def test_a_cluster_that_runs_is_used_and_left_running(cluster: str, tmp_path: Path) -> None:
    here = searched(tmp_path / "here", samples=2)
    for name, address in (("there", cluster), ("auto", "auto")):
        there = searched(tmp_path / name, samples=2, address=address)
        assert scores(there) == scores(here)
        # what Ray wrote itself is gone
        assert {each.name for each in (tmp_path / name).iterdir()} == {"trial0000", "trial0001"}
    status = subprocess.run([RAY, "status"], env=os.environ, check=True, capture_output=True)
    assert b"Active" in status.stdout
