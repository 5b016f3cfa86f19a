"""What the fitted latents are like, and what averaging seeds brings, from the models that
does_the_physics_help.py has kept.

    python benchmarks/latents_and_ensembles.py DATA_FOLDER [--out RESULTS] [--only maze_reach …]
        [--split-seed 1]

Nothing is fitted here. Latents: on fold 0's test trials, divergence per coordinate in nats per
trial, and the time in which the autocorrelation of z and v falls to 1/e. Ensembles: rates averaged
over the seeds each fold has, scored on the fold's test trials, and what they are ahead of the mean
score of single seeds.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from arms import FIRST_TWO, PHYSICS
from intervals import shown
from recordings import RECORDINGS
from undertow import LangevinFlow, TrialSet
from undertow.analysis import latent_timescales
from undertow.data import Prediction, Splits, fold_splits, join_trials
from undertow.evaluation import Statistic, combine, sufficient_statistics

SHOWN = ("co-bps", "velocity R2 log-rate", "velocity R2", "psth R2", "rate R2")


def study_options(doc: str) -> argparse.Namespace:
    """Which study's models are read, and of which recordings; one thread from here on."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/physics"))
    parser.add_argument("--only", nargs="+", choices=RECORDINGS, default=list(RECORDINGS))
    parser.add_argument("--split-seed", type=int, default=1)
    torch.set_num_threads(1)
    return parser.parse_args()


def models_of(
    out: Path, arm: str, name: str, fold: int, seeds: Sequence[int]
) -> list[LangevinFlow]:
    """The models that were kept."""
    paths = [out / "arms" / f"{arm}__{name}__fold{fold}__seed{seed}.safetensors" for seed in seeds]
    return [LangevinFlow.load(path) for path in paths if path.exists()]


def describe_latents(model: LangevinFlow, test: TrialSet) -> str:
    """Divergences and timescales in a line."""
    kl, prediction = model.kl_per_coordinate(test), model.predict(test)
    times = latent_timescales(prediction.latents, test.bin_s)
    spread = {k: np.nanquantile(v, (0.25, 0.5, 0.75)) * 1e3 for k, v in times.items()}
    used = {
        k: f"{v.sum():.1f} nats, {(v > 0.01).sum()} of {len(v)} above 0.01" for k, v in kl.items()
    }
    remembered = {k: f"{v[1]:.0f} ms ({v[0]:.0f}–{v[2]:.0f})" for k, v in spread.items()}
    return f"KL {used}; timescales {remembered}"


def averaged(models: Sequence[LangevinFlow], trials: TrialSet) -> Prediction:
    """Rates averaged over models."""
    predictions = [model.predict(trials) for model in models]
    return replace(predictions[0], rates=np.mean([p.rates for p in predictions], axis=0))


def ensembles(models: Sequence[LangevinFlow], splits: Splits) -> dict[str, Statistic]:
    """Statistics of the averaged rates."""
    train = averaged(models, join_trials(splits.train, splits.validation))
    return dict(sufficient_statistics(averaged(models, splits.test), train))


def main() -> None:
    options = study_options(__doc__)
    for name in options.only:
        protocol = RECORDINGS[name]
        splits = fold_splits(protocol.load(options.data), 5, options.split_seed)
        for arm in (PHYSICS, "first-order", "published-structure"):
            for model in models_of(options.out, arm, name, 0, (0,)):
                print(f"{name} {arm}: {describe_latents(model, splits[0].test)}", flush=True)
        for arm in FIRST_TWO:
            found = {k: models_of(options.out, arm, name, k, (0, 1, 2)) for k in protocol.folds}
            if any(len(models) < 3 for models in found.values()):
                continue
            together = [[ensembles(models, splits[k])] for k, models in found.items()]
            single = [[ensembles([m], splits[k]) for m in models] for k, models in found.items()]
            values = combine(together)
            gains = combine([3 * each for each in together], minus=single)
            for score in SHOWN:
                if score in values:
                    print(
                        f"{name} {arm}, 3 seeds averaged: {score} {shown(values[score])}, "
                        f"{shown(gains[score], '+')} over one",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
