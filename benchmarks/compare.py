"""All models of the library on all recordings: the numbers of docs/comparison.md.

    python benchmarks/compare.py DATA_FOLDER [--out RESULTS] [--recordings NAME …] [--models NAME …]
        [--seeds 2] [--split-seed 1] [--workers 2] [--folds N]

`undertow compare` on each recording (see recordings.py for how they are read), every model at its
defaults, each choosing on validation trials inside the training trials. MINT is among them. Of five
folds all are fitted where a fit takes a minute, else the first alone, whose test trials are many.
Leaves a page, a table and the fits of each recording in RESULTS, and prints its tables, at the end
those of all recordings side by side. Finished fits are not run again.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from recordings import MADE, RECORDINGS
from undertow.experiments import CellResult, Comparison, compare, compared_by_default, named_models
from undertow.experiments.comparison import tables
from undertow.experiments.text_tables import cell_text, markdown_table

FOLDS = {"maze_reach": 5, "visual_s01": 5}
"""Folds that are fitted, of the five; one of all other recordings."""


def say(result: CellResult, done: int, total: int) -> None:
    """One line per fit."""
    score = (result.scores or {}).get("co-bps", float("nan"))
    print(
        f"{result.cell.name}: {result.error or f'co-bps {score:.4f}, {result.fit_s:.0f} s'}",
        flush=True,
    )


def show(name: str, found: Comparison) -> None:
    """The tables of a recording, and who is level with the best."""
    print(f"\n## {name}\n\n{found.markdown()}")
    for sentence in found.sentences():
        print(sentence)
    for fit, error in found.errors.items():
        print(f"failed: {fit}: {error}")


def side_by_side(found: Mapping[str, Comparison], models: Sequence[str]) -> str:
    """Each score of the models on all recordings that have it, and their processor seconds."""
    names = list(dict.fromkeys(name for each in found.values() for name in each.level))
    return "\n".join(
        [f"\n## {name}\n\n{_score(found, models, name)}" for name in names]
        + [f"\n## processor seconds a fit\n\n{_seconds(found, models)}"]
    )


def _score(found: Mapping[str, Comparison], models: Sequence[str], name: str) -> str:
    """Models by recordings, '*' where level with the best; then the first model beside the rest."""
    having = {recording: each for recording, each in found.items() if name in each.level}
    scored = {model for each in having.values() for model in _scored(each, name)}
    rows = [[model] for model in models if model in scored]
    beside = ["*first minus the best of the others*"]
    for each in having.values():
        values = _scored(each, name)
        for row in rows:
            star = tables.LEVEL if row[0] in each.level[name] else ""
            row.append(f"{values[row[0]]:.3f}{star}".replace("-", "−") if row[0] in values else "–")
        first, *_ = each.models
        others = [model for model in each.ranking.ranked(name) if model != first]
        apart = each.ranking.behind(first, others[0], name) if others else None
        beside.append(
            "–" if apart is None else f"{apart.brief(sign=True, spread=False)} {others[0]}"
        )
    last = [beside] if set(beside[1:]) > {"–"} else []
    return markdown_table(["model", *having], [*rows, *last])


def _scored(found: Comparison, name: str) -> dict[str, float]:
    """Value of a score, of the models that have it."""
    scores = {model: each.scores.get(name) for model, each in found.models.items()}
    return {model: score.value for model, score in scores.items() if score is not None}


def _seconds(found: Mapping[str, Comparison], models: Sequence[str]) -> str:
    rows = []
    for model in models:
        fitted = [each.models.get(model) for each in found.values()]
        rows.append([model, *(cell_text(each.cpu_s if each else None) for each in fitted)])
    return markdown_table(["model", *found], rows)


def run(options: argparse.Namespace, name: str, models: Sequence[str]) -> Comparison:
    """Fit and compare on one recording."""
    protocol = {**RECORDINGS, **MADE}[name]
    out = options.out / name
    found = compare(
        protocol.load(options.data),
        out,
        named_models(models),
        seeds=range(options.seeds),
        only_folds=range(options.folds or FOLDS.get(name, 1)),
        split_seed=options.split_seed,
        workers=options.workers,
        data_name=name,
        report=say,
    )
    found.write(out, {"source": {"recording": name}, "split_seed": options.split_seed})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/compare"))
    parser.add_argument("--recordings", nargs="+", default=[*RECORDINGS, *MADE])
    parser.add_argument("--models", nargs="+", default=[*compared_by_default(), "mint"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--split-seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folds", type=int, help="so many of each recording's five folds")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for name in options.recordings:
        found[name] = run(options, name, options.models)
        show(name, found[name])
    print(side_by_side(found, options.models))


if __name__ == "__main__":
    main()
