"""`undertow latents`: held-out scores against the number of latents."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.cli import options
from undertow.cli.errors import guarded, say
from undertow.cli.grid_verb import GridOptions, Study, carry_out
from undertow.cli.plan import Plan
from undertow.cli.reading import Reading, names
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.models import Estimator


@guarded
@options.grouped()
def latents(
    data: options.Data,
    asked: GridOptions,
    computing: options.Computing,
    reading: Reading,
    sizes: Annotated[
        str,
        typer.Option(metavar="N,N,…", help="Values of latent_dim to compare."),
    ] = "2,4,8,16,32",
    model: options.Model = None,
    dynamics: options.Dynamics = None,
    shots: Annotated[
        int, typer.Option(metavar="K", help="Training trials a few-shot readout is fitted on.")
    ] = 16,
    draws: Annotated[
        int, typer.Option(metavar="N", help="In every fold, draw so many trials N times.")
    ] = 10,
    penalty: Annotated[
        float | None,
        typer.Option(
            metavar="A",
            help="L2 penalty of a few-shot readout; chosen among the trials of each draw by "
            "default.",
        ),
    ] = None,
) -> None:
    """Fit a model with ever more latents, on the same folds.

    Compare co-smoothing and few-shot co-smoothing of the sizes.

    Says the smallest size within one standard error of the best. Writes latents.json and
    latents.png to DIR.
    """
    from undertow.experiments import latent_curve, resized

    plan = asked.plan(reading, model=model, dynamics=dynamics, **vars(computing))
    chosen, base = _sizes(sizes), _base(plan)
    fit = partial(
        latent_curve,
        sizes=chosen,
        shots=shots,
        repeats=draws,
        penalty=penalty,
        say=None if asked.quiet else say,
    )
    study = Study(
        "latents",
        base,
        title=f"{base.cli_name} of {', '.join(map(str, chosen))} latents",
        models=lambda: {f"{size} latents": resized(base, size) for size in chosen},
        fit=fit,
    )
    carry_out(study, data, plan, asked)


def _sizes(text: str) -> list[int]:
    """'2,4,8' → [2, 4, 8]."""
    try:
        return [int(part) for part in names(text)]
    except ValueError:
        raise UndertowError(
            f"--sizes {text} are not whole numbers: write, for example, 2,4,8,16,32."
        ) from None


def _base(plan: Plan) -> "Estimator":
    """The model whose size is varied.

    Raises:
        UndertowError: for a model without latents, or when its size is set beside --sizes.
    """
    from undertow.experiments import size_name

    base = plan.build_model()
    if size_name(base) in plan.set:
        raise UndertowError(f"--set {size_name(base)} is what --sizes varies: leave it out.")
    return base
