"""Velocity decoders that are learned in one session of a joint model and tested in another."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from undertow.data import Prediction, Splits, TrialSet, join_trials
from undertow.evaluation import Score, combine, transfer_statistic, velocity_channels
from undertow.evaluation.scores.velocity import LOG_RATES, decodable
from undertow.evaluation.tables import Table, Tabular
from undertow.experiments.scores import score_text
from undertow.files import write_json
from undertow.models import JointModel

FILE = "transfer.json"


@dataclass(frozen=True, eq=False, repr=False)
class Transfer(Tabular):
    """How well decoders of velocity do in sessions that they were not learned in.

    Attributes:
        scores: session that a decoder was learned in → session that it is tested in → its score,
            see `undertow.evaluation.transfer_statistic`.
    """

    scores: Mapping[str, Mapping[str, Score]]

    def table(self) -> Table:
        """A row per session that a decoder was learned in, a column per session it is tested in."""
        heads = ["velocity R2, decoder of", *(f"tested in {name}" for name in self.scores)]
        rows = [
            [name, *(score_text(each) for each in found.values())]
            for name, found in self.scores.items()
        ]
        return heads, rows

    def write(self, folder: Path) -> Path:
        """Write transfer.json, a row per pair of sessions."""
        rows = [
            {"decoder of": one, "tested in": other, **score.to_dict()}
            for one, found in self.scores.items()
            for other, score in found.items()
        ]
        return write_json(folder / FILE, {"scores": rows})


def transfer(model: JointModel, splits: Mapping[str, Splits]) -> Transfer | None:
    """Test the velocity decoder of each session's training trials on all sessions' test trials.

    None where sessions do not have the same channels of velocity, or too little of it.

    Args:
        model: fitted.
        splits: session → its parts.
    """
    names = {
        tuple(each.train.behavior_names[k] for k in velocity_channels(each.train))
        for each in splits.values()
    }
    learned = {name: join_trials(each.train, each.validation) for name, each in splits.items()}
    tested = {name: each.test for name, each in splits.items()}
    if len(names) != 1 or not all(map(_decodable, [*learned.values(), *tested.values()])):
        return None
    trained = {name: model[name].predict(trials) for name, trials in learned.items()}
    found = {name: model[name].predict(trials) for name, trials in tested.items()}
    return Transfer(
        {
            one: {other: _score(test, train) for other, test in found.items()}
            for one, train in trained.items()
        }
    )


def _decodable(trials: TrialSet) -> bool:
    return decodable(trials, LOG_RATES.bins(trials))


def _score(test: Prediction, train: Prediction) -> Score:
    statistic = transfer_statistic(test, train)
    return combine([[{statistic.name: statistic}]])[statistic.name]
