"""Inputs that failed, kept with their traceback and the command that makes them again."""

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.campaigns.outcome import Outcome

MOST_OF_A_KIND = 3
MOST_BYTES = 50e6


class Keeper:
    """Keeps the first few inputs of each fault under `folder`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.kept: Counter[tuple[str, str]] = Counter()

    def __call__(self, outcome: Outcome, inputs: Path) -> None:
        """Copy an input and what is known of it."""
        kind = (outcome.target, outcome.what)
        self.kept[kind] += 1
        if self.kept[kind] > MOST_OF_A_KIND:
            return
        place = self.folder / outcome.target.replace(" ", "_") / str(outcome.number)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        about = asdict(outcome) | {"seed": self.seed, "again": again(outcome, self.seed)}
        text = json.dumps(about, indent=2, default=str)
        (place / "fault.json").write_text(text, encoding="utf-8", errors="replace")
        (place / "traceback.txt").write_text(outcome.detail, encoding="utf-8", errors="replace")
        if inputs.is_dir() and _size(inputs) < MOST_BYTES:
            shutil.copytree(inputs, place / "input", symlinks=True, ignore_dangling_symlinks=True)


def again(outcome: Outcome, seed: int) -> str:
    """The command that makes the input again and uses it in the open."""
    return f"python -m tests.campaigns replay {outcome.target!r} {seed} {outcome.number}"


def _size(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
