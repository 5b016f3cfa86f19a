"""A Ray of this command's own on this machine, or a cluster that runs already."""

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from undertow.errors import UndertowError
from undertow.experiments.workers.ray_guard import MARK, end_marked, mark_of, start_guard
from undertow.files import reason
from undertow.models.base import Estimator
from undertow.names import printable
from undertow.training import choose_device

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anyone
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # what is said is said by undertow
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is heard by undertow
    "TUNE_WARN_THRESHOLD_S": "3600",
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",  # the state of a search is kept in undertow's own files
}
"""Every variable of Ray that undertow sets, while a search or a grid lasts."""
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Lets a Ray started here listen to this machine alone, as it does on macOS and Windows."""
TOKEN = secrets.token_hex(32)
LEAST_STORE_BYTES, STORES = 100 * 2**20, 4
END_S = 10.0


@contextmanager
def ray_session(
    address: str | None, workers: int, folder: Path, data_bytes: int, gpus: int
) -> Iterator[Path]:
    """Connect to Ray in the block.

    A Ray that the caller has connected to is used as it is; one that is started here ends with the
    block, and with this process, however that ends.

    Args:
        address: of a cluster: 'auto', 'HOST:PORT' or 'ray://HOST:PORT'; None for a Ray on this
            machine.
        workers: processes of that one.
        folder: of the results, which tells the processes from those of others.
        data_bytes: size of what all workers share.
        gpus: of this machine that trainings use.

    Yields:
        A folder for what Ray itself writes, which is removed in the end.

    Raises:
        UndertowError: where no cluster answers, or Ray does not start.
    """
    local = address is None or _is_loopback(_host_and_port(address)[0])
    environment = ENVIRONMENT | LOOPBACK if local else ENVIRONMENT
    with _environment(environment), _loopback(local), _quiet():
        import ray

        if ray.is_initialized():
            with _removed(folder / "ray") as storage:
                yield storage
        elif address is not None:
            _check_answers(address)
            with _connected(address), _removed(folder / "ray") as storage:
                yield storage
        else:
            started = _started(workers, folder, data_bytes, gpus)
            with _own_token(), started as storage:
                yield storage


@contextmanager
def _started(workers: int, folder: Path, data_bytes: int, gpus: int) -> Iterator[Path]:
    """Start Ray on this machine, heard by this machine alone."""
    import ray

    mark = mark_of(folder)
    end_marked(mark)  # the folder is held by this process: what bears its mark was left by another
    # a short path: sockets lie in it, whose names may have a hundred characters
    temporary = Path(tempfile.mkdtemp(prefix="undertow-ray-"))
    guard = start_guard(mark, temporary)
    try:
        with _environment({MARK: mark}), _signals_kept():
            _init(
                address="local",
                num_cpus=workers,
                num_gpus=gpus,
                object_store_memory=max(LEAST_STORE_BYTES, STORES * data_bytes),
                include_dashboard=False,
                _node_ip_address="127.0.0.1",
                _temp_dir=str(temporary),
            )
        _check_heard_here(ray.util.get_node_ip_address())
        yield temporary / "storage"
    finally:
        with suppress(Exception):
            ray.shutdown()
        guard.communicate(timeout=END_S)


@contextmanager
def _loopback(local: bool) -> Iterator[None]:
    """Let Ray know of `LOOPBACK`, which it reads once, when it is imported."""
    from ray._private import ray_constants

    earlier = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = earlier and not local
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = earlier


@contextmanager
def _own_token() -> Iterator[None]:
    """Let a Ray of this machine ask for a token of this process, and leave none in the home."""
    # the mode is left to Ray, which reads it once, and changes it
    with _environment({"RAY_AUTH_TOKEN": TOKEN, "RAY_AUTH_MODE": None}):
        _forget_token()
        yield
    _forget_token()


def _forget_token() -> None:
    """Let Ray read the token again; versions that ask for none have nothing to forget."""
    with suppress(ImportError, AttributeError):
        import ray._raylet

        ray._raylet.AuthenticationTokenLoader.instance().reset_cache()  # type: ignore[attr-defined, unused-ignore]


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Use the cluster at an address."""
    import ray

    try:
        with _signals_kept():
            _init(address=address)
        yield
    finally:
        ray.shutdown()


def _init(**options: Any) -> None:
    """Connect, in silence.

    Raises:
        UndertowError: with the first line of what Ray says.
    """
    import ray

    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:
        said = str(error).strip().splitlines()
        where = options["address"]
        what = "Ray does not start" if where == "local" else f"no Ray can be used at {where}"
        raise UndertowError(f"{what}: {said[0] if said else type(error).__name__}") from None


def gpus_of(model: Estimator) -> int:
    """GPUs of this machine that a model's trainings share: all, where it computes on one."""
    import torch

    device = model.get_params(deep=False).get("device", "cpu")
    return torch.cuda.device_count() if choose_device(device).type == "cuda" else 0


# --- addresses -----------------------------------------------------------------------------------


def _host_and_port(address: str) -> tuple[str, int | None]:
    """Host and port of an address; neither of 'auto'."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    return host, int(port) if host and port.isdigit() else None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name, or nothing
        return False


def _check_answers(address: str) -> None:
    """Try an address for a few seconds: Ray would try it for minutes.

    Raises:
        UndertowError: where it is none, or nothing answers there.
    """
    host, port = _host_and_port(address)
    if port is None:
        if address != "auto":
            raise UndertowError(
                f"the address is {printable(address)}: it must be auto, HOST:PORT or "
                "ray://HOST:PORT."
            )
        return
    try:
        socket.create_connection((host, port), timeout=END_S).close()
    except OSError as error:
        raise UndertowError(
            f"nothing answers at {printable(address)} ({reason(error)}): start a cluster there "
            "with `ray start --head`, or leave the address out."
        ) from None


def _check_heard_here(address: str) -> None:
    """Refuse a Ray of this machine that others can hear."""
    if not _is_loopback(address):
        raise UndertowError(
            f"Ray listens at {address}, to other machines too: take another version of Ray, or "
            "start one yourself and give its address."
        )


@contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables of the environment in the block; those of None are only put back after it."""
    earlier = {name: os.environ.get(name) for name in values}
    os.environ.update({name: value for name, value in values.items() if value is not None})
    try:
        yield
    finally:
        for name, value in earlier.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep what this process does on SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Ray Tune speak of errors alone, whatever the caller's Ray says."""
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _removed(folder: Path) -> Iterator[Path]:
    """The place of a folder that is removed in the end; first of what a killed search left."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
