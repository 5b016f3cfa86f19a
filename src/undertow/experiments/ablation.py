"""Ablation: the same model with one part changed at a time, on the same folds and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from undertow.data import TrialSet
from undertow.errors import UndertowError
from undertow.experiments.ablation_result import Ablation
from undertow.experiments.cells import CellResult, Report
from undertow.experiments.fitting import told
from undertow.experiments.grid import run_grid
from undertow.experiments.workers import Shard, Workers, check_all_there
from undertow.models.base import Estimator, ProgressReport
from undertow.names import nearest
from undertow.training import Training

Arm = Mapping[str, Any] | Estimator
NOTHING: Mapping[str, Any] = {}
CHOICE, CELLS = "choice", "cells"

ARMS: Mapping[str, Mapping[str, Any]] = {
    "full": {},
    "linear-decoder": {"decoder": "linear"},
    "linear-encoder": {"encoder": "linear"},
    "no-langevin": {"dynamics": None},
    "input-potential": {"dynamics__potential": "input-driven"},
    "first-order": {"dynamics__order": 1},
    "mlp-potential": {"dynamics__potential": "mlp"},
    "context-potential": {"dynamics__potential": "context"},
}
"""Settings that differ from the full model's, by name; the first six in the order of the
LangevinFlow paper's Table 6."""

TABLE_6 = {name: settings for name, settings in ARMS.items() if name in list(ARMS)[:6]}
"""The arms of the paper's Table 6: what `ablate` runs by default."""


def ablate(
    trials: TrialSet,
    out: str | Path,
    base: Estimator,
    arms: Mapping[str, Arm] = TABLE_6,
    dropouts: Sequence[float] = (),
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    more_seeds: Mapping[str, Sequence[int]] = NOTHING,
    only_folds: Mapping[str, Sequence[int]] = NOTHING,
    split_seed: int = 0,
    workers: int | Workers = 1,
    shard: str | Shard | None = None,
    keep_models: bool = False,
    data_name: str = "data",
    report: Report | None = None,
    progress: ProgressReport | None = None,
    verbose: bool = True,
) -> Ablation:
    """Fit every arm on the same folds and seeds, and compare each with the first, paired.

    Of several dropouts each arm takes the one that validates best on fold 0, with the first seed.
    Then every fold and seed is fitted as the base's settings say: by default the epoch and the
    shares of the pool are chosen on validation trials among the training trials, and the model is
    fitted again on all of these. Finished cells in `out` are read, not run again; a cell that fails
    is left out of its arm, named in `Ablation.errors` and tried again next time.

    Args:
        trials: all trials, held-out neurons marked.
        out: directory of the cells: choice/ and cells/.
        base: the full model, not fitted.
        arms: name → settings that differ from the base's; or a model that takes the base's place
            and keeps its own dropout, such as `Smoothing()`. An arm that sets 'dropout' keeps it
            too. The first is what the others are compared with.
        dropouts: to choose from; one value is taken as it is, none leaves the base's.
        folds: number of stratified folds.
        seeds: of weights, batches and noise, for every arm.
        more_seeds: arm → further seeds, fitted after all arms have had `seeds`.
        only_folds: arm → the folds it is fitted on; all where not named.
        split_seed: of the folds.
        workers, shard, keep_models, report, progress: as in `run_grid`; numbers in `report` are of
            one stage (choice, cells).
        data_name: of the recording, in the names of the cells.
        verbose: as in `cross_validate`.

    Raises:
        UndertowError: for an arm nobody named, a fold that is not there, or a cell in `out` of
            other settings or data.
        UnfinishedError: where this shard is done and others are not; with several dropouts also
            where these are not all tried, which comes first.
    """
    out, workers, shard = Path(out), Workers.resolved(workers), Shard.of(shard)
    _check(arms, dropouts, folds, seeds, more_seeds, only_folds)
    options: dict[str, Any] = {
        "folds": folds,
        "split_seed": split_seed,
        "workers": workers,
        "shard": shard,
        "keep_models": keep_models,
        **told(report, progress, verbose),
    }
    models = arm_models(base, arms)
    free = {
        n: models[n]
        for n, arm in arms.items()
        if not isinstance(arm, Estimator) and "dropout" not in arm
    }
    data = {data_name: trials}
    with workers.ready(out, [trials], list(models.values())):
        choice = (
            {}
            if len(dropouts) < 2
            else _try_dropouts(free, dropouts, data, out / CHOICE, seeds[0], options)
        )
        check_all_there([cell for found in choice.values() for cell in found.values()], shard)
        for name in free if dropouts else ():
            models[name] = models[name].copy(dropout=_best(choice.get(name, {}), dropouts))
        parts = {name: tuple(only_folds.get(name, range(folds))) for name in arms}
        cells = _fit_all(models, data, out / CELLS, parts, {name: seeds for name in arms}, options)
        cells += _fit_all(models, data, out / CELLS, parts, more_seeds, options)
    check_all_there(cells, shard)
    tried = {
        arm: {dropout: cell.validation_score for dropout, cell in found.items()}
        for arm, found in choice.items()
    }
    return Ablation.from_cells(
        models, cells, tried, [c for found in choice.values() for c in found.values()]
    )


