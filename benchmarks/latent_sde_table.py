"""Ten dynamics under one encoder and decoder (ElGazzar & van Gerven, Table 1), beside what needs no
dynamics, on four recordings.

    python benchmarks/latent_sde_table.py DATA_FOLDER [--out RESULTS] [--only maze_reach
    visual_decision] [--workers 2] [--seeds 3] [--split-seed 1]

The recordings are those of latent_sde_recordings.py, the rows without dynamics those of
trivial_rows.py. All scores are of what a model generates from the seconds it has seen and the
input, unless 'all seen' stands beside them: bits per spike of all neurons in the bins after them,
R² of the behaviour in the same bins, the share of labels that are right and their log-loss in nats.

Recurrent networks have as many units as in the paper; '(n)' behind one is that of states as wide as
the others'. On visual_decision 'split' is a state shared out among the regions, 'shared+split' one
of which they share a part as large as each one's own; all regions read the whole state elsewhere.

5 folds × 3 seeds (GP-SLDS one seed). Every row of a recording trains for as many steps; on
maze_reach on all training trials, to the end; on the others on 85 % of them, the step chosen by
generation on the rest. This, dropout and all else that rows share were chosen for CO-SDE inside the
training trials of fold 0 of split seed 0, and so was the step size of the linear SDE's matrix.
Intervals are 95 % bootstraps over folds, seeds and test trials, differences from the reference
paired. 'Mean of 3 fits' is of what the fits of all seeds generate, its interval over folds and
trials alone. Finished fits are not run again; --quick is a small check that everything runs,
--inner fits one fold inside those training trials alone.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from does_the_physics_help import say
from intervals import Folds, differences, folds_of, scores, shown
from latent_sde_recordings import RECORDINGS, Protocol
from trivial_rows import generation
from undertow import TrialSet
from undertow.data import fold_trials
from undertow.dynamics import (
    GRU,
    LSTM,
    RNN,
    CoupledOscillators,
    DiscreteDynamics,
    Dynamics,
    LinearSDE,
    NeuralSDE,
)
from undertow.evaluation import Statistic, generation_statistics
from undertow.experiments import CellResult, run_grid
from undertow.models import GPSLDS, Ensemble, LatentSDE, VariationalEM
from undertow.models.base import Estimator
from undertow.training import Training

FOLDS, UNITS, SAMPLES, REFERENCE, GP = 5, 64, 100, "CO-SDE", "GP-SLDS"
BAND = 0.05, 1.0  # cycles a trial: where the oscillators' frequencies start
STILL, DROPOUT = 0.125, 0.5  # share of modes that stand still; and of units left out in training
RATES = {"linear-SDE": 1.0}  # where not 5: how long the steps of the dynamics' own numbers are
MOST_CORRELATED = 32  # coordinates of an initial state whose covariances are inferred
GP_DIM, GP_ITERATIONS = 8, 30
SHARED_OUT = ("GRU", "CO-ODE", "neural-SDE", "CO-SDE")
"""Rows that are also fitted with the state dealt out to the regions."""
AVERAGED = (REFERENCE, "neural-SDE", "GRU")
"""Rows of which the mean over seeds stands in the table, too."""


def rows(dim: int) -> dict[str, Dynamics]:
    """The paper's rows, `dim` coordinates in those that are not recurrent networks.

    The linear SDE may grow, which is refused by default: held back from it, it learns next to
        nothing of such short trials.
    """
    return {
        "RNN": RNN(UNITS),
        f"RNN ({dim})": RNN(dim),
        "GRU": GRU(UNITS),
        f"GRU ({dim})": GRU(dim),
        "LSTM": LSTM(2 * UNITS),
        f"LSTM ({dim})": LSTM(dim),
        "neural-ODE": NeuralSDE(dim, noise=False),
        "CO-ODE": oscillators(dim, noise=False),
        "linear-SDE": LinearSDE(dim, allow_unstable=True),
        "neural-SDE": NeuralSDE(dim),
        "CO-SDE": oscillators(dim),
    }


def oscillators(dim: int, noise: bool = True) -> CoupledOscillators:
    """Some of them still."""
    return CoupledOscillators(dim, noise=noise, start_cycles=BAND, still=STILL)


def make_models(protocol: Protocol, steps: int) -> dict[str, Estimator]:
    """A model for each row, alike but for the dynamics; recurrent networks take a step a bin."""
    models: dict[str, Estimator] = {
        name: latent_sde(protocol, dynamics, steps, RATES.get(name, 5.0))
        for name, dynamics in rows(protocol.dim).items()
    }
    models[GP] = GPSLDS(
        GP_DIM,
        time=protocol.time,
        initial_s=protocol.seen_s,
        samples=SAMPLES,
        em=VariationalEM(iterations=GP_ITERATIONS, monitor="generate"),
    )
    for arrangement in protocol.arrangements:
        for name in SHARED_OUT:
            models[f"{name}, {arrangement}"] = models[name].copy(regions=arrangement)
    return models


def latent_sde(
    protocol: Protocol, dynamics: Dynamics, steps: int, dynamics_rate: float
) -> LatentSDE:
    """One row."""
    training = Training(
        steps=steps,
        batch_size=64,
        learning_rate=5e-3,
        dynamics_rate=dynamics_rate,
        validate_every=None,
        keep="last" if protocol.on_all else "best",
        refit=protocol.on_all,
        monitor="generate",
    )
    settings = {
        "posterior__initial_s": protocol.seen_s,
        "posterior__full_initial": dynamics.state_dim <= MOST_CORRELATED,
        "signals__time": protocol.time,
        "solver__bins_per_step": 1.0 if discrete(dynamics) else protocol.bins_per_step,
        **protocol.settings,
    }
    model = LatentSDE(dynamics, dropout=DROPOUT, samples=SAMPLES, training=training)
    return model.set_params(**settings)


def discrete(dynamics: Dynamics) -> bool:
    """Whether they take a step a bin, whatever its width."""
    return isinstance(dynamics, DiscreteDynamics)


def counts(cells: Sequence[CellResult], row: str) -> str:
    """Parameters of a row's dynamics, and of the whole model."""
    found = next(cell.parameters for cell in cells if cell.cell.model == row)
    return f"{found['dynamics']:,} of {found['all']:,}"


