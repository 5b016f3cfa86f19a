"""Small random tensors of any of the seven sets, with the gaps the genuine ones have."""

import numpy as np

from undertow.nlb import Submission, Tensors, nlb_set

N_HELDIN, N_HELDOUT, N_TRAIN, N_EVAL, N_CONDITIONS = 5, 3, 26, 18, 4


def random_tensors(set_name: str, bin_ms: int, seed: int = 0) -> Tensors:
    """Inputs and targets of the validation phase: bins that were not observed, ragged lists, an
    empty condition."""
    rng = np.random.default_rng(seed)
    window, forward = (16, 6) if bin_ms == 5 else (8, 3)

    def spikes(n_trials: int, bins: int, neurons: int) -> np.ndarray:
        counts = rng.poisson(0.4, (n_trials, bins, neurons)).astype(np.float32)
        counts[1, -2:] = np.nan
        return counts

    inputs = {
        "train_spikes_heldin": spikes(N_TRAIN, window, N_HELDIN),
        "train_spikes_heldout": spikes(N_TRAIN, window, N_HELDOUT),
        "train_spikes_heldin_forward": spikes(N_TRAIN, forward, N_HELDIN),
        "train_spikes_heldout_forward": spikes(N_TRAIN, forward, N_HELDOUT),
        "eval_spikes_heldin": spikes(N_EVAL, window, N_HELDIN),
    }
    targets = {
        "eval_spikes_heldout": spikes(N_EVAL, window, N_HELDOUT),
        "eval_spikes_heldin_forward": spikes(N_EVAL, forward, N_HELDIN),
        "eval_spikes_heldout_forward": spikes(N_EVAL, forward, N_HELDOUT),
    }
    if nlb_set(set_name).produced_column:
        targets |= _timed(rng, targets["eval_spikes_heldout"])
    else:
        targets |= {f"{part}_behavior": _velocity(rng, n, window) for part, n in _parts()}
    if nlb_set(set_name).decode_column:
        targets |= {f"{part}_decode_mask": _masks(n) for part, n in _parts()}
    if nlb_set(set_name).conditions:
        targets |= {f"{part}_cond_idx": _conditions(n) for part, n in _parts()}
        targets["psth"] = _psth(rng, window)
    return Tensors(set_name, bin_ms, "val", inputs, targets)


def _parts() -> tuple[tuple[str, int], ...]:
    return (("train", N_TRAIN), ("eval", N_EVAL))


def _velocity(rng: np.random.Generator, n_trials: int, bins: int) -> np.ndarray:
    velocity = 100 * rng.normal(size=(n_trials, bins, 2))
    velocity[0], velocity[3, -3:] = np.nan, np.nan
    return velocity


def _timed(rng: np.random.Generator, heldout: np.ndarray) -> dict[str, np.ndarray]:
    """Set to go of each trial, front-padded; behaviour of two conditions with outliers; jitter."""
    for trial, start in enumerate(rng.integers(0, heldout.shape[1] - 4, len(heldout))):
        heldout[trial] = np.where(np.isnan(heldout[trial]), 0, heldout[trial])
        heldout[trial, :start] = np.nan
    targets = {}
    for part, n_trials in _parts():
        number = np.arange(n_trials)
        behavior = np.column_stack(
            [
                number % 2,
                np.zeros(n_trials),
                number % 2,
                number % 2,
                rng.uniform(500, 1200, n_trials),
            ]
        )
        behavior[[2, 7]] = np.nan
        targets[f"{part}_behavior"] = behavior
        targets[f"{part}_jitter"] = rng.integers(0, 3, n_trials)
    return targets


def _masks(n_trials: int) -> np.ndarray:
    return np.stack([np.arange(n_trials) % 3 == 0, np.arange(n_trials) % 3 != 0], axis=1)


def _conditions(n_trials: int) -> np.ndarray:
    """Trials 2, 5, 8, … in conditions of different length, condition 1 without trials."""
    ragged = np.empty(N_CONDITIONS, dtype=object)
    used = np.arange(2, n_trials, 3)
    ragged[:] = [used[::2], used[:0], used[1::4], used[3::4]]
    return ragged


def _psth(rng: np.random.Generator, window: int) -> np.ndarray:
    psth = rng.gamma(1.0, 0.3, (N_CONDITIONS, window, N_HELDIN + N_HELDOUT))
    psth[0, :3] = np.nan
    psth[3] = np.where(np.arange(window)[:, None] < 4, np.nan, psth[3])
    # jittered rates lack their first bins
    psth[:, :2] = np.nan
    return psth


def random_submission(*several: Tensors, seed: int = 1) -> Submission:
    """Rates of the sizes of the tensors, zero in places and NaN where nothing is scored."""
    return Submission({tensors.group: _rates(tensors, seed) for tensors in several})


def _rates(tensors: Tensors, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    arrays = {**tensors.inputs, **tensors.targets}
    names = [f"{part}_spikes_held{which}" for part in ("train", "eval") for which in ("in", "out")]
    names += [f"eval_spikes_held{which}_forward" for which in ("in", "out")]
    rates = {
        name.replace("spikes", "rates"): rng.gamma(1.0, 0.4, arrays[name].shape) for name in names
    }
    rates["eval_rates_heldout"][4, :, 1] = 0
    rates["eval_rates_heldin_forward"][1, -2:] = np.nan
    return rates
