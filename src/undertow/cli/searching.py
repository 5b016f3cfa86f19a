"""Options of a search over settings, and the text that says what is varied."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.cli.reading import names
from undertow.errors import ModelError, UndertowError
from undertow.names import printable

if TYPE_CHECKING:
    from undertow.experiments import Search
    from undertow.models import Choices, Estimator, Range, SearchSpace

PANEL = "The search"


def _option(help_text: str, metavar: str) -> Any:
    return typer.Option(help=help_text, metavar=metavar, rich_help_panel=PANEL)


@dataclass(frozen=True)
class Searching:
    """How settings are searched, in the words of the command line; the texts are those of the help.

    None means that an option was not given.
    """

    search: Annotated[
        str,
        _option(
            "random: independent samples, trained to the end; asha: unpromising ones are given up "
            "early; pbt: a population that copies its best and perturbs their settings.",
            "NAME",
        ),
    ] = "random"
    samples: Annotated[
        int, _option("How many settings to try; the first are the model's as it is.", "N")
    ] = 20
    space: Annotated[
        list[str] | None,
        _option(
            "What is varied: KEY=LOW:HIGH, KEY=LOW:HIGH:log or KEY=A,B,C; repeatable, in place of "
            "the model's own list.",
            "KEY=RANGE",
        ),
    ] = None
    engine: Annotated[
        str,
        _option(
            "local: processes of this machine, for random; batched: all samples of random at once, "
            "as one model, for a GPU; ray: Ray Tune; auto takes ray for asha, pbt and a cluster.",
            "NAME",
        ),
    ] = "auto"
    workers: Annotated[
        int | None,
        _option("Trainings at a time, one thread each; 1, on a cluster what it has room for.", "N"),
    ] = None
    address: Annotated[
        str | None,
        _option("A running Ray cluster: auto, HOST:PORT or ray://HOST:PORT.", "ADDRESS"),
    ] = None
    slices: Annotated[
        int | None,
        _option("Parts of a training after which asha (27) and pbt (20) compare.", "N"),
    ] = None

    def options(self, seed: int) -> "Search":
        """The search that is asked for.

        Raises:
            ModelError: for an option that breaks its rule.
        """
        from undertow.experiments import Search

        given: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("samples", "engine", "workers", "address", "slices")
        }
        return Search(kind=self.search, seed=seed, **given)  # type: ignore[arg-type]

    def varied(self, model: "Estimator", fixed: "set[str]") -> "SearchSpace | None":
        """What is varied; None for all of the model's own list.

        Args:
            model: not fitted.
            fixed: dotted settings that the user has set, which stay what they are.

        Raises:
            UndertowError: for text that says no range, and a setting that is both set and varied.
            ModelError: for an unknown setting, or a value that it cannot take.
        """
        if self.space is not None:
            found = parse_space(model, self.space)
            if both := fixed & {name.replace("__", ".") for name in found}:
                raise UndertowError(f"{min(both)} is both set and varied: leave out one of them.")
            return found
        own = model.search_space
        if not fixed & {name.replace("__", ".") for name in own}:
            return None
        return {k: held for k, held in own.items() if k.replace("__", ".") not in fixed}


def parse_space(model: "Estimator", pairs: list[str]) -> "SearchSpace":
    """`["dropout=0:0.5", "latent_dim=8,16"]` → what is varied.

    Raises:
        UndertowError: for text that says no range and no choices.
        ModelError: for an unknown setting (with the nearest one), or a value it cannot take.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = (part.strip() for part in pair.partition("="))
        if not (key and equals and text):
            raise UndertowError(
                f"--space {printable(pair)} is not KEY=LOW:HIGH or KEY=A,B,C: write, for example, "
                "dropout=0.05:0.5 or latent_dim=8,16,32."
            )
        found[key.replace(".", "__")] = _held(model, key, text)
    return found


def _held(model: "Estimator", key: str, text: str) -> "Range | Choices":
    from undertow.cli.settings import parse_value
    from undertow.models import Choices, Range

    *bounds, scale = [part.strip() for part in text.split(":")]
    if scale not in ("log", "linear"):
        bounds, scale = [*bounds, scale], "linear"
    if len(bounds) == 2 and not text.startswith("["):
        low, high = (_fitted(model, key, parse_value(each)) for each in bounds)
        for each in (low, high):
            if isinstance(each, bool) or not isinstance(each, int | float):
                raise ModelError(f"--space {key} goes from {low} to {high}: give two numbers.")
        whole = isinstance(low, int) and isinstance(high, int)
        return Range(low, high, "log" if scale == "log" else "linear", whole=whole)
    values = parse_value(text) if text.startswith("[") else [parse_value(v) for v in names(text)]
    if not isinstance(values, list) or not values:
        raise UndertowError(f"--space {key}={printable(text)} holds no list of values.")
    return Choices(tuple(_fitted(model, key, value) for value in values))


def _fitted(model: "Estimator", key: str, value: Any) -> Any:
    """A value as the setting takes it."""
    from undertow.cli.configuring import configure

    return configure(model, {key: value}).get_params()[key.replace(".", "__")]
