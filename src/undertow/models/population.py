"""`Population`: what a network must know of its training trials before it sees a batch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.data.label_codes import label_categories
from undertow.dynamics.limits import WIDEST
from undertow.errors import ModelError
from undertow.memory import blocks
from undertow.schema import record

SHARED = "shared"
"""Stands for units of the dynamics that all regions read."""
SPLIT, BOTH = "split", "shared+split"
"""Units shared out equally among the regions, without and with a part that they share."""


@dataclass(frozen=True)
class Population:
    """Facts about the training trials that a network is built from; kept in model files.

    Attributes:
        neuron_ids: ids of all neurons, in order.
        heldout: True for neurons that the encoder is not given.
        mean_rates: mean rates of all neurons, spikes/s.
        bin_s: bin width in seconds.
        duration_s: length of the longest trial in seconds.
        regular: whether all trials share their times.
        stimulus_channels: number of external inputs.
        behavior_names: names of the channels of behaviour; empty for none.
        behavior_means, behavior_stds: mean and std of each channel of continuous behaviour.
        categories: label → its categories.
        shares: label → share of the trials in each category.
        regions: names of the regions, in order; a single one for a shared state.
        region_of: region number of each neuron.
        behavior_categories: channel of categorical behaviour → the numbers that name its
            categories.
        behavior_shares: channel → share of the bins in each category.
        missing_counts: whether counts of held-in neurons are missing in bins in which others are
            observed; None in files that do not say.
        conditions: names of the conditions, of models that tell them apart.
    """

    neuron_ids: list[Any]
    heldout: list[bool]
    mean_rates: list[float]
    bin_s: float
    duration_s: float
    regular: bool
    regions: list[str]
    region_of: list[int]
    stimulus_channels: int = 0
    behavior_names: list[str] = field(default_factory=list)
    behavior_means: list[float] = field(default_factory=list)
    behavior_stds: list[float] = field(default_factory=list)
    categories: dict[str, list[Any]] = field(default_factory=dict)
    shares: dict[str, list[float]] = field(default_factory=dict)
    behavior_categories: dict[str, list[float]] = field(default_factory=dict)
    behavior_shares: dict[str, list[float]] = field(default_factory=dict)
    missing_counts: bool | None = None
    conditions: list[Any] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        trials: TrialSet,
        stimulus: bool = False,
        behavior: bool = False,
        labels: tuple[str, ...] | None = (),
        regions: str | Mapping[str, int] | None = None,
    ) -> "Population":
        """Describe the training trials.

        Args:
            trials: the training trials.
            stimulus, behavior: whether the model has a use for them.
            labels: names of the labels it has a use for; None for all there are.
            regions: 'split', 'shared+split' or units by region where regions have units of their
                own.

        Raises:
            ModelError: where more is asked for than the trials hold.
        """
        categories = {} if labels == () else label_categories(trials, labels)
        names, region_of = _regions(trials, regions)
        return cls(
            neuron_ids=trials.neuron_ids.tolist(),
            heldout=trials.heldout.tolist(),
            # neurons never observed in training have mean rate NaN; a readout starts from a number
            mean_rates=np.nan_to_num(trials.mean_rates).tolist(),
            bin_s=trials.bin_s,
            duration_s=_duration_s(trials),
            regular=trials.times is None,
            stimulus_channels=trials.stimulus.shape[2]
            if stimulus and trials.stimulus is not None
            else 0,
            categories={k: v.tolist() for k, v in categories.items()},
            shares={
                k: [float(np.mean(trials.labels[k] == c)) for c in v] for k, v in categories.items()
            },
            regions=names,
            region_of=region_of,
            missing_counts=_missing_counts(trials),
            **_behavior(trials, behavior),
        )

    @classmethod
    def read(cls, table: Any, path: str | Path) -> "Population":
        """Read what a model file holds of a population.

        Raises:
            ModelError: for entries that are missing, of another type, or do not fit each other.
        """
        of = f"the population in {path}"
        found = record(cls, table, of)
        for rule in found._broken_rules():
            raise ModelError(f"{of} does not fit together: {rule}.")
        return found

    def _broken_rules(self) -> Iterator[str]:
        """The rules that the fields break with each other."""
        n, regions, channels = len(self.neuron_ids), len(self.regions), len(self.behavior_names)
        plain = (int, float, str)
        rates, moments = self.mean_rates, [*self.behavior_means, *self.behavior_stds]
        rules = {
            "neuron_ids, heldout, mean_rates and region_of need an entry per neuron": n > 0
            and n == len(self.heldout) == len(rates) == len(self.region_of),
            "neuron_ids must be numbers or names": all(type(i) in plain for i in self.neuron_ids),
            "mean_rates must be rates": all(0 <= rate < inf for rate in rates),
            "bin_s and duration_s must be seconds": 0 < self.bin_s < 1e9
            and 0 < self.duration_s < 1e12,
            "region_of must number the regions": set(self.region_of) <= set(range(regions)),
            "stimulus_channels must be a number of channels": 0 <= self.stimulus_channels <= WIDEST,
            "behaviour's moments need a number per channel": all(map(isfinite, moments))
            and len(self.behavior_means) == len(self.behavior_stds)
            and len(self.behavior_means) in (0, channels)
            and (bool(self.behavior_means) or bool(self.behavior_categories) or not channels),
            "behaviour's categories need its channels": not self.behavior_categories
            or set(self.behavior_categories) == set(self.behavior_names),
            "conditions must be numbers or names": all(type(i) in plain for i in self.conditions),
            "categories need their shares": _matching(self.categories, self.shares)
            and _matching(self.behavior_categories, self.behavior_shares),
        }
        return (rule for rule, kept in rules.items() if not kept)

    @property
    def n_heldin(self) -> int:
        """Number of neurons given to the encoder."""
        return self.heldout.count(False)

    @property
    def longest_bins(self) -> int:
        """Number of bins of the longest trial."""
        return max(1, round(self.duration_s / self.bin_s))

    @property
    def behavior_inputs(self) -> int:
        """Number of inputs that describe a bin's behaviour; see `BehaviorObservation.encoded`."""
        channels = len(self.behavior_names)
        return channels + (sum(map(len, self.behavior_categories.values())) or channels)

    def batch(self, trials: TrialSet, device: torch.device) -> Batch:
        """Return trials as a network fitted on this population reads them.

        Raises:
            ModelError: for irregular times where it was fitted on regular ones, no stimulus or one
                of another width, or other channels or another kind of behaviour.
        """
        if self.regular and trials.times is not None:
            raise ModelError(
                "the trials have irregular times: the model was fitted on regular ones."
            )
        given = 0 if trials.stimulus is None else trials.stimulus.shape[2]
        if self.stimulus_channels and given != self.stimulus_channels:
            raise ModelError(
                f"the trials have {given or 'no'} stimulus channels, the model was fitted with "
                f"{self.stimulus_channels}: give trials with the same stimulus."
            )
        names = [] if trials.behavior is None else list(trials.behavior_names)
        if self.behavior_names and names and names != self.behavior_names:
            raise ModelError(
                f"the trials' behaviour is {', '.join(names)}, the model's "
                f"{', '.join(self.behavior_names)}: give the same "
                "channels in the same order, or none."
            )
        kind = "categorical" if self.behavior_categories else "continuous"
        if names and self.behavior_names and trials.behavior_kind != kind:
            raise ModelError(
                f"the trials' behaviour is {trials.behavior_kind}, the model's {kind}: give the "
                "same kind, or none."
            )
        batch = Batch.from_trials(trials, device, label_categories=self.categories)
        return replace(
            batch,
            stimulus=batch.stimulus if self.stimulus_channels else None,
            behavior=batch.behavior if self.behavior_names else None,
        )


