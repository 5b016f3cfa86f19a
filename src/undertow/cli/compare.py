"""`undertow compare`: many models on the same folds, each set against the best and the first."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow import checks
from undertow.cli import options
from undertow.cli.errors import guarded
from undertow.cli.grid_verb import GridOptions, Study, carry_out
from undertow.cli.plan import Plan
from undertow.cli.reading import Reading, names
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.models import Estimator


Models = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="The models, such as langevin-flow,lfads,gpfa; by default all but those whose "
        "use needs care. The first is what the others are compared with.",
    ),
]
TrainTrials = Annotated[
    str | None,
    typer.Option(metavar="N,N,…", help="Learning curves: fit again on so many training trials."),
]
Tries = Annotated[
    int,
    typer.Option(
        metavar="N",
        help="Equal tuning: try N settings of each model on validation trials before each fit.",
    ),
]


@guarded
@options.grouped()
def compare(
    data: options.Data,
    asked: GridOptions,
    computing: options.Computing,
    reading: Reading,
    models: Models = None,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            help="Begin no further fold and seed once so many minutes are over.",
        ),
    ] = None,
    train_trials: TrainTrials = None,
    tries: Tries = 1,
) -> None:
    """Fit many models on the same folds and seeds, and compare their scores, paired.

    Settings are given with the model's name in front: --set lfads.training.epochs=100. Writes
    comparison.html, comparison.csv, comparison.md and comparison.json to DIR.
    """
    from undertow.experiments import compare as run_models

    if asked.shard is not None and budget is not None:
        raise UndertowError(
            "--budget ends a comparison by the clock, and shards must all do their parts: leave "
            "out --shard or --budget."
        )
    fit = partial(run_models, budget_minutes=budget)
    plan, fitted = compared_models(models, asked, computing, reading)
    study = study_of("comparison", fitted, fit, asked, train_trials, tries)
    carry_out(replace(study, about={**study.about, "budget_minutes": budget}), data, plan, asked)


def compared_models(
    models: str | None, asked: GridOptions, computing: options.Computing, reading: Reading
) -> "tuple[Plan, dict[str, Estimator]]":
    """The plan, and the models asked for under their settings."""
    chosen, own = _models(models), asked.setting or []
    if asked.preset is not None:
        raise UndertowError(
            "--preset is of one model, and several are compared: give settings by --set MODEL.KEY."
        )
    plan = replace(asked, setting=[]).plan(reading, **vars(computing))
    return plan, _with_settings(chosen, own, plan.computing.settings())


def study_of(
    name: str,
    models: "dict[str, Estimator]",
    fit: Callable[..., Any],
    asked: GridOptions,
    train_trials: str | None,
    tries: int,
    several: bool = False,
) -> Study:
    """The study of a verb that compares models, on one recording or several."""
    return Study(
        name,
        next(iter(models.values())),
        title=", ".join(models),
        models=lambda: models,
        fit=partial(
            _fit,
            fit,
            models,
            train_trials=_numbers(train_trials),
            tries=checks.whole("--tries", tries, 1, error=UndertowError),
        ),
        tried=0 if tries == 1 else tries * asked.folds * asked.seeds,
        decisive=lambda cell, done: False,
        about={"tries": tries},
        several=several,
    )


def _fit(run: Any, models: "dict[str, Estimator]", *given: Any, **more: Any) -> Any:
    """Fit the models in place of the single one that a study varies."""
    trials, directory, _ = given
    return run(trials, directory, models, **more)


def _models(text: str | None) -> "dict[str, Estimator]":
    from undertow.experiments import named_models

    chosen = [] if text is None else names(text)
    if text is not None and not chosen:
        raise UndertowError("--models names none: name some, such as langevin-flow,lfads,gpfa.")
    return named_models(chosen)


def _with_settings(
    models: "dict[str, Estimator]", settings: list[str], device: dict[str, str]
) -> "dict[str, Estimator]":
    """The models with the settings that name them, on the device asked for where they have one."""
    from undertow.cli.configuring import configure
    from undertow.cli.settings import parse_pairs
    from undertow.names import nearest

    own: dict[str, dict[str, Any]] = {
        name: {k: v for k, v in device.items() if k in model.get_params(deep=False)}
        for name, model in models.items()
    }
    for key, value in parse_pairs(settings).items():
        name, dot, setting = key.partition(".")
        if not dot or name not in models:
            raise UndertowError(
                f"--set {key} names no model that is compared, as in MODEL.KEY=VALUE: "
                f"{nearest(name, models)}"
            )
        own[name][setting] = value
    found = {name: configure(model, own[name]) for name, model in models.items()}
    for model in found.values():
        model.check_settings()  # before the data are read, which can take long
    return found


def _numbers(text: str | None) -> list[int]:
    try:
        found = [int(part) for part in names(text or "")]
    except ValueError:
        raise UndertowError(
            f"--train-trials {text} are not whole numbers: write, for example, 25,50,100."
        ) from None
    return [checks.whole("each of --train-trials", n, 2, error=UndertowError) for n in found]
