"""The verbs of the command line on a tiny set, and what each needs beside it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns import seeds

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
SMOOTHING = ("--model", "smoothing")
FIT = ("fit", "recording.h5", "--out", "run", "--heldout", "2")
NLB = ("mc_maze_small", "--bin-ms", "20", "--folder", "nlb")
SET = "mc_maze_small"


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
    needs: tuple[str, ...] = ("recording.h5",)
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


VERBS = {
    each.name: each
    for each in (
        Verb("fit", (*FIT, *SETTINGS, "--quiet"), resumes=True, share=3.0),
        Verb("fit smoothing", (*FIT, *SMOOTHING, "--quiet"), resumes=True),
        Verb("fit --folds", (*FIT, *SMOOTHING, "--folds", "2", "--quiet"), resumes=True, share=1.5),
        Verb("fit --ensemble", (*FIT, *SETTINGS, "--ensemble", "2", "--quiet"), resumes=True),
        Verb(
            "ablate",
            (
                "ablate",
                "recording.h5",
                "--out",
                "study",
                "--seeds",
                "1",
                *SETTINGS,
                "--quiet",
                "--arms",
                "whole,no-dropout",
            ),
            resumes=True,
        ),
        Verb(
            "latents",
            (
                "latents",
                "recording.h5",
                "--out",
                "curve",
                "--sizes",
                "2,4",
                *SETTINGS[2:],
                "--quiet",
            ),
            resumes=True,
        ),
        Verb(
            "predict",
            ("predict", "fitted", "recording.h5", "--out", "rates", "--csv", "--samples", "2"),
            needs=("recording.h5", "fitted"),
        ),
        Verb(
            "evaluate",
            ("evaluate", "fitted", "recording.h5", "--out", "scores.json", "--quiet"),
            needs=("recording.h5", "fitted"),
        ),
        Verb("simulate", ("simulate", "lorenz", "--out", "made/lorenz.h5"), needs=()),
        Verb("nlb prepare", ("nlb", "prepare", SET, "nwb", *NLB[1:]), needs=("nwb",), share=0.6),
        Verb("nlb fit", ("nlb", "fit", *NLB, *SMOOTHING, "--quiet"), needs=("nlb",), share=0.6),
        Verb("nlb score", ("nlb", "score", *NLB, "--out", "scores.json"), needs=("nlb", "nlb_fit")),
        Verb("nlb submit", ("nlb", "submit", *NLB, "--out", "sent.h5"), needs=("nlb", "nlb_fit")),
        Verb("demo", ("demo", "--seconds", "0.2", "--quiet"), needs=(), exact=False, share=0.1),
    )
}


def make_seeds(folder: Path) -> None:
    """The recording, a fitted model, NWB files and tensors of the benchmark."""
    from tests.conftest import make_small_trials
    from tests.nlb.made_sets import make_set
    from undertow.data import write_hdf5

    place = folder / "verbs"
    place.mkdir()
    write_hdf5(make_small_trials(24, 10, 6), place / "recording.h5")
    (place / "nwb").mkdir()
    make_set(SET, place / "nwb")
