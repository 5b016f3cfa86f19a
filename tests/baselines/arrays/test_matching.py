"""Matching of spikes with a library, by brute force."""

import numpy as np
import pytest

from undertow.baselines.arrays.matching import Library, match, window_log_likelihood

CONDITIONS, TIME, NEURONS, TRIALS = 3, 9, 4, 2
WINDOW, JITTER = 2, 1


def library(window: int = WINDOW, jitter: int = JITTER) -> Library:
    rng = np.random.default_rng(0)
    return Library.of(rng.gamma(2.0, 1.0, (CONDITIONS, TIME, NEURONS)) + 0.05, window, jitter)


def spikes(seed: int = 1) -> np.ndarray:
    counts = np.random.default_rng(seed).poisson(1.5, (TRIALS, TIME, NEURONS)).astype(float)
    counts[0, 3], counts[1, 5:7, 2] = np.nan, np.nan
    return counts


def log_likelihood(expected: np.ndarray, counts: np.ndarray) -> float:
    """Σ y ln e − e over what was seen."""
    total = 0.0
    for e, y in zip(expected.ravel(), counts.ravel(), strict=True):
        if np.isfinite(y):
            total += y * np.log(e) - e
    return total


def state(held: Library, condition: int, bin_: int) -> np.ndarray:
    found: np.ndarray = held.counts[condition, min(max(bin_, 0), TIME - 1)]
    return found


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_the_likelihood_of_a_window_is_the_sum_over_its_bins(shift: int) -> None:
    held, counts = library(), spikes()
    found = window_log_likelihood(held, counts, shift)
    for trial in range(TRIALS):
        for t in range(TIME):
            near = range(max(t - WINDOW, 0), min(t + WINDOW + 1, TIME))
            for c in range(CONDITIONS):
                wanted = sum(
                    log_likelihood(state(held, c, s + shift), counts[trial, s]) for s in near
                )
                assert found[trial, t, c] == pytest.approx(wanted, abs=1e-9)


def all_logs(held: Library, counts: np.ndarray) -> np.ndarray:
    shifts = range(-held.jitter, held.jitter + 1)
    return np.stack([window_log_likelihood(held, counts, shift) for shift in shifts], -1)


def test_averages_weigh_states_by_their_posterior_probability() -> None:
    """Softmax over conditions and shifts, in every bin."""
    held, counts = library(), spikes()
    matched, logs = match(held, counts, "average"), all_logs(held, counts)
    assert matched.shifts.tolist() == [-1, 0, 1]
    for trial in range(TRIALS):
        for t in range(TIME):
            each = np.exp(logs[trial, t] - logs[trial, t].max())
            np.testing.assert_allclose(matched.weights[trial, t], each / each.sum(), atol=1e-12)
    np.testing.assert_allclose(matched.condition_shares, matched.weights.sum(-1))
    read = matched.read(held.counts)
    wanted = np.zeros(NEURONS)
    for c in range(CONDITIONS):
        for place, shift in enumerate((-1, 0, 1)):
            wanted += matched.weights[0, 4, c, place] * state(held, c, 4 + shift)
    np.testing.assert_allclose(read[0, 4], wanted)


def test_an_interpolation_lies_between_the_best_states_and_is_never_less_likely() -> None:
    """Of the two conditions that match best; eleven places on the line are tried by hand."""
    held, counts = library(), spikes()
    matched, logs = match(held, counts, "interpolate"), all_logs(held, counts)
    shifts = (-1, 0, 1)
    for trial in range(TRIALS):
        for t in range(TIME):
            weights = matched.weights[trial, t]
            assert weights.sum() == pytest.approx(1.0)
            best = np.argsort(-logs[trial, t].max(-1))[:2]
            ends = [(c, int(logs[trial, t, c].argmax())) for c in best]
            others = weights.copy()
            for c, place in ends:
                others[c, place] = 0.0
            assert not others.any()
            near = range(max(t - WINDOW, 0), min(t + WINDOW + 1, TIME))

            def likely(share: float, near=near, ends=ends, trial=trial) -> float:  # type: ignore[no-untyped-def]
                total = 0.0
                for s in near:
                    a, b = (state(held, c, s + shifts[place]) for c, place in ends)
                    total += log_likelihood((1 - share) * a + share * b, counts[trial, s])
                return total

            tried = [likely(share) for share in np.linspace(0, 1, 11)]
            share = weights[ends[1]]
            # the place is found to 1/512, where the likelihood is flat
            assert likely(share) > max(tried) - 1e-3
            assert likely(share) > logs[trial, t].max() - 1e-3


def test_one_condition_is_matched_with_itself() -> None:
    held = Library.of(library().counts[:1], WINDOW, 0)
    for estimate in ("average", "interpolate"):
        assert np.allclose(match(held, spikes(), estimate).weights, 1.0)


def test_bins_after_the_last_spikes_go_on_along_their_trajectory() -> None:
    """And those before the first take its; a gap longer than the window goes on from before it."""
    counts = spikes()
    counts[:, 6:], counts[:, :1] = np.nan, np.nan
    matched = match(library(), counts, "average")
    for t in (6, 7, 8):
        np.testing.assert_array_equal(matched.weights[:, t], matched.weights[:, 5])
    np.testing.assert_array_equal(matched.weights[:, 0], matched.weights[:, 1])
    counts = spikes()
    counts[:, 1:8] = np.nan
    gap = match(library(), counts, "average")
    np.testing.assert_array_equal(gap.weights[:, 3], gap.weights[:, 2])
    assert not np.array_equal(gap.weights[:, 5], gap.weights[:, 6])


def test_a_trial_without_spikes_to_see_is_all_states_alike() -> None:
    counts = np.full((1, TIME, NEURONS), np.nan)
    weights = match(library(), counts, "average").weights
    np.testing.assert_allclose(weights, 1 / weights[0, 0].size)
    assert np.isfinite(match(library(), counts, "interpolate").weights).all()


def test_windows_and_jitters_end_where_the_trajectories_do() -> None:
    held = library(window=100, jitter=50)
    assert (held.window, held.jitter) == (TIME - 1, TIME - 1)
    assert np.isfinite(match(held, spikes(), "average").weights).all()
