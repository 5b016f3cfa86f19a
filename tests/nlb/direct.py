"""The benchmark's tensors computed a second time: dense arrays of a whole session at 1 ms, one
trial after the other."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.signal import firwin

from tests.nlb.made_sets import MadePart, MadeSet
from undertow.nlb import NLBSet, nlb_set


@dataclass(frozen=True)
class Dense:
    """A session: spikes (time, units) at 1 ms with NaN, behaviour at 1 ms, a dictionary for each
    trial."""

    heldin: np.ndarray
    heldout: np.ndarray
    signal: np.ndarray
    trials: list[dict[str, Any]]


def dense_session(made: MadeSet) -> Dense:
    """The files one after the other, with gaps between them."""
    pieces, trials, begin = [], [], 0
    for part in made.parts:
        piece = dense_part(part)
        pieces.append((begin, piece))
        for row in range(len(part.trials["start_time"])):
            trial = {name: column[row] for name, column in part.trials.items()}
            trials.append(
                {k: v + begin / 1000 if k.endswith("_time") else v for k, v in trial.items()}
            )
        end = begin + len(piece.heldin)
        begin = 100 * math.ceil(Fraction(end - 1 + 50, 100))
    widths = {"heldin": 4, "heldout": 2, "signal": 2}
    whole = {name: np.full((end, width), np.nan) for name, width in widths.items()}
    for start, piece in pieces:
        for name, values in whole.items():
            part_values = getattr(piece, name)
            values[start : start + len(part_values), : part_values.shape[1]] = part_values
    return Dense(**whole, trials=trials)


def dense_part(part: MadePart) -> Dense:
    """One file."""
    n_ms = round(1000 * part.obs_intervals.max())
    spikes = np.zeros((n_ms, len(part.heldout)))
    for unit, times in enumerate(part.spike_times):
        for time in times:
            if (index := int(round(float(time) * 1000, 6))) < n_ms:
                spikes[index, unit] += 1
    outside = np.ones(n_ms, bool)
    for start, stop in part.obs_intervals:
        outside[math.ceil(round(1000 * start, 6)) : math.floor(round(1000 * stop, 6))] = False
    spikes[outside] = np.nan
    signal = np.full((n_ms, 2), np.nan)
    if part.signal is not None:
        for time, value in zip(*part.signal, strict=True):
            if round(1000 * time) < n_ms:
                signal[round(1000 * time)] = value
    heldout = np.array(part.heldout)
    return Dense(spikes[:, ~heldout], spikes[:, heldout], signal, [])


def rebinned(dense: np.ndarray, bin_ms: int) -> np.ndarray:
    """Sums over groups from the first millisecond on; NaN where the first of a group is."""
    sums = [np.nansum(dense[k : k + bin_ms], axis=0) for k in range(0, len(dense), bin_ms)]
    return np.where(np.isnan(dense[::bin_ms]), np.nan, sums)


def decimated(signal: np.ndarray, bin_ms: int) -> np.ndarray:
    """A zero-phase FIR low-pass filter of order 500 at the new Nyquist frequency, then every k-th
    sample."""
    taps, out = firwin(501, 1 / bin_ms), []
    for channel in signal.T:
        known = np.flatnonzero(~np.isnan(channel))
        if known.size == 0:
            out.append(channel[::bin_ms])
            continue
        filled = np.interp(np.arange(len(channel)), known, channel[known])
        out.append(np.convolve(filled, taps)[250 : 250 + len(channel)][::bin_ms])
    return np.where(np.isnan(signal[::bin_ms]), np.nan, np.stack(out, axis=1))


def smoothed(dense: np.ndarray, std_ms: int) -> np.ndarray:
    """Each unit's stretches without NaN convolved with a normalised Gaussian of int(6 sd)
    points."""
    offsets = np.arange(6 * std_ms) - (6 * std_ms - 1) / 2
    kernel = np.exp(-0.5 * (offsets / std_ms) ** 2)
    kernel /= kernel.sum()
    out = np.full(dense.shape, np.nan)
    for unit in range(dense.shape[1]):
        edges = np.flatnonzero(np.diff(np.isnan(dense[:, unit]).astype(int))) + 1
        for stretch in np.split(np.arange(len(dense)), edges):
            if not np.isnan(dense[stretch[0], unit]):
                full = np.convolve(dense[stretch, unit], kernel)
                before = (len(kernel) - 1) // 2
                out[stretch, unit] = full[before : before + len(stretch)]
    return out


def bins_between(start_s: float, stop_s: float, bin_ms: int) -> range:
    """Bins whose beginning lies in [start, stop − 1 µs]."""
    start_us, stop_us = round(start_s * 1e6), round(stop_s * 1e6)
    width = 1000 * bin_ms
    return range(-(-start_us // width), (stop_us - 1) // width + 1)


def cut(values: np.ndarray, bins: range, n_bins: int) -> np.ndarray:
    """Rows of `bins`, NaN past the end."""
    assert len(bins) == n_bins
    rows = np.full((n_bins, values.shape[1]), np.nan)
    for row, index in enumerate(bins):
        if index < len(values):
            rows[row] = values[index]
    return rows


class Direct:
    """All tensors of a made set, by name."""

    def __init__(self, made: MadeSet, bin_ms: int, phase: str) -> None:
        self.entry: NLBSet = nlb_set(made.name)
        self.bin_ms, self.phase = bin_ms, phase
        self.session = dense_session(made)
        self.heldin, self.heldout = (
            rebinned(s, bin_ms) for s in (self.session.heldin, self.session.heldout)
        )
        self.signal = decimated(self.session.signal, bin_ms)
        train = ("train",) if phase == "val" else ("train", "val")
        self.train = [trial for trial in self.session.trials if trial["split"] in train]
        self.evaluation = [trial for trial in self.session.trials if trial["split"] == phase]

    def inputs(self) -> dict[str, np.ndarray]:
        parts = self.spikes(self.train)
        inputs = {f"train_{name}": values for name, values in parts.items()}
        inputs["eval_spikes_heldin"] = self.inputs_of_evaluation()
        return {**inputs, "train_behavior": self.behavior(self.train)}

    def inputs_of_evaluation(self) -> np.ndarray:
        return self.spikes(self.evaluation)["spikes_heldin"]

    def targets(self) -> dict[str, Any]:
        spikes = self.spikes(self.evaluation)
        targets = {
            f"eval_{name}": values for name, values in spikes.items() if name != "spikes_heldin"
        }
        targets["train_behavior"], targets["eval_behavior"] = (
            self.behavior(self.train),
            self.behavior(self.evaluation),
        )
        name = self.entry.name
        if name == "dmfc_rsg":
            targets["eval_spikes_heldout"] = self.set_to_go(targets["eval_spikes_heldout"])
            targets["train_jitter"], targets["eval_jitter"] = (
                self.jitter(self.train),
                self.jitter(self.evaluation),
            )
        if name == "area2_bump":
            for part, trials in (("train", self.train), ("eval", self.evaluation)):
                bumped = [bool(trial["ctr_hold_bump"]) for trial in trials]
                targets[f"{part}_decode_mask"] = np.array(
                    [[not passive, passive] for passive in bumped]
                )
        return targets if name == "mc_rtt" else {**targets, **self.psth()}

    def jitter(self, trials: list[dict[str, Any]]) -> np.ndarray:
        generator = np.random.RandomState(0)
        drawn = []
        for trial in trials:
            high = (
                0
                if trial["split"] == "test"
                else min(max(1500 - trial["tp"], 0), 300) // self.bin_ms
            )
            drawn.append(round(generator.random_sample() * high))
        return np.array(drawn)

    def events(self, trials: list[dict[str, Any]]) -> np.ndarray:
        late = self.jitter(trials) if self.entry.name == "dmfc_rsg" else np.zeros(len(trials))
        return np.array([trial[self.entry.align] for trial in trials]) + late * self.bin_ms / 1000

    def windows(
        self, values: np.ndarray, trials: list[dict[str, Any]], window_ms: tuple[int, int]
    ) -> np.ndarray:
        start, stop = window_ms
        n_bins = (stop - start) // self.bin_ms
        bins = [
            bins_between(t + start / 1000, t + stop / 1000, self.bin_ms)
            for t in self.events(trials)
        ]
        return np.stack([cut(values, each, n_bins) for each in bins])

    def spikes(self, trials: list[dict[str, Any]]) -> dict[str, np.ndarray]:
        window, stop = self.entry.window_ms, self.entry.window_ms[1]
        found = {}
        for name, values in (("spikes_heldin", self.heldin), ("spikes_heldout", self.heldout)):
            found[name] = self.windows(values, trials, window)
            found[f"{name}_forward"] = self.windows(values, trials, (stop, stop + 200))
        return found

    def behavior(self, trials: list[dict[str, Any]]) -> np.ndarray:
        if self.entry.name == "dmfc_rsg":
            names = ("is_eye", "theta", "is_short", "ts", "tp")
            rows = [
                [float(t[n]) for n in names] if not t["is_outlier"] else [np.nan] * 5
                for t in trials
            ]
            return np.array(rows)
        start, stop = self.entry.window_ms
        return self.windows(
            self.signal, trials, (start + self.entry.lag_ms, stop + self.entry.lag_ms)
        )

    def set_to_go(self, heldout: np.ndarray) -> np.ndarray:
        """Only what lies between the set cue and the response, each trial's end moved forward by
        its jitter."""
        n_bins, out = heldout.shape[1], np.full(heldout.shape, np.nan)
        for row, (trial, late) in enumerate(
            zip(self.evaluation, self.jitter(self.evaluation), strict=True)
        ):
            bins = bins_between(trial["set_time"], trial["go_time"], self.bin_ms)[
                -(n_bins - late) :
            ]
            stop = n_bins - late
            out[row, stop - len(bins) : stop] = self.heldout[bins.start : bins.stop]
        return out

    def extent(self, trial: dict[str, Any]) -> list[float]:
        """First and last moment of a trial for its PSTH."""
        if self.entry.name == "dmfc_rsg":
            return [trial["set_time"], trial["go_time"]]
        return [trial[self.entry.align] + edge / 1000 for edge in self.entry.window_ms]

    def psth(self) -> dict[str, Any]:
        dense = np.concatenate([self.session.heldin, self.session.heldout], axis=1)
        rates = rebinned(smoothed(dense, self.entry.psth_std_ms), self.bin_ms)
        used = [t for t in self.session.trials if t in self.train or t in self.evaluation]
        used = [t for t in used if not t.get("is_outlier", False)]
        key = lambda trial: tuple(float(trial[name]) for name in self.entry.conditions)  # noqa: E731
        found: dict[str, Any] = {"psth": [], "train_cond_idx": [], "eval_cond_idx": []}
        for condition in sorted({key(trial) for trial in used}):
            trials, mean = self.average([trial for trial in used if key(trial) == condition], rates)
            found["psth"].append(mean)
            for name, part in (("train_cond_idx", self.train), ("eval_cond_idx", self.evaluation)):
                found[name].append([k for k, trial in enumerate(part) if trial in trials])
        return {**found, "psth": np.stack(found["psth"])}

    def average(
        self, trials: list[dict[str, Any]], rates: np.ndarray
    ) -> tuple[list[dict[str, Any]], np.ndarray]:
        """The mean over a condition's trials by time from the event, without short ones."""
        extents = [self.extent(trial) for trial in trials]
        for extent, following in pairwise(extents):
            extent[1] = min(extent[1], following[0])
        bins = [bins_between(*extent, self.bin_ms) for extent in extents]
        mean_length = np.mean([len(each) for each in bins])
        kept = [k for k in range(len(trials)) if len(bins[k]) >= 0.8 * mean_length]
        by_time: dict[int, list[np.ndarray]] = {}
        for k in kept:
            event = bins_between(trials[k][self.entry.align], 1e6, self.bin_ms).start
            for index in bins[k]:
                by_time.setdefault(index - event, []).append(rates[index])
        mean = np.array([np.nanmean(by_time[time], axis=0) for time in sorted(by_time)])
        shortest = min(len(bins[k]) for k in kept)
        n_bins = self.entry.n_bins(self.bin_ms)
        padded = np.full((n_bins, mean.shape[1]), np.nan)
        if self.entry.name == "dmfc_rsg":
            mean = mean[-min(shortest, n_bins) :]
            padded[n_bins - len(mean) :] = mean
        else:
            padded[:shortest] = mean[:shortest]
        return [trials[k] for k in kept], padded
