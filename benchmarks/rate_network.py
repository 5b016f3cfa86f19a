"""A noisy rate network (ElGazzar & van Gerven, eq. 13) under a neural SDE, a neural ODE and a GRU:
their Fig. 2.

    python benchmarks/rate_network.py [--out RESULTS] [--images docs/images] [--workers 2] [--quick]

For process noise σ of 0, 1 and 2, 300 trials of 1 s in 10 ms bins, 50 neurons, 10 of them held out;
the same network, starts and inputs at each σ. The three dynamics in 2, 3, 4 and 8 dimensions, all
else of `LatentSDE` equal: 3 folds, one seed, 15 % of the training trials choose the epoch by the
rates they generate. Two scores:

- generation: bits per spike of all neurons after the first 0.1 s, from those 0.1 s and the input
alone;
- smoothing: bits per spike of the held-out neurons, from the others' whole trial. An ODE and a GRU
cannot use more than
  the first 0.1 s here: their path is set by its start.

Intervals are 95 % paired bootstraps over test trials. Finished fits are not run again. The pictures
are Fig. 2a and b (`rate_network_scores.png`) and 2c to e (`rate_network_fit.png`, see
rate_network_figure.py).
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot as plt

from does_the_physics_help import say
from intervals import Folds, differences, folds_of, scores, shown
from rate_network_figure import draw_fit
from undertow import TrialSet
from undertow.dynamics import GRU, Dynamics, NeuralSDE
from undertow.evaluation import Score
from undertow.experiments import CellResult, run_grid
from undertow.models import LatentSDE, PathPosterior, Solver
from undertow.systems import RateNetwork
from undertow.training import Training

SIGMAS, DIMS, FOLDS, SEED = (0.0, 1.0, 2.0), (2, 3, 4, 8), 3, 0
T0_S, HELD_OUT, EPOCHS = 0.1, 10, 200
PICTURED = 1.0, 3
KINDS = ("SDE", "ODE", "GRU")
SCORES = {"generated bps": "generation", "co-bps": "smoothing"}
SAMPLES = 100  # with fewer, what is left of their spread counts against dynamics with noise alone


def dynamics_of(kind: str, dim: int) -> Dynamics:
    """'SDE', 'ODE' or 'GRU' in so many dimensions."""
    return GRU(dim) if kind == "GRU" else NeuralSDE(dim, noise=kind == "SDE")


def make_model(kind: str, dim: int, epochs: int) -> LatentSDE:
    """All equal but the dynamics; a GRU takes a step a bin, the others one in two bins, as in the
    paper."""
    return LatentSDE(
        dynamics_of(kind, dim),
        posterior=PathPosterior(initial_s=T0_S),
        solver=Solver(bins_per_step=1.0 if kind == "GRU" else 2.0),
        samples=SAMPLES,
        training=Training(epochs=epochs, batch_size=64, learning_rate=1e-2, monitor="generate"),
    )


def simulate(sigma: float, n_trials: int) -> TrialSet:
    """Trials of the network at this noise, the held-out neurons marked."""
    network = RateNetwork.random(noise=sigma, seed=SEED)
    return network.simulate(n_trials, seed=SEED).hold_out(HELD_OUT, seed=SEED)


def named(kind: str, dim: int) -> str:
    return f"{kind.lower()}-{dim}"


Found = dict[tuple[float, str, int], Folds]


def collect(cells: list[CellResult], sigmas: tuple[float, ...], dims: tuple[int, ...]) -> Found:
    """Statistics of each σ, kind and width."""
    keys = [(sigma, kind, dim) for sigma in sigmas for kind in KINDS for dim in dims]
    return {key: folds_of(cells, named(*key[1:]), f"sigma{key[0]:g}", SCORES) for key in keys}


def table(found: Found, what: str) -> str:
    """Markdown: a row for each σ and width."""
    lines = [f"| σ | dimensions | {' | '.join(KINDS)} | SDE − ODE | SDE − GRU |", "|---" * 7 + "|"]
    for sigma, dim in dict.fromkeys((sigma, dim) for sigma, _, dim in found):
        folds = {kind: found[sigma, kind, dim] for kind in KINDS}
        cells = [shown(scores(each)[what]) for each in folds.values()]
        cells += [
            shown(differences(folds["SDE"], folds[kind])[what], "+") for kind in ("ODE", "GRU")
        ]
        lines.append(f"| {sigma:g} | {dim} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw_scores(found: Found, path: Path) -> None:
    """Fig. 2a, against dimensions, and 2b, against σ; generation above, smoothing below."""
    sigmas, dims = (tuple(dict.fromkeys(key[k] for key in found)) for k in (0, 2))
    sigma, dim = (
        at if at in all_ else all_[0] for at, all_ in zip(PICTURED, (sigmas, dims), strict=True)
    )
    figure, axes = plt.subplots(
        2, 2, figsize=(6.4, 5), sharey="row", sharex="col", layout="constrained"
    )
    for row, what in zip(axes, SCORES.values(), strict=True):
        for kind in KINDS:
            by_dim = [scores(found[sigma, kind, d])[what] for d in dims]
            by_sigma = [scores(found[s, kind, dim])[what] for s in sigmas]
            _line(row[0], dims, by_dim, kind)
            _line(row[1], sigmas, by_sigma, kind)
        row[0].set_ylabel(f"{what}, bits/spike")
    axes[0, 0].set_title(f"σ = {sigma:g}")
    axes[0, 1].set_title(f"{dim} dimensions")
    axes[1, 0].set_xlabel("latent dimensions")
    axes[1, 1].set_xlabel("process noise σ")
    axes[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _line(panel: object, x: tuple[float, ...], found: list[Score], label: str) -> None:
    """Values with their 95 % intervals."""
    values = np.array([each.value for each in found])
    errors = np.abs(np.array([[each.low, each.high] for each in found]).T - values)
    panel.errorbar(x, values, errors, marker="o", capsize=2, label=label)  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/rate_network"))
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--quick", action="store_true", help="few trials and epochs: a check that all of it runs"
    )
    options = parser.parse_args()
    out, images = (options.out / "quick",) * 2 if options.quick else (options.out, options.images)
    matplotlib.use("Agg")
    sigmas, dims, n_trials, epochs = (
        (SIGMAS, DIMS, 300, EPOCHS) if not options.quick else ((1.0,), (3,), 45, 5)
    )
    data = {sigma: simulate(sigma, n_trials) for sigma in sigmas}
    models = {named(kind, dim): make_model(kind, dim, epochs) for dim in dims for kind in KINDS}
    cells = run_grid(
        models,
        {f"sigma{sigma:g}": trials for sigma, trials in data.items()},
        out,
        folds=FOLDS,
        workers=options.workers,
        keep_models=True,
        report=say,
    )
    found = collect(cells, sigmas, dims)
    for what in SCORES.values():
        print(f"\n{what}\n\n{table(found, what)}", flush=True)
    images.mkdir(parents=True, exist_ok=True)
    draw_scores(found, images / "rate_network_scores.png")
    sigma, dim = PICTURED
    cell = next(
        c for c in cells if (c.cell.model, c.cell.data) == (named("SDE", dim), f"sigma{sigma:g}")
    )
    print(draw_fit(cell, data[sigma], RateNetwork.random(noise=sigma, seed=SEED), FOLDS, images))


if __name__ == "__main__":
    main()
