"""One model trained by several processes of Ray Train.

This module needs Ray.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from undertow.data import Splits
from undertow.errors import UndertowError
from undertow.experiments.fitting import fit_and_save
from undertow.experiments.workers.options import Workers
from undertow.experiments.workers.ray_session import gpus_of, ray_session
from undertow.models.base import Estimator
from undertow.training import silent, together, use_threads


def fit_on_ray(
    model: Estimator, splits: Splits, path: Path, workers: Workers, checkpoint: Path, resume: bool
) -> None:
    """Fit a model by several processes, and save it as `fit_and_save` does.

    Args:
        model: not fitted; its minibatches are cut into a multiple of the number of processes.
        splits: training and validation trials are sent to every process.
        path: of the model file, in a folder that every machine sees.
        workers: of engine 'ray'.
        checkpoint, resume: of `model.fit`.

    Raises:
        UndertowError: where Ray breaks off, or the fit does.
    """
    gpus, number = gpus_of(model), workers.number or 1
    data_bytes = splits.train.spikes.nbytes + splits.validation.spikes.nbytes
    place, folder = path.resolve(), checkpoint.resolve()
    with ray_session(workers.address, number, place.parent, data_bytes, gpus) as storage:
        given = ray.put((model, splits._replace(test=splits.validation[:1])))
        trainer = TorchTrainer(
            _fit,
            train_loop_config={"given": given, "path": place, "folder": folder, "resume": resume},
            scaling_config=ScalingConfig(num_workers=number, use_gpu=gpus > 0),
            torch_config=TorchConfig(backend="nccl" if gpus >= number else "gloo"),
            run_config=RunConfig(name="fit", storage_path=str(storage)),
        )
        try:
            trainer.fit()
        except Exception as error:
            raise UndertowError(f"the training on Ray broke off: {_why(error)}") from error
    if not path.exists():
        raise UndertowError("the training on Ray ended without a model: see what Ray logged.")


def _fit(config: Mapping[str, Any]) -> None:
    """What each process does: the first keeps state and model, the others nothing."""
    use_threads(1)
    (model, splits), path = ray.get(config["given"]), config["path"]
    options = {"checkpoint": config["folder"], "resume": config["resume"], "progress": silent}
    with together() as processes:
        if processes.first:
            fit_and_save(model, splits, path, **options)
        else:
            model.fit(splits.train, splits.validation, **options)


def _why(error: Exception) -> str:
    """The last line of what was raised in a process."""
    failures = getattr(error, "worker_failures", None) or {0: error}
    first = next(iter(failures.values()))
    cause = getattr(first, "cause", None) or getattr(first, "_cause", None) or first
    said = (str(cause).strip() or type(cause).__name__).splitlines()
    return said[-1]
