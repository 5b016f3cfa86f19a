"""How far a stream is from predictions of trials that end where it is."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.models import Estimator
from undertow.models.streaming import StreamedBin

N_TIME = 9


def streamed_trials(stimulus: int = 0, kind: str = "continuous", regions: bool = False) -> TrialSet:
    """Trials of 9 bins with held-out neurons, missing bins and neurons, and behaviour."""
    rng = np.random.default_rng(0)
    spikes = rng.poisson(1.0, (24, N_TIME, 6)).astype(float)
    spikes[0, 3] = np.nan
    spikes[0, 5, :3] = np.nan
    spikes[1, 0] = np.nan
    behavior = rng.normal(3.0, 2.0, (24, N_TIME, 2))
    given: dict[str, Any] = {}
    if stimulus:
        given["stimulus"] = rng.normal(size=(24, N_TIME, stimulus))
        given["stimulus"][0, :2, 0] = np.nan
    return TrialSet(
        spikes,
        0.02,
        heldout=np.array([False, True, False, False, True, False]),
        neuron_ids=[f"unit{k}" for k in range(6)],
        behavior=behavior if kind == "continuous" else (behavior > 3).astype(float),
        behavior_kind=kind,
        behavior_names=("x_vel", "y_vel"),
        region=["a", "a", "a", "b", "b", "b"] if regions else None,
        **given,
    )


def fitted(model: Estimator, trials: TrialSet) -> Estimator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(trials, verbose=False)


def last_bin(prediction: Prediction) -> dict[str, np.ndarray]:
    """Everything that is predicted of the last bin of a single trial."""
    found = {"rates": prediction.rates, **prediction.latents}
    if prediction.behavior is not None:
        found["behavior"] = prediction.behavior
    if prediction.behavior_std is not None:
        found["behavior_std"] = prediction.behavior_std
    return {name: each[0, -1] for name, each in found.items()}


def of_bin(now: StreamedBin) -> Mapping[str, np.ndarray | None]:
    return {
        "rates": now.rates,
        "behavior": now.behavior,
        "behavior_std": now.behavior_std,
        **now.latents,
    }


def assert_equal_to_predictions(
    model: Estimator, trials: TrialSet, rows: tuple[int, ...] = (0, 1, 2), **options: Any
) -> None:
    """At every bin, to 1e-5 of the largest number predicted, and of 1 where that is less."""
    stream = model.stream(**options)
    for row in rows:
        stream.reset()
        for t in range(trials.n_time):
            part = trials[row : row + 1].select(time=slice(0, t + 1))
            given = None if part.stimulus is None else part.stimulus[0, t]
            streamed = of_bin(stream.step(part.spikes[0, t], given))
            for name, expected in last_bin(model.predict(part)).items():
                allowed = 1e-5 * max(1.0, float(np.abs(expected).max()))
                np.testing.assert_allclose(
                    streamed[name], expected, rtol=0, atol=allowed, err_msg=f"{name}, bin {t}"
                )
