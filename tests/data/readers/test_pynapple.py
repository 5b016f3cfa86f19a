"""pynapple objects: with stand-ins that have its attributes, and with the package where it is
installed."""

import importlib.util
from collections import UserDict
from typing import Any

import numpy as np
import pytest

from undertow.data import Recording, from_pynapple
from undertow.errors import DataError, DataWarning

TIMES = {3: [0.05, 0.15, 2.25, 4.45], 8: [0.35, 2.05, 2.06, 4.15]}
STARTS, STOPS = [0.0, 2.0, 4.0], [0.5, 2.5, 4.5]
SUPPORT = ([0.0, 3.0], [2.6, 5.0])  # not observed between 2.6 and 3
POSITION = np.arange(0, 5, 0.05)


class Metadata:
    def __init__(self, **columns: Any) -> None:
        self.columns = columns

    @property
    def metadata_columns(self) -> list[str]:
        return list(self.columns)

    def get_info(self, name: str) -> Any:
        return np.asarray(
            self.columns[name], object if isinstance(self.columns[name][0], str) else None
        )


class Ts:
    def __init__(self, t: Any) -> None:
        self.t = np.asarray(t, float)
        self.start, self.end = self.t[0], self.t[-1]  # as the package has them


class Tsd(Ts):
    def __init__(self, t: Any, d: Any) -> None:
        super().__init__(t)
        self.values = np.asarray(d)


class TsdFrame(Tsd):
    pass


class IntervalSet(Metadata):
    def __init__(self, start: Any, end: Any, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(**(metadata or {}))
        self.start, self.end = np.asarray(start, float), np.asarray(end, float)


class TsGroup(UserDict, Metadata):  # type: ignore[type-arg]
    def __init__(
        self, data: dict[int, Ts], time_support: IntervalSet, metadata: dict[str, Any]
    ) -> None:
        UserDict.__init__(self, data)
        Metadata.__init__(self, rate=[1.0] * len(data), **metadata)
        self.index, self.time_support = np.array(sorted(data)), time_support


class StandIn:
    """The classes above, under the package's names."""

    Ts, Tsd, TsdFrame, IntervalSet, TsGroup = Ts, Tsd, TsdFrame, IntervalSet, TsGroup


@pytest.fixture(params=["stand-in", "pynapple"])
def nap(request: pytest.FixtureRequest) -> Any:
    if request.param == "stand-in":
        return StandIn
    if importlib.util.find_spec("pynapple") is None:
        pytest.skip("pynapple is not installed: pip install undertow[pynapple]")
    import pynapple

    return pynapple


def group(nap: Any) -> Any:
    spikes = {unit: nap.Ts(t=np.array(times)) for unit, times in TIMES.items()}
    metadata = {"region": ["CA1", "CA3"], "depth": [10.0, 20.0]}
    return nap.TsGroup(
        spikes, time_support=nap.IntervalSet(*map(np.array, SUPPORT)), metadata=metadata
    )


def intervals(nap: Any) -> Any:
    return nap.IntervalSet(np.array(STARTS), np.array(STOPS), metadata={"side": ["l", "r", "l"]})


def test_intervals_become_trials(nap: Any) -> None:
    recording = Recording.from_pynapple(group(nap), intervals(nap))
    assert isinstance(recording, Recording)
    assert recording.unit_ids.tolist() == [3, 8]
    assert recording.units["region"].tolist() == ["CA1", "CA3"]
    assert recording.units["depth"].tolist() == [10.0, 20.0]
    assert "rate" in recording.units
    trials = recording.bin(bin_s=0.1, condition="side")
    assert trials.spikes[:, :, 0].tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]
    assert trials.spikes[:, :, 1].tolist() == [[0, 0, 0, 1, 0], [2, 0, 0, 0, 0], [0, 1, 0, 0, 0]]
    assert trials.condition.tolist() == ["l", "r", "l"]


def test_outside_the_time_support_bins_are_missing(nap: Any) -> None:
    trials = from_pynapple(group(nap), nap.IntervalSet(np.array([2.0]), np.array([3.2]))).bin(
        bin_s=0.2
    )
    assert np.isnan(trials.spikes[0, :, 0]).tolist() == [False, False, False, True, True, False]
    whole = from_pynapple(group(nap), intervals(nap), time_support=False)
    assert whole.obs_intervals is None


def test_events_within_intervals_and_events_alone(nap: Any) -> None:
    go = nap.Ts(t=np.array([0.2, 0.3, 4.1]))
    recording = from_pynapple(group(nap), intervals(nap), events={"go": go})
    np.testing.assert_array_equal(recording.trials["go"], [0.2, np.nan, 4.1])
    alone = from_pynapple(group(nap), nap.Ts(t=np.array([0.0, 4.0]))).bin(
        window_s=(0.0, 0.5), bin_s=0.1
    )
    assert (alone.n_trials, alone.event) == (2, "event")
    valued = from_pynapple(group(nap), nap.Tsd(t=np.array([0.0, 4.0]), d=np.array([1, 2])))
    assert valued.trials["value"].tolist() == [1, 2]


def test_signals(nap: Any) -> None:
    speed = nap.Tsd(t=POSITION, d=2 * POSITION)
    place = nap.TsdFrame(t=POSITION, d=np.stack([POSITION, -POSITION], axis=1))
    recording = from_pynapple(group(nap), intervals(nap), signals={"speed": speed, "place": place})
    trials = recording.bin(bin_s=0.1, behavior=("speed", "place"))
    assert trials.behavior_names == ("speed", "place_x", "place_y")
    centres = np.array(STARTS)[:, None] + 0.05 + 0.1 * np.arange(5)
    np.testing.assert_allclose(trials.behavior[..., 0], 2 * centres, atol=1e-5)
    np.testing.assert_allclose(trials.behavior[..., 2], -centres, atol=1e-5)


def test_without_trials_the_recording_is_cut(nap: Any) -> None:
    trials = from_pynapple(group(nap)).cut(window_s=0.5, bin_s=0.1)
    assert set(trials.split.tolist()) == {"train", "val", "test"}


def test_other_objects_are_refused_by_name(nap: Any) -> None:
    with pytest.raises(DataError, match="spikes is a dict: it must be a pynapple TsGroup"):
        from_pynapple({})
    with pytest.raises(
        DataError, match="trials is a list: it must be a pynapple IntervalSet or Ts or Tsd"
    ):
        from_pynapple(group(nap), [1.0])
    with pytest.raises(DataError, match="events 'go' need intervals"):
        from_pynapple(group(nap), events={"go": nap.Ts(t=np.array([1.0, 2.0]))})
    with pytest.raises(
        DataError, match="signal 'x' is a Ts: it must be a pynapple Tsd or TsdFrame"
    ):
        from_pynapple(group(nap), signals={"x": nap.Ts(t=np.array([1.0, 2.0]))})


def test_metadata_that_is_no_plain_column_is_named() -> None:
    support = IntervalSet(*SUPPORT)
    units = {3: Ts(TIMES[3]), 8: Ts(TIMES[8])}
    metadata = {"region": ["M1", "V1"], "waveform": [np.ones(4), np.zeros(4)]}
    with pytest.warns(DataWarning, match="metadata waveform is left out"):
        recording = from_pynapple(TsGroup(units, support, metadata))
    assert list(recording.units) == ["rate", "region"]
