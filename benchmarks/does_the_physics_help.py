"""What each part of LangevinFlow contributes, on four recordings and the Lorenz set.

    python benchmarks/does_the_physics_help.py DATA_FOLDER [--out RESULTS] [--only maze_reach …]
    [--stage arms|all]

For each recording: every arm of the ablation, the structure as published (latents driven by the
    initial state alone, h
beside them in the decoder), the preset `released` scaled to this size, and smoothing. Dropout is
chosen for each arm on fold 0, from the values in recordings.py, by the score on 15 % of its
training trials. Then the folds named there are trained once on all their training trials, with one
seed (with --stage all 3 seeds for the full model, the one in the input-driven potential and the one
without latents; 2 folds for `released`). Test trials choose nothing. Two processes of one thread;
finished fits are not run again.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from recordings import RECORDINGS, Protocol
from undertow import LangevinFlow, Smoothing
from undertow.experiments import CellResult, ablate
from undertow.experiments.ablation import TABLE_6
from undertow.training import Training

PUBLISHED_STRUCTURE = {
    "dynamics__potential": "coupled-oscillators",
    "dynamics__timescale_s": 0.02,
    "dynamics__temperature": 3.0,
    "posterior": "autonomous",
    "decoder__inputs": ("z", "v", "h"),
    "decoder__read": "together",
    "decoder__withhold_h": 0.0,
    "encoder__bidirectional": False,
    "kl__peak": 0.1,
}
"""The arm keeps the floor on rates, which all arms share."""


def released(epochs: int) -> LangevinFlow:
    """The released code's settings at this size; its schedules keep their shares of the run."""
    model = LangevinFlow.preset(
        "released",
        latent_dim=64,
        dynamics__allow_unstable=True,
        encoder__hidden_dim=64,
        decoder__width=192,
    )
    training = replace(model.training, epochs=epochs, weight_decay_warmup_epochs=epochs // 4)
    return model.set_params(training=training)


def say(result: CellResult, done: int, total: int) -> None:
    """One line per fit."""
    outcome = result.error or f"{result.fit_s:.0f} s, validation {result.validation_score:.4f}"
    print(f"{done}/{total} {result.cell.name}: {outcome}", flush=True)


def study(
    name: str,
    protocol: Protocol,
    folder: Path,
    out: Path,
    more_seeds: bool,
    workers: int,
    reference: str,
    default: bool = False,
) -> None:
    """Run one recording and write its tables."""
    trials = protocol.load(folder)
    print(f"{name}: {trials!r}", flush=True)
    training = Training(epochs=protocol.epochs, validate_every=protocol.epochs)
    base = LangevinFlow(training=training)
    arms: dict[str, Any] = {
        **TABLE_6,
        "published-structure": PUBLISHED_STRUCTURE,
        "released": released(protocol.released_epochs or 3 * protocol.epochs),
        "smoothing": Smoothing(),
    }
    arms = {arm: settings for arm, settings in arms.items() if arm in (protocol.arms or arms)}
    if reference in arms:
        arms = {reference: arms[reference], **arms}
    more_seeds = more_seeds and not protocol.arms
    seeds = dict.fromkeys(("full", "input-potential", "no-langevin"), (1, 2)) if more_seeds else {}
    if default:
        arms, seeds = {"full": {}}, {"full": (1, 2)}
    result = ablate(
        trials,
        out / name,
        base,
        arms,
        dropouts=() if default else protocol.dropouts,
        more_seeds=seeds,
        only_folds={
            arm: protocol.folds[:2] if arm == "released" else protocol.folds for arm in arms
        },
        workers=workers,
        keep_models=True,
        data_name=name,
        report=say,
    )
    result.write(out / name if reference == "full" else out / name / f"against-{reference}")
    print(result.markdown(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/physics"))
    parser.add_argument("--only", nargs="+", choices=RECORDINGS, default=list(RECORDINGS))
    parser.add_argument(
        "--stage", choices=("arms", "all"), default="all", help="arms: one seed each"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--reference", default="full", help="the arm that the others are compared with"
    )
    parser.add_argument(
        "--default",
        action="store_true",
        help="the default alone, with its own dropout and three seeds; give an --out of its own",
    )
    options = parser.parse_args()
    for name in options.only:
        study(
            name,
            RECORDINGS[name],
            options.data,
            options.out,
            options.stage == "all",
            options.workers,
            options.reference,
            options.default,
        )


if __name__ == "__main__":
    main()
