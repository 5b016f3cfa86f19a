"""`Ranking`: the models of a comparison by each score, and which are level with the best."""

from collections.abc import Mapping
from functools import cached_property
from math import isfinite, nan
from statistics import mean

from undertow.evaluation import Score
from undertow.experiments.comparison.compared import Compared
from undertow.experiments.pairing import paired_differences

HEADLINE = (
    "co-bps",
    "held-in bps",
    "fp-bps",
    "rate R2",
    "psth R2",
    "velocity R2",
    "generated bps",
    "behavior R2",
)
LABELS = "label accuracy "
"""Scores that tables show, higher is better; and where the names of further ones begin."""


class Ranking:
    """Places of models by each score.

    Args:
        models: name → results, in the order given.
    """

    def __init__(self, models: Mapping[str, Compared]) -> None:
        self.models = models

    @cached_property
    def score_names(self) -> list[str]:
        """Scores that tables show, of which higher is better."""
        known = {name for each in self.models.values() for name in each.scores}
        labels = sorted({name for name in known if name.startswith(LABELS)})
        return [n for n in (*HEADLINE, *labels) if n in known]

    def ranked(self, score: str) -> list[str]:
        """Models that have a score, the best first; without those told what others are not.

        Empty where one model alone has it: it is then neither best nor first.
        """
        values = {
            name: each.scores[score].value
            for name, each in self.models.items()
            if not each.told and score in each.scores and isfinite(each.scores[score].value)
        }
        return sorted(values, key=lambda name: -values[name]) if len(values) > 1 else []

    def rank(self, name: str, score: str) -> int | None:
        """Place of a model by a score, from 1; None where it has none."""
        ranked = self.ranked(score)
        return ranked.index(name) + 1 if name in ranked else None

    @cached_property
    def level(self) -> Mapping[str, Mapping[str, Score | None]]:
        """Score → models level with its best one → how far they are behind it.

        The paired interval of the difference from the best model holds zero; None for that one.
        """
        found: dict[str, dict[str, Score | None]] = {}
        for score in self.score_names:
            if not (ranked := self.ranked(score)):
                continue
            best, *others = ranked
            found[score] = {best: None}
            for name in others:
                behind = self.behind(name, best, score)
                if behind is not None and behind.high >= 0:
                    found[score][name] = behind
        return found

    def behind(self, name: str, best: str, score: str) -> Score | None:
        """Paired difference of a model from another by a score; None where there is none."""
        mine, theirs = (
            {
                fold: {seed: {score: sums[score]} for seed, sums in seeds.items() if score in sums}
                for fold, seeds in self.models[each].statistics.items()
            }
            for each in (name, best)
        )
        return paired_differences(mine, theirs).get(score)

    def mean_rank(self, name: str) -> float:
        """Mean place of a model over all scores it has."""
        ranks = [rank for s in self.score_names if (rank := self.rank(name, s)) is not None]
        return mean(ranks) if ranks else nan
