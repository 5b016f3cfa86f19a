"""`Ensemble`: fits of the same model from several seeds, with their rates averaged."""

import copy
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np

from undertow import checks
from undertow.data import (
    Prediction,
    TrialSet,
    join_trials,
    resample_trials,
    split_validation,
)
from undertow.data.arrays import TrialsLike, learning_parts
from undertow.errors import ModelError
from undertow.evaluation import MASKS
from undertow.models import ensemble_file
from undertow.models.averaging import averaged
from undertow.models.base import Estimator, Generated, ProgressReport, share_of
from undertow.models.langevin_flow import LangevinFlow
from undertow.models.parameters import parameter_names
from undertow.models.streaming import AveragingStepper, Stepper
from undertow.training import Progress, named, reporter

SplitChoice = Literal["own", "shared"]
Resampling = Literal["trials"]
MOST_MEMBERS = 1000
MemberSplit = tuple[TrialSet, TrialSet]


class Ensemble(Estimator):
    """Fits of one model that differ in seed and split; the rates (spikes/s) are their mean.

    Fits from different seeds err differently, and so do fits that choose on different validation
    trials: averaging rates cancels part of these errors, at `size` times the cost. Latents cannot
    be averaged, since each fit has coordinates of its own: the ensemble returns the latents of its
    first member.

    Args:
        member: the model, which must have a `seed`; `LangevinFlow()` by default.
        size: number of members to fit, at most 1,000.
        seed: seed of the first member; the others have seed + 1, seed + 2, …
        splits: 'own' draws other validation trials for each member; 'shared' lets all members
            choose on the same ones, for validation trials that must stay what they are.
        resample: 'trials' lets each member learn from as many trials drawn with replacement
            (`resample_trials`, by its seed), validation trials apart: members then differ as fits
            to other recordings of the same kind would (a bootstrap), and not by their seeds alone.

    Attributes:
        members_: the fitted models.
        history_: rows logged while the first member was trained.
        validation_score_: mean of the members' validation scores.
    """

    cli_name = "ensemble"
    compared = False
    irregular_times = True  # the members refuse what they cannot take

    def __init__(
        self,
        member: Estimator | None = None,
        size: int = 3,
        seed: int = 0,
        *,
        splits: SplitChoice = "own",
        resample: Resampling | None = None,
    ) -> None:
        self.member, self.size, self.seed = member, size, seed
        self.splits, self.resample = splits, resample

    def fit(
        self,
        trials: TrialsLike,
        validation: TrialsLike | None = None,
        *,
        bin_s: float | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
        verbose: bool = True,
    ) -> Self:
        """Fit one member after the other, each with validation trials of its own.

        The first member has the validation trials given, or those drawn with its seed. Every other
        one has as many, drawn with its seed from all trials given, stratified by condition; of
        `splits='shared'` all have those of the first. Each member keeps its state in a folder of
        its own in `checkpoint`. All else is as in a model's `fit`.

        Raises:
            ModelError: when the member has no seed, `size` is not at least 1, or the member refuses
                its settings.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        members = self.unfitted_members()
        given = learning_parts(trials, validation, bin_s, self.seed)
        whole = reporter(progress, verbose)
        for k, member in enumerate(members):
            folder = None if checkpoint is None else Path(checkpoint) / f"member{k}"
            mine = named(whole, f"member {k + 1} of {self.size}")
            own = self.member_split(*given, k)
            member.fit(
                *own, checkpoint=folder, resume=resume, progress=share_of(mine, k, self.size)
            )
        self._adopt(members)
        if isinstance(whole, Progress):
            whole.finish(f"Ensemble: {self.size} members fitted{self._mean_validation()}")
        return self

    def _mean_validation(self) -> str:
        score = self.validation_score_
        return f", mean validation {score:.4f}" if np.isfinite(score) else ""

    def member_split(self, trials: TrialSet, validation: TrialSet, k: int) -> MemberSplit:
        """Return the trials that member k learns from, and those it chooses on."""
        if k and self.splits == "own":
            share = len(validation) / (len(trials) + len(validation))
            together = join_trials(trials, validation)
            trials, validation = split_validation(together, share, seed=self.seed + k)
        if self.resample is not None:
            trials = resample_trials(trials, self.seed + k)
        return trials, validation

    def piece(self, name: str) -> Any:
        """Return the piece as any model does; the default member is `LangevinFlow()`."""
        value = super().piece(name)
        return LangevinFlow() if name == "member" and value is None else value

    def unused_signals(self, trials: TrialSet) -> list[str]:
        return self.unfitted_members()[0].unused_signals(trials)

    def check_settings(self) -> None:
        super().check_settings()
        checks.whole("size", self.size, 1, MOST_MEMBERS)
        checks.seed("seed", self.seed, checks.MOST_SEED - MOST_MEMBERS)
        checks.one_of("splits", self.splits, get_args(SplitChoice))
        if self.resample is not None:
            checks.one_of("resample", self.resample, get_args(Resampling))
        if isinstance(member := self.piece("member"), Estimator):
            member.check_settings()

    def unfitted_members(self) -> list[Estimator]:
        """Return a copy of the member for each seed.

        Raises:
            ModelError: as `fit`.
        """
        member = self.piece("member")
        if not isinstance(member, Estimator) or "seed" not in parameter_names(type(member)):
            raise ModelError(
                f"member is {self.member!r}: it must be a model with a seed, such as "
                "LangevinFlow()."
            )
        self.check_settings()
        return [member.copy(seed=self.seed + k) for k in range(self.size)]

    @classmethod
    def of(cls, members: list[Estimator]) -> Self:
        """Make an ensemble of models that are fitted already, of the same neurons."""
        model = cls(members[0].copy(), size=len(members))
        model._adopt(members)
        return model

    def _adopt(self, members: list[Estimator]) -> None:
        """Take over fitted members, with the population and history of the first."""
        first, self.members_ = members[0], members
        self.neuron_ids_, self.heldout_ = first.neuron_ids_, first.heldout_
        self.bin_s_ = first.bin_s_
        self.history_ = list(getattr(first, "history_", ()))
        self.validation_score_ = float(np.mean([member.validation_score_ for member in members]))

    def predict(
        self, trials: TrialsLike, samples: int | None = None, seed: int = 0, **options: Any
    ) -> Prediction:
        """Average rates, behaviour and label probabilities of the members.

        Latents, their samples and the KL terms are those of the first member.

        With `samples=N` the N rate samples are drawn from the members in turn, so that they spread
        as the members do.

        Args:
            trials, samples, seed: as in any model.
            options: what else the members' `predict` takes, such as `particles` and `mode` of a
                `LatentSDE`. The effective samples are the fewest of any member.

        Raises:
            ModelError: for other neurons, another order, other held-out neurons or another bin
                width; for an option the members do not take.
        """
        trials = self.checked(trials)
        self._check_options(options)
        each = [
            member.predict(trials, samples=share, seed=seed, **options)
            for member, share in zip(self.members_, self._shares(samples), strict=True)
        ]
        return averaged(each, samples)

    def _check_options(self, options: Mapping[str, Any]) -> None:
        """Refuse what the members' `predict` does not take."""
        member = type(self.members_[0])
        common = inspect.signature(Estimator.predict).parameters
        taken = [
            name for name in inspect.signature(member.predict).parameters if name not in common
        ]
        for name in options:
            if name not in taken:
                known = f"takes {', '.join(taken)} beside them" if taken else "takes no more"
                raise ModelError(
                    f"predict was given {name!r}: {member.__name__}.predict {known}; leave it out."
                )

    def _shares(self, samples: int | None) -> list[int | None]:
        """Number of posterior samples to draw from each member, `samples` of the rates in all.

        The first member nevertheless draws `samples`, because latent samples come from it alone.
        """
        if not samples:
            return [None] * self.size
        return [samples, *(len(range(k, samples, self.size)) or None for k in range(1, self.size))]

    def has_posterior(self) -> bool:
        return all(member.has_posterior() for member in self.members_)

    def predict_exchanged(self, trials: TrialSet, seed: int = 0) -> Prediction | None:
        """Average the members' rates with latents exchanged; None where one has none."""
        trials = self.checked(trials)
        exchanged = [member.predict_exchanged(trials, seed) for member in self.members_]
        rates = [each.rates for each in exchanged if each is not None]
        return Prediction(np.mean(rates, axis=0), trials) if len(rates) == self.size else None

    def predict_hidden(
        self, trials: TrialSet, masks: int = MASKS, seed: int = 0
    ) -> Prediction | None:
        """Average the members' rates of entries hidden from all; None where one cannot hide any."""
        trials = self.checked(trials)
        found = [member.predict_hidden(trials, masks, seed) for member in self.members_]
        rates = [each.rates for each in found if each is not None]
        if len(rates) < self.size:
            return None
        mean = np.mean(rates, axis=0)
        return Prediction(mean, trials, hidden_rates=mean)

    def thinned(self, times: int) -> Self:
        """Return the ensemble with so many times fewer posterior samples of each member."""
        few = copy.copy(self)
        few.members_ = [member.thinned(times) for member in self.members_]
        return few

    def predict_generated(
        self, trials: TrialSet, samples: int | None = None, seed: int = 0
    ) -> Generated | None:
        """Average what the members generate, as in `predict`; None where they do not generate."""
        trials = self.checked(trials)
        found = [
            member.predict_generated(trials, share, seed)
            for member, share in zip(self.members_, self._shares(samples), strict=True)
        ]
        made = [each for each in found if each is not None]
        if len(made) < self.size:
            return None
        return Generated(averaged([each.prediction for each in made], samples), made[0].seen_bins)

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        return AveragingStepper([member.stepper(samples, seed) for member in self.members_])

    def parameter_counts(self) -> dict[str, int]:
        """Count learned numbers over all members."""
        self._check_fitted()
        counts = [member.parameter_counts() for member in self.members_]
        return {part: sum(each[part] for each in counts) for part in counts[0]}

    def save(self, path: str | Path) -> Path:
        """Write all members to one safetensors file, atomically."""
        self._check_fitted()
        params: dict[str, Any] = {"size": self.size, "seed": self.seed, "splits": self.splits}
        params |= {} if self.resample is None else {"resample": self.resample}
        return ensemble_file.write(self.cli_name, params, self.members_, Path(path))

    @classmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read an ensemble written by `save`.

        `params` are given to every member, such as functions of your own, which no file can hold.
        """
        header, tensors = ensemble_file.read(cls, path)
        model = cls(**header.params)  # type: ignore[arg-type]
        model.check_settings()
        if model.size != len(header.members):
            raise ModelError(f"{path} holds {len(header.members)} members of {model.size}.")
        members = ensemble_file.members(header, tensors, params)
        model.member = members[0].copy()
        model._adopt(members)
        return model
