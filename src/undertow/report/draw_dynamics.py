"""The learned dynamics: natural frequencies, coupling over time, phase portrait."""

from undertow.errors import UndertowError
from undertow.report.figure import Drawn, time_words
from undertow.report.page import plural
from undertow.report.record import RunRecord

NOT_IDENTIFIABLE = (
    " Parameters of the dynamics are not identifiable: other parameters may describe the data as "
    "well."
)
MANY_TRIALS = 40


def draw_frequencies(record: RunRecord) -> Drawn:
    from undertow.plots import plot_frequencies

    if record.frequencies is None:
        raise UndertowError(_reason(record, "frequencies"))
    n = len(record.frequencies.hz)
    words = (
        "Frequency at which each oscillator would turn alone (dots), and the median of each "
        "region (bars)."
    )
    words += f" Rows of dots: {n} fits that differ in their seed." if n > 1 else ""
    return plot_frequencies(record.frequencies), words + NOT_IDENTIFIABLE


def draw_coupling(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis
    from undertow.plots import plot_coupling

    if record.coupling is None:
        raise UndertowError(_reason(record, "coupling"))
    coupling = record.coupling
    figure = plot_coupling(coupling, TimeAxis.of(record.prediction.trials))
    words = (
        "Coupling of the units under the stimulus of the test trials, averaged over them: above, "
        "onto each unit (row) from each other (column), units sorted by region and natural "
        "frequency; below, the root mean square over pairs of different units."
    )
    n = len(coupling.strength)
    words += (
        f" Mean and standard deviation over {n} fits that differ in their seed, units compared by "
        "rank of frequency."
        if n > 1
        else " One fit: its spread over seeds is seen with an ensemble of fits."
    )
    if not coupling.changes:
        words += (
            " It does not change in time here: no input of the model does, or none acts on the "
            "coupling."
        )
    return figure, words + NOT_IDENTIFIABLE + time_words(record)


def draw_phase_portrait(record: RunRecord) -> Drawn:
    from undertow.analysis import example_trials
    from undertow.plots import plot_phase_portrait

    if record.portrait is None:
        raise UndertowError(_reason(record, "portrait"))
    portrait, trials = record.portrait, record.prediction.trials
    shown = example_trials(trials, MANY_TRIALS)
    figure = plot_phase_portrait(portrait, shown, trials.condition)
    when = (
        "" if portrait.time_s is None else f", at the mean input of {portrait.time_s:.3g} s (dots)"
    )
    words = (
        "Stream lines: drift of the prior in the plane of the two leading principal components of "
        f"the inferred paths{when}; across the plane the state is the paths' mean. Coloured: "
        f"inferred paths (posterior mean) of {plural(len(shown), 'test trial')}, which "
        "observations steer, so that they need not follow the stream lines."
    )
    if trials.condition is not None:
        words += " Colours: conditions, in their order."
    return figure, words + NOT_IDENTIFIABLE


def _reason(record: RunRecord, figure: str) -> str:
    return record.missing.get(figure, f"{record.model_name} has none.")
