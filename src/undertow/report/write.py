"""`write_report`: the page, its figures as PNG, the per-neuron table as CSV."""

import csv
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from undertow.errors import UndertowError
from undertow.report import page
from undertow.report.figures import FIGURES
from undertow.report.methods import methods_paragraph
from undertow.report.record import RunRecord
from undertow.report.scores import meanings, score_table


def write_report(record: RunRecord, directory: str | Path) -> Path:
    """Write `report.html` (self-contained), `figures/*.png` and `per_neuron.csv` into `directory`.

    Figures that do not apply are left out, and the page says why. Each file is written under a temporary name and moved
    into place; older files of the same names are replaced.

    Returns:
        The path of the page.
    """
    from undertow.analysis import neuron_table

    directory = Path(directory)
    (directory / "figures").mkdir(parents=True, exist_ok=True)
    shown, left_out = _figures(record, directory / "figures")
    neurons = neuron_table(record.prediction, record.baseline_prediction).columns()
    _replace(directory / "per_neuron.csv", _csv(neurons).encode())
    body = [_head(record), _scores(record), _notes(record), *_figure_sections(shown, left_out)]
    body += [_neurons(neurons), _methods(record), _facts(record)]
    target = directory / "report.html"
    _replace(target, page.page(record.title, [part for part in body if part]).encode())
    return target


def _figures(record: RunRecord, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Figures as HTML, and for those that do not apply heading → reason; PNGs land in `folder`."""
    shown, left_out = [], {}
    for name, heading, draw in FIGURES:
        path = folder / f"{name}.png"
        try:
            drawn, caption = draw(record)
        except UndertowError as reason:
            left_out[heading] = str(reason)
            path.unlink(missing_ok=True)
            continue
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png", metadata={"Software": None})
        _replace(path, buffer.getvalue())
        shown.append(page.figure(name, heading, buffer.getvalue(), caption))
    return shown, left_out


def _replace(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, then move into place."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _csv(columns: Mapping[str, Sequence[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return buffer.getvalue()


def _head(record: RunRecord) -> str:
    lead = f"{record.model_name}, scored on test trials: {record.prediction.trials!r}"
    anchors = {
        "scores": "Scores",
        "figures": "Figures",
        "neurons": "Neurons",
        "methods": "Methods",
        "facts": "Run",
    }
    links = "".join(f'<a href="#{anchor}">{name}</a>' for anchor, name in anchors.items())
    return f'<h1>{page.text(record.title)}</h1>\n<p class="lead">{page.text(lead)}</p>\n<nav>{links}</nav>'


def _scores(record: RunRecord) -> str:
    if not record.metrics:
        return page.section("scores", "Scores", "<p>No score could be computed for these trials.</p>")
    level = next(s.level for scores in record.scores.values() for s in scores.values())
    words = (
        f"Below each score its {100 * level:g} % interval, a bootstrap over test trials. The difference is paired: both models "
        "are scored on the same resampled trials."
    )
    return page.section(
        "scores", "Scores", score_table(record), f'<p class="soft">{words}</p>', meanings(record)
    )


def _notes(record: RunRecord) -> str:
    if not record.notes:
        return ""
    items = "".join(f"<li>{page.text(note)}</li>" for note in record.notes)
    return f'<div class="notes"><ul>{items}</ul></div>'


def _figure_sections(shown: list[str], left_out: Mapping[str, str]) -> list[str]:
    reasons = "".join(f"<li>{page.text(name)}: {page.text(reason)}</li>" for name, reason in left_out.items())
    omitted = f'<h3>Left out</h3><ul class="soft">{reasons}</ul>' if reasons else ""
    return [page.section("figures", "Figures", *shown, omitted)]


def _neurons(columns: Mapping[str, Sequence[Any]]) -> str:
    n = len(next(iter(columns.values())))
    inside = f"<details><summary>Table of {n} neurons (also per_neuron.csv)</summary>{page.table(columns)}</details>"
    return page.section("neurons", "Neuron by neuron", inside)


def _methods(record: RunRecord) -> str:
    return page.section(
        "methods", "Methods", f'<p class="methods">{page.text(methods_paragraph(record))}</p>'
    )


def _facts(record: RunRecord) -> str:
    seeds = {"seed": record.seed, "split seed": record.split_seed}
    parts: dict[str, Mapping[str, Any]] = {
        "Data": record.data_description,
        "Settings": record.settings,
        "Seeds": {name: value for name, value in seeds.items() if value is not None},
        "Time in seconds": {name: float(value) for name, value in record.seconds.items()},
        "Versions": record.versions,
    }
    return page.section(
        "facts",
        "This run",
        *(f"<h3>{name}</h3>{page.facts(values)}" for name, values in parts.items() if values),
    )
