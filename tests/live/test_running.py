"""A stream that is run: what is counted, written, read back and drawn."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.live.sources import BIN_S, NEURONS, make_stream, trials
from undertow.errors import DataError, ModelError
from undertow.live import Frame, read_stream, run_stream
from undertow.live.page import LivePage
from undertow.live.readings import ROWS
from undertow.live.replay import Replay
from undertow.live.running import Latencies
from undertow.live.sink import LineSink, open_sink
from undertow.models.streaming import StreamedBin


def frames(numbers: list[int]) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [Frame(n, rng.poisson(1.0, NEURONS)) for n in numbers]


def test_a_replayed_recording_gives_what_is_predicted_of_it(tmp_path: Path) -> None:
    stream, one = make_stream(behavior=True), trials()
    counted = run_stream(stream, Replay(one, speed=0), tmp_path)
    assert (counted.bins, counted.trials) == (96, 12)
    found = read_stream(tmp_path)
    np.testing.assert_array_equal(np.flatnonzero(found.restarts), np.arange(0, 96, 8))
    alone = make_stream()
    expected = []
    for trial in one.spikes:
        alone.reset()
        expected += [alone.step(bin_counts).rates.copy() for bin_counts in trial]
    np.testing.assert_allclose(found.rates, expected, rtol=1e-6)
    assert found.sizes["channel"] == 2
    assert found.attrs["bin_s"] == BIN_S
    # the lag has no behaviour in the first bin of a trial
    assert np.isnan(found.behavior[::8]).all()
    assert np.isfinite(found.behavior[1:8]).all()


def test_missing_late_and_repeated_bins_are_survived(tmp_path: Path) -> None:
    counted = run_stream(make_stream(), frames([0, 1, 4, 2, 4, 5]), tmp_path)
    assert (counted.bins, counted.missing, counted.late, counted.duplicated) == (6, 2, 1, 1)
    assert "2 missing; 1 late; 1 duplicated" in counted.sentence(BIN_S)
    about = json.loads((tmp_path / "stream.json").read_text())
    assert about["counted"]["missing"] == 2
    assert read_stream(tmp_path).sizes["bin"] == 6


def test_a_long_gap_begins_anew() -> None:
    counted = run_stream(make_stream(), frames([0, 1, 10_000]))
    assert (counted.bins, counted.trials, counted.gaps) == (3, 2, 1)


def test_a_bin_of_another_width_ends_it_with_what_was_streamed(tmp_path: Path) -> None:
    given = [*frames([0, 1]), Frame(2, np.zeros(NEURONS + 1))]
    with pytest.raises(ModelError, match=f"the model reads {NEURONS} neurons"):
        run_stream(make_stream(), given, tmp_path)
    assert read_stream(tmp_path).sizes["bin"] == 2


def test_what_was_streamed_before_an_interrupt_is_kept(tmp_path: Path) -> None:
    def source() -> Iterator[Frame]:
        yield from frames([0, 1, 2])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_stream(make_stream(), source(), tmp_path)
    assert read_stream(tmp_path).sizes["bin"] == 3


def test_a_row_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    run_stream(make_stream(), frames([0, 1]), tmp_path)
    with (tmp_path / ROWS).open("ab") as file:
        file.write(b"cut")
    assert read_stream(tmp_path).sizes["bin"] == 2


@pytest.mark.parametrize("text", ["{", "[]", '{"columns": {}}', '{"columns": 3, "bin_s": 1}'])
def test_a_damaged_stream_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"holds no stream\.json"):
        read_stream(tmp_path)
    (tmp_path / "stream.json").write_text(text)
    with pytest.raises(DataError, match="damaged"):
        read_stream(tmp_path)


def test_percentiles_of_latencies_are_right_to_two_percent() -> None:
    latencies, values = Latencies(), np.random.default_rng(0).lognormal(4, 1, 5000)
    assert latencies.percentiles() == {}
    for value in values:
        latencies.add(value)
    found = latencies.percentiles()
    for share in (50, 99, 99.9):
        assert found[f"{share:g}"] == pytest.approx(
            np.percentile(values, share, method="inverted_cdf"), rel=0.03
        )
    assert found["most"] == values.max()


def test_results_as_lines(capsys: pytest.CaptureFixture[str]) -> None:
    run_stream(make_stream(), frames([0, 1]), sinks=[open_sink("-")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["0", "1"]
    assert len(lines[0].split()) == 1 + NEURONS
    assert LineSink is type(open_sink("-"))


@pytest.mark.parametrize("address", ["file.txt", "redis://127.0.0.1/0", "tcp://127.0.0.1:1"])
def test_other_places_for_results_are_refused(address: str) -> None:
    with pytest.raises(DataError, match="results cannot go to"):
        open_sink(address)


def test_a_page_shows_the_last_seconds() -> None:
    page = LivePage(BIN_S)
    assert page.address.startswith("http://127.0.0.1:")
    assert json.loads(fetched(page.address + "state")) == {"bin": -1}
    for k in range(400):
        behavior = np.array([float(k), np.nan])
        page.send(StreamedBin(k, np.full(3, 5.0), {"z": np.zeros(20)}, behavior, None, ("x", "y")))
    state = json.loads(fetched(page.address + "state"))
    assert (state["bin"], state["mean_hz"]) == (399, 5.0)
    assert len(state["lines"]["z"]) == 300  # six seconds
    assert len(state["lines"]["z"][0]) == 8
    assert state["lines"]["behaviour"][-1] == [399.0, None]
    assert state["columns"] == {"behaviour": ["x", "y"]}
    assert "<title>undertow stream</title>" in fetched(page.address)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(page.address + "other")
    page.close()


def fetched(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as found:
        return str(found.read().decode())
