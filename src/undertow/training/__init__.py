"""One readable training loop, its options, state and checkpoints."""

from undertow.training.checkpoint import read_header, read_tensors, write_tensors
from undertow.training.loop import Interrupted, TrainingWarning, history_csv, train
from undertow.training.progress import Progress
from undertow.training.settings import Training
from undertow.training.state import TrainingState

__all__ = [
    "Interrupted",
    "Progress",
    "Training",
    "TrainingState",
    "TrainingWarning",
    "history_csv",
    "read_header",
    "read_tensors",
    "train",
    "write_tensors",
]
