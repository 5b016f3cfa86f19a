"""Noisy rate networks (ElGazzar & van Gerven, eq. 13) under a neural SDE, a neural ODE and a GRU:
their Fig. 2.

    python benchmarks/rate_network.py [--out RESULTS] [--images docs/images] [--workers 2]
        [--seeds 3] [--sigmas 0 0.5 1 2] [--dims 3] [--quick]

Two random networks, for process noise σ of 0, 0.5, 1 and 2 each: 300 trials of 1 s in 10 ms bins,
50 neurons, 10 of them held out; the same starts and inputs at each σ. The three dynamics in three
dimensions, at σ = 1 also in 2, 4 and 8, all else of `LatentSDE` equal; 200 trials to learn from, of
which 15 % choose the step by the rates they generate, 100 to test, three seeds. Two scores:

- generation: bits per spike of all neurons after the first 0.1 s, from those 0.1 s and the input
  alone;
- smoothing: bits per spike of the held-out neurons, from the others' whole trial. An ODE and a GRU
  cannot use more than the first 0.1 s here: their path is set by its start.

What needs no dynamics stands below (trivial_rows.py). Intervals are 95 % bootstraps over networks,
seeds and test trials, differences paired. Finished fits are not run again. The pictures are Fig. 2a
and b (`rate_network_scores.png`) and 2c to e (`rate_network_fit.png`, see rate_network_figure.py);
there are none where σ = 1 in three dimensions is left out.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot as plt

from does_the_physics_help import say
from intervals import Folds, differences, folds_of, scores, shown
from rate_network_figure import draw_fit
from trivial_rows import generation, smoothing
from undertow import TrialSet
from undertow.dynamics import GRU, Dynamics, NeuralSDE
from undertow.evaluation import Score
from undertow.experiments import CellResult, run_grid
from undertow.models import LatentSDE, PathPosterior, Solver
from undertow.systems import RateNetwork
from undertow.training import Training

DIMS = {0.0: (3,), 0.5: (3,), 1.0: (2, 3, 4, 8), 2.0: (3,)}
"""σ → dimensions of the dynamics."""
NETWORKS, FOLDS, SEED = 2, 3, 0
T0_S, HELD_OUT, STEPS, DROPOUT = 0.1, 10, 600, 0.1
PICTURED = 1.0, 3
KINDS = ("SDE", "ODE", "GRU")
TRIVIAL = "PSTH", "PSTH × gain"
SCORES = {"generated bps": "generation", "co-bps": "smoothing"}
SAMPLES = 100  # with fewer, what is left of their spread counts against dynamics with noise alone


def dynamics_of(kind: str, dim: int) -> Dynamics:
    """'SDE', 'ODE' or 'GRU' in so many dimensions."""
    return GRU(dim) if kind == "GRU" else NeuralSDE(dim, noise=kind == "SDE")


def make_model(kind: str, dim: int, steps: int = STEPS) -> LatentSDE:
    """All equal but the dynamics; a GRU takes a step a bin, the others one in two bins, as in the
    paper."""
    return LatentSDE(
        dynamics_of(kind, dim),
        posterior=PathPosterior(initial_s=T0_S),
        solver=Solver(bins_per_step=1.0 if kind == "GRU" else 2.0),
        dropout=DROPOUT,
        samples=SAMPLES,
        training=Training(
            steps=steps,
            batch_size=64,
            learning_rate=5e-3,
            dynamics_rate=5.0,
            validate_every=None,
            monitor="generate",
        ),
    )


def simulate(sigma: float, n_trials: int, seed: int = SEED) -> TrialSet:
    """Trials of the network of that seed at this noise, the held-out neurons marked."""
    network = RateNetwork.random(noise=sigma, seed=seed)
    return network.simulate(n_trials, seed=seed).hold_out(HELD_OUT, seed=seed)


def named(kind: str, dim: int) -> str:
    return f"{kind.lower()}-{dim}"


def data_name(sigma: float, network: int) -> str:
    return f"sigma{sigma:g}-network{network}"


Dims = Mapping[float, tuple[int, ...]]
Found = dict[tuple[float, str, int], Folds]


def collect(cells: list[CellResult], dims: Dims, networks: int) -> Found:
    """Statistics of each σ, kind and width; each network is a fold."""
    return {
        (sigma, kind, dim): [
            fold
            for network in range(networks)
            for fold in folds_of(cells, named(kind, dim), data_name(sigma, network), SCORES)
        ]
        for sigma in dims
        for kind in KINDS
        for dim in dims[sigma]
    }


def table(found: Found, what: str) -> str:
    """Markdown: a row for each σ and width."""
    lines = [f"| σ | dimensions | {' | '.join(KINDS)} | SDE − ODE | SDE − GRU |", "|---" * 7 + "|"]
    for sigma, dim in dict.fromkeys((sigma, dim) for sigma, _, dim in found):
        folds = {kind: found[sigma, kind, dim] for kind in KINDS}
        cells = [shown(scores(each, over_folds=True)[what]) for each in folds.values()]
        cells += [
            shown(differences(folds["SDE"], folds[kind], over_folds=True)[what], "+")
            for kind in ("ODE", "GRU")
        ]
        lines.append(f"| {sigma:g} | {dim} | {' | '.join(cells)} |")
    return "\n".join(lines)


def trivial_rows(dims: Dims, n_trials: int, networks: int) -> str:
    """Markdown: what needs no dynamics, a row for each σ; generation, and smoothing at the end."""
    names = [*TRIVIAL, "Gaussian smoothing"]
    lines = [f"| σ | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for sigma in dims:
        found: dict[str, Folds] = {name: [] for name in names}
        for network in range(networks):
            trials = simulate(sigma, n_trials, network)
            seen = round(T0_S / trials.bin_s)
            for row, folds in generation(trials, FOLDS, seen, SCORES, only=[0]):
                if row in found:
                    found[row] += folds
            smoothed = smoothing(trials, FOLDS, [0])
            found[names[-1]] += [
                [{SCORES["co-bps"]: each["co-bps"]} for each in fold] for fold in smoothed
            ]
        cells = [shown(next(iter(scores(folds, True).values()))) for folds in found.values()]
        lines.append(f"| {sigma:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw_scores(found: Found, path: Path) -> None:
    """Fig. 2b, against σ, and where there are several 2a, against dimensions; generation above,
    smoothing below."""
    sigma, dim = PICTURED
    sigmas = tuple(dict.fromkeys(s for s, _, d in found if d == dim))
    dims = tuple(dict.fromkeys(d for s, _, d in found if s == sigma))
    columns = [("process noise σ", f"{dim} dimensions", {s: (s, dim) for s in sigmas})]
    if len(dims) > 1:
        columns.append(("latent dimensions", f"σ = {sigma:g}", {d: (sigma, d) for d in dims}))
    figure, axes = plt.subplots(
        2,
        len(columns),
        figsize=(3.2 * len(columns), 5),
        sharey="row",
        sharex="col",
        squeeze=False,
        layout="constrained",
    )
    for column, (label, title, points) in zip(axes.T, columns, strict=True):
        for panel, what in zip(column, SCORES.values(), strict=True):
            for kind in KINDS:
                values = [scores(found[s, kind, d], True)[what] for s, d in points.values()]
                _line(panel, tuple(points), values, kind)
            panel.set_ylabel(f"{what}, bits/spike")
            panel.label_outer()
        column[0].set_title(title)
        column[1].set_xlabel(label)
    axes[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _line(panel: object, x: tuple[float, ...], found: list[Score], label: str) -> None:
    """Values with their 95 % intervals."""
    values = np.array([each.value for each in found])
    errors = np.abs(np.array([[each.low, each.high] for each in found]).T - values)
    panel.errorbar(x, values, errors, marker="o", capsize=2, label=label)  # type: ignore[attr-defined]


def fit_all(
    dims: Dims, n_trials: int, networks: int, steps: int, seeds: int, options: argparse.Namespace
) -> list[CellResult]:
    """The cells of every σ."""
    return [
        cell
        for sigma, widths in dims.items()
        for cell in run_grid(
            {named(k, dim): make_model(k, dim, steps) for dim in widths for k in KINDS},
            {data_name(sigma, n): simulate(sigma, n_trials, n) for n in range(networks)},
            options.out,
            folds=FOLDS,
            only_folds=[0],
            seeds=range(seeds),
            workers=options.workers,
            keep_models=True,
            report=say,
        )
    ]


def draw(cells: list[CellResult], found: Found, n_trials: int, folder: Path) -> None:
    """All pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_scores(found, folder / "rate_network_scores.png")
    sigma, dim = PICTURED
    wanted = named("SDE", dim), data_name(sigma, SEED)
    cell = next(c for c in cells if (c.cell.model, c.cell.data) == wanted)
    network = RateNetwork.random(noise=sigma, seed=SEED)
    print(draw_fit(cell, simulate(sigma, n_trials), network, FOLDS, folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/rate_network"))
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--sigmas", type=float, nargs="+", choices=DIMS, default=list(DIMS), help="of those above"
    )
    parser.add_argument("--dims", type=int, nargs="+", help="of those above; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="few trials and steps: a check that all of it runs"
    )
    options = parser.parse_args()
    matplotlib.use("Agg")
    dims = {s: tuple(d for d in DIMS[s] if d in (options.dims or DIMS[s])) for s in options.sigmas}
    n_trials, networks, steps = 300, NETWORKS, STEPS
    if options.quick:
        options.out = options.images = options.out / "quick"
        dims, n_trials, networks, steps = {1.0: (3,)}, 45, 1, 10
    # all of one seed first, then of two, …
    for seeds in range(1, options.seeds + 1):
        cells = fit_all(dims, n_trials, networks, steps, seeds, options)
        found = collect(cells, dims, networks)
        for what in SCORES.values():
            print(f"\n{what}, {seeds} seeds\n\n{table(found, what)}", flush=True)
    print(f"\n{trivial_rows(dims, n_trials, networks)}", flush=True)
    if PICTURED[1] in dims.get(PICTURED[0], ()):
        draw(cells, found, n_trials, options.images)


if __name__ == "__main__":
    main()
