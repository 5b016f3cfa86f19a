"""Gaussian smoothing of held-in spikes, and Poisson regression from them to held-out neurons."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from undertow.data import Prediction, TrialSet, split_validation
from undertow.errors import ModelError
from undertow.evaluation.checks import ZERO_RATE
from undertow.evaluation.kernel import gaussian_smooth
from undertow.evaluation.likelihood import bits_per_spike, negative_log_likelihood
from undertow.evaluation.poisson_regression import PoissonDesign, PoissonRegression
from undertow.models.base import Estimator, ProgressReport

Grid = float | Sequence[float]
BINS_TO_CHOOSE, NEURONS_TO_CHOOSE = 10_000, 40


class Choice(NamedTuple):
    """One point of the grid."""

    width_s: float
    floor_hz: float
    penalty: float


class Smoothing(Estimator):
    """The baseline of every table, as in the Neural Latents Benchmark (Pei et al. 2021).

    Held-in neurons: their spikes smoothed with a Gaussian. Held-out neurons: Poisson regression
    with an L2 penalty on ln(smoothed held-in rates + floor), bin by bin. Forward bins: each
    neuron's mean rate in the forward bins of the training trials, a constant. Held-out spikes and
    forward bins of the trials predicted are never read.

    Width, floor and penalty are chosen on validation trials by co-smoothing (penalties from the
    strongest on, until it falls), then the regression is fitted on training and validation trials.
    Where there are more than 10,000 training bins or 40 held-out neurons, width and floor are
    chosen on every k-th of them. With nothing held out
    there is no regression: width and floor are those under which each held-in bin is likeliest
        given the
    other bins of its trial; the floor then only serves the choice.

    Args:
        width_s: standard deviation of the Gaussian in seconds; one value, or several to choose
            from.
        floor_hz: what is added to the smoothed rates before the logarithm, in spikes/s; one value
            or several.
        penalty: α of (1/n) Σ (μ − y ln μ) + α/2 |w|², μ in spikes per bin; one value or several.
        seed: of the split into training and validation trials, when no validation trials are given.

    After `fit`: `width_s_`, `floor_hz_`, `penalty_` (0 with nothing held out), `regression_` (ln of
    spikes/s).
    """

    cli_name: ClassVar[str] = "smoothing"

    def __init__(
        self,
        width_s: Grid = (0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2),
        floor_hz: Grid = (0.5, 2.0, 5.0),
        penalty: Grid = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
        seed: int = 0,
    ) -> None:
        self.width_s = width_s
        self.floor_hz = floor_hz
        self.penalty = penalty
        self.seed = seed

    def fit(
        self,
        trials: Any,
        validation: Any = None,
        *,
        bin_s: float | None = None,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        progress: ProgressReport | None = None,
    ) -> Self:
        """Choose width, floor and penalty, then fit on all trials given.

        Args:
            trials: to learn from.
            validation: to choose on; 15 % of the trials when not given.
            bin_s: bin width in seconds of arrays.
            checkpoint, resume, progress: of no use here; a fit is short and starts anew.

        Raises:
            ModelError: for a grid that is empty or not above zero, or no held-out spike to choose
                on.
            DataError: when the trials are too few to split.
        """
        trials = self._as_trials(trials, bin_s)
        validation = None if validation is None else self._as_trials(validation, bin_s)
        grid = self._grid(trials.heldout.any())
        self._remember_population(trials)
        if validation is not None:
            self._check_population(validation)
        given = [trials] if validation is None else [trials, validation]
        self.mean_rates_ = _mean_rates(given, forward=False)
        self.forward_rates_ = _mean_rates(given, forward=True)
        if len(grid) == 1:
            choice = grid[0]
        elif trials.heldout.any():
            parts = (
                split_validation(trials, 0.15, self.seed)
                if validation is None
                else (trials, validation)
            )
            choice = self._choose_on_validation(grid, *parts)
        else:
            choice = min(grid, key=lambda point: self._left_out_loss(given, point))
        self.width_s_, self.floor_hz_, self.penalty_ = choice
        self.regression_ = self._fit_regression(given, choice)
        return self

    def predict(self, trials: Any, samples: int | None = None, seed: int = 0) -> Prediction:
        """Rates in spikes/s, NaN past the end of a trial; nothing is random here, so `seed` changes
        nothing.

        Raises:
            ModelError: when the model is not fitted, the neurons differ, or samples are asked for.
        """
        trials = self.checked(trials)
        if samples is not None:
            raise ModelError(
                "Smoothing has no posterior to sample from: call predict(trials) without samples."
            )
        smoothed = self._smooth(trials, self.width_s_)
        last = smoothed.shape[1]
        rates = np.broadcast_to(self.forward_rates_, trials.spikes.shape).copy()
        rates[:, :last, ~self.heldout_] = smoothed
        if self.heldout_.any():
            rates[:, :last, self.heldout_] = np.exp(
                self.regression_.log_counts(np.log(smoothed + self.floor_hz_))
            )
        return Prediction(rates=np.where(trials.valid[..., None], rates, np.nan), trials=trials)

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

        tensors, header = read_tensors(Path(path))
        if header.get("model") != cls.cli_name:
            raise ModelError(
                f"{path} holds the model {header.get('model')!r}: it must be {cls.cli_name!r}."
            )
        model = cls(**{**header["params"], **params})
        model.neuron_ids_ = np.array(header["neuron_ids"], dtype=header["neuron_ids_dtype"])
        model.heldout_, model.bin_s_ = np.array(header["heldout"], dtype=bool), header["bin_s"]
        model.width_s_, model.floor_hz_, model.penalty_ = header["choice"]
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        model.regression_ = PoissonRegression(arrays["weights"], arrays["offset"])
        model.mean_rates_, model.forward_rates_ = arrays["mean_rates"], arrays["forward_rates"]
        return model

    # --- choosing -----------------------------------------------------------------------------

    def _grid(self, regression: bool) -> list[Choice]:
        """All combinations, with penalty 0 where there is no regression."""
        widths, floors, penalties = (
            _values(k, getattr(self, k)) for k in ("width_s", "floor_hz", "penalty")
        )
        return [
            Choice(*point) for point in product(widths, floors, penalties if regression else [0.0])
        ]

    def _choose_on_validation(
        self, grid: list[Choice], train: TrialSet, validation: TrialSet
    ) -> Choice:
        """The best co-smoothing on the validation trials; in large sets width and floor from a part
        of the data."""
        neurons = np.flatnonzero(np.nansum(_heldout_counts(validation), axis=(0, 1)) > 0)
        if not neurons.size:
            raise ModelError(
                "no held-out neuron spikes in the validation trials: give more of them."
            )
        every = (
            -(-int(_inside(train).sum()) // BINS_TO_CHOOSE),
            -(-len(neurons) // NEURONS_TO_CHOOSE),
        )
        choice = self._best(grid, train, validation, neurons[:: every[1]], every[0])
        if max(every) == 1:
            return choice
        # the best penalty depends on the number of bins: it is chosen on all
        grid = [point for point in grid if point[:2] == choice[:2]]
        return self._best(grid, train, validation, neurons, every=1)

    def _best(
        self,
        grid: list[Choice],
        train: TrialSet,
        validation: TrialSet,
        neurons: np.ndarray,
        every: int,
    ) -> Choice:
        """The point that scores best for these held-out neurons, fitted on every so many training
        bins."""
        scores = dict(self._validation_scores(grid, train, validation, neurons, every))
        return max(scores, key=lambda point: scores[point])

    def _validation_scores(
        self,
        grid: list[Choice],
        train: TrialSet,
        validation: TrialSet,
        neurons: np.ndarray,
        every: int,
    ) -> Iterator[tuple[Choice, float]]:
        """Co-smoothing of grid points; penalties from the strongest on, until the score falls."""
        target = _heldout_counts(validation)[..., neurons]
        counts = _heldout_counts(train)[_inside(train)][::every, neurons]
        for width_s in dict.fromkeys(point.width_s for point in grid):
            fit_rates = self._smooth(train, width_s)[_inside(train)][::every]
            score_rates = self._smooth(validation, width_s)
            for floor_hz in dict.fromkeys(point.floor_hz for point in grid):
                design, features = (
                    PoissonDesign(np.log(fit_rates + floor_hz), counts),
                    np.log(score_rates + floor_hz),
                )
                fitted, best = None, -np.inf
                for penalty in sorted({point.penalty for point in grid}, reverse=True):
                    fitted = design.fit(penalty, start=fitted, tolerance=1e-3)
                    score = bits_per_spike(np.exp(fitted.log_counts(features)), target)
                    yield Choice(width_s, floor_hz, penalty), score
                    if score < best:
                        break
                    best = score

    def _left_out_loss(self, given: list[TrialSet], point: Choice) -> float:
        """Negative log-likelihood of every held-in bin under the smoothed other bins of its
        trial."""
        loss = 0.0
        for trials in given:
            rates = self._smooth(trials, point.width_s, centre=False) + point.floor_hz
            loss += negative_log_likelihood(rates * trials.bin_s, _heldin_counts(trials))
        return loss

    # --- fitting ------------------------------------------------------------------------------

    def _fit_regression(self, given: list[TrialSet], choice: Choice) -> PoissonRegression:
        """From ln(smoothed held-in rates + floor) to the ln of held-out rates in spikes/s."""
        if not self.heldout_.any():
            return PoissonRegression(np.zeros((len(self.heldout_), 0)), np.zeros(0))
        fitted = PoissonDesign(*self._rows(given, choice.width_s, choice.floor_hz)).fit(
            choice.penalty
        )
        return PoissonRegression(fitted.weights, fitted.offset - np.log(self.bin_s_))

    def _rows(
        self, given: list[TrialSet], width_s: float, floor_hz: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Features (rows, held-in) and counts (rows, held-out neurons) of every bin within a
        trial."""
        features, counts = [], []
        for trials in given:
            inside = _inside(trials)
            features.append(np.log(self._smooth(trials, width_s)[inside] + floor_hz))
            counts.append(_heldout_counts(trials)[inside])
        return np.concatenate(features), np.concatenate(counts)

    def _smooth(self, trials: TrialSet, width_s: float, centre: bool = True) -> np.ndarray:
        """Smoothed held-in rates in the window, spikes/s; the mean rate where nothing near was
        observed."""
        rates = (
            gaussian_smooth(_heldin_counts(trials), width_s, trials.bin_s, centre) / trials.bin_s
        )
        return np.where(np.isnan(rates), self.mean_rates_[~self.heldout_], rates)


