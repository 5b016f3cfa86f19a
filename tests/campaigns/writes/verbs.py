"""The verbs of the command line on a tiny set, and what each needs beside it."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns import seeds
from tests.campaigns.writes.running import run

LANGEVIN = (
    "latent_dim=4",
    "encoder.hidden_dim=4",
    "decoder.width=4",
    "decoder.heads=2",
    "samples=2",
    "training.epochs=2",
    "training.validate_every=1",
    "training.checkpoint_seconds=0",
)
SETTINGS = tuple(word for setting in LANGEVIN for word in ("--set", setting))
DATA, SET = "recording.h5", "mc_maze_small"
SMOOTHING = ("--model", "smoothing")
FIT = ("fit", DATA, "--out", "run", "--heldout", "2")
GRID = (DATA, "--out", "study", "--folds", "2", "--heldout", "2", "--quiet")
SIZES = ("--sizes", "2,4", "--shots", "4")
TO_RATES = ("--out", "rates", "--csv", "--samples", "2")
TO_SCORES = ("--out", "scores.json")
NLB = (SET, "--bin-ms", "20", "--folder", "nlb")
COPY, TRUTH = "copy.h5", b"held-out spikes of test trials " * 3000
TO_TRUTH = ("--sha256", hashlib.sha256(TRUTH).hexdigest(), "--size", str(len(TRUTH)))
NLB_FIT = (*SMOOTHING, "--out", "again", "--quiet")


@dataclass(frozen=True)
class Verb:
    """A command that writes.

    Attributes:
        name: in tables.
        words: of the command line.
        needs: names of seeds that lie in its folder.
        resumes: whether it is repeated with --resume.
        exact: whether two runs give the same numbers.
        share: of the kills, in proportion.
    """

    name: str
    words: tuple[str, ...]
    needs: tuple[str, ...] = (DATA,)
    resumes: bool = False
    exact: bool = True
    share: float = 1.0

    @property
    def again(self) -> tuple[str, ...]:
        """The words of the repeated command."""
        return (*self.words, "--resume") if self.resumes else self.words

    def folder(self, place: Path) -> Path:
        """A fresh folder with what it needs, and a file that nothing may touch."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name in self.needs:
            source = seeds.folder() / "verbs" / name
            copy: Callable[..., object] = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, place / name)
        (place / "of the user.txt").write_text("not to be touched\n")
        return place


ALL = (
    Verb("fit", (*FIT, *SETTINGS, "--quiet"), resumes=True, share=3.0),
    Verb("fit smoothing", (*FIT, *SMOOTHING, "--quiet"), resumes=True),
    Verb("fit --folds", (*FIT, *SMOOTHING, "--folds", "2", "--quiet"), resumes=True, share=1.5),
    Verb("fit --ensemble", (*FIT, *SETTINGS, "--ensemble", "2", "--quiet"), resumes=True),
    Verb("ablate", ("ablate", *GRID, "--arms", "full,linear-encoder", *SETTINGS), resumes=True),
    Verb("latents", ("latents", *GRID, *SIZES, *SETTINGS[2:]), resumes=True),
    Verb("predict", ("predict", "fitted", DATA, *TO_RATES), (DATA, "fitted")),
    Verb("evaluate", ("evaluate", "fitted", DATA, *TO_SCORES, "--quiet"), (DATA, "fitted")),
    Verb("simulate", ("simulate", "lorenz", "--out", "made/lorenz.h5"), ()),
    Verb("nlb prepare", ("nlb", "prepare", SET, "nwb", *NLB[1:]), ("nwb",), share=0.6),
    Verb("nlb fit", ("nlb", "fit", *NLB, *NLB_FIT), ("nlb",), resumes=True, share=0.6),
    Verb("nlb truth", ("nlb", "truth", "--file", COPY, *TO_TRUTH, *NLB[3:]), (COPY,), share=0.4),
    Verb("nlb score", ("nlb", "score", *NLB, *TO_SCORES), ("nlb",), share=0.4),
    Verb("nlb submit", ("nlb", "submit", *NLB, "--phase", "val", "--out", "sent.h5"), ("nlb",)),
    Verb("demo", ("demo", "--seconds", "0.2", "--quiet"), (), True, exact=False, share=0.5),
)
VERBS = {each.name: each for each in ALL}


def make_seeds(folder: Path) -> None:
    """The recording, a fitted model, NWB files and a prepared set of the benchmark with a run."""
    from tests.conftest import make_small_trials
    from tests.nlb.made_sets import make_set
    from undertow.data import write_hdf5

    place = folder / "verbs"
    (place / "nwb").mkdir(parents=True)
    write_hdf5(make_small_trials(24, 10, 6), place / DATA)
    make_set(SET, place / "nwb")
    (place / COPY).write_bytes(TRUTH)
    for words in (
        ("fit", DATA, "--out", "fitted", "--heldout", "2", *SETTINGS, "--quiet"),
        ("nlb", "prepare", SET, "nwb", *NLB[1:]),
        ("nlb", "fit", *NLB, *SMOOTHING, "--out", "langevin-flow", "--quiet"),
    ):
        ended = run(words, place)
        if ended.code:
            raise RuntimeError(f"{' '.join(words)} ended with {ended.code}: {ended.err}")
