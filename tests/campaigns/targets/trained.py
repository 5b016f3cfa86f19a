"""Small fitted models with their files: what model files, checkpoints and records start from."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns import seeds
from tests.campaigns.writes.running import draw_nothing

TINY: dict[str, dict[str, Any]] = {
    "langevin-flow": {
        "latent_dim": 4,
        "encoder.hidden_dim": 4,
        "decoder.width": 4,
        "decoder.heads": 2,
        "samples": 2,
        "training.epochs": 1,
        "training.batch_size": 16,
    },
    "latent-sde": {
        "latent_dim": 4,
        "encoder.hidden_dim": 4,
        "posterior.hidden_dim": 4,
        "samples": 2,
        "training.epochs": 1,
        "training.batch_size": 16,
    },
    "smoothing": {},
}


def recording() -> Any:
    """Twelve trials of ten bins and five neurons, one of them held out."""
    from undertow.data import TrialSet

    rng = np.random.default_rng(0)
    return TrialSet(
        spikes=rng.poisson(1.0, (12, 10, 5)),
        bin_s=0.02,
        condition=np.arange(12) % 2,
        behavior=rng.normal(size=(12, 10, 2)),
        behavior_names=("x", "y"),
        heldout=np.arange(5) == 3,
        split=np.array(["train"] * 7 + ["val"] * 2 + ["test"] * 3),
    )


def tiny(name: str, **changed: Any) -> Any:
    """An unfitted model with the settings of `TINY`, some of them `changed` (dots as '__')."""
    from undertow.cli.configuring import configure
    from undertow.models.loading import model_class

    settings = {**TINY[name], **{key.replace("__", "."): v for key, v in changed.items()}}
    return configure(model_class(name)(), settings)


def make_runs(folder: Path) -> None:
    """A finished run of each model, with its data beside."""
    from undertow.data import write_hdf5
    from undertow.experiments import SavedRun, prepare
    from undertow.experiments import run as run_model

    draw_nothing()
    source = write_hdf5(recording(), folder / "recording.h5")
    for name in TINY:
        trials = prepare(source, None, None)
        run_model(trials, tiny(name), folder / name, source={"path": str(source)})
        SavedRun.open(folder / name)


def copied(name: str, folder: Path) -> Path:
    """A finished run, without its report and figures."""
    leave = shutil.ignore_patterns("*.html", "*.png", "figures", "report*")
    return Path(shutil.copytree(seeds.folder() / name, folder / name, ignore=leave))
