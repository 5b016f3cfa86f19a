"""`JointModel`: one model of recordings with other neurons, from days, probes or animals."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from undertow import checks
from undertow.data import Sessions, TrialSet
from undertow.data.arrays import TrialsLike, as_trials, learning_parts
from undertow.errors import ModelError
from undertow.memory import give_back
from undertow.models.base import ProgressReport
from undertow.models.joint import files
from undertow.models.joint.common import Common
from undertow.models.joint.joined import JOINED, adapting_training, joined
from undertow.models.joint.learning import describe, learn_together
from undertow.models.joint.tying import frozen
from undertow.models.langevin_flow import LangevinFlow
from undertow.models.settable import Settable
from undertow.models.trained import TrainedModel
from undertow.models.unused import warn_of_unused
from undertow.training import Progress, Training, clock, kept_row, own_folder, reporter


class JointModel(Settable):
    """One model of several sessions: dynamics, encoder and decoders are shared.

    Of its own each session has a linear read-in, from its neurons' counts to channels that mean the
    same in all, and readouts, of its counts and whatever else is observed (as in multi-session
    LFADS, Pandarinath et al. 2018). Read-ins start aligned: from the spikes of single bins they
    predict what the sessions' condition averages have in common, where windows begin alike.
    `joint[name]` is a session's fitted model, an ordinary one: it predicts, scores, streams and is
    saved as any other.

    Args:
        model: what is fitted, with all its settings: a `LangevinFlow` (the default), `LatentSDE` or
            `LFADS`. Where its `encoder.read_in` is None, it becomes `channels`.
        channels: of the read-ins, at most 65,536.

    Attributes:
        sessions_: name → the session's fitted model.
        history_: one row per validation, of all sessions together; its score is their mean.
        validation_score_: of the weights that were kept.
    """

    sessions_: dict[str, TrainedModel[Any]]
    history_: list[dict[str, float]]
    validation_score_: float = float("nan")
    _common: Common

    def __init__(self, model: TrainedModel[Any] | None = None, channels: int = 64) -> None:
        self.model, self.channels = model, channels

    # --- settings ----------------------------------------------------------------------------

    def piece(self, name: str) -> Any:
        """Return the piece as any model does; the default model is `LangevinFlow()`."""
        value = super().piece(name)
        return LangevinFlow() if name == "model" and value is None else value

    def check_settings(self) -> None:
        super().check_settings()
        checks.whole("channels", self.channels, 1, 65_536)
        self.template().check_settings()

    def template(self) -> TrainedModel[Any]:
        """Return an unfitted model as each session has it.

        Raises:
            ModelError: for a model that sessions cannot share, or settings that take one recording.
        """
        return joined(self.piece("model"), self.channels)

    # --- fitting -----------------------------------------------------------------------------

    def fit(
        self,
        sessions: Sessions | Mapping[str, TrialSet] | list[TrialSet],
        validation: Mapping[str, TrialSet] | None = None,
        *,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
        verbose: bool = True,
    ) -> Self:
        """Learn from several sessions together.

        A step reads trials of all sessions, each in proportion to its number; the budget is that of
        as many trials of one recording.

        Args:
            sessions: the training trials of each.
            validation: name → trials to make choices on; by default a stratified 15 % of each.
            checkpoint, resume, progress, verbose: as in a model's `fit`.

        Raises:
            DataError: for sessions that are none.
            ModelError: for settings or signals that one model of all cannot have.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        self.check_settings()
        report, started = reporter(progress, verbose), time.monotonic()
        given = sessions if isinstance(sessions, Sessions) else Sessions(sessions)
        template = self.template()
        parts = self._parts(given, validation, template.seed)
        trials = {name: each for name, (each, _) in parts.items()}
        held = {name: each for name, (_, each) in parts.items()}
        for each in trials.values():
            warn_of_unused(template.unused_signals(each))
        models = {name: template.copy() for name in trials}
        self._common = describe(models, trials)
        for model in models.values():
            model.notes_ = []
        with own_folder(checkpoint) as folder:
            self.history_ = learn_together(
                models, self._common, trials, held, folder, resume, report
            )
        self.sessions_ = models
        self.validation_score_ = kept_row(self.history_).get("validation_score", float("nan"))
        give_back()
        if isinstance(report, Progress):
            taken = clock(time.monotonic() - started)
            score = f", validation {self.validation_score_:.4f}"
            report.finish(f"JointModel: {len(models)} sessions fitted in {taken}{score}")
        return self

    def _parts(
        self, sessions: Sessions, validation: Mapping[str, TrialSet] | None, seed: int
    ) -> dict[str, tuple[TrialSet, TrialSet]]:
        if validation is not None and set(validation) != set(sessions):
            raise ModelError(
                f"validation has sessions {', '.join(map(str, validation)) or 'none'}, and there "
                f"are {', '.join(sessions)}: give trials of each, or none at all."
            )
        chosen = validation or {}
        return {
            name: learning_parts(trials, chosen.get(name), None, seed)
            for name, trials in sessions.items()
        }

    def adapt(
        self,
        trials: TrialsLike,
        validation: TrialsLike | None = None,
        *,
        name: str,
        training: Training | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
        verbose: bool = True,
    ) -> TrainedModel[Any]:
        """Learn the read-in and the readouts of a new session; all that is shared stays as it is.

        Args:
            trials, validation, checkpoint, resume, progress, verbose: as in a model's `fit`.
            name: of the session.
            training: options of the training loop; by default the model's, for 200 steps of at most
                32 trials.

        Returns:
            The session's fitted model, which is in `sessions_` from then on.

        Raises:
            ModelError: for a name that is taken, or trials with other bins, signals or regions.
        """
        self._check_fitted()
        if name in self.sessions_:
            raise ModelError(
                f"there is a session {name!r} already ({', '.join(self.sessions_)}): give the new "
                "one another name."
            )
        given = as_trials(trials, None if isinstance(trials, TrialSet) else self.bin_s_)
        Sessions({name: given})
        with self.adapting(given, training) as model:
            model.fit(
                given,
                validation,
                checkpoint=checkpoint,
                resume=resume,
                progress=progress,
                verbose=verbose,
            )
        self.sessions_[name] = model
        return model

    @contextmanager
    def adapting(
        self, trials: TrialSet, training: Training | None = None
    ) -> Iterator[TrainedModel[Any]]:
        """Give an unfitted model of a new session, whose `fit` learns nothing but its own layers.

        The arguments are those of `adapt`; what is shared is held as long as the block lasts.

        Raises:
            ModelError: for trials with other bins.
        """
        self._check_fitted()
        if abs(trials.bin_s - self.bin_s_) > 1e-9:
            raise ModelError(
                f"the trials have bins of {trials.bin_s:g} s, the model of {self.bin_s_:g} s: "
                "rebin the trials."
            )
        first, model = next(iter(self.sessions_.values())).network_, self.template()
        model.training = training or adapting_training(model.training)
        model._common = replace(self._common, network=first)
        with frozen(first):
            yield model

    # --- what it holds -----------------------------------------------------------------------

    @property
    def bin_s_(self) -> float:
        """Bin width in seconds."""
        self._check_fitted()
        return next(iter(self.sessions_.values())).bin_s_

    def __getitem__(self, name: str) -> TrainedModel[Any]:
        """Return a session's fitted model.

        Raises:
            ModelError: for a name that no session has.
        """
        self._check_fitted()
        if name not in self.sessions_:
            raise ModelError(f"there is no session {name!r}: {', '.join(self.sessions_)}.")
        return self.sessions_[name]

    def __iter__(self) -> Iterator[str]:
        self._check_fitted()
        return iter(self.sessions_)

    def __len__(self) -> int:
        return len(self.sessions_)

    def _check_fitted(self) -> None:
        if not hasattr(self, "sessions_"):
            raise ModelError("this JointModel is not fitted: call fit(sessions) or load(folder).")

    # --- files -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Write a folder: sessions.safetensors, and each session's model in a folder so named."""
        self._check_fitted()
        return files.write(Path(folder), self.sessions_, self._common)

    @classmethod
    def load(cls, folder: str | Path, **params: Any) -> Self:
        """Read what `save` wrote; `params` replace settings of the sessions' models.

        Raises:
            ModelError: where files are missing, damaged, or share nothing.
        """
        sessions, common = files.read(Path(folder), params)
        first = next(iter(sessions.values()))
        if not isinstance(first, JOINED):
            raise ModelError(f"{folder} holds sessions of {type(first).__name__}, which are none.")
        model = cls(first.copy(), first.piece("encoder").read_in)
        model.sessions_, model._common = sessions, common
        model.history_ = first.history_
        model.validation_score_ = kept_row(model.history_).get("validation_score", float("nan"))
        return model
