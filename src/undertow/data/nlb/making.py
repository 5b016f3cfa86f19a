"""From NWB files to the benchmark's tensors."""

from typing import get_args

import numpy as np

from undertow.data.nlb.checking import TRAIN_SPLITS
from undertow.data.nlb.opening import Paths
from undertow.data.nlb.parts import Part
from undertow.data.nlb.psth import psth_targets
from undertow.data.nlb.reading import read_session
from undertow.data.nlb.resampling import resample_signal
from undertow.data.nlb.sets import nlb_set
from undertow.data.nlb.tensors import Phase, Tensors
from undertow.errors import DataError

Arrays = dict[str, np.ndarray]


def make_tensors(paths: Paths, set_name: str, bin_ms: int = 5, phase: Phase = "val") -> Tensors:
    """Make the tensors of a set from its NWB files.

    In phase 'val' the split 'train' is learned from and 'val' scored; in 'test' both are learned
    from and 'test' scored. Files are joined in the order of their names; each is read once.

    Spikes are (trials, bins, units) float32 counts per bin, NaN where not recorded; the window's,
    and those of the 200 ms after it (`*_forward`). Behaviour is (trials, bins, channels) in the
    file's unit, or (trials, columns) for 'dmfc_rsg'. Inputs are
    `train_spikes_{heldin,heldout}[_forward]`, `train_behavior` and `eval_spikes_heldin`; where the
    files have no training trial, the last alone, with a warning. Targets are

    - `eval_spikes_heldout`, `eval_spikes_{heldin,heldout}_forward`, `{train,eval}_behavior`;
    - `psth`, (conditions, bins, held-in and held-out units) in spikes per bin, and
    `{train,eval}_cond_idx`, for
      each condition the indices of its trials; not for 'mc_rtt';
    - `{train,eval}_decode_mask`, (trials, 2): which of two decoders a trial is for ('area2_bump');
    - `{train,eval}_jitter`, bins by which a trial was aligned late ('dmfc_rsg').

    There are none in phase 'test' where the files lack the evaluation trials' held-out spikes, as
    the public ones do.

    Args:
        paths: an NWB file, a folder of them, or a list of files.
        set_name: 'mc_maze', 'mc_rtt', 'area2_bump', 'dmfc_rsg', 'mc_maze_large', 'mc_maze_medium'
            or 'mc_maze_small'.
        bin_ms: 5 or 20.
        phase: 'val' or 'test'.

    Raises:
        DataError: for an unknown set, bin width or phase, files that are not of the set (the
            column, time series or unit named), or no trials for the phase; before spikes are read.
    """
    entry = nlb_set(set_name)
    if phase not in get_args(Phase):
        raise DataError(f"phase is {phase!r}: it is 'val' or 'test'.")
    Tensors(set_name, bin_ms, phase, {}, {})  # the bin width is refused before anything is read
    session = read_session(paths, entry, phase)
    signal = None if session.behavior is None else resample_signal(session.behavior, bin_ms)
    split = session.trials["split"]
    chosen = (np.isin(split, TRAIN_SPLITS[phase]), split == phase)
    train, evaluation = (
        Part(session, entry, bin_ms, np.flatnonzero(rows), signal) for rows in chosen
    )
    spikes = evaluation.spikes()
    inputs = {"eval_spikes_heldin": spikes["spikes_heldin"]}
    if train.rows.size:
        inputs |= {f"train_{name}": array for name, array in train.spikes().items()}
        inputs["train_behavior"] = train.behavior()
    known = train.rows.size > 0 and _has_truth(evaluation, spikes)
    targets = _targets(train, evaluation, spikes) if known else {}
    return Tensors(set_name, bin_ms, phase, inputs, targets)


def _has_truth(evaluation: Part, spikes: Arrays) -> bool:
    """Whether the files hold the evaluation trials' held-out spikes, and from when they are
    scored."""
    start = evaluation.entry.start_column
    timed = not start or bool(np.isfinite(evaluation.column(start)).all())
    return timed and bool(np.isfinite(spikes["spikes_heldout"]).any())


def _targets(train: Part, evaluation: Part, spikes: Arrays) -> Arrays:
    """What predictions are scored against; `spikes` are those of the evaluation trials."""
    entry, parts = evaluation.entry, {"train": train, "eval": evaluation}
    targets = {"eval_spikes_heldout": evaluation.scored(spikes["spikes_heldout"])}
    targets |= {
        f"eval_{name}": array for name, array in spikes.items() if name.endswith("_forward")
    }
    targets |= {f"{name}_behavior": part.behavior() for name, part in parts.items()}
    if entry.decode_column:
        targets |= {f"{name}_decode_mask": part.decode_mask() for name, part in parts.items()}
    if entry.conditions:
        rows = {name: part.rows for name, part in parts.items()}
        targets |= psth_targets(evaluation.session, entry, evaluation.bin_ms, rows)
    if entry.produced_column:
        targets |= {f"{name}_jitter": part.jitter for name, part in parts.items()}
    return targets
