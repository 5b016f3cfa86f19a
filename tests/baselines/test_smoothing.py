"""The smoothing baseline: what it predicts, what it never reads, and how it is kept."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from undertow.baselines import Smoothing
from undertow.data import TrialSet, fold_trials, split_validation
from undertow.errors import DataWarning, ModelError
from undertow.evaluation import bits_per_spike, score_prediction, sufficient_statistics
from undertow.evaluation.metrics.poisson_regression import PoissonDesign
from undertow.evaluation.metrics.psth import gaussian_smooth
from undertow.training import read_tensors

GRID = {"width_s": (0.03, 0.08), "floor_hz": (0.5, 2.0), "penalty": (0.01, 0.1)}
Fetch = Callable[[str], Path]


@pytest.fixture(scope="module")
def trials() -> TrialSet:
    """Two waves seen by 12 neurons, 3 of them held out, the last 4 bins forward."""
    rng = np.random.default_rng(0)
    condition = np.arange(80) % 4
    phase = 2 * np.pi * (np.arange(20) / 20 + condition[:, None] / 4) + 0.3 * rng.normal(
        size=(80, 1)
    )
    waves = np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    truth = 25 * np.exp(waves @ rng.normal(size=(2, 12)))
    made = TrialSet(
        spikes=rng.poisson(truth * 0.02),
        bin_s=0.02,
        condition=condition,
        truth=truth,
        forward_bins=4,
    )
    return made.hold_out(3, seed=0)


@pytest.fixture(scope="module")
def fitted(trials: TrialSet) -> Smoothing:
    return Smoothing(**GRID).fit(trials[:60])


def test_predicts_held_out_neurons(trials: TrialSet, fitted: Smoothing) -> None:
    scores = score_prediction(fitted.predict(trials[60:]), resamples=200)
    assert scores["co-bps"].low > 0.1
    assert abs(scores["fp-bps"].value) < 0.05


def test_parts_are_what_they_are_said_to_be(trials: TrialSet, fitted: Smoothing) -> None:
    test = trials[60:]
    rates, held = fitted.predict(test).rates, test.heldout
    smoothed = gaussian_smooth(test.spikes[:, :16, ~held], fitted.width_s_, 0.02) / 0.02
    np.testing.assert_allclose(rates[:, :16, ~held], smoothed)
    log_counts = fitted.regression_.log_counts(np.log(smoothed + fitted.floor_hz_))
    np.testing.assert_allclose(rates[:, :16, held], np.exp(log_counts))
    mean = trials[:60].spikes[:, 16:].mean(axis=(0, 1)) / 0.02
    np.testing.assert_allclose(rates[:, 16:], np.broadcast_to(mean, rates[:, 16:].shape), rtol=1e-6)


def test_choice_is_the_best_on_validation_trials_then_refitted_on_all(
    trials: TrialSet, fitted: Smoothing
) -> None:
    train, validation = split_validation(trials[:60], 0.15, seed=0)
    held, scores = trials.heldout, {}
    for width_s in GRID["width_s"]:
        for floor_hz in GRID["floor_hz"]:
            for penalty in GRID["penalty"]:
                one = Smoothing(width_s, floor_hz, penalty).fit(train)
                counts = one.predict(validation).counts[:, :16, held]
                scores[width_s, floor_hz, penalty] = bits_per_spike(
                    counts, validation.spikes[:, :16, held]
                )
    chosen = (fitted.width_s_, fitted.floor_hz_, fitted.penalty_)
    assert scores[chosen] == pytest.approx(max(scores.values()), abs=1e-4)
    again = Smoothing(*chosen).fit(trials[:60])
    np.testing.assert_allclose(again.regression_.weights, fitted.regression_.weights, atol=1e-10)
    given = Smoothing(**GRID).fit(train, validation)
    np.testing.assert_allclose(given.regression_.weights, fitted.regression_.weights, atol=1e-6)


def test_in_large_sets_a_part_chooses_width_and_floor_and_all_bins_the_penalty(
    trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertow.models.smoothed_regression.BINS_TO_CHOOSE", 300)
    monkeypatch.setattr("undertow.models.smoothed_regression.NEURONS_TO_CHOOSE", 2)
    parts = Smoothing(**GRID).fit(trials[:60])
    monkeypatch.undo()
    whole = Smoothing(parts.width_s_, parts.floor_hz_, GRID["penalty"]).fit(trials[:60])
    assert parts.penalty_ == whole.penalty_
    np.testing.assert_array_equal(parts.regression_.weights, whole.regression_.weights)


def test_never_reads_held_out_neurons_or_forward_bins(trials: TrialSet, fitted: Smoothing) -> None:
    test = trials[60:]
    spikes = np.array(test.spikes)
    spikes[..., test.heldout] = 17
    spikes[:, 16:] = 23
    changed = fitted.predict(test.replace(spikes=spikes)).rates
    np.testing.assert_array_equal(changed, fitted.predict(test).rates)


def test_test_trials_do_not_touch_the_fit(trials: TrialSet, fitted: Smoothing) -> None:
    spikes = np.array(trials.spikes)
    spikes[60:] = np.random.default_rng(0).permutation(spikes[60:])
    again = Smoothing(**GRID).fit(trials.replace(spikes=spikes)[:60])
    np.testing.assert_array_equal(again.regression_.weights, fitted.regression_.weights)


def test_missing_bins_and_trial_ends(trials: TrialSet) -> None:
    spikes, lengths = np.array(trials.spikes), np.full(80, 20)
    lengths[::5] = 9
    spikes[3, 4:7], spikes[65] = np.nan, np.nan
    ragged = trials.replace(spikes=spikes, lengths=lengths)
    model = Smoothing(0.03, 0.5, 0.1).fit(ragged[:60])
    prediction = model.predict(ragged[60:])
    np.testing.assert_array_equal(np.isfinite(prediction.rates).all(axis=2), ragged[60:].valid)
    unseen = (
        prediction.rates[5, :9, ~ragged.heldout]
        if lengths[65] == 9
        else prediction.rates[5, :, ~ragged.heldout]
    )
    np.testing.assert_allclose(unseen[:, 0], model.mean_rates_[~ragged.heldout])
    held = ragged.heldout
    inside = ragged[:60].valid[:, :16]
    rates = gaussian_smooth(ragged[:60].spikes[:, :16, ~held].astype(float), 0.03, 0.02) / 0.02
    design = PoissonDesign(
        np.log(rates[inside] + 0.5), ragged[:60].spikes[:, :16, held][inside].astype(float)
    )
    np.testing.assert_allclose(model.regression_.weights, design.fit(0.1).weights, atol=1e-8)


def test_nothing_held_out_chooses_the_width_by_left_out_bins(
    trials: TrialSet, tmp_path: Path
) -> None:
    everyone = trials.replace(heldout=np.zeros(12, bool))
    model = Smoothing(width_s=(0.005, 0.05, 1.0), floor_hz=0.5).fit(everyone[:60])
    assert model.width_s_ == 0.05
    assert model.penalty_ == 0
    prediction = model.predict(everyone[60:])
    smoothed = gaussian_smooth(everyone[60:].spikes[:, :16], 0.05, 0.02) / 0.02
    np.testing.assert_allclose(prediction.rates[:, :16], smoothed)
    again = Smoothing.load(model.save(tmp_path / "model")).predict(everyone[60:])
    np.testing.assert_array_equal(again.rates, prediction.rates)


def test_save_and_load(trials: TrialSet, fitted: Smoothing, tmp_path: Path) -> None:
    path = fitted.save(tmp_path / "smoothing.safetensors")
    again = Smoothing.load(path)
    np.testing.assert_array_equal(
        again.predict(trials[60:]).rates, fitted.predict(trials[60:]).rates
    )
    assert again.get_params() == fitted.get_params() | {k: list(v) for k, v in GRID.items()}
    assert [p.name for p in tmp_path.iterdir()] == ["smoothing.safetensors"]
    named = trials.replace(neuron_ids=np.array([f"unit {k}" for k in range(12)]))
    path = Smoothing(0.05, 0.5, 0.1).fit(named).save(tmp_path / "named.safetensors")
    assert Smoothing.load(path).neuron_ids_.tolist() == named.neuron_ids.tolist()


@pytest.mark.parametrize(
    ("kind", "ids"),
    [("int64", 2**63), ("uint8", -1), ("int8", 300), ("int32", 1.5), ("float32", 10**400)],
)
def test_ids_that_their_type_does_not_hold(
    fitted: Smoothing, tmp_path: Path, kind: str, ids: float
) -> None:
    path = fitted.save(tmp_path / "smoothing.safetensors")
    tensors, header = read_tensors(path)
    header["neuron_ids_dtype"], header["neuron_ids"][0] = np.dtype(kind).str, ids
    save_file(tensors, path, {"undertow": json.dumps(header)})
    with pytest.raises(ModelError, match="neuron_ids are not of their type"):
        Smoothing.load(path)


def test_messages(trials: TrialSet, fitted: Smoothing, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not fitted"):
        Smoothing().predict(trials)
    with pytest.raises(ModelError, match="not fitted"):
        Smoothing().save(tmp_path / "x")
    with pytest.raises(ModelError, match="no posterior"):
        fitted.predict(trials, samples=10)
    with pytest.raises(ModelError, match=r"width_s is \(0.05, -1\)"):
        Smoothing(width_s=(0.05, -1)).fit(trials)
    with pytest.raises(ModelError, match=r"width_s is 1e-300: .* from 1e-09 to 1e"):
        Smoothing(width_s=1e-300).fit(trials)
    with pytest.raises(ModelError, match="penalty is 'much'"):
        Smoothing(penalty="much").fit(trials)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="another order"):
        fitted.predict(trials.select(neurons=np.arange(12)[::-1]))
    with pytest.raises(ModelError, match="is not there"):
        Smoothing.load(tmp_path / "nothing")


def test_maze_reach(test_data: Fetch) -> None:
    """One fold of the development protocol, with the values the whole grid chooses most often."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        trials = TrialSet.from_npz(test_data("maze_reach_5ms.npz"), bin_s=0.02).hold_out(40, seed=0)
        train, test = fold_trials(trials, 5, seed=0)[0]
        model = Smoothing(0.06, 5.0, 0.03).fit(trials[train])
        statistics = sufficient_statistics(
            model.predict(trials[test]), model.predict(trials[train])
        )
    assert statistics["co-bps"].value > 0.17
    assert statistics["velocity R2"].value > 0.45
