"""Pieces of HTML: all text is escaped by `text`, and nothing is loaded from anywhere."""

import base64
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

CSS = """
:root { color-scheme: light dark;
  --ink: #1c1c1c; --soft: #5a5a5a; --line: #d9d9d9; --wash: #f6f7f8; --mark: #0072b2;
  --paper: #fff; --note: #fff6e5; }
* { box-sizing: border-box; }
body { color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
  max-width: 1140px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 1.7rem; margin: 0 0 4px; }
h2 { font-size: 1.25rem; margin: 44px 0 10px; }
h3 { font-size: 1.02rem; margin: 30px 0 6px; }
p.lead, figcaption, .soft { color: var(--soft); }
figcaption { font-size: .88rem; max-width: 100ch; margin-top: 4px; }
figure { margin: 0 0 8px; }
img { width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 16px 5px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; }
td.number, th.number { text-align: right; }
td.main { font-weight: 600; }
td small { display: block; color: var(--soft); font-weight: 400; white-space: nowrap; }
.notes { background: var(--note); border-left: 4px solid #e69f00; padding: 10px 16px;
  margin-top: 16px; }
.notes ul { margin: 0; padding-left: 18px; }
.methods { background: var(--wash); padding: 12px 16px; }
nav a { margin-right: 14px; color: var(--mark); }
details summary { cursor: pointer; color: var(--mark); }
dl dt { font-weight: 600; }
dl dd { margin: 0 0 8px; max-width: 100ch; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e4; --soft: #a8a8a8; --line: #3a3a3a; --wash: #22262a; --mark: #6cb8ea;
    --paper: #16181a; --note: #33290f; }
  img { background: #fff; padding: 6px; border-radius: 4px; }
}
@media print { h2, h3 { break-after: avoid; } figure { break-inside: avoid; } }
"""


def text(value: Any) -> str:
    """Escape any value as safe text."""
    return html.escape(str(value), quote=True)


def page(title: str, body: Sequence[str]) -> str:
    """Write the whole document."""
    head = (
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{CSS}</style>"
    )
    inside = "\n".join(part for part in body if part)
    return (
        "<!DOCTYPE html>\n<html "
        f'lang="en">\n<head>\n{head}\n</head>\n<body>\n{inside}\n</body>\n</html>\n'
    )


def section(anchor: str, heading: str, *parts: str) -> str:
    """Write a section with its heading; empty parts are skipped."""
    inside = "\n".join(part for part in parts if part)
    return f'<section id="{text(anchor)}">\n<h2>{text(heading)}</h2>\n{inside}\n</section>'


def figure(name: str, heading: str, png: bytes, caption: str) -> str:
    """Write an embedded image with heading and caption.

    Readers who cannot see it are told the heading and what the caption says is drawn.
    """
    image = base64.b64encode(png).decode("ascii")
    seen = f"{heading}. {first_sentences(caption)}"
    return (
        f'<h3 id="{text(name)}">{text(heading)}</h3>\n'
        f'<figure><img alt="{text(seen)}" src="data:image/png;base64,{image}">'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def first_sentences(words: str, most: int = 2) -> str:
    """Cut a caption after its first sentences."""
    return " ".join(re.split(r"(?<=[.!?])\s+(?=[A-Z])", words)[:most])


def table(columns: Mapping[str, Sequence[Any]]) -> str:
    """Write a plain table; numbers are set to the right, floats to three decimals."""
    numeric = {
        name: all(isinstance(v, int | float) for v in values) for name, values in columns.items()
    }
    side = {name: ' class="number"' if numeric[name] else "" for name in columns}
    head = "".join(f"<th{side[name]}>{text(name.replace('_', ' '))}</th>" for name in columns)
    rows = []
    for row in zip(*columns.values(), strict=True):
        cells = zip(side.values(), row, strict=True)
        rows.append(
            "".join(
                f"<td{s}>{text(decimal(v) if isinstance(v, float) else v)}</td>" for s, v in cells
            )
        )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        "<div "
        f'class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def facts(values: Mapping[str, Any]) -> str:
    """Write names and values as a two-column table."""
    rows = (
        f"<tr><th>{text(name)}</th><td>{text(plain(value))}</td></tr>"
        for name, value in values.items()
    )
    return f'<div class="wide"><table><tbody>{"".join(rows)}</tbody></table></div>'


def decimal(value: float) -> str:
    """Write a number to three decimals with a true minus sign; a dash for NaN."""
    return "–" if value != value else f"{value:.3f}".replace("-", "−")


def plural(n: int, noun: str) -> str:
    """Write a count with its noun: '1 trial', '3 trials'."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def plain(value: Any) -> str:
    """Write a setting or fact as text.

    Floats are as short as they are, sequences and mappings are written item by item.
    """
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return "(" + ", ".join(plain(each) for each in value) + ")"
    return str(value)
