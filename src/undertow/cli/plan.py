"""What `fit` was asked to do: options of the command line over those of a config file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from undertow.cli.options import reading
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.models import Estimator


@dataclass(frozen=True)
class Plan:
    """The options of `fit`, in the words of the command line; a config file holds the same, with
    `-` or `_`.

    Attributes:
        set: settings of the model, by dotted key.
    """

    cli_name: ClassVar[str] = "the config file"

    out: str | None = None
    model: str = "langevin-flow"
    dynamics: str | None = None
    bin_ms: float | None = None
    heldout: int | None = None
    folds: int | None = None
    seed: int | None = None
    split_seed: int = 0
    align: str | None = None
    window: str | None = None
    units: str | None = None
    condition: str | None = None
    behavior: str | None = None
    stimulus: str | None = None
    label: str | None = None
    min_rate: float | None = None
    forward_bins: int | None = None
    preset: str | None = None
    ensemble: int | None = None
    set: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def resolve(cls, given: Mapping[str, Any], settings: list[str], config: Path | None) -> "Plan":
        """Options given on the command line (None where not) over the config file's over the
        defaults.

        Raises:
            UndertowError: for an unknown key (with the nearest valid one), a wrong type or an
                unreadable config.
        """
        from undertow.experiments import construct, parse_pairs, read_toml
        from undertow.files import flatten

        table = {} if config is None else read_toml(config)
        in_file = table.pop("set", {})
        if not isinstance(in_file, Mapping):
            raise UndertowError(f"{config}: `set` must be a table, [set], of model settings.")
        options = {key.replace("-", "_"): value for key, value in table.items()}
        options |= {key: value for key, value in given.items() if value is not None}
        return construct(cls, {**options, "set": {**flatten(in_file), **parse_pairs(settings)}})

    def directory(self) -> Path:
        """Where results go.

        Raises:
            UndertowError: when no directory was given.
        """
        if self.out is None:
            raise UndertowError("no directory for the results: give one with --out DIR.")
        return Path(self.out)

    def build_model(self) -> "Estimator":
        """The model with its settings: the preset's, then those of `set`; an ensemble of it where
        asked for.

        Raises:
            UndertowError: for an unknown model, preset, dynamics or setting, with the nearest name.
        """
        from undertow.experiments import construct, model_class, split_dynamics
        from undertow.models import Ensemble
        from undertow.models.parameters import parameter_names

        chosen = model_class(self.model)
        seed = (
            {}
            if self.seed is None or "seed" not in parameter_names(chosen)
            else {"seed": self.seed}
        )
        of_dynamics, own = split_dynamics(self.set)
        model = construct(chosen, {**self._preset_settings(), **seed, **own})
        self._choose_dynamics(model, of_dynamics)
        if self.ensemble is None:
            return model
        if self.ensemble < 1:
            raise UndertowError(f"--ensemble {self.ensemble}: it must be 1 or more.")
        return Ensemble(model, self.ensemble, model.get_params(deep=False).get("seed", 0))

    def _choose_dynamics(self, model: "Estimator", settings: Mapping[str, Any]) -> None:
        """The dynamics named by --dynamics (or the model's own), with their settings, checked at
        once.

        Raises:
            UndertowError: for a model without a choice of dynamics.
        """
        from undertow.experiments import build_dynamics
        from undertow.models import LatentSDE

        if not isinstance(model, LatentSDE):
            if self.dynamics is not None or settings:
                given = (
                    "--dynamics"
                    if self.dynamics is not None
                    else f"dynamics.{next(iter(settings))}"
                )
                raise UndertowError(
                    f"{given} is of {LatentSDE.cli_name}: {model.cli_name} has no choice of "
                    "dynamics."
                )
            return
        name = self.dynamics or model.dynamics
        made = build_dynamics(str(name), model.state_dim, settings)
        model.set_params(dynamics=made if settings else name)

    def _preset_settings(self) -> dict[str, Any]:
        """Every setting of the preset by dotted key; none without one."""
        from undertow.experiments.identity import settings_of
        from undertow.files import flatten
        from undertow.models import LangevinFlow

        if self.preset is None:
            return {}
        if self.model != LangevinFlow.cli_name:
            raise UndertowError(f"--preset is of {LangevinFlow.cli_name}: {self.model} has none.")
        return flatten(settings_of(LangevinFlow.preset(self.preset)))

    def source(self, data: Path) -> dict[str, Any]:
        """The file and the options it is read with, as run.json keeps them."""
        given = {name: getattr(self, name) for name in signature(reading).parameters}
        options = {**reading(**given), "min_rate_hz": self.min_rate}
        return {
            "path": str(data),
            **{name: value for name, value in options.items() if value is not None},
        }

    def read(self, data: Path) -> "TrialSet":
        """The trials, with held-out neurons.

        Raises:
            DataError: when the file cannot be read as asked.
        """
        from undertow.experiments import prepare

        bin_s = None if self.bin_ms is None else self.bin_ms / 1e3
        options = {"bin_s": bin_s, "heldout": self.heldout, "split_seed": self.split_seed}
        return prepare(**{**self.source(data), **options})