def table(found: Mapping[str, Folds], parameters: Mapping[str, str]) -> str:
    """Markdown: a row for each dynamics; under each score its paired difference from the
    reference."""
    names = list(found[REFERENCE][0][0])
    lines = [f"| dynamics | parameters | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for row, folds in found.items():
        values = scores(folds, over_folds=True)
        apart = differences(folds, found[REFERENCE], over_folds=True)
        cells = []
        for name in names:
            cell = shown(values[name]) if name in values else ""
            if cell and row != REFERENCE:
                cell += f"<br>{shown(apart[name], '+')}"
            cells.append(cell)
        lines.append(f"| {row} | {parameters.get(row, '–')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def study(name: str, protocol: Protocol, seeds: int, options: argparse.Namespace) -> None:
    """Fit, score and print one recording."""
    trials, out = protocol.load(options.data), options.out / name
    folds = None
    if options.inner:
        trials, out = trials[fold_trials(trials, FOLDS, 0)[0][0]], out / "inner"
    if options.inner or options.quick:
        folds = [0]
    out = out / "quick" if options.quick else out
    print(f"\n{name}, {seeds} seeds: {trials!r}", flush=True)
    models = make_models(protocol, 3 if options.quick else protocol.steps)
    models = {row: models[row] for row in options.rows or models if row in models}
    cells = [
        cell
        for row, model in models.items()
        for cell in run_grid(
            {row: model},
            {name: trials},
            out,
            folds=FOLDS,
            seeds=range(1 if row == GP else seeds),
            only_folds=folds,
            split_seed=options.split_seed,
            workers=options.workers,
            keep_models=row in AVERAGED,
            report=say,
        )
    ]
    found = {row: folds_of(cells, row, name, protocol.scores) for row in models}
    found |= averaged(cells, trials, protocol, options.split_seed) if seeds > 1 else {}
    found |= trivial(trials, protocol, folds, options.split_seed)
    print(f"\n{table(found, {row: counts(cells, row) for row in models})}", flush=True)


def averaged(
    cells: Sequence[CellResult], trials: TrialSet, protocol: Protocol, split_seed: int
) -> dict[str, Folds]:
    """The mean of what the fits of all seeds predict, a row for each of `AVERAGED`."""
    found: dict[str, Folds] = {}
    for row in AVERAGED:
        mine = [each for each in cells if each.cell.model == row]
        for fold, parts in enumerate(fold_trials(trials, FOLDS, split_seed)):
            paths = [each.model_path for each in mine if each.cell.fold == fold]
            if paths:
                name = f"{row}, mean of {len(paths)} fits"
                train, test = (trials[rows] for rows in parts)
                scored = averaged_statistics(paths, train, test, protocol)
                found.setdefault(name, []).append([scored])
    return found


def averaged_statistics(
    paths: Sequence[Path], train: TrialSet, test: TrialSet, protocol: Protocol
) -> dict[str, Statistic]:
    """Scores of the mean of fits that were kept, under the table's names."""
    model = Ensemble.of([LatentSDE.load(path) for path in paths])
    generated = model.predict_generated(test)
    assert generated is not None
    sums = generation_statistics(model.predict(test), *generated, train)
    return {protocol.scores[name]: sums[name] for name in protocol.scores if name in sums}


def trivial(
    trials: TrialSet, protocol: Protocol, folds: Sequence[int] | None, split_seed: int
) -> dict[str, Folds]:
    """The rows without dynamics, in italics."""
    seen = protocol.seen_bins(trials)
    made = generation(trials, FOLDS, seen, protocol.scores, split_seed, folds)
    return {f"*{row}*": each for row, each in made}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/latent_sde_table"))
    parser.add_argument("--only", nargs="+", choices=RECORDINGS, default=list(RECORDINGS))
    parser.add_argument("--rows", nargs="+", help=f"rows to fit, {REFERENCE} among them")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split-seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="3 steps, one fold")
    parser.add_argument(
        "--inner", action="store_true", help="one fold inside the training trials of fold 0"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    # a whole table of one seed first, then of two, …
    for seeds in range(1, options.seeds + 1):
        for name in options.only:
            study(name, RECORDINGS[name], seeds, options)


if __name__ == "__main__":
    main()
