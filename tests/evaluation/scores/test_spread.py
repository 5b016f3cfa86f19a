"""The spread of sampled rates against the errors they make."""

from dataclasses import replace

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation import spread_factor, widened

BINS, NEURONS, BIN_S = 50, 20, 0.02


def predicted(
    times_too_narrow: float, n_trials: int = 200, samples: int = 300
) -> tuple[Prediction, np.ndarray]:
    """Log-rates that err by a slow Gaussian of deviation 0.3, samples that spread by less; and the
    true rates."""
    rng = np.random.default_rng(0)
    middle = np.log(20.0) + 0.5 * rng.standard_normal((1, NEURONS))

    def wrong(std: float, *shape: int) -> np.ndarray:
        return std * np.repeat(rng.standard_normal((*shape, 2, NEURONS)), BINS // 2, -2)

    truth = np.exp(middle + wrong(0.3, n_trials))
    drawn = np.exp(middle + wrong(0.3 / times_too_narrow, samples, n_trials))
    spikes = rng.poisson(truth * BIN_S)
    trials = TrialSet(spikes, BIN_S, heldout=np.arange(NEURONS) % 2 == 0)
    return Prediction(drawn.mean(0), trials, rate_samples=drawn), truth


@pytest.mark.parametrize("times_too_narrow", [1.0, 2.0])
def test_the_factor_is_read_off_the_spikes(times_too_narrow: float) -> None:
    """A count of λ ≈ 10 has (y − m)² of standard deviation √2 λ, 8000 of them: factor² is known to
    about 3 %·c²."""
    prediction, _ = predicted(times_too_narrow)
    found = spread_factor(prediction, window_s=0.5)
    assert found.value == pytest.approx(times_too_narrow, rel=0.1)
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.5 * found.value


def test_widened_samples_hold_the_truth_as_often_as_they_say() -> None:
    prediction, truth = predicted(2.0)
    shares = []
    wide = widened(prediction, spread_factor(prediction, 0.5).value, window_s=0.1)
    for each in (prediction, wide):
        low, high = each.interval(0.9)
        shares.append(float(((low <= truth) & (truth <= high)).mean()))
    assert shares[0] == pytest.approx(0.59, abs=0.03)  # P(|z| < 1.645 / 2)
    assert shares[1] == pytest.approx(0.9, abs=0.03)


def test_widening_moves_the_slow_part_of_log_rates_and_keeps_the_mean_of_every_bin() -> None:
    """A deviation as long as the trial is moved whole, one that alternates from bin to bin not at
    all."""
    rng = np.random.default_rng(1)
    slow = 0.3 * rng.standard_normal((300, 8, 1, NEURONS))
    fast = 0.3 * rng.standard_normal((300, 8, 1, NEURONS)) * (-1.0) ** np.arange(BINS)[:, None]
    trials = TrialSet(np.ones((8, BINS, NEURONS)), BIN_S)
    samples = np.exp(3 + slow + fast)
    prediction = Prediction(samples.mean(0), trials, rate_samples=samples)
    wide = widened(prediction, 1.7, window_s=6 * BIN_S)
    assert wide.rate_samples is not None
    assert wide.rates is prediction.rates
    np.testing.assert_allclose(wide.rate_samples.mean(0), samples.mean(0))
    inside = slice(6, BINS - 6)
    expected = 1.7 * (slow - slow.mean(0)) + fast - fast.mean(0)
    logs = np.log(wide.rate_samples)
    np.testing.assert_allclose(
        (logs - logs.mean(0))[:, :, inside], expected[:, :, inside], atol=1e-6
    )


def test_a_window_of_one_bin_widens_all_of_the_log_rates() -> None:
    prediction, _ = predicted(1.0, n_trials=20, samples=30)
    wide = widened(prediction, 1.7, BIN_S)
    assert prediction.rate_samples is not None
    assert wide.rate_samples is not None
    logs, moved = np.log(prediction.rate_samples), np.log(wide.rate_samples)
    np.testing.assert_allclose(moved - moved.mean(0), 1.7 * (logs - logs.mean(0)), atol=1e-5)


def test_past_a_trials_end_nothing_is_widened() -> None:
    prediction, _ = predicted(1.0, n_trials=3, samples=30)
    samples = np.array(prediction.rate_samples)
    samples[:, 1, 30:] = np.nan
    wide = widened(replace(prediction, rate_samples=samples), 2.0, 5 * BIN_S).rate_samples
    cut = widened(
        Prediction(
            prediction.rates[:, :30], prediction.trials[:, :30], rate_samples=samples[:, :, :30]
        ),
        2.0,
        5 * BIN_S,
    ).rate_samples
    assert wide is not None
    assert cut is not None
    assert np.isnan(wide[:, 1, 30:]).all()
    np.testing.assert_allclose(wide[:, 1, :30], cut[:, 1])


def test_neurons_that_were_given_and_bins_not_recorded_do_not_count() -> None:
    prediction, _ = predicted(1.0)
    spikes = np.array(prediction.trials.spikes)
    spikes[..., ~prediction.trials.heldout] += 7
    spikes[3, 10:25] = np.nan
    changed = replace(prediction, trials=prediction.trials.replace(spikes=spikes))
    assert spread_factor(changed).value == pytest.approx(spread_factor(prediction).value, rel=0.05)
    blank = np.array(prediction.trials.spikes)
    blank[3, 10:25] = 0
    samples = np.array(prediction.rate_samples)
    samples[:, 3, 10:25] = 0
    by_hand = replace(
        prediction, trials=prediction.trials.replace(spikes=blank), rate_samples=samples
    )
    assert spread_factor(changed).value == spread_factor(by_hand).value


def test_what_is_needed_is_said() -> None:
    prediction, _ = predicted(1.0, n_trials=20, samples=5)
    none_held = prediction.trials.replace(heldout=np.zeros(NEURONS, bool))
    for changes, message in (
        ({"rate_samples": None}, "the prediction holds no samples: predict with samples=200"),
        ({"trials": none_held}, "no neuron is held out"),
        (
            {"rate_samples": np.ones((5, 20, BINS, NEURONS))},
            "there is no spread to compare with",
        ),
    ):
        with pytest.raises(DataError, match=message):
            spread_factor(replace(prediction, **changes))
    for window_s in (0.0, 1.2, -1.0):
        with pytest.raises(
            DataError, match=f"window_s is {window_s}: it must be from a bin of 0.02 s"
        ):
            spread_factor(prediction, window_s)
    for factor in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(DataError, match=r"factor is .*: .* above 0"):
            widened(prediction, factor)
    with pytest.raises(DataError, match=r"window_s is 0: .* above 0"):
        widened(prediction, 2.0, 0)
    with pytest.raises(DataError, match="holds no samples"):
        widened(replace(prediction, rate_samples=None), 2.0)
