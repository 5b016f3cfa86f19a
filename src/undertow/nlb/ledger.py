"""The ledger of scores on test trials: who looked at the test truth, when, and what was seen.

Test trials measure what was chosen without them; each look that a later choice follows spends some
of that. The ledger counts the looks of every model at every set.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from undertow.errors import HeldError, UndertowError
from undertow.files import read_json, write_json
from undertow.locks import claimed, writable
from undertow.names import listed

FILE = "test_scores.json"
ABOUT = "every score on the truth of the benchmark's test trials, as undertow nlb score counts them"
PATIENCE_S, PAUSE_S = 10.0, 0.05
"""How long another process that writes the ledger is waited for."""


@final
@dataclass(frozen=True)
class Look:
    """One score of one run on the test trials of a set.

    Attributes:
        when: date and time, with the time zone.
        set_name: the set.
        bin_ms: 5 or 20.
        run: name of the run, or of the submission file.
        model: name of its model; the file's name for a submission.
        rates: SHA-256 of the rates that were scored, see `rates_sha256`.
        truth: SHA-256 of the file of truth.
        scores: by the benchmark's names.
    """

    when: str
    set_name: str
    bin_ms: int
    run: str
    model: str
    rates: str
    truth: str
    scores: Mapping[str, float | None]


TEXTS = ("when", "set_name", "run", "model", "rates", "truth")


def rates_sha256(rates: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the rates of a set, the same from whatever file they are read."""
    digest = hashlib.sha256()
    for name, values in sorted(rates.items()):
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def read_looks(folder: str | Path) -> list[Look]:
    """All looks that the ledger of a folder holds, first ones first; none where there is none.

    Raises:
        UndertowError: for a file that is no ledger.
    """
    path = Path(folder) / FILE
    if not path.exists():
        return []
    content = read_json(path)
    rows = content.get("scores") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(map(_is_look, rows)):
        raise UndertowError(
            f"{path} is no ledger of test scores: bring its last version back, or move it away to "
            "count from one again."
        )
    return [Look(**row) for row in rows]


def _is_look(row: Any) -> bool:
    known = isinstance(row, dict) and row.keys() == Look.__dataclass_fields__.keys()
    return (
        known
        and all(isinstance(row[name], str) for name in TEXTS)
        and isinstance(row["bin_ms"], int)
        and isinstance(row["scores"], dict)
    )


def record(folder: str | Path, new: Sequence[Look]) -> list[Look]:
    """Write looks into the ledger of a folder, which is made if need be; all looks, new ones last.

    The file is replaced whole; of processes that write at the same time each waits for its turn.

    Raises:
        HeldError: when another process holds the ledger for long.
        UndertowError: for a file that is no ledger, or where nothing can be written.
    """
    path = Path(folder) / FILE
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with _turn(path):
        looks = [*read_looks(folder), *new]
        write_json(path, {"about": ABOUT, "scores": [asdict(look) for look in looks]})
    return looks


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Hold the ledger, after other processes that do."""
    lock, deadline = path.with_name(f".{path.name}.lock"), time.monotonic() + PATIENCE_S
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(claimed(lock, "nlb score", _go_on, path))
                break
            except HeldError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_S)
        yield


def _go_on(left: bool) -> None:
    """A killed process left the ledger as it was, or whole."""


# --- in words ------------------------------------------------------------------------------------


def told(folder: str | Path, looks: Sequence[Look], new: Sequence[Look]) -> list[str]:
    """What the user must know: who looked before, and how often this set was scored.

    Args:
        folder: of the ledger.
        looks: all of the ledger, the new ones last.
        new: those of this command, of one set and bin width.
    """
    of_set = [look for look in looks if look.set_name == new[0].set_name]
    same_width = [look for look in of_set if look.bin_ms == new[0].bin_ms]
    before = len(same_width) - len(new)
    lines = [_again(same_width[: before + k], look) for k, look in enumerate(new)]
    kept = f"{_of_set(same_width, len(of_set) - len(same_width))} All are in {Path(folder) / FILE}."
    return [*filter(None, lines), kept]


def _again(earlier: Sequence[Look], look: Look) -> str:
    """That a model, or its rates under another name, had been scored before; else nothing."""
    same = [each for each in earlier if look.model == each.model or look.rates == each.rates]
    if not same:
        return ""
    known = look.rates in {each.rates for each in same}
    what = "the same rates" if known else "this time another fit"
    name = look.run if look.run == look.model else f"{look.run} ({look.model})"
    return (
        f"{name}: scored on the test truth for the {ordinal(len(same) + 1)} time, {what} (first on "
        f"{same[0].when}): choices made after the first look are made on test data."
    )


def _of_set(looks: Sequence[Look], other_width: int) -> str:
    counts = Counter(look.model for look in looks)
    models = listed([f"{model} {count}" for model, count in counts.most_common()])
    where = f"{looks[0].set_name} at {looks[0].bin_ms} ms bins"
    other = f", and {other_width} at the other bin width" if other_width else ""
    line = f"{where}: {_scores(len(looks))} on the test truth so far ({models}){other}."
    if len({look.rates for look in looks}) > 1:
        line += " The best of them, if taken for these scores, is chosen on test data."
    return line


def _scores(count: int) -> str:
    return "1 score" if count == 1 else f"{count} scores"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    teen = number % 100 // 10 == 1
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
