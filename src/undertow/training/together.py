"""Processes that train one network together, as `torchrun` or Ray Train start them.

Each computes the gradient of its shards of every minibatch; what is chosen on the way, the first
decides for all.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, distributed

from undertow.errors import ModelError, StabilityError
from undertow.files import PARTIAL
from undertow.training.broken import NonFiniteError

RECOVERABLE = (NonFiniteError, StabilityError, torch.linalg.LinAlgError)
"""What a training step may break with and be tried again."""


class LostError(ModelError):
    """Another process of the training has ended, or cannot be reached."""


class Processes:
    """This process among those that train together.

    Args:
        rank: which it is, from 0.
        count: how many there are.
        device: where what they tell each other lies, beside gradients.
    """

    def __init__(self, rank: int = 0, count: int = 1, device: str = "cpu") -> None:
        self.rank, self.count, self.device = rank, count, torch.device(device)

    @property
    def first(self) -> bool:
        """Whether this one decides, and writes files."""
        return self.rank == 0

    def own(self, shards: int) -> range:
        """The shards of each minibatch that are computed here."""
        each = shards // self.count
        return range(self.rank * each, (self.rank + 1) * each)

    def check_shards(self, shards: int) -> None:
        """Refuse a number of shards that the processes cannot divide among them.

        Raises:
            ModelError: with what would do.
        """
        if shards % self.count:
            raise ModelError(
                f"training.shards is {shards}, and {self.count} processes train together: each "
                f"computes as many, so set training.shards to {self.count} or a multiple of it."
            )

    def add(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, the same bits in each."""
        if self.count > 1:
            with _heard():
                distributed.all_reduce(values)
        return values

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Give all processes the first one's values, in place."""
        if self.count > 1:
            with _heard(), torch.no_grad():
                for each in tensors:
                    held = each.detach().contiguous()
                    distributed.broadcast(held, 0)
                    if not self.first:
                        each.copy_(held)

    def agreed(self, decide: Callable[[], Any]) -> Any:
        """What the first process decides, as JSON has it; what it raises, all raise.

        Raises:
            NonFiniteError: where the first raised what a training recovers from.
            ModelError: where it raised anything else.
        """
        if self.count == 1:
            return decide()
        error, said = None, list[Any]()
        if self.first:
            try:
                said = ["is", decide()]
            except RECOVERABLE as broken:
                error, said = broken, ["broken", str(broken)]
            except Exception as refused:
                error, said = refused, ["refused", str(refused)]
        kind, value = json.loads(self._from(0, json.dumps(said).encode() if said else b""))
        if error is not None:
            raise error
        if kind != "is":
            raise NonFiniteError(value) if kind == "broken" else ModelError(value)
        return value

    def summed(self, terms: Mapping[str, float]) -> dict[str, float]:
        """Sums by name over all processes, some of which may lack a name."""
        if self.count == 1:
            return dict(terms)
        found: dict[str, float] = {}
        for rank in range(self.count):
            own = json.dumps(dict(terms)).encode() if rank == self.rank else b""
            for name, value in json.loads(self._from(rank, own)).items():
                found[name] = found.get(name, 0.0) + value
        return found

    def _from(self, rank: int, content: bytes) -> bytes:
        """What the process of a rank says; empty elsewhere."""
        with _heard():
            size = torch.tensor([len(content)], device=self.device)
            distributed.broadcast(size, rank)
            whole = torch.zeros(int(size), dtype=torch.uint8, device=self.device)
            if content:
                whole += torch.frombuffer(bytearray(content), dtype=torch.uint8).to(self.device)
            distributed.broadcast(whole, rank)
        return bytes(whole.cpu().numpy())


@contextmanager
def _heard() -> Iterator[None]:
    """Say in a sentence that another process is gone."""
    try:
        yield
    except RuntimeError as error:
        why = str(error).strip().splitlines()
        raise LostError(
            "another of the processes that train together has ended, or cannot be reached "
            f"({why[0] if why else type(error).__name__})."
        ) from None


@contextmanager
def own_folder(given: str | Path | None) -> Iterator[Path | None]:
    """A folder for what a fit keeps: the one given in the first process, copies in the others.

    All then find the same in it, whenever they look.

    Raises:
        ModelError: where processes see different folders under this name.
    """
    group, folder = processes(), None if given is None else Path(given)
    if group.count == 1 or folder is None:
        yield folder
        return
    with TemporaryDirectory() as temporary:
        own = folder if group.first else Path(temporary) / "checkpoint"
        if not group.first and folder.is_dir():
            shutil.copytree(folder, own)
        there = group.agreed(lambda: _files(folder))
        # the sum is known once all have copied: the first writes no sooner
        if group.summed({"differ": float(_files(own) != there)})["differ"]:
            raise ModelError(
                f"{folder} is not the same for all processes that train together: every machine "
                "must see the folder of the results; choose one on a file system they share."
            )
        yield own


def _files(folder: Path) -> list[str]:
    inside = (each for each in folder.rglob("*") if each.is_file())
    return sorted(str(each.relative_to(folder)) for each in inside if PARTIAL not in each.name)


ALONE = Processes()
_current: list[Processes] = []


def processes() -> Processes:
    """Those that train together inside `together()`; elsewhere this one alone."""
    return _current[-1] if _current else ALONE


def launched() -> tuple[int, int]:
    """(Rank, number of processes) by what `torchrun` or Ray Train says in the environment."""
    try:
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    except ValueError:
        return 0, 1


@contextmanager
def together() -> Iterator[Processes]:
    """Train models together with the other processes, inside.

    Every process must fit the same model to the same trials in the same order; the first writes
    what is to be kept. The number of shards, `Training(shards=…)`, is a multiple of the number of
    processes, and decides the result alone: one process with as many shards comes to the same.

    A process group that is there is used, else one is made of what `torchrun` says in the
    environment. Without either this process is alone, and nothing changes.
    """
    made = not distributed.is_initialized() and launched()[1] > 1
    if made:
        _join()
    if distributed.is_initialized():
        # Gloo alone speaks of what lies on the CPU
        device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        _current.append(Processes(distributed.get_rank(), distributed.get_world_size(), device))
    else:
        _current.append(ALONE)
    try:
        yield _current[-1]
    finally:
        _current.pop()
        if made:
            distributed.destroy_process_group()


def _join() -> None:
    """Make a process group: NCCL where each process of this machine has a GPU, else Gloo."""
    local, here = (int(os.environ.get(f"LOCAL_{name}", "0")) for name in ("RANK", "WORLD_SIZE"))
    if torch.cuda.is_available() and torch.cuda.device_count() >= max(here, 1):
        torch.cuda.set_device(local)
        distributed.init_process_group("cpu:gloo,cuda:nccl")
    else:
        distributed.init_process_group("gloo")
