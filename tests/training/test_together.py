"""Processes that train one network together come to what one process comes to, bit by bit alike."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from undertow.errors import ModelError
from undertow.training import Processes, Training, launched, processes, read_tensors, together
from undertow.training.gradient import Noise, shard_gradient
from undertow.training.together import ALONE, own_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="torchrun needs libuv there")
ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-6


def started(count: int, what: str, folder: Path) -> None:
    """Run `joined.py` in so many processes."""
    folder.mkdir()
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m"]
    words = [sys.executable, *(run if count > 1 else ["-m"]), "tests.training.joined", what]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*words, str(folder)], cwd=ROOT, env=environment, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()


def found(folder: Path, rank: int) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    tensors, header = read_tensors(folder / f"{rank}.safetensors")
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in header["history"]]
    return tensors, history


SLOW = ("lfads", "latent-sde", "joint", "race")


@pytest.mark.parametrize(
    "what", ["flow", *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW)]
)
def test_two_processes_come_to_what_one_does(tmp_path: Path, what: str) -> None:
    started(1, what, tmp_path / "one")
    started(2, what, tmp_path / "two")
    alone, history = found(tmp_path / "one", 0)
    first, said = found(tmp_path / "two", 0)
    second, told = found(tmp_path / "two", 1)
    assert said == told
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [list(row) for row in said] == [list(row) for row in history]
    for row, own in zip(said, history, strict=True):
        assert row == pytest.approx(own, rel=1e-4, abs=1e-5)
    gradients = [name for name in alone if name.startswith("gradient ")]
    assert gradients or what == "joint"
    norm = sum(float(alone[name].square().sum()) for name in gradients) ** 0.5
    for name in gradients:
        # weights differ by rounding after some steps: the gradients are of nearly the same ones
        assert float((alone[name] - first[name]).norm()) <= 1e-3 * norm
    # one checkpoint: the other process kept its own elsewhere
    if what != "joint":
        files = {p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*")}
        both = {p.relative_to(tmp_path / "two") for p in (tmp_path / "two").rglob("*")}
        assert both - files == {Path("1.safetensors")}


def test_the_gradient_of_two_processes_is_that_of_one(tmp_path: Path) -> None:
    """At the same weights, to rounding: those of a network that has not been trained."""
    started(1, "untrained", tmp_path / "one")
    started(2, "untrained", tmp_path / "two")
    alone, _ = found(tmp_path / "one", 0)
    for rank in (0, 1):
        shared, _ = found(tmp_path / "two", rank)
        assert shared.keys() == alone.keys()
        for name, gradient in alone.items():
            scale = max(float(gradient.abs().max()), 1.0)
            assert torch.allclose(shared[name], gradient, rtol=0, atol=TOLERANCE * scale), name


def test_a_step_that_breaks_in_one_process_is_rolled_back_in_all(tmp_path: Path) -> None:
    started(2, "breaking", tmp_path / "two")
    first, said = found(tmp_path / "two", 0)
    second, told = found(tmp_path / "two", 1)
    assert said == told
    assert len(said) == 3
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_shards_that_processes_cannot_divide_are_refused(tmp_path: Path) -> None:
    started(3, "flow", tmp_path / "three")
    said = [(tmp_path / "three" / f"{rank}.txt").read_text() for rank in range(3)]
    assert set(said) == {
        "training.shards is 4, and 3 processes train together: each computes as many, so set "
        "training.shards to 3 or a multiple of it."
    }


# --- alone ---------------------------------------------------------------------------------------


class Points:
    """Trials of a regression."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def cut(self, parts: int) -> "list[Points]":
        pieces = (each.tensor_split(parts) for each in (self.inputs, self.targets))
        return [Points(x, y) for x, y in zip(*pieces, strict=True)]


@pytest.mark.parametrize("shards", [1, 2, 3, 8])
def test_the_gradient_is_the_sum_over_shards(shards: int) -> None:
    """Of 5 trials, so that shards differ in size, and some are empty."""
    drawn = torch.Generator().manual_seed(0)
    points = Points(torch.randn(5, 4, generator=drawn), torch.randn(5, 2, generator=drawn))
    network = nn.Linear(4, 2)

    def objective(some: Points, generator: Any, progress: float) -> tuple[Tensor, dict]:
        loss = (network(some.inputs) - some.targets).square().sum() / len(some)
        return loss, {"twice": 2 * loss}

    whole, _ = objective(points, None, 0.0)
    expected = torch.autograd.grad(whole, list(network.parameters()))
    noise = Noise(0, shards, torch.device("cpu"))
    sums = shard_gradient(network, points, objective, noise, 0.0, "now", ALONE)
    assert sums == pytest.approx({"loss": whole.item(), "twice": 2 * whole.item()})
    for weight, gradient in zip(network.parameters(), expected, strict=True):
        assert torch.allclose(weight.grad, gradient, atol=TOLERANCE)


def test_the_first_shard_has_the_noise_of_a_whole_minibatch() -> None:
    """A training of one shard stays what it was."""
    one, four = (Noise(7, shards, torch.device("cpu")) for shards in (1, 4))
    drawn = [torch.rand(3, generator=each) for each in (*one.generators, *four.generators)]
    assert torch.equal(drawn[0], drawn[1])
    assert len({tuple(each.tolist()) for each in drawn}) == 4
    plain = torch.rand(3, generator=torch.Generator().manual_seed(8))
    assert torch.equal(drawn[0], plain)


def test_a_process_alone_decides_and_keeps_its_folder(tmp_path: Path) -> None:
    with together() as group, own_folder(tmp_path) as folder:
        assert group is processes() is ALONE
        assert folder == tmp_path
        assert group.agreed(lambda: 3) == 3
        assert group.summed({"a": 1.0}) == {"a": 1.0}
    assert launched() == (0, 1)


def test_shards_are_dealt_to_processes_in_order() -> None:
    assert [list(Processes(k, 2).own(6)) for k in range(2)] == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ModelError, match="to 4 or a multiple"):
        Processes(0, 4).check_shards(6)


def test_a_minibatch_has_no_more_shards_than_trials() -> None:
    with pytest.raises(ModelError, match="a minibatch of 8 trials"):
        Training(batch_size=8, shards=9)
