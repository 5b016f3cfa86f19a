"""The neuron table row by row; training histories as columns."""

import numpy as np
import pytest

from tests.report.records import make_prediction, make_trials
from undertow.analysis import history_columns, neuron_table
from undertow.errors import UndertowError
from undertow.evaluation import bits_per_spike, rate_r2


def test_neuron_table_row_by_row() -> None:
    spikes = make_trials().spikes.copy()
    spikes[:, :, 2] = 0
    trials = make_trials(spikes=spikes, forward_bins=3, region=list("aabbab"))
    mine, other = make_prediction(trials), make_prediction(trials, seed=8)
    table = neuron_table(mine, other)
    for k in (0, 5):
        counts = mine.counts[:, :12, k : k + 1]
        assert table.score[k] == pytest.approx(
            bits_per_spike(counts, trials.spikes[:, :12, k : k + 1])
        )
        assert table.n_spikes[k] == trials.spikes[:, :12, k].sum()
    assert np.isnan(table.score[2])
    assert 2 not in table.sorted_by_score
    assert (np.diff(table.score[table.sorted_by_score]) <= 0).all()
    columns = table.columns()
    assert columns["region"] == list("aabbab")
    assert table.rate_r2 is not None
    assert trials.truth is not None
    expected = rate_r2(mine.rates[:, :12, :1], trials.truth[:, :12, :1])
    assert columns["rate_r2"][0] == pytest.approx(expected)
    assert columns["difference"][0] == pytest.approx(
        table.score[0] - columns["baseline_bits_per_spike"][0]
    )


def test_the_neuron_table_shows_itself() -> None:
    table = neuron_table(make_prediction(make_trials(region=["<a>"] * 6)))
    middle = np.median(table.score)
    assert repr(table) == f"NeuronTable(6 neurons, 2 held out, median {middle:.3f} bits/spike)"
    html = table._repr_html_()
    assert html.count("<tr>") == 7
    assert "&lt;a&gt;" in html
    assert "<a>" not in html


def test_history_columns_keep_every_number() -> None:
    rows = [{"epoch": 2, "loss": 3.0, "note": "x"}, {"epoch": 4, "loss": None, "score": "0.5"}]
    columns = history_columns(rows)
    assert list(columns) == ["epoch", "loss", "score"]
    assert columns["epoch"].tolist() == [2, 4]
    np.testing.assert_array_equal(columns["loss"], [3.0, np.nan])
    np.testing.assert_array_equal(columns["score"], [np.nan, 0.5])
    assert history_columns([{"loss": 1.0}, {"loss": 0.5}])["epoch"].tolist() == [0, 1]
    with pytest.raises(UndertowError, match="no training history"):
        history_columns([])
