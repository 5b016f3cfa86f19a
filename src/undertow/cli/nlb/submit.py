"""`undertow nlb submit`: one file with the rates of one or more sets, as other tools read it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from undertow.cli import show
from undertow.cli.errors import guarded, say
from undertow.cli.nlb.place import FOLDER, BinMs, Folder, PhaseName, Place
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.nlb import Submission


@guarded
def submit(
    set_names: Annotated[list[str], typer.Argument(metavar="SET…", help="One or more sets.")],
    bin_ms: BinMs,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The submission, such as submission.h5.")
    ],
    phase: PhaseName = "test",
    folder: Folder = FOLDER,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="The run of each set whose rates are taken.")
    ] = "langevin-flow",
) -> None:
    """Gather the rates of a run of each SET in one HDF5 file, checked against what was prepared."""
    from undertow.nlb import Submission, write_submission
    from undertow.places import new_file

    with new_file(out, "nlb submit"):
        rates: dict[str, Mapping[str, np.ndarray]] = {}
        for name in dict.fromkeys(set_names):
            place = Place(name, bin_ms, phase, folder)
            rates[place.group] = _checked(place, model)
        submission = Submission(rates)
        write_submission(submission, out, overwrite=True)  # of a killed process, at most
    _say_sizes(submission)
    _say_what_lacks(submission, phase, list(set_names))
    show.line(f"written: {out}")


def _checked(place: Place, model: str) -> Mapping[str, np.ndarray]:
    """The rates of a run, of the sizes of the tensors and without a gap.

    Raises:
        UndertowError: when they are not.
    """
    from undertow.nlb.trials import check_sizes

    submission = place.rates(model)
    check_sizes(submission, place.tensors())
    rates = submission[place.group]
    if holes := [name for name, values in rates.items() if np.isnan(values).any()]:
        raise UndertowError(
            f"{place.group}/{holes[0]} of run {model} holds NaN: a submission needs every rate."
        )
    return rates


def _say_sizes(submission: "Submission") -> None:
    rows = [
        [f"{group}/{name}", " × ".join(map(str, rates.shape))]
        for group, arrays in submission.items()
        for name, rates in arrays.items()
    ]
    show.table(["rates in spikes per bin", "trials × bins × neurons"], rows)


def _say_what_lacks(submission: "Submission", phase: str, set_names: list[str]) -> None:
    """Say what is missing for more scores, or for those that are reported together."""
    from undertow.nlb.scoring import SCALING
    from undertow.nlb.submission import FORWARD

    for group, arrays in submission.items():
        if FORWARD[0] not in arrays:
            say(f"{group} has no forward rates: there will be no fp-bps.")
    absent = [name for name in SCALING if name not in set_names]
    if 0 < len(absent) < len(SCALING):
        say(
            f"the benchmark reports {', '.join(SCALING)} together: {', '.join(absent)} is not in "
            "this file."
        )
    if phase == "val":
        say("phase val is for comparing on your own: published numbers are of phase test.")
