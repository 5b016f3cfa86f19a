"""Where models lose on made recordings: in what they infer, or in how they read rates from it.

    python benchmarks/where_it_is_lost.py DATA_FOLDER [--recordings lorenz_sparse rate_network]
        [--models langevin-flow lfads gp-slds] [--seeds 2]

Each model is fitted once (no refit) on the training trials of fold 0 of split 0, and looked at on
the validation trials, where the true rates stand in for spikes: the expected score, which no draw
of spikes blurs. Then its readout is replaced by the best one, a linear map from the log rates it
infers for held-in neurons to the true log rates of held-out ones, learned on the training trials:
what is still missing was lost in inference. Held-out neurons, bits per spike; test trials are not
looked at.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from recordings import MADE, RECORDINGS
from undertow import TrialSet
from undertow.data import fold_splits
from undertow.evaluation import bits_per_spike
from undertow.experiments import named_models
from undertow.experiments.text_tables import markdown_table
from undertow.models.base import Estimator
from undertow.models.trained import TrainedModel

LEAST_HZ = 1e-3


def expected_score(rates: np.ndarray, trials: TrialSet) -> float:
    """Bits per spike of held-out neurons' rates (spikes/s), were spikes as the true rates say."""
    truth = trials.truth[..., trials.heldout].astype(np.float64)
    return float(bits_per_spike(rates * trials.bin_s, truth * trials.bin_s))


def features(model: Estimator, trials: TrialSet) -> np.ndarray:
    """Inferred log rates of held-in neurons and a constant, (trials · bins, held-in + 1)."""
    rates = np.maximum(model.predict(trials).rates[..., ~trials.heldout], LEAST_HZ)
    logs = np.log(rates).reshape(-1, rates.shape[-1])
    return np.c_[logs, np.ones(len(logs))]


def read_out_best(model: Estimator, train: TrialSet, trials: TrialSet) -> np.ndarray:
    """Rates of held-out neurons by the best linear readout of what the model infers, spikes/s."""
    true = np.log(train.truth[..., train.heldout].reshape(-1, int(train.heldout.sum())))
    weights = np.linalg.lstsq(features(model, train), true, rcond=None)[0]
    logs = features(model, trials) @ weights
    return np.exp(logs).reshape(*trials.truth.shape[:2], -1)


def row(name: str, seed: int, train: TrialSet, validation: TrialSet) -> list[float]:
    """Expected score of a model as it is, and with the best readout."""
    model = named_models([name])[name].set_params(seed=seed)
    if isinstance(model, TrainedModel):
        model.set_params(training__refit=False)
    model.fit(train, validation, verbose=False)
    own = model.predict(validation).rates[..., validation.heldout]
    best = read_out_best(model, train, validation)
    return [expected_score(own, validation), expected_score(best, validation)]


def table(recording: str, options: argparse.Namespace) -> str:
    """One row a model: means over seeds, and the seeds themselves."""
    trials = {**RECORDINGS, **MADE}[recording].load(options.data)
    parts = fold_splits(trials, 5, 0)[0]
    train, validation = parts.train, parts.validation
    truth = expected_score(validation.truth[..., validation.heldout], validation)
    rows = [["true rates", f"{truth:.4f}", ""]]
    for name in options.models:
        found = [row(name, seed, train, validation) for seed in range(options.seeds)]
        rows.append([name, *(_cell(each) for each in zip(*found, strict=True))])
        print(rows[-1], flush=True)
    return markdown_table([recording, "expected co-bps", "with the best readout"], rows)


def _cell(values: tuple[float, ...]) -> str:
    return f"{np.mean(values):.4f} ({', '.join(f'{value:.4f}' for value in values)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--recordings", nargs="+", default=["lorenz_sparse", "rate_network"])
    parser.add_argument("--models", nargs="+", default=["langevin-flow", "lfads", "gp-slds"])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for recording in options.recordings:
        print(f"\n{table(recording, options)}")


if __name__ == "__main__":
    main()
