"""Small tables in place of long reprs, for notebooks: `_repr_html_` of what holds data."""

import html
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

MANY = 8
"""Names beyond which a cell ends in '…'."""


def html_table(caption: str, rows: Mapping[str, Any]) -> str:
    """A table of two columns, name and value, all of it escaped.

    Rows without a value are left out.
    """
    lines = [
        f"<tr><th style='text-align:left'>{_escaped(name)}</th>"
        f"<td style='text-align:left'>{_escaped(value)}</td></tr>"
        for name, value in rows.items()
        if value not in (None, "")
    ]
    return f"<table><caption>{_escaped(caption)}</caption>{''.join(lines)}</table>"


def few(names: Iterable[Any]) -> str:
    """The first names, 'a, b, …'; '' for none."""
    names = [str(name) for name in names]
    return ", ".join(names[:MANY]) + (", …" if len(names) > MANY else "")


def trial_rows(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The rows that describe a `TrialSet`, from its fields.

    They say what it holds beside the sizes its repr tells.
    """
    n_time, bin_s, start_s = fields["spikes"].shape[1], fields["bin_s"], fields["start_s"]
    shortest, longest = fields["lengths"].min(), fields["lengths"].max()
    held = fields["spikes"][np.arange(n_time) < fields["lengths"][:, None]]
    regular = fields["times"] is None
    window = f"{start_s:g} to {start_s + n_time * bin_s:g} s from {fields['event']}"
    return {
        "window": window if regular else f"from {start_s:g} s, {fields['event']} at 0",
        "bins in a trial": f"{shortest} to {longest}" if shortest < longest else "",
        "spikes": f"{np.nansum(held, dtype=float):.0f}",
        "missing bins": int(np.isnan(held).any(axis=1).sum()) or "",
        "conditions": _groups(fields["condition"]),
        "regions": _groups(fields["region"]),
        "split": _groups(fields["split"]),
        "behavior": few(fields["behavior_names"]),
        "stimulus": few(fields["stimulus_names"]),
        "labels": few(fields["labels"]),
        "true rates": "" if fields["truth"] is None else "known",
    }


def _groups(labels: np.ndarray | None) -> str:
    """Labels and how many carry each: 'left (12), right (14)'."""
    if labels is None:
        return ""
    values, counts = np.unique(labels, return_counts=True)
    return few(f"{value} ({n})" for value, n in zip(values, counts, strict=True))


def _escaped(value: Any) -> str:
    return html.escape(str(value), quote=True)