def _matching(categories: Mapping[str, list[Any]], shares: Mapping[str, list[float]]) -> bool:
    """Whether two or more categories of each name are there, a share from 0 to 1 with each."""
    return categories.keys() == shares.keys() and all(
        len(found) == len(shares[name]) > 1
        and all(type(each) in (int, float, str, bool) for each in found)
        and all(0 <= share <= 1 for share in shares[name])
        for name, found in categories.items()
    )


def _behavior(trials: TrialSet, wanted: bool) -> dict[str, Any]:
    """Describe behaviour: moments where it is continuous, else categories and their shares."""
    if trials.behavior is None or not wanted:
        return {}
    names, flat = list(trials.behavior_names), trials.behavior.reshape(-1, trials.behavior.shape[2])
    if (never := np.isnan(flat).all(0)).any():
        raise ModelError(
            f"behaviour {names[int(never.argmax())]!r} is missing in every trial: leave the "
            "channel out."
        )
    if trials.behavior_kind == "continuous":
        means, stds = np.nanmean(flat, 0).tolist(), np.nanstd(flat, 0).tolist()
        return {"behavior_names": names, "behavior_means": means, "behavior_stds": stds}
    if len(set(names)) < len(names):
        raise ModelError(
            f"the channels of behaviour are named {', '.join(names)}: each needs a name of its own."
        )
    known = {
        name: np.unique(v[np.isfinite(v)], return_counts=True)
        for name, v in zip(names, flat.T, strict=True)
    }
    for name, (values, _) in known.items():
        if len(values) < 2:
            raise ModelError(
                f"behaviour {name!r} is {values[0]:g} in every bin of the training trials: there "
                "is nothing to choose from; leave the channel out."
            )
    return {
        "behavior_names": names,
        "behavior_categories": {name: values.tolist() for name, (values, _) in known.items()},
        "behavior_shares": {name: (n / n.sum()).tolist() for name, (_, n) in known.items()},
    }


