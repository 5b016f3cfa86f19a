"""Small records to report on."""

from dataclasses import replace
from typing import Any

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.evaluation import compare, score_prediction
from undertow.report import RunRecord


def make_trials(
    n_trials: int = 12, n_time: int = 15, n_neurons: int = 6, **changes: Any
) -> TrialSet:
    """Poisson spikes with truth, two conditions, velocity and position, the event inside the
    window."""
    rng = np.random.default_rng(3)
    condition = np.arange(n_trials) % 2
    time = np.arange(n_time) * 0.02
    speed = np.sin(2 * np.pi * (3 * time + condition[:, None] / 2))
    truth = 30.0 * np.exp(0.8 * speed[..., None] * rng.normal(size=n_neurons))
    velocity = np.stack([speed, -speed], axis=-1)
    fields: dict[str, Any] = {
        "spikes": rng.poisson(truth * 0.02),
        "bin_s": 0.02,
        "start_s": -0.1,
        "event": "go cue",
        "condition": condition,
        "truth": truth,
        "behavior": np.concatenate([velocity, np.cumsum(velocity, axis=1) * 0.02], axis=2),
        "behavior_names": ("hand_vel_x", "hand_vel_y", "hand_pos_x", "hand_pos_y"),
        "heldout": np.arange(n_neurons) >= max(n_neurons - 2, 1),
    }
    return TrialSet(**{**fields, **changes}, derived=True)


def make_prediction(trials: TrialSet, samples: int = 0, seed: int = 0) -> Prediction:
    """Rates near the mean rate, latents that rotate, four of them in two groups."""
    rng = np.random.default_rng(seed)
    shape = (trials.n_trials, trials.n_time, trials.n_neurons)
    rates = np.nan_to_num(trials.mean_rates, nan=1.0) * np.exp(0.2 * rng.normal(size=shape)) + 0.5
    z = np.cumsum(rng.normal(size=(*shape[:2], 4)), axis=1)
    kept = rates * np.exp(0.1 * rng.normal(size=(samples, *shape))) if samples else None
    latent_samples = {"z": z[None] + rng.normal(size=(2, *z.shape))}
    return Prediction(rates, trials, {"z": z}, kept, latent_samples, groups={"z": 2})


def with_regimes(prediction: Prediction, number: int = 3) -> Prediction:
    """Beside its latents, probabilities of regimes that take turns."""
    rng = np.random.default_rng(6)
    odds = rng.normal(size=(*prediction.rates.shape[:2], number))
    shares = np.exp(3 * np.cumsum(odds, axis=1) / np.arange(1, odds.shape[1] + 1)[:, None])
    shares /= shares.sum(-1, keepdims=True)
    return replace(prediction, latents={**prediction.latents, "regimes": shares})


def make_record(test: TrialSet | None = None, samples: int = 0, **changes: Any) -> RunRecord:
    """A full record of a model and a baseline on small trials."""
    test = make_trials() if test is None else test
    predictions = [make_prediction(test, samples, 1), make_prediction(test, seed=2)]
    predictions[0] = with_regimes(predictions[0])
    train, baseline_train = (
        make_prediction(make_trials(20, test.n_time, test.n_neurons), seed=k) for k in (3, 4)
    )
    rng = np.random.default_rng(5)
    fields: dict[str, Any] = {
        "model_name": "langevin-flow",
        "title": "A small run",
        "prediction": predictions[0],
        "scores": {
            "langevin-flow": score_prediction(predictions[0], resamples=50),
            "smoothing": score_prediction(predictions[1], resamples=50),
        },
        "differences": compare(*predictions, resamples=50),
        "settings": {"latent_dim": 4, "decoder.inputs": ("z", "v")},
        "seed": 11,
        "split_seed": 12,
        "versions": {"undertow": "0.1.0"},
        "seconds": {"fit": 3.21},
        "data_description": {"file": "small.npz"},
        "train_prediction": train,
        "baseline_prediction": predictions[1],
        "baseline_train_prediction": baseline_train,
        "history": [
            {"epoch": k, "train_loss": 9.0 - k, "validation_loss": 9.5 - k} for k in range(1, 4)
        ],
        "prior_latents": {"z": rng.normal(size=(3, test.n_time, 4))},
        "notes": ["3 latents have collapsed."],
    }
    return RunRecord(**{**fields, **changes})
