"""`SpikeRidge`: behaviour and all neurons by ridge regression from held-in spikes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from undertow import checks
from undertow.baselines.arrays import ArrayBaseline
from undertow.baselines.arrays.averages import LEAST_SHARE, in_time, mean_rates
from undertow.baselines.arrays.factors import smoothed_roots
from undertow.baselines.arrays.model import Shape
from undertow.baselines.streaming import RidgeStepper
from undertow.data import TrialSet
from undertow.evaluation.metrics.arrays import row_blocks
from undertow.evaluation.metrics.ridge import Ridge, ridge_left_one_out
from undertow.models.base import Generated
from undertow.models.population import Population
from undertow.models.search_space import Choices, Range, SearchSpace
from undertow.models.streaming import PastSmoother, Stepper

PENALTIES = np.logspace(0, 5, 11)
MOST_LAGS, LONGEST_S = 1000, 1e6


class SpikeRidge(ArrayBaseline):
    """Behaviour and the rates of all neurons, by ridge regression from held-in spikes nearby.

    What each bin's behaviour and rates are regressed on are square roots of smoothed held-in
    counts in that bin and in `lags` bins to each side, or before it. In `predict_generated` it is
    the counts of the trial's first bins, from which the whole trial's behaviour is regressed,
    beside mean rates. Penalties are chosen by leaving out one row of the training trials; forward
    bins are mean rates.

    Args:
        width_s: standard deviation of the Gaussian that smooths spikes, in seconds.
        lags: bins to each side; of a causal one, bins before.
        initial_s: seconds at a trial's start that `predict_generated` is shown.
        causal: look at no later bin, and smooth with half of the Gaussian.
        seed: of the split into training and validation trials, which changes nothing here.
    """

    cli_name = "ridge"
    search_space: ClassVar[SearchSpace] = {
        "width_s": Range(0.01, 0.12, "log"),
        "lags": Choices((0, 1, 2, 3, 5, 8)),
    }
    shapes: ClassVar[dict[str, Shape]] = {
        "rate_weights": ("features", "neurons"),
        "rate_offset": ("neurons",),
        "behavior_weights": ("features", "channels"),
        "behavior_offset": ("channels",),
        "generated_weights": ("heldin", "time", "channels"),
        "generated_offset": ("time", "channels"),
        "mean_hz": ("neurons",),
        "forward_hz": ("neurons",),
    }
    positive: ClassVar[tuple[str, ...]] = ("mean_hz", "forward_hz")

    def __init__(
        self,
        width_s: float = 0.04,
        lags: int = 3,
        initial_s: float = 0.1,
        *,
        causal: bool = False,
        seed: int = 0,
    ) -> None:
        self.width_s, self.lags, self.initial_s = width_s, lags, initial_s
        self.causal, self.seed = causal, seed

    def check_settings(self) -> None:
        super().check_settings()
        checks.number("width_s", self.width_s, 0, LONGEST_S, above=True, unit="seconds")
        checks.number("initial_s", self.initial_s, 0, LONGEST_S, above=True, unit="seconds")
        checks.whole("lags", self.lags, 0, MOST_LAGS)

    def sizes(self) -> dict[str, int]:
        known = super().sizes()
        return {**known, "features": self._bins * known["heldin"]}

    @property
    def _bins(self) -> int:
        """Bins that a bin is regressed on."""
        return self.lags + 1 if self.causal else 2 * self.lags + 1

    def unused_signals(self, trials: TrialSet) -> list[str]:
        if trials.behavior is not None and trials.behavior_kind != "continuous":
            return ["SpikeRidge does not use categorical behaviour."]
        return []

    def describe(self, trials: TrialSet) -> Population:
        return Population.of(trials, behavior=trials.behavior_kind == "continuous")

    # --- fitting -----------------------------------------------------------------------------

    def learn(
        self, trials: TrialSet, validation: TrialSet, everything: TrialSet
    ) -> dict[str, np.ndarray]:
        mean_hz = mean_rates(everything, forward=False)
        counts = np.where(
            np.isnan(everything.spikes), mean_hz * everything.bin_s, everything.spikes
        )
        rates = self._regressed(everything, mean_hz, counts / everything.bin_s)
        channels = len(self.population_.behavior_names)
        features = len(rates.weights)
        behavior = _none(features, channels)
        generated = _none(self.population_.n_heldin, channels * everything.n_time)
        if channels and everything.behavior is not None:
            behavior = self._regressed(everything, mean_hz, everything.behavior)
            generated = self._generated(everything, mean_hz)
        return {
            "rate_weights": rates.weights,
            "rate_offset": rates.offset,
            "behavior_weights": behavior.weights,
            "behavior_offset": behavior.offset,
            "generated_weights": generated.weights.reshape(
                self.population_.n_heldin, everything.n_time, channels
            ),
            "generated_offset": generated.offset.reshape(everything.n_time, channels),
            "mean_hz": mean_hz,
            "forward_hz": mean_rates(everything, forward=True),
        }

    def _regressed(self, trials: TrialSet, mean_hz: np.ndarray, target: np.ndarray) -> Ridge:
        """Regression of (trials, time, columns) on the spikes near each bin of the window."""
        last = trials.n_time - trials.forward_bins

        def rows() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for part in row_blocks(trials.spikes):
                known = trials.valid[part, :last] & np.isfinite(target[part, :last]).all(-1)
                features = self._features(trials[part], mean_hz)[:, :last]
                yield features[known], target[part, :last][known].astype(float)

        return ridge_left_one_out(rows, PENALTIES)

    def _features(self, trials: TrialSet, mean_hz: np.ndarray) -> np.ndarray:
        """Square roots of counts near each bin, (trials, time, bins · held-in)."""
        roots = smoothed_roots(trials, self.width_s, mean_hz, self.causal)
        padded = np.pad(roots, ((0, 0), (self.lags, self.lags), (0, 0)), mode="edge")
        bins = range(self._bins)
        return np.concatenate([padded[:, k : k + trials.n_time] for k in bins], axis=-1)

    def _generated(self, trials: TrialSet, mean_hz: np.ndarray) -> Ridge:
        """Regression of the behaviour of whole trials on the counts of their first bins."""
        assert trials.behavior is not None
        usual = np.nan_to_num(np.nanmean(trials.behavior, axis=0))
        target = np.where(np.isnan(trials.behavior), usual, trials.behavior)
        pair = self._first(trials, mean_hz), target.reshape(trials.n_trials, -1).astype(float)
        return ridge_left_one_out(lambda: iter([pair]), PENALTIES)

    def _first(self, trials: TrialSet, mean_hz: np.ndarray) -> np.ndarray:
        """Square roots of held-in counts of the first bins of the window, (trials, held-in)."""
        last = min(self._seen_bins, trials.n_time - trials.forward_bins)
        counts = trials.spikes[:, :last][..., ~trials.heldout].astype(float)
        filled = np.where(np.isnan(counts), mean_hz[~trials.heldout] * trials.bin_s, counts)
        roots: np.ndarray = np.sqrt(filled.sum(axis=1))
        return roots

    @property
    def _seen_bins(self) -> int:
        return max(1, round(self.initial_s / self.bin_s_))

    # --- predicting --------------------------------------------------------------------------

    def respond(
        self, trials: TrialSet, samples: int | None, seed: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
        self.refuse_samples(samples)
        arrays = self.network_
        features = self._features(trials, arrays["mean_hz"])
        rates = features @ arrays["rate_weights"] + arrays["rate_offset"]
        rates = np.maximum(rates, LEAST_SHARE * arrays["mean_hz"])
        rates[:, trials.n_time - trials.forward_bins :] = arrays["forward_hz"]
        if not self.population_.behavior_names:
            return rates, {}, {}
        behavior = features @ arrays["behavior_weights"] + arrays["behavior_offset"]
        return rates, {}, self._behaving(trials, behavior)

    def _behaving(self, trials: TrialSet, behavior: np.ndarray) -> dict[str, Any]:
        shown = np.where(trials.valid[..., None], behavior, np.nan)
        return {"behavior": shown, "behavior_names": tuple(self.population_.behavior_names)}

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        self.refuse_samples(samples)
        if not self.causal:
            return super().stepper(samples, seed)
        arrays = {name: self.network_[name] for name in self.shapes}
        usual, names = arrays["mean_hz"], tuple(self.population_.behavior_names)
        smoother = PastSmoother(usual[~self.heldout_], self.width_s, self.bin_s_)
        return RidgeStepper(smoother, arrays, LEAST_SHARE * usual, names)

    def predict_generated(
        self, trials: TrialSet, samples: int | None = None, seed: int = 0
    ) -> Generated | None:
        """Predict behaviour from each trial's first `initial_s` seconds, and mean rates.

        None where no behaviour was learned.
        """
        trials = self.checked(trials)
        names, arrays = self.population_.behavior_names, self.network_
        if not names:
            return None
        first = self._first(trials, arrays["mean_hz"])
        weights = arrays["generated_weights"]
        behavior = np.tensordot(first, weights, 1) + arrays["generated_offset"]
        found = self.predict(trials)
        usual = np.where(trials.valid[..., None], arrays["mean_hz"], np.nan).astype(np.float32)
        further = self._behaving(trials, in_time(behavior, trials.n_time))
        return Generated(replace(found, rates=usual, **further), self._seen_bins)


def _none(features: int, targets: int) -> Ridge:
    return Ridge(np.zeros((features, targets)), np.zeros(targets), 1.0)
