"""`Ensemble`: fits of the same model from several seeds, with their rates averaged."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from undertow import checks
from undertow.data import Prediction, TrialSet, as_trials, split_validation
from undertow.data.arrays import TrialsLike
from undertow.data.prediction import likeliest_categories
from undertow.errors import ModelError
from undertow.models.base import Estimator, Generated, ProgressReport
from undertow.models.langevin_flow import LangevinFlow
from undertow.models.loading import load_model
from undertow.models.parameters import parameter_names
from undertow.models.persistence import check_model
from undertow.schema import record
from undertow.training import read_tensors, write_tensors

MOST_MEMBERS = 1000


@dataclass(frozen=True)
class EnsembleHeader:
    """What the JSON header of an ensemble's file holds: its settings, and its members' headers."""

    model: str
    params: dict[Literal["size", "seed"], int]
    members: list[dict[str, Any]]


class Ensemble(Estimator):
    """Fits of one model that differ only in their seed; the rates (spikes/s) are their mean.

    Fits from different seeds err differently, and averaging rates cancels part of these errors, at
    `size` times the cost. Latents cannot be averaged, since each fit has coordinates of its own:
    the ensemble returns the latents of its first member.

    Args:
        member: the model, which must have a `seed`; `LangevinFlow()` by default.
        size: number of members to fit, at most 1,000.
        seed: seed of the first member; the others have seed + 1, seed + 2, …

    Attributes:
        members_: the fitted models.
        history_: rows logged while the first member was trained.
        validation_score_: mean of the members' validation scores.
    """

    cli_name = "ensemble"
    irregular_times = True  # the members refuse what they cannot take

    def __init__(self, member: Estimator | None = None, size: int = 3, seed: int = 0) -> None:
        self.member, self.size, self.seed = member, size, seed

    def fit(
        self,
        trials: TrialsLike,
        validation: TrialsLike | None = None,
        *,
        bin_s: float | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
    ) -> Self:
        """Fit one member after the other, all on the same trials.

        Arguments are those of a model's `fit`; in `checkpoint` each member keeps its state in a
        folder of its own.

        Raises:
            ModelError: when the member has no seed, `size` is not at least 1, or the member refuses
                its settings.
            Interrupted: on Ctrl-C, after the state was saved.

        Arguments are those of a model's `fit`; each member keeps its state in a folder of its own
        in `checkpoint`.

        Raises:
            ModelError: when the member has no seed, `size` is not at least 1, or the member refuses
                its settings.
            Interrupted: on Ctrl-C, after the state was saved.
        """
        members = self.unfitted_members()
        trials = as_trials(trials, bin_s)
        if validation is None:
            trials, validation = split_validation(trials, 0.15, seed=self.seed)
        validation = as_trials(validation, bin_s)
        for k, member in enumerate(members):
            folder = None if checkpoint is None else Path(checkpoint) / f"member{k}"
            report = None if progress is None else share_of(progress, k, self.size)
            member.fit(trials, validation, checkpoint=folder, resume=resume, progress=report)
        self._adopt(members)
        return self

    def piece(self, name: str) -> Any:
        """Return the piece as any model does; the default member is `LangevinFlow()`."""
        value = super().piece(name)
        return LangevinFlow() if name == "member" and value is None else value

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
        checks.whole("size", self.size, 1, MOST_MEMBERS)
        checks.seed("seed", self.seed, checks.MOST_SEED - MOST_MEMBERS)
        return [member.copy(seed=self.seed + k) for k in range(self.size)]

    def _adopt(self, members: list[Estimator]) -> None:
        """Take over fitted members, with the population and history of the first."""
        first, self.members_ = members[0], members
        self.neuron_ids_, self.heldout_, self.bin_s_ = (
            first.neuron_ids_,
            first.heldout_,
            first.bin_s_,
        )
        self.history_ = list(getattr(first, "history_", ()))
        self.validation_score_ = float(np.mean([member.validation_score_ for member in members]))

    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        """Average rates, behaviour and label probabilities of the members.

        Latents, their samples and the KL terms are those of the first member.

        With `samples=N` the N rate samples are drawn from the members in turn, so that they spread
        as the members do.

        Raises:
            ModelError: for other neurons, another order, other held-out neurons or another bin
                width.
        """
        trials = self.checked(trials)
        each = [
            member.predict(trials, samples=share, seed=seed)
            for member, share in zip(self.members_, self._shares(samples), strict=True)
        ]
        return _average(each, samples)

    def _shares(self, samples: int | None) -> list[int | None]:
        """Number of posterior samples to draw from each member, `samples` of the rates in all.

        The first member nevertheless draws `samples`, because latent samples come from it alone.
        """
        if not samples:
            return [None] * self.size
        return [samples, *(len(range(k, samples, self.size)) or None for k in range(1, self.size))]

    def predict_exchanged(self, trials: TrialSet, seed: int = 0) -> Prediction | None:
        """Average the members' rates with latents exchanged; None where one has none."""
        trials = self.checked(trials)
        exchanged = [member.predict_exchanged(trials, seed) for member in self.members_]
        rates = [each.rates for each in exchanged if each is not None]
        return Prediction(np.mean(rates, axis=0), trials) if len(rates) == self.size else None

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
        return Generated(_average([each.prediction for each in made], samples), made[0].seen_bins)

    def parameter_counts(self) -> dict[str, int]:
        """Count learned numbers over all members."""
        self._check_fitted()
        counts = [member.parameter_counts() for member in self.members_]
        return {part: sum(each[part] for each in counts) for part in counts[0]}

    def save(self, path: str | Path) -> Path:
        """Write all members to one safetensors file, atomically."""
        self._check_fitted()
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            files = [member.save(Path(folder) / f"{k}") for k, member in enumerate(self.members_)]
            parts = [read_tensors(file) for file in files]
        tensors = {
            f"{k}.{name}": tensor
            for k, (own, _) in enumerate(parts)
            for name, tensor in own.items()
        }
        params = {"size": self.size, "seed": self.seed}
        header = {
            "model": self.cli_name,
            "params": params,
            "members": [about for _, about in parts],
        }
        return write_tensors(path, tensors, header)

    @classmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read an ensemble written by `save`.

        `params` are given to every member, such as functions of your own, which no file can hold.
        """
        tensors, found = read_tensors(Path(path))
        check_model(found, cls, path)
        header = record(EnsembleHeader, found, f"the header of {path}")
        model = cls(**header.params)
        checks.seed("seed", model.seed)
        if checks.whole("size", model.size, 1, MOST_MEMBERS) != len(header.members):
            raise ModelError(f"{path} holds {len(header.members)} members of {model.size}.")
        members = []
        with tempfile.TemporaryDirectory() as folder:
            for k, about in enumerate(header.members):
                own = {
                    n.partition(".")[2]: t
                    for n, t in tensors.items()
                    if n.partition(".")[0] == str(k)
                }
                file = write_tensors(Path(folder) / f"{k}", own, about)
                members.append(load_model(file, **params))
        model.member = members[0].copy()
        model._adopt(members)
        return model


def share_of(progress: ProgressReport, k: int, size: int) -> ProgressReport:
    """Return a report for the k-th of `size` equal fits that counts it as a part of the whole."""

    def report(row: dict[str, float], done: float, left_s: float) -> None:
        whole_s = left_s / (1 - done) if done < 1 else row.get("seconds", 0.0)
        progress(row, (k + done) / size, left_s + (size - k - 1) * whole_s)

    return report


def _average(each: list[Prediction], samples: int | None) -> Prediction:
    """Average what can be averaged; everything else is that of the first prediction.

    With `samples`, the rate samples are taken from all predictions in turn.
    """
    first = each[0]
    return replace(
        first,
        rates=np.mean([one.rates for one in each], axis=0),
        rate_samples=None
        if samples is None
        else _in_turn([one.rate_samples for one in each], samples),
        terms={k: v for k, v in first.terms.items() if k.startswith("kl")},
        label_probabilities={
            k: np.mean([one.label_probabilities[k] for one in each], axis=0)
            for k in first.label_probabilities
        },
        **_behavior(each, samples),
    )


def _behavior(each: list[Prediction], samples: int | None) -> dict[str, Any]:
    """Average behaviour over the members, and collect its samples.

    Of continuous behaviour: the mean, and by the law of total variance the standard deviation of an
    observed value about it. Of categorical behaviour: the mean probabilities, and the category they
    make likeliest.
    """
    means = np.array([one.behavior for one in each if one.behavior is not None])
    if not len(means):
        return {}
    drawn = None if samples is None else _in_turn([one.behavior_samples for one in each], samples)
    if categories := each[0].behavior_categories:
        likely = {
            k: np.mean([one.behavior_probabilities[k] for one in each], axis=0) for k in categories
        }
        answer = likeliest_categories(likely, categories)
        return {"behavior": answer, "behavior_probabilities": likely, "behavior_samples": drawn}
    mean, stds = means.mean(0), np.array([one.behavior_std for one in each])
    # mean of the variances within members plus the variance of the means between them
    std = np.sqrt((stds**2 + (means - mean) ** 2).mean(0))
    return {"behavior": mean, "behavior_std": std, "behavior_samples": drawn}


def _in_turn(samples: list[np.ndarray | None], n: int) -> np.ndarray:
    """Collect `n` samples: sample 0 of each member, then sample 1 of each, and so on."""
    drawn = [np.empty(0) if one is None else one for one in samples]
    return np.stack([drawn[i % len(drawn)][i // len(drawn)] for i in range(n)])
