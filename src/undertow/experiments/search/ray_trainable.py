"""`SlicedTraining`: a trial of a search as Ray Tune trains, pauses and copies it.

Its state is in undertow's own files, in the folder of the search; Ray's checkpoints hold copies of
them. This module needs Ray.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray import tune

from undertow.experiments.search.training import Task, adopt, advance
from undertow.experiments.search.trial import Trial, read_trial, write_trial
from undertow.training import use_threads
from undertow.training.kept_state import CHECKPOINT

SCORE, SLICE, TURN = "score", "slice", "turn"
FAILED = -1e30
"""Score of a trial that failed, below that of any other."""


class SlicedTraining(tune.Trainable):  # type: ignore[misc, unused-ignore]
    """A training in slices; a step is one of them.

    `config` holds the trial's 'number' at its start and, once it was perturbed, its 'settings'. The
    number is then that of the trial it was copied from: who a trial is says its name.
    """

    def setup(  # type: ignore[override, unused-ignore]
        self, config: dict[str, Any], task: Task, starts: Mapping[int, Trial], kind: str
    ) -> None:
        """Take what all trials share, and find how far this one is."""
        use_threads(1)
        self.task, self.starts, self.kind = task, starts, kind
        self._begin()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Be another trial, in the same process."""
        self._begin()
        return True

    def _begin(self) -> None:
        start = self.starts[int(str(self.trial_name).removeprefix("trial"))]
        self.trial = self.task.begun(start, kept=self.kind == "pbt")
        # a search that goes on says again what it has: all scores, by which halving compares; of a
        # population the last one, once all its members are as far as the furthest was
        furthest = max(len(each.best) for each in self.starts.values())
        self.said = self.skipped = max(0, furthest - 1) if self.kind == "pbt" else 0

    def step(self) -> dict[str, Any]:
        """Train a slice, or say again what one has scored; the last one is 'done'."""
        while self.said >= len(self.trial.best):
            self.trial = advance(self.task, self.trial)
            if self.trial.state == "failed":
                break
        self.said += 1
        pbt, failed = self.kind == "pbt", self.trial.state == "failed"
        # halving compares the best that would be kept, a population what would be gone on from
        scores = self.trial.latest if pbt else self.trial.best
        score = FAILED if failed else scores[self.said - 1]
        # a population waits for all its members: one that failed is soon a copy of another
        done = self.said >= self.task.slices if pbt else failed or self._all_said
        # Ray waits for ever where a population does not begin with its first turn
        turn = self.said - self.skipped
        return {SCORE: score, SLICE: self.said, TURN: turn, "done": done}

    @property
    def _all_said(self) -> bool:
        return self.trial.ended and self.said >= len(self.trial.best)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Copy state and weights, for this trial to go on from, or for another one."""
        state = self.task.checkpoint(self.trial) / CHECKPOINT
        if state.exists():  # not of a trial that failed at once, which nothing is copied from
            shutil.copy(state, checkpoint_dir)
        write_trial(Path(checkpoint_dir), self.trial)

    def load_checkpoint(self, checkpoint_dir: str) -> None:  # type: ignore[override, unused-ignore]
        """Go on from this trial's own state, or take over the weights of another."""
        folder = Path(checkpoint_dir)
        saved = read_trial(folder)
        assert saved is not None
        if saved.number != self.trial.number:
            settings = self.config["settings"]
            self.trial = adopt(self.task, self.trial, saved, folder, settings)
        self.said = len(saved.best)
