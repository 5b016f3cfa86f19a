"""What `undertow fit` does with several recordings: one model, and a run of each session."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.cli import show
from undertow.cli.errors import resumable, say
from undertow.cli.plan import Plan
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.data import Sessions
    from undertow.models import JointModel


def recordings(given: Sequence[Path]) -> list[Path]:
    """The recordings given, those in a folder one by one; a folder of sorted spikes is one.

    Raises:
        UndertowError: for a folder without recordings.
    """
    from undertow.data.readers.load import FORMATS
    from undertow.data.readers.phy import is_phy_folder

    found = list[Path]()
    for path in given:
        if not path.is_dir() or is_phy_folder(path):
            found.append(path)
            continue
        inside = sorted(
            each
            for each in path.iterdir()
            if is_phy_folder(each) or (each.is_file() and each.suffix.lower() in FORMATS)
        )
        if not inside:
            raise UndertowError(f"{path} is a folder without recordings: give files, or another.")
        found += inside
    return found


def fit_sessions(
    plan: Plan, paths: Sequence[Path], resume: bool, quiet: bool, dry_run: bool
) -> None:
    """Fit one model to several recordings.

    Raises:
        UndertowError: for options that take one recording, or what `fit` refuses.
    """
    from undertow.experiments import run_sessions
    from undertow.training import Progress

    model = _joint(plan)
    kinds = plan.figure_kinds()
    sessions = _read(plan, paths)
    if dry_run:
        show.dry_run_sessions(plan, sessions, model)
        return
    directory, sources = plan.directory(), {path.stem: plan.source(path) for path in paths}
    if not quiet:
        for name, trials in sessions.items():
            say(f"{model.template().cli_name}: {trials!r} from {name}")
    with resumable(directory):
        done = run_sessions(
            sessions,
            model,
            directory,
            split_seed=plan.split_seed,
            resume=resume,
            progress=None if quiet else Progress(),
            say=None if quiet else say,
            sources=sources,
            figures=kinds,
            verbose=not quiet,
        )
    for name, run in done.runs.items():
        show.line(f"session {name}")
        show.result(run)
    if done.transfer is not None:
        show.table(*done.transfer.table())


def _joint(plan: Plan) -> "JointModel":
    """The model of all sessions, unfitted."""
    from undertow.models import JointModel, TrainedModel

    for option in ("folds", "ensemble", "budget"):
        if getattr(plan, option) is not None:
            raise UndertowError(
                f"--{option} is for one recording, and several were given: leave it out."
            )
    fitted = plan.build_model()
    if not isinstance(fitted, TrainedModel):
        raise UndertowError(
            f"{fitted.cli_name} is fitted to one recording, and several were given: choose "
            "langevin-flow, latent-sde or lfads."
        )
    model = JointModel(fitted)
    model.check_settings()
    return model


def _read(plan: Plan, paths: Sequence[Path]) -> "Sessions":
    """Read all recordings; each is named as its file."""
    from undertow.data import Sessions

    return Sessions(plan.read_all(paths))
