"""Tables: one row per neuron, and a training history as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.data import Prediction
from undertow.errors import UndertowError
from undertow.evaluation import per_neuron_scores
from undertow.evaluation.tables import columns_table, html_table


@dataclass(frozen=True, eq=False, repr=False)
class NeuronTable:
    """Scores of single neurons over the window without its forward bins, ordered as the TrialSet.

    Attributes:
        neuron_ids: labels, (neurons,).
        heldout: True where the neuron was never given to the encoder.
        region: labels, or None.
        n_spikes: spikes in the test trials.
        mean_rate: observed, spikes/s; NaN if never observed.
        score: bits per spike of the model; NaN for a neuron without spikes.
        baseline: bits per spike of the baseline, or None.
        rate_r2: R² against the true rates, or None where they are not known.
    """

    neuron_ids: np.ndarray
    heldout: np.ndarray
    region: np.ndarray | None
    n_spikes: np.ndarray
    mean_rate: np.ndarray
    score: np.ndarray
    baseline: np.ndarray | None
    rate_r2: np.ndarray | None

    @property
    def sorted_by_score(self) -> np.ndarray:
        """Return the indices of the neurons that have a score, best first."""
        order = np.argsort(-self.score, kind="stable")
        return order[np.isfinite(self.score[order])]

    def columns(self) -> dict[str, list[Any]]:
        """Return the table as named columns, for a page or a CSV file."""
        columns: dict[str, list[Any]] = {
            "neuron": self.neuron_ids.tolist(),
            "held_out": ["yes" if x else "no" for x in self.heldout],
        }
        if self.region is not None:
            columns["region"] = self.region.tolist()
        columns |= {
            "spikes": self.n_spikes.tolist(),
            "mean_rate_hz": self.mean_rate.tolist(),
            "bits_per_spike": self.score.tolist(),
        }
        if self.baseline is not None:
            columns["baseline_bits_per_spike"] = self.baseline.tolist()
            columns["difference"] = (self.score - self.baseline).tolist()
        if self.rate_r2 is not None:
            columns["rate_r2"] = self.rate_r2.tolist()
        return columns

    def __repr__(self) -> str:
        n, held_out = len(self.neuron_ids), int(self.heldout.sum())
        middle = np.nanmedian(self.score) if np.isfinite(self.score).any() else np.nan
        return f"NeuronTable({n} neurons, {held_out} held out, median {middle:.3f} bits/spike)"

    def _repr_html_(self) -> str:
        return html_table(columns_table(self.columns()))


def neuron_table(prediction: Prediction, baseline: Prediction | None = None) -> NeuronTable:
    """Score every neuron of the test trials by itself.

    See `undertow.evaluation.per_neuron_scores`.
    """
    trials = prediction.trials
    scores = per_neuron_scores(prediction)
    window = slice(0, trials.n_time - trials.forward_bins)
    return NeuronTable(
        neuron_ids=trials.neuron_ids,
        heldout=trials.heldout,
        region=trials.region,
        n_spikes=np.nansum(trials.spikes[:, window], axis=(0, 1)).astype(int),
        mean_rate=scores["mean_rate_hz"],
        score=scores["bits_per_spike"],
        baseline=None if baseline is None else per_neuron_scores(baseline)["bits_per_spike"],
        rate_r2=scores.get("rate_r2"),
    )


def history_columns(history: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Return every numeric column of a history, (rows,) each, NaN where a row lacks it.

    'epoch' comes first, counted from 0 where it is missing.

    Raises:
        UndertowError: when there are no rows.
    """
    if not history:
        raise UndertowError(
            "there is no training history: this model is not trained by epochs, or did not log "
            "them."
        )
    names = dict.fromkeys(name for row in history for name in row if name != "epoch")
    columns = {"epoch": np.array([_number(row.get("epoch", k)) for k, row in enumerate(history)])}
    for name in names:
        column = np.array([_number(row.get(name)) for row in history])
        if np.isfinite(column).any():
            columns[name] = column
    return columns


def _number(value: Any) -> float:
    """Return the value as a float; NaN for text, None and whatever else is no number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
