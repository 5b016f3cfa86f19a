"""The page of a comparison: one HTML file that loads nothing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.evaluation import Score
from undertow.evaluation.tables import Table
from undertow.experiments.comparison import tables
from undertow.experiments.comparison.ranking import Ranking
from undertow.experiments.comparison.two_models import condition_scores, neuron_scores
from undertow.report.page import facts, figure, page, plural, section, text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = (
    "Values are means over folds of means over seeds, with 95 % bootstrap intervals over test "
    "trials and, where there are several, seeds; trials are resampled alike for all models, so "
    "that differences are paired. A star marks the best of a score and those whose difference "
    "from it has an interval that holds zero: level with the best. Many scores are compared here, "
    "and one interval in twenty misses. A model that was told something of test trials that others "
    "were not is marked, and ranked with none. Every model makes its choices on validation trials "
    "inside the training trials; test trials were predicted once. A model whose fits depend on no "
    "seed is fitted once a fold, and that fit stands for all seeds. {settings}"
)
AS_GIVEN = "No settings were searched: all models have those given, by default their own defaults."
SEARCHED = (
    "Before each fit {tried} settings of each model were tried on the validation trials of its "
    "fold, drawn at random from its search space, those given among them, and the model was fitted "
    "under the best. Models that choose by grids of their own have no search space."
)
PAIRED = ("co-bps", "held-in bps")
"""Scores that single neurons have, the first there is."""


def comparison_page(
    ranking: Ranking,
    curves: Mapping[int, Mapping[str, Mapping[str, Score]]],
    errors: Mapping[str, str],
    about: Mapping[str, Any],
) -> str:
    """The whole page, as text.

    Args:
        ranking: of the models.
        curves: scores by number of training trials.
        errors: fit → error.
        about: facts about data and software.
    """
    said = tables.sentences(ranking)
    heading = f"{plural(len(ranking.models), 'model')} compared"
    lead = "".join(f"<li>{text(each)}</li>" for each in said)
    body = [
        f"<h1>{text(heading)}</h1>",
        f"<ul>{lead}</ul>" if said else "<p>No two models have a score in common.</p>",
        _failures(errors),
        section("scores", "Scores", _html(tables.score_table(ranking)), *_scores_drawn(ranking)),
        section("differences", "Differences", _html(tables.difference_table(ranking))),
        section("costs", "Ranks and costs", _html(tables.cost_table(ranking))),
        *_pair_drawn(ranking),
        *_curves_drawn(ranking, curves),
        section("methods", "How this was done", _methods(ranking)),
        section("about", "Data and software", facts(_plain_facts(about))),
    ]
    return page(heading, body)


def _methods(ranking: Ranking) -> str:
    tried = max(each.tried for each in ranking.models.values())
    words = METHODS.format(settings=AS_GIVEN if tried == 1 else SEARCHED.format(tried=tried))
    return f'<p class="methods">{text(words)}</p>'


def _plain_facts(about: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("source", "folds", "seeds", "split_seed", "budget_minutes", "versions")
    return {name.replace("_", " "): about[name] for name in kept if about.get(name) is not None}


def _html(table: Table) -> str:
    heads, rows = table
    head = "".join(f"<th>{text(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide"><table>{inside}</table></div>'


def _cell(words: str) -> str:
    """A value in front, its interval small below; bold where it is level with the best."""
    mark = ' class="main"' if words.endswith(tables.LEVEL) else ""
    value, bracket, interval = words.partition(" [")
    small = f"<small>{text(bracket.strip() + interval)}</small>" if bracket else ""
    return f"<td{mark}>{text(value)}{small}</td>"


def _failures(errors: Mapping[str, str]) -> str:
    if not errors:
        return ""
    items = "".join(f"<li>{text(name)}: {text(error)}</li>" for name, error in errors.items())
    return f'<div class="notes"><p>Fits that failed:</p><ul>{items}</ul></div>'


def _drawn(draw: Any, name: str, heading: str, caption: str) -> str:
    from undertow.plots.style import image_bytes, off_screen

    sheet: Figure = off_screen()
    draw(sheet)
    return figure(name, heading, image_bytes(sheet), caption)


def _scores_drawn(ranking: Ranking) -> Sequence[str]:
    from undertow import plots

    if not ranking.score_names:
        return []
    scores = {
        name: {s: each.scores[s] for s in ranking.score_names if s in each.scores}
        for name, each in ranking.models.items()
    }
    caption = (
        "Each model's scores with 95 % intervals, best by the first score on top. Blue: level with "
        "the best of the score; grey: behind it."
    )
    return [
        _drawn(
            lambda sheet: plots.score_intervals(scores, ranking.level, figure=sheet),
            "score_intervals",
            "All scores",
            caption,
        )
    ]


def _pair_drawn(ranking: Ranking) -> Sequence[str]:
    """The first model against the best of the others: neuron by neuron, condition by condition."""
    from undertow import plots

    score = next((each for each in PAIRED if each in ranking.score_names), None)
    if score is None:
        return []
    first = next(iter(ranking.models))
    other = next((name for name in ranking.ranked(score) if name != first), None)
    if other is None or first not in ranking.ranked(score):
        return []
    pair = ranking.models[first], ranking.models[other]
    neurons = neuron_scores(pair[0], score), neuron_scores(pair[1], score)
    mine, theirs = (condition_scores(each, score) for each in pair)
    shared = [name for name in mine if name in theirs]
    conditions = (
        np.array([mine[name] for name in shared]),
        np.array([theirs[name] for name in shared]),
    )
    caption = (
        f"{score} of every neuron (left) and of every condition's trials (right), over all folds "
        f"and seeds: above the line {other} is better, below it {first}."
    )
    drawn = _drawn(
        lambda sheet: plots.model_pair(neurons, conditions, (first, other), figure=sheet),
        "model_pair",
        f"{first} and {other}, neuron by neuron",
        caption,
    )
    return [section("pair", f"{first} against {other}", drawn)]


def _curves_drawn(
    ranking: Ranking, curves: Mapping[int, Mapping[str, Mapping[str, Score]]]
) -> Sequence[str]:
    from undertow import plots

    if not curves or not ranking.score_names:
        return []
    names = [name for name in ranking.score_names[:3] if _anyone(curves, name)]
    drawn = _drawn(
        lambda sheet: plots.learning_curves(curves, names, figure=sheet),
        "learning_curves",
        "Scores by number of training trials",
        "Scores of each model fitted on fewer training trials of each fold, validation trials "
        "among them, with 95 % intervals; the test trials are the same.",
    )
    return [section("curves", "Learning curves", drawn)]


def _anyone(curves: Mapping[int, Mapping[str, Mapping[str, Score]]], score: str) -> bool:
    return any(score in scores for models in curves.values() for scores in models.values())
