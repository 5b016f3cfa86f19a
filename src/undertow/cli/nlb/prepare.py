"""`undertow nlb prepare`: from NWB files to the benchmark's tensors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from undertow.cli import show
from undertow.cli.errors import guarded
from undertow.cli.nlb.place import FOLDER, BinMs, Folder, PhaseName, Place, SetName

if TYPE_CHECKING:
    from undertow.nlb import Phase, Tensors


@guarded
def prepare(
    set_name: SetName,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="NWB files of SET, or their folder.")
    ],
    bin_ms: BinMs,
    phase: PhaseName = "val",
    folder: Folder = FOLDER,
) -> None:
    """Make the tensors of SET from its NWB files.

    They go to FOLDER/<set>_<bin>_<phase>/tensors.h5, in the benchmark's layout.
    """
    from undertow.nlb import make_tensors, write_nlb_tensors
    from undertow.places import new_file

    place = Place(set_name, bin_ms, phase, folder)
    path = place.tensors_file
    taken = f"{place.label}, is prepared. Choose another --folder, or delete it."
    with new_file(path, "nlb prepare", taken):
        tensors = make_tensors(
            files[0] if len(files) == 1 else files, set_name, bin_ms, cast("Phase", phase)
        )
        write_nlb_tensors(tensors, path, overwrite=True)  # of a killed process, at most
    show.facts(_sizes(tensors) | {"written": path, "next": _next(place, tensors)})


def _sizes(tensors: "Tensors") -> dict[str, str]:
    """What was made, beside the published sizes of the set."""
    from undertow.nlb import nlb_set

    entry, inputs = nlb_set(tensors.set_name), tensors.inputs
    count = lambda name, axis: inputs[name].shape[axis] if name in inputs else 0  # noqa: E731
    window = inputs["eval_spikes_heldin"].shape[1]
    n_train, n_eval = count("train_spikes_heldin", 0), count("eval_spikes_heldin", 0)
    neurons = (
        f"{count('eval_spikes_heldin', 2)} held in, {count('train_spikes_heldout', 2)} held out"
    )
    published = (
        f"{entry.n_train} and {entry.n_val} trials in phase val, {entry.n_heldin} and "
        f"{entry.n_heldout} neurons"
    )
    return {
        "set": f"{tensors.set_name}, {tensors.bin_ms} ms bins, phase {tensors.phase}",
        "trials": f"{n_train} to learn from, {n_eval} to predict",
        "neurons": neurons,
        "bins": f"{window}, then {count('train_spikes_heldin_forward', 1)} forward bins",
        "published sizes": published,
        "truth": "there" if tensors.targets else "not in these files",
    }


def _next(place: Place, tensors: "Tensors") -> str:
    """What can be done with it."""
    if "train_spikes_heldin" not in tensors.inputs:
        return (
            "nothing can be fitted: there are no training trials. Prepare the set's train file "
            "with it, into another --folder"
        )
    if place.phase == "test":
        return f"undertow nlb fit {place.words}, and for scores undertow nlb truth"
    return f"undertow nlb fit {place.words}"
