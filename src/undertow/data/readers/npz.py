"""Reading `.npz` files of binned trials."""

from collections.abc import Sequence
from pathlib import Path

from undertow.data.readers.named_arrays import (
    Wanted,
    check_arrays,
    trials_of_arrays,
    used_names,
    warn_unfit,
)
from undertow.data.readers.npz_file import check_readable, declared_arrays, read_arrays
from undertow.data.trialset import TrialSet
from undertow.names import printable


def read_npz(
    path: str | Path,
    bin_s: float | None = None,
    condition: str | Sequence[str] | None = None,
    behavior: str | Sequence[str] | None = None,
    file_bin_s: float | None = None,
    stimulus: str | Sequence[str] | None = None,
    label: str | Sequence[str] = (),
) -> TrialSet:
    """Read binned trials from a `.npz` file, without pickle.

    The file holds `spikes` (trials, time, neurons) and `bin_ms` or `bin_s`; and, where there are
    any, `condition`, signals (trials, time, channels) such as `hand_vel`, `stimulus`, `region`,
    `heldout`, `truth`, `lengths`, `start_s`, `event`, `forward_bins`, `split`, `neuron_ids`,
    `trial_ids`; for bins at irregular times `times`, (trials, time).

    Args:
        path: the file.
        bin_s: bin width wanted, a whole multiple of the file's own; the file's own by default.
        condition: array(s) of one label per trial, several joined; by default the first there is of
            condition, target and cue.
        behavior: arrays of signals to use as behaviour; by default hand_vel, hand_pos and every
            other array (trials, time, channels) that is not a stimulus.
        file_bin_s: the file's bin width in seconds, for a file that does not hold it.
        stimulus: arrays of external input, (trials, time, inputs), (trials, time) or (trials,),
            which is constant over the trial; the array `stimulus` by default.
        label: arrays of one category per trial, a choice or an outcome, to decode from each trial.

    Raises:
        DataError: for a file that is not there, cut short or no `.npz`, a missing array, or arrays
            that break a rule.
    """
    there, wanted = declared_arrays(path), Wanted(condition, behavior, stimulus, label)
    check_readable(path, there, ("spikes", *wanted.named))
    shapes = {name: each.shape for name, each in there.items()}
    dtypes = {name: each.dtype for name, each in there.items()}
    used = used_names(shapes, dtypes, wanted)
    check_readable(path, there, used)
    check_arrays(path, shapes, dtypes, used)
    warn_unfit(path, shapes, wanted)
    return trials_of_arrays(path, read_arrays(path, used), bin_s, file_bin_s, wanted)


def list_arrays(path: str | Path) -> list[str]:
    """Names and shapes of the arrays of a file, such as 'spikes (129, 100, 162)'.

    Object arrays are named as such.
    """
    return [
        f"{printable(name)} {'(object array)' if each.dtype.hasobject else each.shape}"
        for name, each in declared_arrays(path).items()
    ]
