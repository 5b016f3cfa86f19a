"""`undertow info`: what a data file holds."""

from pathlib import Path
from typing import Any

from undertow.cli import options, show
from undertow.cli.errors import guarded, say
from undertow.cli.reading import Reading, in_flags
from undertow.errors import DataError
from undertow.names import printable

MOST, MOST_CONTENTS = 12, 200
"""Entries shown of one list; of the lists of what a file holds."""
CONTENTS = ("arrays", "trial_columns", "unit_columns", "tables", "time_series")
A_LINE_EACH = ("tables", "time_series")
LONGEST = 500
OF_ANY_FORMAT = ("min_rate_hz", "forward_bins")


@guarded
@options.grouped()
def info(data: options.Data, reading: Reading) -> None:
    """Describe DATA: trials, bins, neurons, rates, conditions, behaviour, what to align to."""
    try:
        found = described(data, reading)
    except DataError:
        _show({"path": str(data), **_contents(data)})
        raise
    warnings = found.pop("warnings")
    _show(found)
    for warning in warnings:
        say(f"warning: {in_flags(warning)}")


def _show(found: dict[str, Any]) -> None:
    show.facts(in_words(found))
    for name in A_LINE_EACH:
        listed = found.get("signals" if name == "time_series" else name, ())
        for entry in listed[:MOST_CONTENTS]:
            show.line(f"  {name.replace('_', ' ')}: {shown(entry)}")


def in_words(found: dict[str, Any]) -> dict[str, str]:
    """What a file holds as text, but for what is shown in lines of its own."""
    words = {
        name.replace("_", " "): shown(value, MOST_CONTENTS if name in CONTENTS else MOST)
        for name, value in found.items()
        if not (name in (*A_LINE_EACH, "signals") and value)
    }
    words.pop("signals", None)
    return words


def _contents(data: Path) -> dict[str, Any]:
    """What a file offers, where it cannot be read as asked; nothing, where it cannot be listed."""
    from undertow.data.readers.describe import contents

    try:
        return contents(data)
    except DataError:
        return {}


def described(data: Path, reading: Reading) -> dict[str, Any]:
    """What a file holds, read as asked."""
    from undertow.data import describe
    from undertow.data.readers.describe import summarize
    from undertow.experiments import read_trials

    asked = reading.options()
    of_file = {name: asked[name] for name in asked if name not in OF_ANY_FORMAT}
    found = describe(data, bin_s=reading.bin_s, **of_file)
    if len(of_file) < len(asked):  # describe knows the readers' own options alone
        found |= summarize(read_trials(data, reading.bin_s, **asked))
    return found


def shown(value: Any, most: int = MOST) -> str:
    """A value in a line: lists and tables by their first entries, 'none' where empty.

    Text from a file is made fit for a terminal.
    """
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        value = [f"{key}: {shown(item)}" for key, item in value.items()]
    if isinstance(value, list):
        parts = [shown(item) for item in value[:most]]
        more = f", … ({len(value)} in all)" if len(value) > most else ""
        return ", ".join(parts) + more if parts else "none"
    return printable(str(value), LONGEST)
