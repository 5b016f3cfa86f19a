"""`Reading`: the options that every verb that reads DATA has."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from undertow.errors import UndertowError

PANEL = "Reading the data (spike times: NWB, Phy, tables and some MATLAB files)"
SEVERAL = "several are separated by commas"
OF_THE_MODEL = ("bin_ms", "min_rate")
"""Options of reading that a fitted model decides: its bins and its neurons."""


def _option(help_text: str, metavar: str | None = None) -> Any:
    return typer.Option(help=help_text, metavar=metavar, rich_help_panel=PANEL)


@dataclass(frozen=True)
class Reading:
    """How DATA are read, in the words of the command line and of a config file.

    None means that an option was not given.

    The texts are those of the help. Only what was given is passed on to the reader, which refuses
    an option that its format does not have.

    Raises:
        UndertowError: for a window that is not two numbers.
    """

    bin_ms: Annotated[
        float | None,
        _option("Bin width in ms; by default the file's own, 20 for spike times.", "MS"),
    ] = None
    align: Annotated[
        str | None,
        _option("Spike times: the event that becomes time 0, a column of the trial table.", "NAME"),
    ] = None
    window: Annotated[
        str | None,
        _option("Spike times: seconds around that event, such as -0.25,0.45.", "START,STOP"),
    ] = None
    units: Annotated[
        str | None,
        _option("Which units to keep, such as 'region==M1 and quality>0.5'.", "RULE"),
    ] = None
    trials: Annotated[
        str | None,
        _option(
            "Which trials to keep, such as 'outcome in (hit, miss) and rt<0.8'; "
            "and, or, not, in, isnan(…) and brackets may be used.",
            "RULE",
        ),
    ] = None
    table: Annotated[
        str | None,
        _option("NWB: the table of intervals to take as trials; 'trials' by default.", "NAME"),
    ] = None
    condition: Annotated[
        str | None,
        _option(f"Trial column or array that tells conditions apart; {SEVERAL}.", "NAMES"),
    ] = None
    behavior: Annotated[
        str | None,
        _option(f"Signals recorded beside the spikes, such as hand_vel; {SEVERAL}.", "NAMES"),
    ] = None
    stimulus: Annotated[
        str | None,
        _option(f"Signals or trial columns that drive the neurons; {SEVERAL}.", "NAMES"),
    ] = None
    label: Annotated[
        str | None,
        _option(
            f"Trial column or array of categories to decode, such as choice; {SEVERAL}.", "NAMES"
        ),
    ] = None
    min_rate: Annotated[
        float | None, _option("Leave out neurons that fire fewer spikes per second.", "HZ")
    ] = None
    forward_bins: Annotated[
        int | None,
        _option("Hide so many bins at the end of each trial, to predict them unseen.", "N"),
    ] = None
    spikes: Annotated[
        str | None,
        _option(
            "MATLAB, netCDF: the variable that holds the spikes, where it is not found.", "NAME"
        ),
    ] = None
    axes: Annotated[
        str | None,
        _option("MATLAB: order of the axes of counts; trials,time,neurons by default.", "NAMES"),
    ] = None
    dims: Annotated[
        str | None,
        _option("netCDF: its names for the dimensions trials,time,neurons.", "NAMES"),
    ] = None
    events: Annotated[
        str | None,
        _option(
            f"MATLAB: variable of event times, one per trial; {SEVERAL}. "
            "Phy and tables of spikes: a .csv, .tsv or .npy file of them.",
            "NAMES|FILE",
        ),
    ] = None
    cut: Annotated[
        float | None,
        _option("Spike times without events: cut into windows so long; 1 by default.", "SECONDS"),
    ] = None
    file_bin_ms: Annotated[
        float | None, _option("Counts: the file's bin width, where it does not say.", "MS")
    ] = None
    sample_rate: Annotated[
        float | None, _option("Phy: samples per second, where params.py does not say.", "HZ")
    ] = None

    clock: Annotated[
        str | None,
        _option(
            "Tables of spikes with trials: what their times count from, trial or recording; "
            "recording where trials follow each other.",
            "NAME",
        ),
    ] = None
    in_memory: Annotated[
        str | None,
        _option(
            "HDF5: whether counts become an array, yes or no; no where that would take a quarter "
            "of the memory or more.",
            "yes|no",
        ),
    ] = None

    def __post_init__(self) -> None:
        _ = self.options()

    @property
    def bin_s(self) -> float | None:
        """Bin width in seconds."""
        return _seconds(self.bin_ms)

    def options(self) -> dict[str, Any]:
        """The options given beside the bin width, by the readers' names, as run.json keeps them.

        `min_rate_hz` and `forward_bins` are of every format; see `experiments.read_trials`.
        """
        return {
            name: convert(value)
            for field, (name, convert) in READERS_WORDS.items()
            if (value := getattr(self, field)) is not None
        }


def names(text: str) -> list[str]:
    """'a, b' → ['a', 'b']; a single name too."""
    return [part.strip() for part in text.split(",") if part.strip()]


def parse_window(text: str) -> tuple[float, float]:
    """'-0.25,0.45' → (-0.25, 0.45), seconds.

    Raises:
        UndertowError: when it is not two numbers.
    """
    try:
        start, stop = (float(part) for part in text.split(","))
    except ValueError:
        raise UndertowError(
            f"--window {text} is not START,STOP in seconds: write, for example, "
            "--window=-0.25,0.45."
        ) from None
    return start, stop


def parse_answer(text: str) -> bool:
    """'yes' or 'no'.

    Raises:
        UndertowError: when it is neither.
    """
    if text not in ("yes", "no"):
        raise UndertowError(f"--in-memory {text} is no answer: write yes or no.")
    return text == "yes"


def _as_is(value: Any) -> Any:
    return value


def _seconds(value_ms: float | None) -> float | None:
    return None if value_ms is None else value_ms / 1e3


def _name_or_names(text: str) -> str | list[str]:
    """One name or several; the text itself where it holds no comma, as a file's name may."""
    return names(text) if "," in text else text


