"""Few-shot co-smoothing of predictions and models: the window, which latents, who is left out."""

import numpy as np
import pytest

from tests.conftest import make_small_trials
from undertow.baselines import Smoothing
from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation import (
    few_shot_co_smoothing,
    few_shot_scores,
    few_shot_statistics,
    pooled_score,
)

K = 5


@pytest.fixture(scope="module")
def parts(small_trials: TrialSet) -> tuple[TrialSet, TrialSet]:
    trials = small_trials.replace(forward_bins=4)
    return trials[:50], trials[50:]


def predicted(trials: TrialSet) -> Prediction:
    """A prediction with two latents 'z', three of the encoder's state 'h', and rates of one
    spike/s."""
    latents = {"z": trials.truth[..., :2], "h": trials.truth[..., 2:5]}
    return Prediction(rates=np.ones(trials.spikes.shape), trials=trials, latents=latents)


@pytest.mark.parametrize(("latents", "columns"), [(None, [0, 1]), (("h", "z"), [2, 3, 4, 0, 1])])
def test_predictions_are_scored_in_the_window_from_their_latents(
    parts: tuple[TrialSet, TrialSet], latents: tuple[str, ...] | None, columns: list[int]
) -> None:
    arrays = [
        array
        for part in parts
        for array in (part.truth[:, :16, columns], part.spikes[:, :16, part.heldout])
    ]
    direct = few_shot_co_smoothing(*arrays, k=K, repeats=2)
    statistics, penalties = few_shot_statistics(
        *map(predicted, parts), K, repeats=2, latents=latents
    )
    assert penalties == direct.penalties.tolist()
    np.testing.assert_allclose([each.value for each in statistics], direct.draws, atol=1e-9)
    score = pooled_score([statistics])
    assert score.name == "few-shot co-bps"
    assert score.value == pytest.approx(direct.value)
    assert score.low < score.value < score.high
    assert score.note == f"held-out neurons, by readouts fitted on {K} training trials"


def test_a_model_without_latents_gives_its_held_in_rates(parts: tuple[TrialSet, TrialSet]) -> None:
    train, test = parts
    model = Smoothing(width_s=0.05, floor_hz=0.5, penalty=0.1).fit(train)
    found = few_shot_scores(model, train, test, k=K, repeats=2)
    x, new = (np.log(model.predict(t).rates[:, :16, ~t.heldout].astype(float) + 0.5) for t in parts)
    spikes = (train.spikes[:, :16, train.heldout], test.spikes[:, :16, train.heldout])
    expected = few_shot_co_smoothing(x, spikes[0], new, spikes[1], K, repeats=2)
    np.testing.assert_allclose(found.draws, expected.draws, atol=1e-9)


def test_silent_neurons_are_left_out_and_said(parts: tuple[TrialSet, TrialSet]) -> None:
    train, test = parts
    spikes = test.spikes.copy()
    spikes[..., np.flatnonzero(test.heldout)[0]] = 0
    quiet = test.replace(spikes=spikes)
    (statistic,), _ = few_shot_statistics(predicted(train), predicted(quiet), K, repeats=1)
    assert (statistic.n_neurons, statistic.left_out) == (1, 1)


def test_predictions_without_what_it_needs_are_refused(parts: tuple[TrialSet, TrialSet]) -> None:
    train, test = parts
    with pytest.raises(DataError, match="no latents 'v': it has z, h"):
        few_shot_statistics(predicted(train), predicted(test), K, latents=("v",))
    nobody = make_small_trials(10)
    with pytest.raises(
        DataError, match="needs held-out neurons that spike in the test trials: hold some out"
    ):
        few_shot_statistics(predicted(nobody), predicted(nobody), K)
