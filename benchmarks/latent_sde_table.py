"""Eight dynamics under one encoder and decoder (ElGazzar & van Gerven, Table 1), on two recordings.

    python benchmarks/latent_sde_table.py DATA_FOLDER [--out RESULTS] [--only maze_reach
    visual_decision] [--workers 2]

- maze_reach: macaque motor cortex, 20 ms bins; time is the input, hand velocity is predicted too;
0.1 s are seen.
- visual_decision: mouse, session 11, four regions with latent units of their own, 10 ms bins; the
contrasts of both
  sides are the input, constant over the trial; the feedback is predicted too; 0.05 s are seen.
  Steps of two bins, as in the paper, but for the recurrent networks.

All scores are of what a model generates from the seconds it has seen and the input: bits per spike
    of all neurons in the
bins after them, R² of the behaviour in the same bins, the share of labels that are right (beside
that of always answering the commonest) and their log-loss in nats. 5 folds, one seed, the epoch
chosen by generation on 15 % of the training trials. Epochs, step size and KL weight, the same for
all rows, and the band in which oscillators start were chosen inside the training trials of fold 0.
Intervals are 95 % paired bootstraps over test trials. Finished fits are not run again; --quick is a
small check that everything runs, --inner fits inside the training trials of fold 0 alone.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from does_the_physics_help import say
from intervals import Folds, differences, folds_of, scores, shown
from recordings import REGIONS
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
from undertow.experiments import run_grid
from undertow.models import LatentSDE
from undertow.training import Training

FOLDS, UNITS, SAMPLES, REFERENCE = 5, 64, 100, "CO-SDE"
BAND = 0.05, 1.0  # cycles a trial: where the oscillators' frequencies start


def rows(dim: int) -> dict[str, Dynamics]:
    """The paper's rows: as many units in the recurrent networks as in the paper, `dim` coordinates
    in the others.

    The linear SDE may grow, which is refused by default: held back from it, it learns next to
        nothing of such short trials.
    """
    return {
        "RNN": RNN(UNITS),
        "GRU": GRU(UNITS),
        "LSTM": LSTM(2 * UNITS),
        "neural-ODE": NeuralSDE(dim, noise=False),
        "CO-ODE": CoupledOscillators(dim, noise=False, start_cycles=BAND),
        "linear-SDE": LinearSDE(dim, allow_unstable=True),
        "neural-SDE": NeuralSDE(dim),
        "CO-SDE": CoupledOscillators(dim, start_cycles=BAND),
    }


def maze_reach(folder: Path) -> TrialSet:
    """129 trials of 0.5 s, 162 neurons, hand velocity, 9 conditions."""
    return TrialSet.from_npz(folder / "maze_reach_5ms.npz", bin_s=0.02, behavior="hand_vel")


def visual_decision(folder: Path) -> TrialSet:
    """342 trials of 0.4 s, the neurons of four regions above 1 spike/s, contrasts, feedback."""
    trials = TrialSet.from_npz(
        folder / "visual_decision_s11_10ms.npz",
        condition="feedback",
        label="feedback",
        stimulus=("contrast_left", "contrast_right"),
    )
    return trials.select(neurons=(trials.mean_rates > 1) & np.isin(trials.region, REGIONS))


@dataclass(frozen=True)
class Protocol:
    """How a recording is read, and what all its models share.

    Attributes:
        load: folder → trials.
        dim: width of the state where it is not a recurrent network's.
        training: of the training loop.
        settings: of `LatentSDE`.
        scores: what is shown, and what the table calls it.
    """

    load: Callable[[Path], TrialSet]
    dim: int
    training: Training
    settings: Mapping[str, Any]
    scores: Mapping[str, str]


RECORDINGS = {
    "maze_reach": Protocol(
        maze_reach,
        16,
        Training(epochs=150, batch_size=64, learning_rate=5e-3),
        {"posterior__initial_s": 0.1, "signals__time": True},
        {"generated bps": "bits per spike", "generated behavior R2": "velocity R²"},
    ),
    "visual_decision": Protocol(
        visual_decision,
        32,
        Training(epochs=80, batch_size=64, learning_rate=5e-3),
        {"posterior__initial_s": 0.05, "regions": "split", "solver__bins_per_step": 2.0},
        {
            "generated bps": "bits per spike",
            "generated accuracy feedback": "feedback right",
            "majority share feedback": "majority share",
            "generated log-loss feedback": "log-loss of feedback",
            "log-loss of shares feedback": "log-loss of shares",
        },
    ),
}


def make_models(protocol: Protocol, epochs: int | None) -> dict[str, LatentSDE]:
    """A model for each row, alike but for the dynamics; recurrent networks take a step a bin."""
    training = protocol.training if epochs is None else replace(protocol.training, epochs=epochs)
    settings = {
        "samples": SAMPLES,
        "training": replace(training, monitor="generate"),
        **protocol.settings,
    }
    return {
        name: LatentSDE(each).set_params(
            **settings | ({"solver__bins_per_step": 1.0} if discrete(each) else {})
        )
        for name, each in rows(protocol.dim).items()
    }


def discrete(dynamics: Dynamics) -> bool:
    """Whether they take a step a bin, whatever its width."""
    return isinstance(dynamics, DiscreteDynamics)


def table(found: Mapping[str, Folds], parameters: Mapping[str, int]) -> str:
    """Markdown: a row for each dynamics; under each score its paired difference from the
    reference."""
    names = list(found[REFERENCE][0][0])
    lines = [f"| dynamics | parameters | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for row, folds in found.items():
        values, apart = scores(folds), differences(folds, found[REFERENCE])
        cells = [
            shown(values[name]) + ("" if row == REFERENCE else f"<br>{shown(apart[name], '+')}")
            for name in names
        ]
        lines.append(f"| {row} | {parameters[row]:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def study(name: str, protocol: Protocol, options: argparse.Namespace) -> None:
    """Fit, score and print one recording."""
    trials, out = protocol.load(options.data), options.out / name
    if options.inner:
        trials, out = trials[fold_trials(trials, FOLDS, 0)[0][0]], out / "inner"
    out = out / "quick" if options.quick else out
    print(f"\n{name}: {trials!r}", flush=True)
    models = make_models(protocol, 3 if options.quick else None)
    cells = run_grid(
        models,
        {name: trials},
        out,
        folds=FOLDS,
        only_folds=[0] if options.quick or options.inner else None,
        split_seed=int(options.inner),
        workers=options.workers,
        report=say,
    )
    found = {row: folds_of(cells, row, name, protocol.scores) for row in models}
    parameters = {cell.cell.model: cell.parameters["dynamics"] for cell in cells}
    print(f"\n{table(found, parameters)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/latent_sde_table"))
    parser.add_argument("--only", nargs="+", choices=RECORDINGS, default=list(RECORDINGS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="3 epochs, one fold")
    parser.add_argument(
        "--inner", action="store_true", help="one fold inside the training trials of fold 0"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.only:
        study(name, RECORDINGS[name], options)


if __name__ == "__main__":
    main()
