"""Ensembles of LangevinFlow that were tried and not kept; `ideas.py` runs them."""

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from undertow import Ensemble, LangevinFlow, TrialSet
from undertow.data import join_trials
from undertow.data.arrays import learning_parts
from undertow.data.batches import Batch
from undertow.models.base import Estimator
from undertow.models.langevin_flow.presets import RECIPES
from undertow.models.pooling import choose_shares, log_ratio

Loss = tuple[Tensor, dict[str, Tensor]]


class Distilled(LangevinFlow):
    """One model that learns from the mean rates of three: its targets are, in equal parts, the
    counts and what an ensemble of three fits makes of the same training trials."""

    cli_name = "distilled"

    def fit(self, trials: Any, validation: Any = None, **options: Any) -> Self:
        trials, validation = learning_parts(trials, validation, options.get("bin_s"), self.seed)
        quiet = {**options, "checkpoint": None, "resume": False, "verbose": False}
        plain = LangevinFlow(**self.get_params(deep=False))
        teacher = Ensemble(plain, size=3, seed=self.seed).fit(trials, validation, **quiet)
        self.taught = {
            len(some): teacher.predict(some).rates * some.bin_s
            for some in (trials, join_trials(trials, validation))
        }
        return super().fit(trials, validation, **{**options, "checkpoint": None})

    def read(self, trials: TrialSet) -> Batch:
        batch, taught = super().read(trials), getattr(self, "taught", {}).get(len(trials))
        if taught is None:
            return batch
        # in the place of behaviour, which this model does not read: it goes with its trials
        return replace(batch, behavior=torch.tensor(taught, dtype=torch.float32))

    def objective(self, batch: Batch, generator: torch.Generator, progress: float) -> Loss:
        assert batch.behavior is not None
        targets = 0.5 * batch.targets + 0.5 * batch.behavior
        batch = replace(batch, given=batch.inputs, targets=targets)
        return super().objective(batch, generator, progress)


class MeanOfRecipes(Ensemble):
    """Members that differ in recipe, too: the default, a lighter one and one without latents."""

    cli_name = "mean-of-recipes"
    changes: ClassVar[dict[str, Any]] = {}

    def unfitted_members(self) -> list[Estimator]:
        """One member of each recipe, with seeds of their own."""
        names = ("default", "light", "no-latents")
        return [
            LangevinFlow(seed=self.seed + k).set_params(**RECIPES[name], **self.changes)
            for k, name in enumerate(names)
        ]


class UnfittedAgain(MeanOfRecipes):
    """The same, with members that are not fitted again on their validation trials."""

    cli_name = "mean-of-recipes-no-refit"
    changes: ClassVar[dict[str, Any]] = {"training__refit": False}


class WeightedRecipes(UnfittedAgain):
    """The same, all on one split, with weights that make its validation spikes likeliest: they can
    be chosen only where members have not learned from these."""

    cli_name = "weighted-recipes"

    def fit(self, trials: Any, validation: Any = None, **options: Any) -> Self:
        trials, validation = learning_parts(trials, validation, options.get("bin_s"), self.seed)
        self.splits = "shared"
        super().fit(trials, validation, **options)
        held = trials.heldout
        counts, means = validation.spikes[..., held], np.nanmean(trials.spikes, (0, 1))[held]
        ratios = [
            log_ratio(member.predict(validation).rates[..., held], means / trials.bin_s)
            for member in self.members_
        ]
        start = np.full(len(ratios), 1 / len(ratios))
        shares = choose_shares(ratios, counts, means, start)
        self.weights = shares / shares.sum()
        return self

    def predict(self, trials: Any, samples: int | None = None, seed: int = 0, **_: Any) -> Any:
        each = [member.predict(trials, samples, seed) for member in self.members_]
        logs = [w * np.log(one.rates) for w, one in zip(self.weights, each, strict=True)]
        return replace(each[0], rates=np.exp(np.sum(logs, axis=0)))


TRIED_ENSEMBLES: dict[str, Estimator] = {
    model.cli_name: model() for model in (Distilled, MeanOfRecipes, UnfittedAgain, WeightedRecipes)
}
