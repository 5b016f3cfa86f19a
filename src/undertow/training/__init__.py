"""Training: one readable loop, its options, its state and its checkpoints."""

from undertow.training.checkpoint import read_header, read_tensors, write_tensors
from undertow.training.device import choose_device
from undertow.training.history import broken_history, history_csv, kept_row
from undertow.training.loop import Interrupted, Solve, TrainingWarning, Validate, train
from undertow.training.progress import Progress, clock, named, reporter, silent, teller
from undertow.training.settings import Training
from undertow.training.state import TrainingState
from undertow.training.threads import threads, threads_for, use_threads
from undertow.training.together import (
    LostError,
    Processes,
    launched,
    own_folder,
    processes,
    together,
)

__all__ = [
    "Interrupted",
    "LostError",
    "Processes",
    "Progress",
    "Solve",
    "Training",
    "TrainingState",
    "TrainingWarning",
    "Validate",
    "broken_history",
    "choose_device",
    "clock",
    "history_csv",
    "kept_row",
    "launched",
    "named",
    "own_folder",
    "processes",
    "read_header",
    "read_tensors",
    "reporter",
    "silent",
    "teller",
    "threads",
    "threads_for",
    "together",
    "train",
    "use_threads",
    "write_tensors",
]
