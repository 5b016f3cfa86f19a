"""Records of runs: run.json beside a model, results of a grid, the statistics behind scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns import bytewise, hostile, json_changes, seeds
from tests.campaigns.target import Made, Rng, Target, chance, pick
from tests.campaigns.targets import trained


def make_run(rng: Rng, folder: Path) -> Made:
    """A finished run whose run.json says something else."""
    run = trained.copied(str(pick(rng, trained.TINY)), folder)
    return Made(run, _changed(rng, run / "run.json"))


def use_run(made: Made) -> Any:
    """Open the run, read the recording as it says, find its test trials; then resume it."""
    from undertow.data import split_trials
    from undertow.experiments import SavedRun, prepare
    from undertow.experiments.identity import check_directory, identity, split_ids

    saved = SavedRun.open(made.path)
    trials = saved.read(seeds.folder() / "recording.h5")
    saved.parts(trials)
    trials = prepare(seeds.folder() / "recording.h5", None, None)
    what = identity(saved.model, trials, {"split": split_ids(split_trials(trials))}, 0)
    check_directory(made.path, what, True)


def make_grid(folder: Path) -> None:
    """A finished grid of one cell."""
    _grid(folder / "grid")


def make_result(rng: Rng, folder: Path) -> Made:
    """A grid whose result file says something else."""
    import shutil

    grid = Path(shutil.copytree(seeds.folder() / "grid", folder / "grid"))
    results = [each for each in sorted(grid.rglob("*.json"))]
    return Made(grid, _changed(rng, Path(pick(rng, results))))


def use_result(made: Made) -> Any:
    """Run the grid again: what is finished is read, and its statistics with it."""
    for each in _grid(made.path):
        if each.scores is not None:
            each.statistics()


def _grid(out: Path) -> Any:
    from undertow.baselines import Smoothing
    from undertow.experiments import run_grid

    return run_grid({"smoothing": Smoothing()}, {"tiny": trained.recording()}, out)


def make_statistics(rng: Rng, folder: Path) -> Made:
    """The statistics of a score with other arrays, or broken bytes."""
    source = next(iter(sorted((seeds.folder() / "grid").rglob("*.npz"))))
    path, said = folder / "statistics.npz", []
    with np.load(source) as held:
        fields: dict[str, Any] = {name: held[name] for name in held.files}
    if chance(rng, 0.85):
        fields, said = hostile.fields(rng, fields)
    np.savez(path, **{name.replace("\x00", "") or "x": value for name, value in fields.items()})
    if chance(rng, 0.15) or not said:
        said.append(bytewise.damage(rng, path))
    return Made(path, said)


def use_statistics(made: Made) -> Any:
    """Read them and make scores with intervals of them."""
    from undertow.evaluation import combine, load_statistics

    combine([[load_statistics(made.path)]])


def _changed(rng: Rng, path: Path) -> list[str]:
    if chance(rng, 0.12):
        return [bytewise.damage(rng, path)]
    text, said = json_changes.change(rng, json.loads(path.read_text(encoding="utf-8")))
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    return said


RUNS = Target("run.json", make_run, use_run, 0.5, trained.make_runs)
RESULTS = Target("grid results", make_result, use_result, 0.3, make_grid)
STATISTICS = Target("statistics", make_statistics, use_statistics, 0.6, make_grid)