def _missing_counts(trials: TrialSet) -> bool:
    """Whether a bin holds some held-in neurons and lacks others, before the forward bins."""
    window = slice(0, trials.n_time - trials.forward_bins)
    for part in blocks(len(trials), trials.spikes[:1].nbytes):
        missing = np.isnan(trials.spikes[part, window][:, :, ~trials.heldout])
        if (missing.any(2) & ~missing.all(2) & trials.valid[part, window]).any():
            return True
    return False


def _duration_s(trials: TrialSet) -> float:
    if trials.times is None:
        return trials.n_time * trials.bin_s
    return float(np.nanmax(trials.times)) + trials.bin_s / 2 - trials.start_s


def _regions(
    trials: TrialSet, wanted: str | Mapping[str, int] | None
) -> tuple[list[str], list[int]]:
    """Return the names of the regions with units of their own, and the region of each neuron."""
    if wanted is None:
        return ["all"], [0] * trials.n_neurons
    if trials.region is None:
        raise ModelError(
            f"regions is {wanted!r} but the trials name no region per neuron: give TrialSet.region."
        )
    found = [str(name) for name in np.unique(trials.region)]
    if isinstance(wanted, str):
        if wanted not in (SPLIT, BOTH):
            raise ModelError(
                f"regions is {wanted!r}: it must be 'split', 'shared+split', units by region, or "
                "None for a shared state."
            )
        if wanted == BOTH and SHARED in found:
            raise ModelError(
                f"regions is {wanted!r} but the trials have a region named 'shared': give it "
                "another name."
            )
        names = found
    else:
        names = [str(name) for name in wanted if name != SHARED or SHARED in found]
    if set(names) != set(found):
        raise ModelError(f"regions names {', '.join(names)}: the trials have {', '.join(found)}.")
    return names, [names.index(str(name)) for name in trials.region]
