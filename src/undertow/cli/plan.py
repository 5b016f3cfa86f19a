"""What a fit was asked for: options of the command line over those of a config file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undertow.checks import MOST_SEED, whole
from undertow.cli.options import Computing
from undertow.cli.reading import Reading, names
from undertow.errors import ModelError, UndertowError
from undertow.names import nearest, printable

MOST, MOST_MEMBERS, MOST_SPLIT_SEED = 10**9, 1000, 2**32 - 1
"""Of neurons and folds; of an ensemble; scikit-learn's folds take no higher seed."""

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.models import Estimator


@dataclass(frozen=True)
class Plan:
    """The options of a fit, in the words of the command line.

    A config file holds the same, with `-` or `_`; settings of the model are in its table [set]:

        out = "runs/one"
        heldout = 10
        [set]
        latent_dim = 16
        [set.training]
        epochs = 50

    Attributes:
        reading: how the data are read; its options stand beside the others in a config file.
        set: settings of the model, by dotted key.
    """

    out: str | None = None
    model: str = "langevin-flow"
    dynamics: str | None = None
    heldout: int | None = None
    folds: int | None = None
    seed: int | None = None
    split_seed: int = 0
    preset: str | None = None
    ensemble: int | None = None
    resample: str | None = None
    figures: str | None = None
    budget: str | None = None
    device: str | None = None
    threads: int | None = None
    reading: Reading = field(default_factory=Reading)
    set: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def resolve(
        cls,
        given: Mapping[str, Any],
        settings: list[str],
        config: Path | None = None,
        reading: Reading | None = None,
    ) -> "Plan":
        """Options of the command line over those of the config file over the defaults.

        Those not given on the command line are None.

        Raises:
            UndertowError: for an unknown key (with the nearest valid one), a wrong type or an
                unreadable config.
        """
        from undertow.cli.configuring import construct
        from undertow.cli.settings import parse_pairs, read_toml
        from undertow.files import flatten

        table = {} if config is None else read_toml(config)
        in_file = table.pop("set", {})
        if not isinstance(in_file, Mapping):
            raise UndertowError(f"{config}: `set` must be a table, [set], of model settings.")
        own, of_reading = cls._sorted(table)
        own |= _given(given)
        of_reading |= _given({} if reading is None else vars(reading))
        plan = construct(
            cls,
            {
                **own,
                "reading": construct(Reading, of_reading),
                "set": {**flatten(in_file), **parse_pairs(settings)},
            },
        )
        plan._check()
        return plan

    def _check(self) -> None:
        """Refuse numbers that no data could make right.

        Raises:
            UndertowError: naming the option and its rule.
        """
        if self.resample is not None and self.ensemble is None:
            raise UndertowError(
                "--resample draws each member of an ensemble its own trials: give --ensemble N too."
            )
        if self.budget is not None:
            from undertow.experiments.budget import seconds_of

            seconds_of(self.budget)
        bounds = {"seed": (0, MOST_SEED), "split_seed": (0, MOST_SPLIT_SEED)}
        bounds |= {"heldout": (0, MOST), "folds": (2, MOST), "ensemble": (1, MOST_MEMBERS)}
        for name, (least, most) in bounds.items():
            if (value := getattr(self, name)) is not None:
                whole(f"--{name.replace('_', '-')}", value, least, most, UndertowError)

    @classmethod
    def _sorted(cls, table: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(own options, options of reading) of a config file.

        Raises:
            ModelError: for a key that is neither, with the nearest that is.
        """
        of_reading = [each.name for each in fields(Reading)]
        own = [each.name for each in fields(cls) if each.name not in ("reading", "set")]
        options = {key.replace("-", "_"): value for key, value in table.items()}
        for key in options:
            if key not in (*own, *of_reading):
                raise ModelError(_unknown(key, options[key], [*own, *of_reading]))
        return (
            {key: value for key, value in options.items() if key in own},
            {key: value for key, value in options.items() if key in of_reading},
        )

    def directory(self) -> Path:
        """Where results go.

        Raises:
            UndertowError: when no directory was given.
        """
        if self.out is None:
            raise UndertowError("no directory for the results: give one with --out DIR.")
        return Path(self.out)

    def racing(self) -> "Plan":
        """The same, with preset 'auto' where no preset was asked for and its race can be held."""
        hindered = {"training.max_seconds", "training.keep", "training.recipes"} & set(self.set)
        if self.preset is not None or self.model != "langevin-flow" or hindered:
            return self
        return replace(self, preset="auto")

    def build_model(self) -> "Estimator":
        """The model with its settings; an ensemble of it where asked for.

        Settings are the preset's, then those of `set`.

        Raises:
            UndertowError: for an unknown model, preset, dynamics or setting, with the nearest name.
        """
        from undertow.cli.configuring import configure
        from undertow.models import Ensemble, LatentSDE

        model = self._preset()
        options = model.get_params(deep=False)
        chosen: dict[str, Any] = {}
        if self.seed is not None and "seed" in options:
            chosen["seed"] = self.seed
        if self.dynamics is not None:
            if not isinstance(model, LatentSDE):
                raise UndertowError(
                    f"--dynamics is of latent-sde: {model.cli_name} has no choice of dynamics; its "
                    "own are set by --set dynamics.KEY=VALUE."
                )
            chosen["dynamics"] = self.dynamics
        model = configure(model, {**chosen, **self.set, **self._device(model)})
        if self.ensemble is not None:
            first = model.get_params(deep=False).get("seed", 0)
            drawn: Any = self.resample  # checked with all other settings below
            model = Ensemble(model, self.ensemble, first, resample=drawn)
        model.check_settings()  # before the data are read, which can take long
        return model

    def _device(self, model: "Estimator") -> dict[str, str]:
        """The device asked for, over one of `set`."""
        asked = self.computing.settings()
        if asked and "device" not in model.get_params(deep=False):
            raise UndertowError(f"--device: {model.cli_name} runs on the CPU alone; leave it out.")
        return asked

    @property
    def computing(self) -> Computing:
        """On what the model computes."""
        return Computing(self.device, self.threads)

    def figure_kinds(self) -> tuple[str, ...]:
        """Kinds of figures to write.

        Raises:
            UndertowError: for a kind that cannot be written.
        """
        from undertow.report import check_kinds

        kinds = tuple(names(self.figures)) if self.figures else ("png",)
        check_kinds(kinds)
        return kinds

    def _preset(self) -> "Estimator":
        """The model with published settings where asked for, else with its defaults."""
        from undertow.models import LFADS, LangevinFlow, LatentSDE
        from undertow.models.loading import model_class
        from undertow.names import listed

        if self.preset is None:
            return model_class(self.model)()
        published: dict[str, type[LangevinFlow | LatentSDE | LFADS]] = {
            cls.cli_name: cls for cls in (LangevinFlow, LatentSDE, LFADS)
        }
        if self.model not in published:
            raise UndertowError(
                f"--preset is of {listed(published)}: {printable(self.model)} has none."
            )
        return published[self.model].preset(self.preset)

    def source(self, data: Path) -> dict[str, Any]:
        """The file and the options it is read with, as run.json keeps them."""
        return {"path": str(data), **self.reading.options()}

    def read(self, data: Path) -> "TrialSet":
        """The trials, with held-out neurons.

        Raises:
            DataError: when the file cannot be read as asked.
        """
        from undertow.experiments import prepare

        return prepare(
            data,
            self.reading.bin_s,
            self.heldout,
            split_seed=self.split_seed,
            **self.reading.options(),
        )

    def read_all(self, paths: Sequence[Path]) -> "dict[str, TrialSet]":
        """The trials of several recordings, by the names of their files.

        Raises:
            UndertowError: for two of one name.
        """
        names = [path.stem for path in paths]
        if len(set(names)) < len(names):
            raise UndertowError(
                f"the recordings are named {', '.join(names)}: they are told apart by the names of "
                "their files, give each another."
            )
        return {path.stem: self.read(path) for path in paths}


def _unknown(key: str, value: Any, known: list[str]) -> str:
    """What to do with a key of a config file that is none of its own."""
    shown, table = printable(key), _table_of(key.partition(".")[0], value)
    if table is None:
        return f"the config file has no setting '{shown}': {nearest(key, known)}"
    where = table if table != "[set]" else f"[set] as {shown} = …"
    return f"the config file sets '{shown}', which is of the model: put it under {where}."


def _table_of(key: str, value: Any) -> str | None:
    """The table that a setting of a model, or an option of one of its parts, belongs into."""
    from undertow.cli.configuring import model_options
    from undertow.models.loading import model_choices

    options = [each for model in model_choices().values() for each in model_options(model())]
    if any(key == each.partition(".")[0] for each in options):
        return f"[set.{key}]" if isinstance(value, Mapping) else "[set]"
    parts = (each.rpartition(".")[0] for each in options if each.endswith(f".{key}"))
    return next((f"[set.{part}]" for part in parts), None)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