READERS_WORDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "align": ("align", _as_is),
    "window": ("window_s", parse_window),
    "units": ("units", _as_is),
    "trials": ("trials", _as_is),
    "table": ("table", _as_is),
    "condition": ("condition", names),
    "behavior": ("behavior", names),
    "stimulus": ("stimulus", names),
    "label": ("label", names),
    "min_rate": ("min_rate_hz", _as_is),
    "forward_bins": ("forward_bins", _as_is),
    "spikes": ("spikes", _as_is),
    "axes": ("axes", _as_is),
    "dims": ("dims", names),
    "events": ("events", _name_or_names),
    "cut": ("cut_s", _as_is),
    "in_memory": ("in_memory", parse_answer),
    "file_bin_ms": ("file_bin_s", _seconds),
    "sample_rate": ("sample_rate_hz", _as_is),
    "clock": ("clock", _as_is),
}
"""Option → (the readers' name for it, from its text to what they take)."""
_FLAGS = {word: f"--{field.replace('_', '-')}" for field, (word, _) in READERS_WORDS.items()}
_FLAGS |= {"bin_s": "--bin-ms"}
_OF_PYTHON = "|".join(sorted((word for word in _FLAGS if "_" in word), key=len, reverse=True))
_GIVEN = re.compile(rf"(?<![\w(-])({'|'.join(_FLAGS)})=(?=[\w…'\"(\[])")
_NAMED = re.compile(rf"(?<![\w.(/-])({_OF_PYTHON})(?!\w|=|/|\.\w)")


def in_flags(message: str) -> str:
    """A message in the words of the command line: 'pass cut_s' → 'pass cut_s (--cut)'.

    Messages from Python name its arguments; `spikes=…` becomes `--spikes …`.
    """
    message = _GIVEN.sub(lambda found: f"{_FLAGS[found[1]]} ", message)
    return _NAMED.sub(lambda found: f"{found[1]} ({_FLAGS[found[1]]})", message)
