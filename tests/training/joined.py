"""What each process of a training does in `test_together.py`, started by `torchrun`.

`python -m tests.training.joined WHAT FOLDER` fits a model, and leaves weights and history.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from tests.conftest import make_small_trials
from tests.experiments.test_run import tiny
from undertow.errors import ModelError, StabilityError
from undertow.models import LFADS, JointModel, LatentSDE
from undertow.models.trained import TrainedModel
from undertow.training import Training, launched, processes, together, write_tensors
from undertow.training.gradient import Noise, shard_gradient

SHARDS = 4


def model(name: str) -> TrainedModel:
    """A small model, by name."""
    training = Training(epochs=3, batch_size=24, shards=SHARDS, validate_every=1, refit=True)
    if name == "lfads":
        return LFADS(training=training, seed=1, samples=2)
    if name == "latent-sde":
        return LatentSDE(training=training, seed=1, samples=2)
    if name == "race":
        return tiny().copy(training=training, seed=1, training__recipes=("default", "no-latents"))
    return tiny().copy(training=training, seed=1)


def gradient(fitted: TrainedModel) -> dict[str, torch.Tensor]:
    """The gradient of the fitted network on its first minibatch."""
    trials = make_small_trials().hold_out(2, seed=0)[:23]
    noise = Noise(5, SHARDS, torch.device("cpu"))
    fitted.network_.train()
    fitted.network_.zero_grad()
    batch = fitted.read(trials)
    shard_gradient(fitted.network_, batch, fitted.objective, noise, 0.5, "here", processes())
    found = {name: p.grad for name, p in fitted.network_.named_parameters()}
    return {f"gradient {name}": grad for name, grad in found.items() if grad is not None}


def fit(name: str, folder: Path) -> tuple[dict[str, torch.Tensor], Any]:
    """Fit, in the folder; weights with gradients, and the history."""
    trials = make_small_trials().hold_out(2, seed=0)
    if name == "joint":
        parts = {"a": trials[:30], "b": trials[30:70]}
        held = {"a": trials[70:75], "b": trials[75:]}
        joint = JointModel(model("flow"), channels=8).fit(parts, held, verbose=False)
        states = {k: joint[k].network_.state_dict() for k in parts}
        both = {f"{k} {w}": v.clone() for k, own in states.items() for w, v in own.items()}
        return both, joint.history_
    fitted = model(name)
    fitted.fit(trials[:56], trials[56:], checkpoint=folder / "checkpoint", verbose=False)
    return {**fitted.network_.state_dict(), **gradient(fitted)}, fitted.history_


def untrained() -> tuple[dict[str, torch.Tensor], Any]:
    """The gradient of a network as it is built."""
    fitted, trials = model("flow"), make_small_trials().hold_out(2, seed=0)
    fitted._build(fitted.describe(trials), trials)
    return gradient(fitted), []


def breaking() -> tuple[dict[str, torch.Tensor], Any]:
    """A loss that breaks once, in the last process alone: all go back together."""
    fitted, seen = model("flow"), [0]
    whole = fitted.objective

    def objective(*given: Any) -> Any:
        seen[0] += 1
        if processes().rank == processes().count - 1 and seen[0] == 4:
            raise StabilityError("it would grow.")
        return whole(*given)

    fitted.objective = objective  # type: ignore[method-assign]
    trials = make_small_trials().hold_out(2, seed=0)
    fitted.fit(trials[:56], trials[56:], verbose=False)
    return dict(fitted.network_.state_dict()), fitted.history_


def main() -> None:
    """Do what the arguments say, and write what came of it."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with together() as group:
        assert group.count == launched()[1]
        try:
            alone = {"breaking": breaking, "untrained": untrained}
            tensors, history = alone[what]() if what in alone else fit(what, folder)
        except ModelError as error:
            (folder / f"{launched()[0]}.txt").write_text(str(error))
            return
    write_tensors(folder / f"{launched()[0]}.safetensors", tensors, {"history": history})


if __name__ == "__main__":
    main()
