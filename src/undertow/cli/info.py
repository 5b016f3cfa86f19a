"""`undertow info`: what a data file holds."""

from pathlib import Path
from typing import Any

from undertow.cli import options, show
from undertow.cli.errors import guarded, say
from undertow.cli.reading import Reading

MOST = 12
OF_ANY_FORMAT = ("min_rate_hz", "forward_bins")


@guarded
@options.grouped()
def info(data: options.Data, reading: Reading) -> None:
    """Describe DATA: trials, bins, neurons, rates, conditions, behaviour, what to align to."""
    found = described(data, reading)
    warnings = found.pop("warnings")
    show.facts({name.replace("_", " "): shown(value) for name, value in found.items()})
    for warning in warnings:
        say(f"warning: {warning}")


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


def shown(value: Any) -> str:
    """A value in a line: lists and tables by their first entries, 'none' where empty."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        value = [f"{key}: {shown(item)}" for key, item in value.items()]
    if isinstance(value, list):
        parts = [shown(item) for item in value[:MOST]]
        more = f", … ({len(value)} in all)" if len(value) > MOST else ""
        return ", ".join(parts) + more if parts else "none"
    return str(value)
