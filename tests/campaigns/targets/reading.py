"""What a user does with a data file: read it, describe it, look at it on the command line."""

import contextlib
import io
from typing import Any

import numpy as np

from tests.campaigns.target import Made, Rng, chance, pick

N_TRIALS, N_TIME, N_NEURONS = 6, 8, 4


def use(made: Made) -> Any:
    """Read the trials; where that goes well, describe them as `info` does."""
    import undertow

    trials = undertow.load(made.path, **made.options)
    options = {k: v for k, v in made.options.items() if k != "bin_s"}
    found = undertow.describe(made.path, bin_s=made.options.get("bin_s"), **options)
    with contextlib.redirect_stdout(io.StringIO()):
        print({name: shown_value(value) for name, value in found.items()})
    return trials


def shown_value(value: Any) -> str:
    """As the command line shows it."""
    from undertow.cli.info import shown

    return str(shown(value))


def arrays(rng: Rng) -> dict[str, np.ndarray]:
    """The arrays of a small recording of counts, as a `.npz` file holds them."""
    counts = rng.poisson(1.0, (N_TRIALS, N_TIME, N_NEURONS))
    held = {
        "spikes": counts,
        "bin_ms": np.array(20.0),
        "condition": np.arange(N_TRIALS) % 2,
        "hand_vel": rng.normal(size=(N_TRIALS, N_TIME, 2)),
        "region": np.array(["MOp", "CP", "MOp", "PT"]),
        "heldout": np.arange(N_NEURONS) == 1,
        "truth": np.full(counts.shape, 10.0),
        "lengths": np.full(N_TRIALS, N_TIME),
        "split": np.array(["train", "train", "train", "val", "test", "test"]),
        "neuron_ids": np.arange(N_NEURONS) + 10,
        "trial_ids": np.arange(N_TRIALS) + 100,
        "start_s": np.array(-0.1),
        "event": np.array("go cue"),
        "forward_bins": np.array(2),
        "stimulus": rng.normal(size=(N_TRIALS, N_TIME)),
        "choice": np.array(["left", "right"] * 3),
        "times": (np.arange(N_TIME) * 0.02 + 0.01) * np.ones((N_TRIALS, 1)),
    }
    always = ("spikes", "bin_ms")
    return {k: v for k, v in held.items() if k in always or chance(rng, 0.6)}


def spike_times(rng: Rng) -> list[np.ndarray]:
    """The spike times of a few units over ten seconds."""
    return [np.sort(rng.uniform(0, 10, rng.integers(5, 40))) for _ in range(N_NEURONS)]


def trial_table() -> dict[str, np.ndarray]:
    """A trial table of eight trials over ten seconds."""
    start = np.arange(8) * 1.2
    return {
        "start_time": start,
        "stop_time": start + 1.0,
        "go_time": start + 0.3,
        "outcome": np.array(["hit", "miss"] * 4),
        "rt": np.linspace(0.2, 0.6, 8),
    }


def options(rng: Rng, known: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Some of the reading options, each with one of its values."""
    return {name: pick(rng, values) for name, values in known.items() if chance(rng, 0.2)}


OF_TIMES: dict[str, tuple[Any, ...]] = {
    "bin_s": (0.02, 0.05, 1e-9, 20.0, float("nan"), -1.0, float("inf")),
    "align": ("go_time", "start_time", "outcome", "none such", ""),
    "window_s": ((-0.1, 0.3), (0.3, -0.1), (-1e9, 1e9), (float("nan"), 1.0), (0.0, 0.0)),
    "trials": ("outcome==hit", "rt<0.4", "rt<<1", "no such==1", "outcome==hit and rt<0.5"),
    "condition": ("outcome", ["outcome", "rt"], "none such"),
    "label": ("outcome", "none such"),
    "min_rate_hz": (0.0, 1.0, 1e9, float("nan"), -1.0),
    "forward_bins": (0, 1, 10**9, -1),
    "cut_s": (1.0, 0.0, 1e9, 1e-9, float("nan")),
}
OF_COUNTS: dict[str, tuple[Any, ...]] = {
    "bin_s": (0.02, 0.04, 0.03, 1e-9, 1e9, float("nan"), float("inf"), -1.0),
    "condition": ("condition", "choice", ["condition", "choice"], "spikes", "none such"),
    "behavior": ("hand_vel", "spikes", "none such", []),
    "stimulus": ("stimulus", "choice", "none such"),
    "label": ("choice", "spikes", "none such"),
    "file_bin_s": (0.02, 0.0, float("nan")),
}
