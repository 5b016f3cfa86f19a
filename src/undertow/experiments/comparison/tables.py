"""Tables and sentences of a comparison."""

from typing import Any

from undertow.evaluation import Score
from undertow.evaluation.tables import Table
from undertow.experiments.comparison.compared import Compared
from undertow.experiments.comparison.ranking import Ranking
from undertow.experiments.scores import score_text
from undertow.experiments.text_tables import cell_text

LEVEL = " *"
"""Marks scores that are level with the best."""


def score_table(ranking: Ranking) -> Table:
    """A row per model: each score, '*' where it is level with the best."""
    rows = []
    for name, each in ranking.models.items():
        row = [f"{name} (told the {each.told})" if each.told else name]
        for score in ranking.score_names:
            mark = LEVEL if name in ranking.level.get(score, ()) else ""
            row.append(score_text(each.scores.get(score), spread=False) + mark)
        rows.append(row)
    return ["model", *ranking.score_names], rows


def difference_table(ranking: Ranking) -> Table:
    """A row per model but the first: how far each of its scores is from the first one's."""
    reference, *others = ranking.models
    rows = [
        [name, *(_difference(ranking.models[name], score) for score in ranking.score_names)]
        for name in others
    ]
    return [f"minus {reference}", *ranking.score_names], rows


def _difference(each: Compared, score: str) -> str:
    return score_text(each.differences.get(score), sign=True, spread=False)


def cost_table(ranking: Ranking) -> Table:
    """A row per model: mean rank, fits, parameters, seconds, memory."""
    rows = model_rows(ranking)
    return list(rows[0]), [[cell_text(value) for value in row.values()] for row in rows]


def model_rows(ranking: Ranking) -> list[dict[str, Any]]:
    """One plain row per model."""
    searched = any(each.tried > 1 for each in ranking.models.values())
    return [
        {
            "model": name,
            "mean rank": ranking.mean_rank(name),
            "fits": each.fits,
            "parameters": each.parameters.get("all"),
            "seconds a fit": each.fit_s,
            "processor seconds a fit": each.cpu_s,
            "peak memory (MB)": None if each.peak_bytes is None else each.peak_bytes / 1e6,
            **(_search(each) if searched else {}),
        }
        for name, each in ranking.models.items()
    ]


def _search(each: Compared) -> dict[str, Any]:
    return {"settings tried": each.tried, "processor seconds a search": each.search_cpu_s}


def score_rows(ranking: Ranking) -> list[dict[str, Any]]:
    """One plain row per model and score: value, difference, rank, level with the best."""
    return [
        {
            "model": name,
            **score.to_dict(),
            "difference": _value(each.differences.get(key), "value"),
            "difference_low": _value(each.differences.get(key), "low"),
            "difference_high": _value(each.differences.get(key), "high"),
            "rank": ranking.rank(name, key) if key in ranking.score_names else None,
            "level_with_best": name in ranking.level[key] if key in ranking.level else None,
            "folds": len(each.statistics),
            "fits": each.fits,
        }
        for name, each in ranking.models.items()
        for key, score in each.scores.items()
    ]


def _value(score: Score | None, name: str) -> Any:
    return None if score is None else score.to_dict()[name]


def sentences(ranking: Ranking) -> list[str]:
    """Who is best by each score, and who is level with it."""
    said = []
    for score, level in ranking.level.items():
        best, *others = level
        words = f"level with it: {', '.join(others)}" if others else "none is level with it"
        said.append(f"{score}: best {best}; {words}.")
    return said