def _heldin_counts(trials: TrialSet) -> np.ndarray:
    return trials.spikes[:, : trials.n_time - trials.forward_bins, ~trials.heldout].astype(
        np.float64
    )


def _heldout_counts(trials: TrialSet) -> np.ndarray:
    return trials.spikes[:, : trials.n_time - trials.forward_bins, trials.heldout].astype(
        np.float64
    )


def _inside(trials: TrialSet) -> np.ndarray:
    """Bins of the window within their trial, (trials, time)."""
    return trials.valid[:, : trials.n_time - trials.forward_bins]


def _mean_rates(given: list[TrialSet], forward: bool) -> np.ndarray:
    """Each neuron's mean rate in the window or the forward bins, spikes/s; at least half a spike in
    all."""
    n_neurons = given[0].n_neurons
    spikes, seconds = np.zeros(n_neurons), np.zeros(n_neurons)
    for trials in given:
        edge = trials.n_time - trials.forward_bins
        counts = trials.spikes[:, edge:] if forward else trials.spikes[:, :edge]
        spikes += np.nansum(counts, axis=(0, 1), dtype=np.float64)
        seconds += np.isfinite(counts).sum(axis=(0, 1)) * trials.bin_s
    return np.maximum(spikes, 0.5) / np.maximum(seconds, ZERO_RATE)


def _values(name: str, grid: Any) -> list[float]:
    """The values of a grid, or the one value, all above zero."""
    try:
        values = np.atleast_1d(np.asarray(grid, dtype=np.float64))
    except (TypeError, ValueError):
        values = np.array([])
    if values.ndim != 1 or values.size == 0 or not (np.isfinite(values) & (values > 0)).all():
        raise ModelError(f"{name} is {grid!r}: it must be a number above zero, or several.")
    return values.tolist()
