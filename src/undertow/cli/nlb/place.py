"""`Place`: where the files of one set, bin width and phase lie; and the options that say which."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, final, get_args

import typer

from undertow.errors import UndertowError
from undertow.names import listed, printable, shown

if TYPE_CHECKING:
    from undertow.nlb import Phase, Submission, Tensors

SetName = Annotated[str, typer.Argument(metavar="SET", help="Such as mc_maze_small.")]
BinMs = Annotated[
    int, typer.Option(metavar="5|20", help="Bin width in ms; scores of the two do not compare.")
]
PhaseName = Annotated[
    str,
    typer.Option(
        "--phase",
        metavar="val|test",
        help="Which trials are predicted: val, for every choice, or test, for the last score.",
    ),
]
Folder = Annotated[Path, typer.Option(metavar="FOLDER", help="Where prepared sets and runs lie.")]
FOLDER = Path("nlb")
TENSORS, RATES = "tensors.h5", "rates.h5"


@final
@dataclass(frozen=True)
class Place:
    """One set at one bin width in one phase, in a folder of its own.

    Attributes:
        set_name, bin_ms, phase: which.
        folder: what the folders of all sets lie in.

    Raises:
        UndertowError: for a set, bin width or phase the benchmark does not have.
    """

    set_name: str
    bin_ms: int
    phase: str
    folder: Path

    def __post_init__(self) -> None:
        from undertow.nlb import Phase, nlb_set

        nlb_set(self.set_name)
        if self.phase not in get_args(Phase):
            raise UndertowError(f"--phase {self.phase}: it is val or test.")
        _ = self.group

    @property
    def group(self) -> str:
        """The benchmark's name of set and bin width, 'mc_maze_20'."""
        from undertow.nlb import Tensors

        return Tensors(self.set_name, self.bin_ms, cast("Phase", self.phase), {}, {}).group

    @property
    def label(self) -> str:
        """Set, bin width and phase in words, for messages."""
        return f"{self.set_name} at {self.bin_ms} ms bins, phase {self.phase}"

    @property
    def words(self) -> str:
        """Set, bin width and phase as written on the command line."""
        return f"{self.set_name} --bin-ms {self.bin_ms} --phase {self.phase}"

    @property
    def directory(self) -> Path:
        """FOLDER/<set>_<bin>_<phase>."""
        return self.folder / f"{self.set_name}_{self.bin_ms}_{self.phase}"

    @property
    def tensors_file(self) -> Path:
        """What `prepare` writes."""
        return self.directory / TENSORS

    def tensors(self) -> "Tensors":
        """What was prepared.

        Raises:
            UndertowError: when nothing was, or the file there is of another set, bin width or
                phase.
        """
        from undertow.nlb import read_nlb_tensors

        if not self.tensors_file.exists():
            raise UndertowError(
                f"{self.label}, is not prepared: {self.tensors_file} is not there{self._others()}. "
                f"Run undertow nlb prepare {self.set_name} FILES --bin-ms {self.bin_ms} --phase "
                f"{self.phase} first."
            )
        tensors = read_nlb_tensors(self.tensors_file, set_name=self.set_name, bin_ms=self.bin_ms)
        if tensors.phase != self.phase:
            raise UndertowError(
                f"{self.tensors_file} is of phase {tensors.phase}, not {self.phase}."
            )
        return tensors

    def _others(self) -> str:
        """What of the set is prepared, for a message."""
        found = sorted(
            path.parent.name for path in self.folder.glob(f"{self.set_name}_*/{TENSORS}")
        )
        named = [name for name in found if name.removeprefix(f"{self.set_name}_")[:1].isdigit()]
        return f" (prepared: {listed(named)})" if named else ""

    def run(self, name: str) -> Path:
        """The directory of a run.

        Raises:
            UndertowError: when the name is a path, or none that a folder can have.
        """
        is_path = Path(name).name != name or name == ".."
        if is_path or not name.isprintable():
            what = f"{printable(name)} is a path" if is_path else f"{shown(name)} is no name"
            raise UndertowError(
                f"{what}: give the name of a run, a folder of its own in {self.directory}."
            )
        return self.directory / name

    def runs(self) -> list[str]:
        """Names of the runs that have rates."""
        return sorted(path.parent.name for path in self.directory.glob(f"*/{RATES}"))

    def rates(self, name: str) -> "Submission":
        """The rates of a run.

        Raises:
            UndertowError: when it has none.
        """
        from undertow.nlb import read_submission

        path = self.run(name) / RATES
        if not path.exists():
            there = listed(self.runs()) if self.runs() else "none"
            raise UndertowError(
                f"there is no {path}: finished runs of {self.label} are: {there}. "
                f"Run undertow nlb fit {self.words} first."
            )
        return read_submission(path)
