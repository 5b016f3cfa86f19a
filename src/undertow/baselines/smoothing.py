"""Gaussian smoothing of held-in spikes, and Poisson regression from them to held-out neurons."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from undertow.baselines.held_in import Shrinkage, choose_shrinkage
from undertow.baselines.smoothing_file import Header, check_params
from undertow.baselines.streaming import SmoothingStepper
from undertow.data import Prediction, TrialSet, as_trials, split_validation
from undertow.data.arrays import TrialsLike
from undertow.data.counts import totals
from undertow.evaluation import MASKS, hidden_prediction
from undertow.evaluation.metrics.arrays import ZERO_RATE
from undertow.evaluation.metrics.poisson_regression import PoissonRegression
from undertow.models.base import Estimator, ProgressReport
from undertow.models.persistence import check_model
from undertow.models.smoothed_regression import (
    Choice,
    Grid,
    HeldInSmoother,
    choose_on_held_in,
    choose_on_validation,
    fit_regression,
    grid_of,
)
from undertow.models.streaming import PastSmoother, Stepper
from undertow.schema import record


class Smoothing(Estimator):
    """Gaussian smoothing, the baseline of every table, as in the Neural Latents Benchmark.

    Pei, Ye et al. 2021, NeurIPS Datasets and Benchmarks.

    Held-in neurons: their spikes smoothed with a Gaussian. Held-out neurons: Poisson regression
    with an L2 penalty on ln(smoothed held-in rates + floor), bin by bin. Forward bins: each
    neuron's mean rate in the forward bins of the training trials, a constant. Held-out spikes and
    forward bins of the trials predicted are never read.

    Width, floor and penalty are chosen on validation trials by co-smoothing (penalties from the
    strongest on, until it falls), then the regression is fitted on training and validation trials.
    Where there are more than 10,000 training bins or 40 held-out neurons, width and floor are
    chosen on every k-th of them. With nothing held out there is no regression: width and floor are
    those under which each held-in bin is likeliest given the other bins of its trial; the floor
    then only serves the choice.

    Args:
        width_s: standard deviation of the Gaussian in seconds; one value, or several to choose
            from.
        floor_hz: what is added to the smoothed rates before the logarithm, in spikes/s; one value
            or several.
        penalty: α of (1/n) Σ (μ − y ln μ) + α/2 |w|², μ in spikes per bin; one value or several.
        causal: smooth over past bins alone, with half of the Gaussian.
        seed: of the split into training and validation trials, when no validation trials are given.

    After `fit`: `width_s_`, `floor_hz_`, `penalty_` (0 with nothing held out), `regression_` (ln of
    spikes/s), `shrinkage_` (of `predict_hidden`).
    """

    cli_name: ClassVar[str] = "smoothing"
    seeded = False

    def __init__(
        self,
        width_s: Grid = (0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2),
        floor_hz: Grid = (0.5, 2.0, 5.0),
        penalty: Grid = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        *,
        causal: bool = False,
        seed: int = 0,
    ) -> None:
        self.width_s = width_s
        self.floor_hz = floor_hz
        self.penalty = penalty
        self.causal, self.seed = causal, seed

    def check_settings(self) -> None:
        super().check_settings()
        grid_of(self.width_s, self.floor_hz, self.penalty, regression=True)

    def fit(
        self,
        trials: TrialsLike,
        validation: TrialsLike | None = None,
        *,
        bin_s: float | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
        verbose: bool = True,
    ) -> Self:
        """Choose width, floor and penalty, then fit on all trials given.

        Args:
            trials: to learn from.
            validation: to choose on; 15 % of the trials when not given.
            bin_s: bin width in seconds of arrays.
            checkpoint, resume, progress, verbose: of no use here; a fit is short and starts anew.

        Raises:
            ModelError: for a grid that is empty or not above zero, or no held-out spike to choose
                on.
            DataError: when the trials are too few to split.
        """
        trials = as_trials(trials, bin_s)
        validation = None if validation is None else as_trials(validation, bin_s)
        self.check_settings()
        regression = bool(trials.heldout.any())
        grid = grid_of(self.width_s, self.floor_hz, self.penalty, regression)
        self._remember_population(trials)
        if validation is not None:
            self._check_population(validation)
        given = [trials] if validation is None else [trials, validation]
        self.mean_rates_ = _mean_rates(given, forward=False)
        self.forward_rates_ = _mean_rates(given, forward=True)
        choice = self._choose(grid, trials, validation)
        self.width_s_, self.floor_hz_, self.penalty_ = choice
        self.regression_ = fit_regression(self._smoother, given, choice)
        widths_s = [float(each) for each in np.atleast_1d(self.width_s)]
        self.shrinkage_ = choose_shrinkage(widths_s, self._smoother.mean_rates, given)
        return self

    def _choose(self, grid: list[Choice], trials: TrialSet, validation: TrialSet | None) -> Choice:
        """The only point of the grid, or the best on trials that are not fitted on."""
        if len(grid) == 1:
            return grid[0]
        if not trials.heldout.any():
            given = [trials] if validation is None else [trials, validation]
            return choose_on_held_in(grid, self._smoother, given)
        if validation is None:
            trials, validation = split_validation(trials, 0.15, self.seed)
        return choose_on_validation(grid, self._smoother, trials, validation)

    @property
    def _smoother(self) -> HeldInSmoother:
        return HeldInSmoother(self.mean_rates_[~self.heldout_], self.causal)

    def has_posterior(self) -> bool:
        return False

    def predict(self, trials: TrialsLike, samples: int | None = None, seed: int = 0) -> Prediction:
        """Rates in spikes/s, NaN past the end of a trial.

        Nothing is random here, so `seed` changes nothing.

        Raises:
            ModelError: when the model is not fitted, the neurons differ, or samples are asked for.
        """
        trials = self.checked(trials)
        self.refuse_samples(samples)
        rates, last = np.empty(trials.shape, np.float32), trials.n_time - trials.forward_bins
        rates[:, last:] = self.forward_rates_
        for part, smoothed in self._smoother.blocks(trials, self.width_s_):
            rates[part, :last, ~self.heldout_] = _single(smoothed)
            if self.heldout_.any():
                log_rates = self.regression_.log_counts(np.log(smoothed + self.floor_hz_))
                rates[part, :last, self.heldout_] = _single(np.exp(log_rates))
        rates[~trials.valid] = np.nan
        return Prediction(rates=rates, trials=trials)

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        self.refuse_samples(samples)
        if not self.causal:
            return super().stepper(samples, seed)
        smoother = PastSmoother(self._smoother.mean_rates, self.width_s_, self.bin_s_)
        return SmoothingStepper(smoother, self.heldout_, self.regression_, self.floor_hz_)

    def predict_hidden(self, trials: TrialSet, masks: int = MASKS, seed: int = 0) -> Prediction:
        """Held-in rates, each smoothed from other bins while it is hidden, and drawn to the mean.

        Width and shrinkage are those under which each bin of the trials fitted on is likeliest
        given the other bins of its trial: the rates of `predict` may be zero, which one hidden
        spike refutes.
        """

        def smoothed(shown: TrialSet) -> Prediction:
            rates = np.full(shown.spikes.shape, np.nan, np.float32)
            found = self.shrinkage_.rates(shown, self._smoother.mean_rates)
            rates[:, : found.shape[1], ~shown.heldout] = found
            return Prediction(rates, shown)

        return hidden_prediction(smoothed, self.checked(trials), masks, seed)

    def save(self, path: str | Path) -> Path:
        """Write the fitted model to one safetensors file with a JSON header, atomically.

        Raises:
            ModelError: when the model is not fitted.
        """
        import torch

        from undertow.training import write_tensors

        self._check_fitted()
        arrays = {
            "weights": self.regression_.weights,
            "offset": self.regression_.offset,
            "mean_rates": self.mean_rates_,
            "forward_rates": self.forward_rates_,
        }
        header = {
            "model": self.cli_name,
            "params": {k: np.asarray(v).tolist() for k, v in self.get_params(deep=False).items()},
            "choice": [self.width_s_, self.floor_hz_, self.penalty_],
            "shrinkage": list(self.shrinkage_),
            "bin_s": self.bin_s_,
            "neuron_ids": self.neuron_ids_.tolist(),
            "neuron_ids_dtype": self.neuron_ids_.dtype.str,
            "heldout": self.heldout_.tolist(),
        }
        return write_tensors(
            Path(path), {k: torch.from_numpy(v) for k, v in arrays.items()}, header
        )

    @classmethod
    def load(cls, path: str | Path, **params: Any) -> Self:
        """Read a model written by `save`; `params` replace constructor arguments.

        Raises:
            ModelError: when the file is missing, damaged or of another model.
        """
        from undertow.training import read_tensors

        tensors, found = read_tensors(Path(path))
        check_model(found, cls, path)
        header = record(Header, found, f"the header of {path}")
        header.check(tensors, path)
        check_params(cls, header.params, path)
        model = cls(**{**header.params, **params})
        model.neuron_ids_ = np.array(header.neuron_ids, dtype=header.neuron_ids_dtype)
        model.heldout_, model.bin_s_ = np.array(header.heldout, dtype=bool), header.bin_s
        model.width_s_, model.floor_hz_, model.penalty_ = header.choice
        model.shrinkage_ = Shrinkage(*(header.shrinkage or (model.width_s_, 0.2)))
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        model.regression_ = PoissonRegression(arrays["weights"], arrays["offset"])
        model.mean_rates_, model.forward_rates_ = arrays["mean_rates"], arrays["forward_rates"]
        return model


def _single(rates: np.ndarray) -> np.ndarray:
    """Rates for single precision: those it could not tell from zero are its least number."""
    return np.where(rates > 0, np.maximum(rates, np.finfo(np.float32).tiny), rates)


def _mean_rates(given: list[TrialSet], forward: bool) -> np.ndarray:
    """Each neuron's mean rate in the window or the forward bins, spikes/s.

    It is that of at least half a spike in all, so never zero.
    """
    n_neurons = given[0].n_neurons
    spikes, seconds = np.zeros(n_neurons), np.zeros(n_neurons)
    for trials in given:
        edge = trials.n_time - trials.forward_bins
        counts = trials.spikes[:, edge:] if forward else trials.spikes[:, :edge]
        count, observed = totals(counts)
        spikes += count
        seconds += observed * trials.bin_s
    # half a spike keeps the rate of a silent neuron above zero
    return np.maximum(spikes, 0.5) / np.maximum(seconds, ZERO_RATE)
