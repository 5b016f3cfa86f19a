"""What every verb that fits many models has in common, such as `ablate` and `latents`.

These are options, the run directory, what is said on the way, and how the verb ends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from undertow import checks
from undertow.cli import options, show
from undertow.cli.errors import resumable, say
from undertow.cli.plan import Plan
from undertow.cli.reading import Reading
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.experiments import CellResult
    from undertow.models import Estimator

Table = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class GridOptions(options.Spreading):
    """Options of every verb that fits models over folds and seeds.

    The texts are those of the help.
    """

    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="A new directory for the results.")
    ] = None
    folds: Annotated[
        int, typer.Option(metavar="N", help="In how many parts trials are cross-validated.")
    ] = 5
    seeds: Annotated[
        int, typer.Option(metavar="N", help="Fit every fold with the seeds 0 … N − 1.")
    ] = 1
    preset: options.Preset = None
    setting: options.Setting = None
    heldout: options.Heldout = None
    split_seed: options.SplitSeed = None
    resume: Annotated[bool, options.flag("--resume", "Go on with what was begun in DIR.")] = False
    quiet: options.Quiet = False
    dry_run: Annotated[
        bool,
        options.flag("--dry-run", "Say what would run, and estimate its time; write nothing."),
    ] = False

    def plan(self, reading: Reading, **more: Any) -> Plan:
        """The plan of the model that the verb varies.

        Args:
            reading: how the data are read.
            more: options of `Plan` that are the verb's own, such as `model`.

        Raises:
            UndertowError: for numbers that cannot be.
        """
        for name, least in (("folds", 2), ("seeds", 1)):
            checks.whole(f"--{name}", getattr(self, name), least, error=UndertowError)
        self.chosen()
        shared = {name: getattr(self, name) for name in ("out", "preset", "heldout", "split_seed")}
        plan = Plan.resolve({**shared, **more}, self.setting or [], reading=reading)
        plan.computing.begin()
        return plan


class GridResult(Protocol):
    """The result of the fits of a verb."""

    @property
    def errors(self) -> Mapping[str, str]:
        """Fit → error, for those that did not finish."""

    def tables(self) -> Sequence[Table]:
        """Heads and rows of text, for people."""

    def sentences(self) -> Sequence[str]:
        """Conclusions from the tables, in words."""

    def write(self, directory: Path, about: Mapping[str, Any]) -> list[Path]:
        """Write everything, and `about` with it; return the paths written."""


@dataclass(frozen=True)
class Study:
    """What a verb adds to the common part.

    Attributes:
        name: of the entry in run.json that holds the settings of `base`.
        base: the model that is varied.
        title: what is fitted, for the first line.
        models: name → model, for the dry run: each is fitted on every fold and seed.
        fit: called with the trials, the directory and `base`, and with folds, seeds, split_seed,
            workers, shard, report and verbose; fits, and returns the result.
        tried: fits of each model beside those.
        several: whether `fit` takes recordings by name in place of the trials of one.
        decisive: whether nothing is worth fitting any more once this fit, the n-th that ended, has
            failed.
        about: further entries of the JSON file.
    """

    name: str
    base: "Estimator"
    title: str
    models: Callable[[], Mapping[str, "Estimator"]]
    fit: Callable[..., GridResult]
    tried: int = 0
    decisive: Callable[["CellResult", int], bool] = lambda cell, done: done == 1
    about: Mapping[str, Any] = field(default_factory=dict)
    several: bool = False


def carry_out(study: Study, data: Path | Sequence[Path], plan: Plan, asked: GridOptions) -> None:
    """Fit everything, print the tables and write the files; in a dry run, say what it costs.

    Raises:
        UndertowError: for what cannot be read or fitted, and at the end where some fits failed.
        UnfinishedError: where this shard is done, and others are not.
    """
    paths = [data] if isinstance(data, Path) else list(data)
    if asked.dry_run:
        _say_cost(study, plan, plan.read_all(paths), asked)
        return
    directory, recordings = plan.directory(), plan.read_all(paths)
    if not asked.quiet:
        for path, trials in zip(paths, recordings.values(), strict=True):
            say(f"{study.title}: {trials!r} from {path.name}")
    sources = {path.stem: plan.source(path) for path in paths}
    with resumable(directory):
        done, written = _fitted(study, recordings, plan, asked, sources)
    for number, table in enumerate(done.tables()):
        typer.echo("\n" * (number > 0), nl=False)
        show.table(*table)
    for sentence in done.sentences():
        show.line(sentence)
    for path in written:
        show.line(f"written: {path}")
    _refuse_failures(done.errors)


def _fitted(
    study: Study,
    recordings: "Mapping[str, TrialSet]",
    plan: Plan,
    asked: GridOptions,
    sources: Mapping[str, Mapping[str, Any]],
) -> tuple[GridResult, list[Path]]:
    """The result, and the files it was written to."""
    from undertow.experiments import Shard
    from undertow.experiments.identity import fingerprint, gathering, run_directory, settings_of

    prints = {name: fingerprint(trials) for name, trials in recordings.items()}
    trials = recordings if study.several else next(iter(recordings.values()))
    source = sources if study.several else next(iter(sources.values()))
    same = {
        study.name: settings_of(study.base),
        "data": prints if study.several else next(iter(prints.values())),
        "split_seed": plan.split_seed,
        "folds": asked.folds,
    }
    seeds, shard = range(asked.seeds), Shard.of(asked.shard)

    def report(cell: "CellResult", done: int, total: int) -> None:
        if cell.error and study.decisive(cell, done):
            raise UndertowError(f"the fit {cell.cell.name} failed: {cell.error}")
        if not asked.quiet:
            show.cell_line(cell, done, total)

    with run_directory(plan.directory(), same, asked.resume, source, shard):
        done = study.fit(
            trials,
            plan.directory(),
            study.base,
            folds=asked.folds,
            seeds=seeds,
            split_seed=plan.split_seed,
            workers=asked.chosen(),
            shard=shard,
            report=report,
            verbose=not asked.quiet,
        )
        about = {**same, "source": source, "seeds": list(seeds), **study.about}
        with gathering(plan.directory(), shard):
            return done, done.write(plan.directory(), about)


def _refuse_failures(errors: Mapping[str, str]) -> None:
    """Say how many fits failed, and why the first did."""
    if errors:
        name, error = next(iter(errors.items()))
        raise UndertowError(
            f"{len(errors)} fit{'s' * (len(errors) > 1)} failed and count nowhere; the first, "
            f"{name}, with {error} What finished is kept: --resume tries the others again."
        )


def _say_cost(
    study: Study, plan: Plan, recordings: "Mapping[str, TrialSet]", asked: GridOptions
) -> None:
    """What would run, and the time of each model from a few real training steps.

    Nothing is written.
    """
    from undertow.data import fold_splits
    from undertow.experiments import estimate

    fits, total_s = study.tried + asked.folds * asked.seeds, 0.0
    facts: dict[str, Any] = {
        "results": plan.out or "not given (--out DIR)",
        "model": repr(study.base),
    }
    for recording, trials in recordings.items():
        of = f"{recording}, " if study.several else ""
        facts[f"{of}trials"] = trials
        first = fold_splits(trials, asked.folds, plan.split_seed)[0]
        for name, model in study.models().items():
            cost = estimate(model, first)
            total_s += fits * (cost.seconds + cost.scored_s)
            each = f"{fits} fits × about {show.duration(cost.seconds)} of training and "
            each += f"{show.duration(cost.scored_s)} of scoring"
            facts[f"{of}{name}"] = f"{cost.parameters:,} parameters, {each}"
    show.facts({**facts, "time": f"at most about {show.duration(total_s)} in one process"})
