"""`Prediction`: what every model's `predict` returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data.trialset import TrialSet
from undertow.errors import UndertowError

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class Prediction:
    """Inferred rates and latents for the trials of a `TrialSet`; NaN past a trial's end.

    Attributes:
        rates: mean over posterior samples, spikes/s, (trials, time, neurons); held-in and held-out neurons,
            window and forward bins, in the order of the trials given.
        trials: the trials predicted for; carries bin width, ids, masks and the time axis.
        latents: name → posterior mean, (trials, time, dimension); for LangevinFlow 'z' (positions), 'v'
            (velocities) and 'h' (encoder state).
        rate_samples: spikes/s, (samples, trials, time, neurons), when samples were asked for.
        latent_samples: name → (samples, trials, time, dimension), when samples were asked for.
        terms: name → nats per trial, (trials,); for example 'log_likelihood', 'kl_initial', 'kl_path'.
        groups: latent name → number of equal consecutive groups its dimensions form (oscillator groups of
            'z').
    """

    rates: np.ndarray
    trials: TrialSet
    latents: Mapping[str, np.ndarray] = field(default_factory=dict)
    rate_samples: np.ndarray | None = None
    latent_samples: Mapping[str, np.ndarray] = field(default_factory=dict)
    terms: Mapping[str, np.ndarray] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> np.ndarray:
        """Expected spikes per bin, (trials, time, neurons): what the scores of the benchmark take."""
        return self.rates * self.trials.bin_s

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Central interval of the rates in spikes/s, from the samples.

        Raises:
            UndertowError: when there are fewer than 200 samples, which would make it too narrow.
        """
        n = 0 if self.rate_samples is None else len(self.rate_samples)
        if n < 200 or self.rate_samples is None:
            raise UndertowError(
                f"an interval needs 200 samples or more, here are {n}: predict(trials, samples=200)."
            )
        low, high = np.quantile(self.rate_samples, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return low, high

    def to_xarray(self) -> "xarray.Dataset":
        """Rates, latents and samples as a Dataset with named coordinates (trial, time in s, neuron, …)."""
        import xarray

        trials = self.trials
        coords: dict[str, Any] = {
            "trial": trials.trial_ids,
            "time": ("time", trials.time_s, {"units": "s", "event": trials.event}),
            "neuron": trials.neuron_ids,
            "heldout": ("neuron", trials.heldout.astype(np.int8)),
        }
        if trials.condition is not None:
            coords["condition"] = ("trial", trials.condition)
        if trials.region is not None:
            coords["region"] = ("neuron", trials.region)
        rate = {"units": "spikes/s"}
        values: dict[str, Any] = {"rates": (("trial", "time", "neuron"), self.rates, rate)}
        if self.rate_samples is not None:
            values["rate_samples"] = (("sample", "trial", "time", "neuron"), self.rate_samples, rate)
        for name, latent in self.latents.items():
            values[name] = (("trial", "time", f"{name}_dim"), latent)
        for name, latent in self.latent_samples.items():
            values[f"{name}_samples"] = (("sample", "trial", "time", f"{name}_dim"), latent)
        for name, term in self.terms.items():
            values[name] = (("trial",), term, {"units": "nats"})
        attrs = {"bin_s": trials.bin_s, "forward_bins": trials.forward_bins, "event": trials.event}
        return xarray.Dataset(values, coords=coords, attrs=attrs)
