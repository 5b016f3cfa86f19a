"""Cross-validation of one model beside the baseline, on the grid runner."""

import time
import warnings
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from undertow.baselines import Smoothing
from undertow.data import TrialSet, fold_splits, join_trials
from undertow.data.separating import SEPARATED
from undertow.errors import DataWarning, UndertowError
from undertow.experiments.cells import CellResult, Report
from undertow.experiments.fitting import load_and_predict, noted, told
from undertow.experiments.grid import run_grid
from undertow.experiments.identity import gathering, identity, run_directory, split_ids
from undertow.experiments.reporting import report_run
from undertow.experiments.scores import FILE as SCORES
from undertow.experiments.scores import (
    score_table,
    score_warnings,
    true_rate_cells,
    write_scores,
)
from undertow.experiments.single_run import RunResult, fit_facts, has_baseline
from undertow.experiments.workers import Shard, Workers, check_all_there
from undertow.models.base import Estimator, ProgressReport
from undertow.report import check_kinds
from undertow.training import teller

CELLS = "cells"


def cross_validate(
    trials: TrialSet,
    model: Estimator,
    out: str | Path,
    folds: int = 5,
    split_seed: int = 0,
    resume: bool = False,
    progress: ProgressReport | None = None,
    report: Report | None = None,
    workers: int | Workers = 1,
    shard: str | Shard | None = None,
    source: Mapping[str, Any] | None = None,
    figures: Collection[str] = ("png",),
    verbose: bool = True,
) -> RunResult:
    """Fit and score `model` and Gaussian smoothing on every fold; scores are means over folds.

    Args:
        trials: all trials, held-out neurons marked; the file's own split is not used.
        model: not fitted yet.
        out: a new or empty directory; gets run.json, cells/ (a model, result and sums per fold),
            scores.json and a report whose figures are of the first fold.
        folds: number of stratified folds.
        split_seed: of the folds.
        resume: go on with the same cross-validation in `out`.
        progress, report: as in `run_grid`; by default a person who watches hears of both.
        workers, shard: as in `run_grid`.
        source, figures, verbose: as in `run`.

    Raises:
        UndertowError: as `run`, or when a fold fails; the finished ones are kept for `resume`.
        UnfinishedError: where this shard is done, and others are not.
    """
    check_kinds(figures)
    workers, shard = Workers.resolved(workers), Shard.of(shard)
    out, source, started = Path(out), source or {}, time.monotonic()
    tell = teller(None, verbose and report is None)
    with noted() as said:
        parts = fold_splits(trials, folds, split_seed)
    names = {f"fold{k}": split_ids(splits) for k, splits in enumerate(parts)}
    what = identity(model, trials, names, split_seed)
    models: dict[str, Estimator] = {model.cli_name: model}
    if has_baseline(model, trials):
        models[Smoothing.cli_name] = Smoothing()
    hears = told(report, progress, verbose)
    fit_all = partial(
        run_grid,
        folds=folds,
        split_seed=split_seed,
        workers=workers,
        shard=shard,
        keep_models=True,
        report=hears["report"],
        progress=hears["progress"],
    )
    seeds = (int(model.get_params(deep=False).get("seed", 0)),)
    done: dict[str, list[CellResult]] = {}
    with run_directory(out, what, resume, source, shard), warnings.catch_warnings():
        # said above: the grid makes the same folds again
        warnings.filterwarnings("ignore", message=SEPARATED, category=DataWarning)
        with workers.ready(out / CELLS, [trials], [model]):
            for name, each in models.items():
                done[name] = fit_all({name: each}, {"trials": trials}, out / CELLS, seeds=seeds)
                _check_all_finished(done[name])
        check_all_there([cell for mine in done.values() for cell in mine], shard)
        cells = {name: [[cell.statistics()] for cell in mine] for name, mine in done.items()}
        pairs = ((join_trials(each.train, each.validation), each.test) for each in parts)
        table = score_table(cells | true_rate_cells(pairs))
        first = parts[0]
        fits = [
            load_and_predict(models[name], first, mine[0].model_path) for name, mine in done.items()
        ]
        about = {
            **what,
            "source": source,
            **fit_facts(fits[0], first),
            "fit_s": sum(cell.fit_s for cell in done[model.cli_name]),
            "notes": [
                f"Scores are means over {folds} folds; all else is of the first fold.",
                *said,
                *fits[0].notes,
                *score_warnings(table.scores[model.cli_name]),
            ],
            "folds": [_fold_row(cell) for mine in done.values() for cell in mine],
        }
        baseline = fits[1] if len(fits) > 1 else None
        with gathering(out, shard):
            write_scores(out / SCORES, table, about)
            page = report_run(out, fits[0], baseline, table, about, figures)
    scored_s = max(time.monotonic() - started - about["fit_s"], 0.0)
    result = RunResult(out, fits[0].model, table, about["fit_s"], page, scored_s)
    tell(result.summary())
    return result


def _check_all_finished(done: Sequence[CellResult]) -> None:
    failed = [cell for cell in done if cell.error]
    if failed:
        raise UndertowError(
            f"{len(failed)} of {len(done)} fits failed, the first, {failed[0].cell.name}, with "
            f"{failed[0].error} What finished is kept: resume to try the others again."
        )


def _fold_row(cell: CellResult) -> dict[str, Any]:
    """One fold of scores.json."""
    return {
        "model": cell.cell.model,
        "fold": cell.cell.fold,
        "fit_s": cell.fit_s,
        "validation_score": cell.validation_score,
        "scores": cell.scores,
    }
