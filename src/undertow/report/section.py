"""`Section`: one figure of the report, with its heading and what it says."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from undertow.data import TrialSet
from undertow.errors import UndertowError
from undertow.report.record import RunRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from undertow.models import GPSLDS, LatentSDE

NOT_IDENTIFIABLE = (
    " Parameters of the dynamics are not identifiable: other parameters may describe the data as "
    "well."
)


class Section(NamedTuple):
    """One figure of the report; the files of `undertow.report.sections` define them.

    Attributes:
        name: its file name, without ending.
        heading: what the page calls it, also for readers who cannot see it.
        draw: draws into the empty figure given and returns the caption; raises `UndertowError` with
            the reason where it does not apply. matplotlib is imported only in there.
        generative: only for models that generate; reports of others do not mention it.
        latent: only for predictions with latents of this name; likewise.
        searched: only where the settings were searched.
    """

    name: str
    heading: str
    draw: "Callable[[RunRecord, Figure], str]"
    generative: bool = False
    latent: str | None = None
    searched: bool = False


def colour_words(trials: TrialSet) -> str:
    """Say what colours tell apart, for captions; nothing where all trials are alike."""
    from undertow import analysis

    what = analysis.trial_groups(trials)[0]
    if what is None:
        return ""
    return " Colours: conditions, in their order." if what == "condition" else f" Colours: {what}."


def time_words(record: RunRecord) -> str:
    """Explain the marks on a time axis, for captions."""
    from undertow.analysis import TimeAxis

    axis = TimeAxis.of(record.prediction.trials)
    words = f" Time runs in seconds from {axis.event}"
    words += " (dashed line)." if axis.event_inside else "."
    if axis.forward_bins:
        words += " Blue shading: forward bins, predicted without any spikes of theirs."
    return words


def fitted_models(record: RunRecord) -> "Sequence[LatentSDE | GPSLDS]":
    """Return the models whose dynamics can be looked into.

    Raises:
        UndertowError: when there is none.
    """
    if not record.models:
        raise UndertowError(f"{record.model_name} has none.")
    return record.models