def arm_models(base: Estimator, arms: Mapping[str, Arm]) -> dict[str, Estimator]:
    """Arm → a fresh model: the base with the arm's settings, or the model that takes its place.

    Raises:
        ModelError: for a setting the base does not have.
    """
    return {
        name: arm.copy() if isinstance(arm, Estimator) else base.copy(**arm)
        for name, arm in arms.items()
    }


def without_refit(model: Estimator) -> Estimator:
    """The model fitted once, wherever it, or a model inside it, has a training loop."""
    changed: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        if isinstance(value, Training):
            changed[name] = replace(value, refit=False)
        elif isinstance(value, Estimator):
            changed[name] = without_refit(value)
    return model.copy(**changed)


def _check(
    arms: Mapping[str, Arm],
    dropouts: Sequence[float],
    folds: int,
    seeds: Sequence[int],
    more_seeds: Mapping[str, Sequence[int]],
    only_folds: Mapping[str, Sequence[int]],
) -> None:
    if not arms or not seeds:
        raise UndertowError("an ablation needs at least one arm and one seed.")
    if not all(0 <= dropout < 1 for dropout in dropouts):
        raise UndertowError(
            f"the dropouts are {list(dropouts)}: each must be from 0 up to, not including, 1."
        )
    for name in (*more_seeds, *only_folds):
        if name not in arms:
            raise UndertowError(f"there is no arm {name!r}: {nearest(name, arms)}")
    for name, chosen in only_folds.items():
        if not chosen or not set(chosen) <= set(range(folds)):
            raise UndertowError(
                f"arm {name!r} is to be fitted on folds {list(chosen)}: there are 0 to {folds - 1}."
            )


def _try_dropouts(
    models: Mapping[str, Estimator],
    dropouts: Sequence[float],
    data: Mapping[str, TrialSet],
    out: Path,
    seed: int,
    options: Mapping[str, Any],
) -> dict[str, dict[float, CellResult]]:
    """Arm → dropout → its cell on fold 0, trained on the training trials alone."""
    candidates = {
        f"{name}-dropout{dropout:g}": without_refit(model.copy(dropout=dropout))
        for name, model in models.items()
        for dropout in dropouts
    }
    settings = {**options, "keep_models": False, "only_folds": (0,), "seeds": (seed,)}
    found = {cell.cell.model: cell for cell in run_grid(candidates, data, out, **settings)}
    return {name: {d: found[f"{name}-dropout{d:g}"] for d in dropouts} for name in models}


def _best(tried: Mapping[float, CellResult], dropouts: Sequence[float]) -> float:
    """The dropout with the best validation score.

    It is the first one given where none was tried or none finished.
    """
    scores = {dropout: cell.validation_score for dropout, cell in tried.items() if not cell.error}
    return max(scores, key=lambda dropout: scores[dropout], default=dropouts[0])


def _fit_all(
    models: Mapping[str, Estimator],
    data: Mapping[str, TrialSet],
    out: Path,
    folds: Mapping[str, tuple[int, ...]],
    seeds: Mapping[str, Sequence[int]],
    options: Mapping[str, Any],
) -> list[CellResult]:
    """The cells of the arms in `seeds`.

    Arms that share folds and seeds share a grid, so that no worker waits.
    """
    groups: dict[tuple[tuple[int, ...], tuple[int, ...]], dict[str, Estimator]] = {}
    for name, given in seeds.items():
        groups.setdefault((folds[name], tuple(given)), {})[name] = models[name]
    return [
        cell
        for (only, given), group in groups.items()
        for cell in run_grid(group, data, out, seeds=given, only_folds=only, **options)
    ]
