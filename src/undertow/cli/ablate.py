"""`undertow ablate`: the same model with one part changed at a time, compared with the whole."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.cli import options
from undertow.cli.errors import guarded
from undertow.cli.grid_verb import GridOptions, Study, carry_out
from undertow.cli.reading import Reading, names
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.experiments import CellResult

TRIED = "-dropout"
"""Where the name of an arm ends, in the fits that try its dropouts."""


@guarded
@options.grouped()
def ablate(
    data: options.Data,
    asked: GridOptions,
    computing: options.Computing,
    reading: Reading,
    arms: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="full, linear-decoder, linear-encoder, no-langevin, input-potential and "
            "first-order by default; mlp-potential and context-potential too. "
            "The first is what the others are compared with.",
        ),
    ] = None,
    dropouts: Annotated[
        str | None,
        typer.Option(
            metavar="P,P,…", help="Each arm takes the one that validates best on the first fold."
        ),
    ] = None,
) -> None:
    """Fit langevin-flow whole and with one part changed at a time, on the same folds.

    Scores of each are compared with the whole, paired.

    Settings (--preset, --set) are those of the whole. Writes ablation.json, ablation.csv and
    ablation.md to DIR.
    """
    from undertow.experiments import ablate as run_arms
    from undertow.experiments.ablation import arm_models

    plan = asked.plan(reading, **vars(computing))
    chosen, tried = _arms(arms), _dropouts(dropouts)
    reference, base = next(iter(chosen)), plan.build_model()

    def decisive(cell: "CellResult", done: int) -> bool:
        return cell.cell.model.partition(TRIED)[0] == reference

    study = Study(
        "ablation",
        base,
        title=", ".join(chosen),
        models=partial(arm_models, base, chosen),
        fit=partial(run_arms, arms=chosen, dropouts=tried),
        tried=len(tried) if len(tried) > 1 else 0,
        decisive=decisive,
        about={"dropouts": tried},
    )
    carry_out(study, data, plan, asked)


def _arms(text: str | None) -> dict[str, Any]:
    """The arms named, the default ones for None."""
    from undertow.experiments import ARMS
    from undertow.experiments.ablation import TABLE_6
    from undertow.names import find

    chosen = list(TABLE_6) if text is None else names(text)
    if not chosen:
        raise UndertowError(f"--arms names none: choose from {', '.join(ARMS)}.")
    return {name: find("arm", name, ARMS) for name in chosen}


def _dropouts(text: str | None) -> list[float]:
    from undertow.checks import share

    try:
        values = [float(part) for part in names(text or "")]
    except ValueError:
        raise UndertowError(
            f"--dropouts {text} are not numbers: write, for example, 0.05,0.2,0.35."
        ) from None
    return [share("each of --dropouts", value, UndertowError) for value in values]
