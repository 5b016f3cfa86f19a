"""`Prediction`: what every model's `predict` returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data.notebook import few, html_table
from undertow.data.trialset import TrialSet
from undertow.errors import UndertowError

if TYPE_CHECKING:
    import xarray

RECORDED = ("recorded_start_s", "recorded_stop_s")
"""Start and stop of each trial on the recording's clock, as labelled arrays name them."""
LEAST_EFFECTIVE = 50
"""Particles of equal weight an interval must rest on: of so many exact draws the 5 and 95 %
quantiles hold 86.7 %, and of fewer the want of draws would rule the interval."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Inferred rates and latents for the trials of a `TrialSet`; NaN past a trial's end.

    Attributes:
        rates: mean over posterior samples, spikes/s, (trials, time, neurons); held-in and held-out
            neurons, window and forward bins, in the order of the trials given.
        trials: the trials predicted for; carries bin width, ids, masks and the time axis.
        latents: name → posterior mean, (trials, time, dimension); for LangevinFlow 'z' (positions),
            'v' (velocities) and 'h' (encoder state).
        rate_samples: spikes/s, (samples, trials, time, neurons), when samples were asked for.
        latent_samples: name → (samples, trials, time, dimension), when samples were asked for.
        terms: name → nats per trial, (trials,); for example 'log_likelihood', 'kl_initial',
            'kl_path'.
        groups: latent name → number of equal consecutive groups its dimensions form (oscillator
            groups of 'z').
        behavior: mean of the behaviour predicted, in the units of the trials', (trials, time,
            channels); of categorical behaviour the likeliest category's number.
        behavior_samples: the same of single posterior samples, (samples, trials, time, channels),
            when samples were asked for.
        behavior_std: standard deviation of an observed value about `behavior`, shaped like it: the
            spread of the samples and the noise of an observation together; None for categorical
            behaviour.
        behavior_names: of its channels; those of the trials by default.
        behavior_probabilities: channel → probability of each category in each bin, (trials, time,
            categories), where behaviour is categorical.
        behavior_categories: channel → the categories' numbers, in the order of their probabilities.
        label_probabilities: name → probability of each category in each trial, (trials,
            categories).
        label_categories: name → the categories, in the order of their probabilities.
        hidden_rates: spikes/s, shaped like `rates`: of every held-in entry of the window as
            predicted while it was hidden, NaN elsewhere; None where they were not made.
        effective_samples: of samples drawn by weighted particles, as many particles of equal weight
            would carry a bin's law, (trials, time); None where samples are independent draws.
        dispersion: α of each neuron, (neurons,), of counts whose variance about their expected
            number μ is μ + αμ²; None where they are Poisson's.
    """

    rates: np.ndarray
    trials: TrialSet
    latents: Mapping[str, np.ndarray] = field(default_factory=dict)
    rate_samples: np.ndarray | None = None
    latent_samples: Mapping[str, np.ndarray] = field(default_factory=dict)
    terms: Mapping[str, np.ndarray] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)
    behavior: np.ndarray | None = None
    behavior_samples: np.ndarray | None = None
    behavior_std: np.ndarray | None = None
    behavior_names: Sequence[str] = ()
    behavior_probabilities: Mapping[str, np.ndarray] = field(default_factory=dict)
    behavior_categories: Mapping[str, np.ndarray] = field(default_factory=dict)
    label_probabilities: Mapping[str, np.ndarray] = field(default_factory=dict)
    label_categories: Mapping[str, np.ndarray] = field(default_factory=dict)
    hidden_rates: np.ndarray | None = None
    effective_samples: np.ndarray | None = None
    dispersion: np.ndarray | None = None

    def __repr__(self) -> str:
        n_trials, n_time, n_neurons = self.rates.shape
        sizes = f"{n_trials} trials × {n_time} bins × {n_neurons} neurons"
        held = "".join(f", {what} {which}" for what, which in self._held().items())
        return f"Prediction({sizes}{held})"

    def _repr_html_(self) -> str:
        mean_hz = float(np.nanmean(self.rates))
        rows = {"mean rate": f"{mean_hz:.3g} spikes/s", **self._held(), "terms": few(self.terms)}
        return html_table(repr(self), rows)

    def _held(self) -> dict[str, str]:
        """What is predicted beside the mean rates, in a few words each."""
        latents = few(f"{name} ({value.shape[2]})" for name, value in self.latents.items())
        samples = 0 if self.rate_samples is None else len(self.rate_samples)
        held = {
            "latents": latents,
            "samples": f"{samples}" if samples else "",
            "behavior": few(self._channels()),
            "labels": few(self.label_probabilities),
        }
        return {what: which for what, which in held.items() if which}

    def _channels(self) -> list[str]:
        """The names of the behaviour channels predicted, where they are known."""
        return (
            [] if self.behavior is None else list(self.behavior_names or self.trials.behavior_names)
        )

    @property
    def counts(self) -> np.ndarray:
        """Expected spikes per bin, (trials, time, neurons), as the benchmark's scores take them."""
        return self.rates * self.trials.bin_s

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Central interval of the rates in spikes/s, from the samples.

        Raises:
            UndertowError: when there are fewer than 200 samples, which would make it too narrow, or
                where weighted samples rest on fewer than 50 effective ones in some bin.
        """
        n = 0 if self.rate_samples is None else len(self.rate_samples)
        if n < 200 or self.rate_samples is None:
            raise UndertowError(
                f"an interval needs 200 samples or more, here are {n}: predict(trials, "
                "samples=200)."
            )
        self._check_effective()
        low, high = np.quantile(self.rate_samples, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return low, high

    def _check_effective(self) -> None:
        """Refuse intervals of samples that rest on too few particles."""
        if self.effective_samples is None:
            return
        few = np.nan_to_num(self.effective_samples, nan=np.inf) < LEAST_EFFECTIVE
        if few.any():
            trial = int(few.sum(1).argmax())
            least = np.nanmin(self.effective_samples)
            raise UndertowError(
                f"the samples of {int(few.any(1).sum())} of {len(few)} trials rest on fewer than "
                f"{LEAST_EFFECTIVE} effective particles in some bins (trial "
                f"{self.trials.trial_ids[trial]} most of all; the least is {least:.3g}), too few "
                "for an interval: predict with more particles, or with refine=100."
            )

    def to_xarray(self) -> "xarray.Dataset":
        """Everything here as a Dataset with named coordinates: trial, time in s, neuron, channel, …

        Where times are irregular, the coordinate `times` (trial, time) takes the place of `time`. A
        label's probabilities are `NAME_probability` (trial, NAME_category), those of a channel of
        categorical behaviour `behavior_NAME_probability` (trial, time, behavior_NAME_category).
        """
        import xarray

        trials = self.trials
        values = self._rate_values() | self._latent_values() | self._behavior_values()
        for name, probabilities in self.label_probabilities.items():
            values[f"{name}_probability"] = (("trial", f"{name}_category"), probabilities)
        for name, term in self.terms.items():
            values[name] = (("trial",), term, {"units": "nats"})
        attrs = {
            "bin_s": trials.bin_s,
            "start_s": trials.start_s,
            "forward_bins": trials.forward_bins,
            "event": trials.event,
        }
        return xarray.Dataset(values, coords=self._coordinates(), attrs=attrs)

    def _coordinates(self) -> dict[str, Any]:
        trials = self.trials
        seconds = {"units": "s", "event": trials.event}
        coords: dict[str, Any] = {
            "trial": trials.trial_ids,
            "neuron": trials.neuron_ids,
            "heldout": ("neuron", trials.heldout.astype(np.int8)),
        }
        if trials.times is None:
            coords["time"] = ("time", trials.time_s, seconds)
        else:
            coords["times"] = (("trial", "time"), trials.times, seconds)
        if trials.condition is not None:
            coords["condition"] = ("trial", trials.condition)
        if trials.recorded_s is not None:
            for name, edge in zip(RECORDED, trials.recorded_s.T, strict=True):
                coords[name] = ("trial", edge, {"units": "s"})
        if trials.region is not None:
            coords["region"] = ("neuron", trials.region)
        if names := self._channels():
            coords["channel"] = names
        coords |= {
            f"behavior_{name}_category": known for name, known in self.behavior_categories.items()
        }
        return coords | {f"{name}_category": known for name, known in self.label_categories.items()}

    def _rate_values(self) -> dict[str, Any]:
        dims, unit = ("trial", "time", "neuron"), {"units": "spikes/s"}
        values: dict[str, Any] = {"rates": (dims, self.rates, unit)}
        if self.rate_samples is not None:
            values["rate_samples"] = (("sample", *dims), self.rate_samples, unit)
        if self.effective_samples is not None:
            values["effective_samples"] = (dims[:2], self.effective_samples)
        if self.dispersion is not None:
            values["dispersion"] = (("neuron",), self.dispersion)
        return values

    def _latent_values(self) -> dict[str, Any]:
        means = {
            name: (("trial", "time", f"{name}_dim"), value) for name, value in self.latents.items()
        }
        samples = {
            f"{name}_samples": (("sample", "trial", "time", f"{name}_dim"), value)
            for name, value in self.latent_samples.items()
        }
        return means | samples

    def _behavior_values(self) -> dict[str, Any]:
        dims = ("trial", "time", "channel")
        values = {
            "behavior": (dims, self.behavior),
            "behavior_std": (dims, self.behavior_std),
            "behavior_samples": (("sample", *dims), self.behavior_samples),
        }
        probabilities = {
            f"behavior_{name}_probability": (("trial", "time", f"behavior_{name}_category"), value)
            for name, value in self.behavior_probabilities.items()
        }
        return probabilities | {name: each for name, each in values.items() if each[1] is not None}


def likeliest_categories(
    probabilities: Mapping[str, np.ndarray], categories: Mapping[str, np.ndarray]
) -> np.ndarray:
    """The number of each channel's likeliest category, (…, channels).

    It is NaN where the probabilities are.
    """
    likeliest = [
        np.where(
            np.isnan(given).any(-1),
            np.nan,
            np.asarray(categories[name], given.dtype)[given.argmax(-1)],
        )
        for name, given in probabilities.items()
    ]
    return np.stack(likeliest, axis=-1)
