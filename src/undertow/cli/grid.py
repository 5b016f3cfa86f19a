"""`undertow grid`: many models on many recordings, as one grid of fits."""

from undertow.cli import options
from undertow.cli.compare import Models, TrainTrials, Tries, compared_models, study_of
from undertow.cli.errors import guarded
from undertow.cli.grid_verb import GridOptions, carry_out
from undertow.cli.reading import Reading
from undertow.cli.sessions import recordings


@guarded
@options.grouped()
def grid(
    data: options.Several,
    asked: GridOptions,
    computing: options.Computing,
    reading: Reading,
    models: Models = None,
    train_trials: TrainTrials = None,
    tries: Tries = 1,
) -> None:
    """Compare many models on each of several recordings, as one grid of fits.

    A Slurm array shares it by --shard, a Ray cluster by --address. Settings are given with the
    model's name in front: --set lfads.training.epochs=100. Writes grid.csv, grid.md and grid.json
    to DIR, and the comparison of each recording to a directory of its name in it.
    """
    from undertow.experiments import compare_recordings

    plan, fitted = compared_models(models, asked, computing, reading)
    study = study_of("grid", fitted, compare_recordings, asked, train_trials, tries, several=True)
    carry_out(study, recordings(data), plan, asked)
