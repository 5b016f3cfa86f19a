"""How many latents: held-out scores of one model at several latent sizes.

All sizes are fitted on the same folds and seeds.
"""

from collections.abc import Callable, Mapping, Sequence
from math import gcd
from pathlib import Path
from typing import Any

from undertow.data import Splits, TrialSet, fold_splits, join_trials
from undertow.dynamics import Dynamics
from undertow.dynamics.named import make_dynamics
from undertow.errors import ModelError, UndertowError
from undertow.evaluation import few_shot_statistics, load_statistics, save_statistics
from undertow.evaluation.metrics.few_shot import REPEATS, check_draws
from undertow.evaluation.scores.few_shot import NAME as FEW_SHOT
from undertow.experiments.cells import CellResult, Report
from undertow.experiments.fitting import code_in, told
from undertow.experiments.grid import run_grid
from undertow.experiments.latent_curve_result import FewShot, Found, LatentCurve
from undertow.experiments.workers import Shard, Workers, check_all_there
from undertow.models.base import Estimator, ProgressReport
from undertow.randomness import isolated_seed
from undertow.training import teller

SIZES, SHOTS = (2, 4, 8, 16, 32), 16
SIZE = "latent_dim"
CELLS = "cells"


def latent_curve(
    trials: TrialSet,
    out: str | Path,
    base: Estimator,
    sizes: Sequence[int] = SIZES,
    folds: int = 5,
    seeds: Sequence[int] = (0,),
    shots: int = SHOTS,
    repeats: int = REPEATS,
    penalty: float | None = None,
    split_seed: int = 0,
    workers: int | Workers = 1,
    shard: str | Shard | None = None,
    report: Report | None = None,
    progress: ProgressReport | None = None,
    say: Callable[[str], None] | None = None,
    verbose: bool = True,
) -> LatentCurve:
    """Fit a model at every latent size, fold and seed, and score it on held-out neurons.

    The scores are 'co-bps' and 'few-shot co-bps'.

    Finished cells in `out` are read, not run again. A cell that fails is named in
    `LatentCurve.errors` and tried again next time; its size is left out of the curve, since sizes
    are compared over the same folds.

    Args:
        trials: all trials, held-out neurons marked.
        out: directory of the results; gets cells/ with the fitted models.
        base: the model, not fitted; see `resized` for what a size changes in it.
        sizes: latent sizes.
        folds: number of stratified folds.
        seeds: of weights, batches and noise.
        shots: training trials a few-shot readout sees, the k of `few_shot_co_smoothing`.
        repeats: draws of so many.
        penalty: L2, of the readouts; by default chosen anew in each draw by cross-validation over
            its trials.
        split_seed: of the folds.
        workers, shard, report, progress: as in `run_grid`.
        say: called with one line before the few-shot scores.
        verbose: as in `cross_validate`.

    Raises:
        UndertowError: when no neuron is held out, the sizes are not different whole numbers above
            zero, a size is refused by the model, or `shots` is more than the training trials of a
            fold or, without a penalty, below 2; nothing is fitted then.
        UnfinishedError: where this shard is done, and others are not.
    """
    shard = Shard.of(shard)
    name, sizes = size_name(base), checked_sizes(sizes)
    models = {f"{name}{size}": resized(base, size) for size in sizes}
    parts = fold_splits(trials, folds, split_seed)
    few_shot = FewShot(shots, repeats, penalty)
    check_scorable(trials, parts, few_shot)
    cells = run_grid(
        models,
        {"data": trials},
        Path(out) / CELLS,
        folds=folds,
        seeds=seeds,
        split_seed=split_seed,
        workers=workers,
        shard=shard,
        keep_models=True,
        **told(report, progress, verbose),
    )
    check_all_there(cells, shard)
    teller(say, verbose)(
        f"few-shot co-smoothing: readouts fitted on {shots} trials, {repeats} draws in each fold"
    )
    found = [_found(cell, models, parts, few_shot) for cell in cells]
    by_size = {
        size: [each for each in found if each.cell.cell.model == f"{name}{size}"] for size in sizes
    }
    return LatentCurve.from_cells(name, by_size, folds, few_shot)


def size_name(model: Estimator) -> str:
    """The setting that says how many latents a model has.

    Raises:
        ModelError: for a model without latents.
    """
    params = model.get_params(deep=False)
    if SIZE not in params or params.get("dynamics") is None:
        raise ModelError(
            f"{model.cli_name} has no latents to count: choose langevin-flow or latent-sde."
        )
    return SIZE


def resized(model: Estimator, size: int) -> Estimator:
    """An unfitted model with so many latents.

    The oscillator chains of LangevinFlow (`dynamics.groups`) become the greatest common divisor of
    size and chains; a latent SDE's dynamics are made anew at the size.

    Raises:
        ModelError: for a model without latents, or dynamics that refuse the size.
    """
    changes: dict[str, Any] = {size_name(model): size}
    dynamics = model.piece("dynamics")
    if isinstance(dynamics, Dynamics):
        changes["dynamics__state_dim"] = size
    elif isinstance(dynamics, str):
        with isolated_seed(0):
            make_dynamics(dynamics, {"state_dim": size})
    else:
        changes["dynamics__groups"] = gcd(size, dynamics.groups)
    return model.copy(**changes)


def checked_sizes(sizes: Sequence[int]) -> list[int]:
    """The sizes, smallest first.

    Raises:
        UndertowError: when there is none, one comes twice, or one is not a whole number above zero.
    """
    whole = all(size >= 1 and size % 1 == 0 for size in sizes)
    if not sizes or not whole or len(set(sizes)) < len(sizes):
        raise UndertowError(
            f"the sizes are {list(sizes)}: give different whole numbers, each at least 1."
        )
    return sorted(int(size) for size in sizes)


def check_scorable(trials: TrialSet, parts: Sequence[Splits], few_shot: FewShot) -> None:
    """Check what the scores need, before anything is fitted.

    Raises:
        UndertowError: when no neuron is held out.
        DataError: for shots, repeats or a penalty that cannot be.
    """
    if not trials.heldout.any():
        raise UndertowError(
            "no neuron is held out, and sizes are compared by held-out neurons: hold some out."
        )
    check_draws(*few_shot, min(part.train.n_trials + part.validation.n_trials for part in parts))


def _found(
    cell: CellResult, models: Mapping[str, Estimator], parts: Sequence[Splits], few_shot: FewShot
) -> Found:
    """The statistics of 'co-bps' and of each draw of 'few-shot co-bps'.

    Those of the draws are kept in a file beside the cell, with their penalties.
    """
    if cell.error:
        return Found(cell, {}, [])
    shots, repeats, penalty = few_shot
    path = cell.path.with_suffix(f".{shots}-shot-x{repeats}-penalty-{penalty or 'chosen'}.npz")
    if not path.exists():
        model = models[cell.cell.model]
        fitted = type(model).load(cell.model_path, **code_in(model))
        train, validation, test = parts[cell.cell.fold or 0]
        predictions = fitted.predict(join_trials(train, validation)), fitted.predict(test)
        draws = zip(
            *few_shot_statistics(*predictions, shots, repeats, penalty=penalty), strict=True
        )
        save_statistics(
            path, {f"draw {r} penalty {used}": each for r, (each, used) in enumerate(draws)}
        )
    kept = load_statistics(path)
    penalties = [float(name.split()[-1]) for name in kept]
    return Found(
        cell, {"co-bps": [cell.statistics()["co-bps"]], FEW_SHOT: list(kept.values())}, penalties
    )
