"""`write_report`: the page, its figures as PNG and the table of neurons as CSV."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from undertow.checks import one_of
from undertow.errors import UndertowError
from undertow.files import csv_text, written_whole
from undertow.report import page
from undertow.report.methods import methods_paragraph
from undertow.report.record import RunRecord
from undertow.report.scores import any_score, meanings, score_table
from undertow.report.sections import sections_of

FIGURE_KINDS = ("png", "svg", "pdf")


def write_report(
    record: RunRecord, directory: str | Path, figures: Collection[str] = ("png",)
) -> Path:
    """Write `report.html` (self-contained), `figures/*.png` and `per_neuron.csv` into `directory`.

    Figures that do not apply are left out, and the page says why. Each file is written under a
    temporary name and moved into place; older files of the same names are replaced.

    Args:
        record: what is shown.
        directory: made where it is not there.
        figures: kinds of files in `figures/`: 'png', and 'svg' or 'pdf' for papers. The page has
            its own PNGs inside.

    Returns:
        The path of the page.

    Raises:
        UndertowError: for another kind, before anything is written.
    """
    check_kinds(figures)
    from undertow.analysis import neuron_table

    directory = Path(directory)
    (directory / "figures").mkdir(parents=True, exist_ok=True)
    shown, left_out = _figures(record, directory / "figures", figures)
    neurons = neuron_table(record.prediction, record.baseline_prediction).columns()
    _replace(directory / "per_neuron.csv", _encoded(_csv(neurons)))
    body = [_head(record), _notes(record), _scores(record), _figure_section(shown, left_out)]
    body += [_neurons(neurons), _methods(record), _facts(record)]
    target = directory / "report.html"
    _replace(target, _encoded(page.page(record.title, body)))
    return target


def check_kinds(figures: Collection[str]) -> None:
    """Refuse kinds of figures that cannot be written.

    Raises:
        UndertowError: naming the kinds there are.
    """
    for kind in [figures] if isinstance(figures, str) else figures:
        one_of("figures", kind, FIGURE_KINDS, error=UndertowError)


def _figures(
    record: RunRecord, folder: Path, kinds: Collection[str]
) -> tuple[list[str], dict[str, str]]:
    """Draw the figures into `folder`.

    Returns:
        the figures as HTML, and for those that do not apply heading → reason.
    """
    from undertow.plots.style import image_bytes, off_screen

    shown, left_out = [], {}
    for section in sections_of(record):
        figure = off_screen()
        try:
            caption = section.draw(record, figure)
        except UndertowError as reason:
            left_out[section.heading] = str(reason)
            _remove_stale(folder / section.name, FIGURE_KINDS)
            continue
        for kind in kinds:
            _replace(folder / f"{section.name}.{kind}", image_bytes(figure, kind))
        _remove_stale(folder / section.name, set(FIGURE_KINDS) - set(kinds))
        shown.append(page.figure(section.name, section.heading, image_bytes(figure), caption))
    return shown, left_out


def _remove_stale(stem: Path, kinds: Collection[str]) -> None:
    """Remove what an earlier report left of a figure."""
    for kind in kinds:
        stem.with_name(f"{stem.name}.{kind}").unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    """Write under a temporary name in the same folder, then move into place."""
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_bytes(content)


def _encoded(text: str) -> bytes:
    """UTF-8, with escapes for names of files that are no text."""
    return text.encode("utf-8", "backslashreplace")


def _csv(columns: Mapping[str, Sequence[Any]]) -> str:
    return csv_text(columns, zip(*columns.values(), strict=True))


def _head(record: RunRecord) -> str:
    lead = f"{record.model_name}, scored on test trials: {record.prediction.trials!r}"
    anchors = ("scores", "figures", "neurons", "methods", "run")
    links = "".join(f'<a href="#{anchor}">{anchor}</a>' for anchor in anchors)
    return (
        f"<h1>{page.text(record.title)}</h1>\n<p "
        f'class="lead">{page.text(lead)}</p>\n<nav>{links}</nav>'
    )


def _notes(record: RunRecord) -> str:
    items = "".join(f"<li>{page.text(note)}</li>" for note in record.notes)
    return f'<div class="notes"><ul>{items}</ul></div>' if items else ""


def _scores(record: RunRecord) -> str:
    if not record.metrics:
        return page.section(
            "scores", "Scores", "<p>No score could be computed for these trials.</p>"
        )
    level = 100 * any_score(record, record.metrics[0]).level
    words = f"Below each score its {level:g} % interval, a bootstrap over test trials."
    if record.differences:
        words += " The difference is paired: both models are scored on the same resampled trials."
    return page.section(
        "scores", "Scores", score_table(record), f'<p class="soft">{words}</p>', meanings(record)
    )


def _figure_section(shown: Sequence[str], left_out: Mapping[str, str]) -> str:
    reasons = "".join(
        f"<li>{page.text(name)}: {page.text(reason)}</li>" for name, reason in left_out.items()
    )
    omitted = f'<h3>Left out</h3>\n<ul class="soft">{reasons}</ul>' if reasons else ""
    return page.section("figures", "Figures", *shown, omitted)


def _neurons(columns: Mapping[str, Sequence[Any]]) -> str:
    summary = (
        f"<summary>Table of {len(columns['neuron'])} neurons (also in per_neuron.csv)</summary>"
    )
    return page.section(
        "neurons", "Neuron by neuron", f"<details>{summary}{page.table(columns)}</details>"
    )


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
        "Time in seconds": {name: f"{value:.1f}" for name, value in record.seconds.items()},
        "Versions": record.versions,
    }
    tables = (f"<h3>{name}</h3>{page.facts(values)}" for name, values in parts.items() if values)
    return page.section("run", "This run", *tables)
