"""What each process of a training does in `test_together.py`, started by `torchrun`."""

import json
import sys
from pathlib import Path

import torch

from tests.conftest import make_small_trials
from tests.experiments.test_run import tiny
from undertow.models import LFADS, LatentSDE
from undertow.models.trained import TrainedModel
from undertow.training import Training, launched, together, write_tensors

SHARDS = 4


def model(name: str) -> TrainedModel:
    """A small model, by name."""
    training = Training(epochs=3, batch_size=24, shards=SHARDS, refit=False, validate_every=1)
    if name == "lfads":
        return LFADS(training=training, seed=1, samples=2)
    if name == "latent-sde":
        return LatentSDE(training=training, seed=1, samples=2)
    return tiny().copy(training=training, seed=1)


def main() -> None:
    """Fit, and write the weights and the history: `joined.py MODEL FOLDER`."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    trials = make_small_trials().hold_out(2, seed=0)
    fitted = model(name)
    with together() as processes:
        fitted.fit(trials[:56], trials[56:], verbose=False)
        assert processes.count == launched()[1]
    tensors = dict(fitted.network_.state_dict())
    write_tensors(folder / f"{launched()[0]}.safetensors", tensors, {"history": fitted.history_})
    (folder / f"{launched()[0]}.json").write_text(json.dumps(fitted.history_))


if __name__ == "__main__":
    main()
