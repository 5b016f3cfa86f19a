"""What a run is, written before it starts (`run.json`), so that resuming is only ever the same run."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import Splits, TrialSet
from undertow.errors import UndertowError
from undertow.experiments.environment import versions
from undertow.experiments.files import plain, read_json, write_json
from undertow.models.base import Estimator

HASHED = ("spikes", "lengths", "heldout", "neuron_ids", "behavior", "stimulus", "condition")
FILE = "run.json"


def fingerprint(trials: TrialSet) -> str:
    """SHA-256 of everything a fit reads: counts, bin width, masks, ids, signals and conditions."""
    digest = hashlib.sha256(f"{trials.bin_s!r} {trials.forward_bins} {trials.spikes.shape}".encode())
    for name in HASHED:
        value = getattr(trials, name)
        if value is not None:
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def settings_of(model: Estimator) -> dict[str, Any]:
    """Constructor arguments by name; a nested dataclass becomes a table."""
    params = model.get_params()
    return {k: plain(asdict(v) if is_dataclass(v) and not isinstance(v, type) else v) for k, v in params.items()}


def identity(model: Estimator, trials: TrialSet, parts: Mapping[str, Splits], seeds: Mapping[str, int]) -> dict[str, Any]:
    """Model, settings, data fingerprint, split of the trials and seeds: what makes two runs the same."""
    return {
        "model": model.cli_name,
        "settings": settings_of(model),
        "data": {"fingerprint": fingerprint(trials), "bin_s": trials.bin_s, "trials": trials.n_trials},
        "splits": {name: split_ids(split) for name, split in parts.items()},
        "seeds": dict(seeds),
    }


def split_ids(split: Splits) -> dict[str, list[Any]]:
    """Trial ids of each part."""
    return {part: plain(getattr(split, part).trial_ids) for part in ("train", "validation", "test")}


def open_directory(out: Path, what: Mapping[str, Any], resume: bool) -> bool:
    """Make `out` for this run, or find the same run in it; True when it goes on from an earlier start.

    Raises:
        UndertowError: when `out` holds anything and `resume` is False, or holds another run. Nothing is written then.
    """
    check_directory(out, what, resume)
    goes_on = (out / FILE).exists()
    if not goes_on:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / FILE, {**what, "versions": versions()})
    return goes_on


def check_directory(out: Path, what: Mapping[str, Any], resume: bool) -> None:
    """The checks of `open_directory`, without writing.

    Raises:
        UndertowError: as `open_directory`.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UndertowError(f"{out} is a file: give a directory for the results.")
    if not any(out.iterdir()):
        return
    if not resume:
        raise UndertowError(f"{out} is not empty: choose another directory, or continue the run in it with --resume.")
    if not (out / FILE).exists():
        raise UndertowError(f"{out} is not empty and holds no {FILE}: there is no run to resume, choose another directory.")
    _check_same(out, read_json(out / FILE), plain(what))


def _check_same(out: Path, earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    before, after = _flat(earlier), _flat(now)
    changed = [key for key in after if before.get(key) != after[key]] + [
        key for key in before if key not in after and not key.startswith("versions")
    ]
    if changed:
        shown = "; ".join(f"{key} was {_short(before.get(key))}, is {_short(after.get(key))}" for key in changed[:4])
        raise UndertowError(f"{out} holds another run ({shown}): resume with the same data and settings, or choose another directory.")


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:20]}…"
