"""`undertow info`: what a data file holds."""

from typing import Any

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded

MOST = 12


@guarded
def info(
    data: options.Data,
    bin_ms: options.BinMs = None,
    align: options.Align = None,
    window: options.Window = None,
    units: options.Units = None,
    condition: options.Condition = None,
    behavior: options.Behavior = None,
    stimulus: options.Stimulus = None,
    label: options.Label = None,
) -> None:
    """Describe DATA: trials, bins, neurons, rates, conditions, behaviour, what to align to."""
    from undertow.data import describe

    reading = options.reading(
        align, window, units, condition, behavior, stimulus=stimulus, label=label
    )
    bin_s = None if bin_ms is None else bin_ms / 1e3
    found = describe(data, bin_s=bin_s, **{k: v for k, v in reading.items() if v is not None})
    warnings = found.pop("warnings")
    show.facts({name.replace("_", " "): shown(value) for name, value in found.items()})
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


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
