"""The page: complete, self-contained, escaped; sections that do not apply are left out with a
reason."""

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.report.records import make_prediction, make_record, make_trials
from undertow.data import Prediction, TrialSet
from undertow.errors import UndertowError
from undertow.report import RunRecord, page, write, write_report
from undertow.report.page import decimal
from undertow.report.sections import SECTIONS, sections_of
from undertow.report.sections.latents import WAVES
from undertow.report.sections.scores import NEURONS, TRAINING

NAMES = {each.name for each in SECTIONS if not (each.generative or each.searched)}


def written(record: RunRecord, folder: Path) -> tuple[str, set[str]]:
    """The page and the names of the figures beside it."""
    page = write_report(record, folder).read_text(encoding="utf-8")
    return page, {path.stem for path in (folder / "figures").glob("*.png")}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunRecord, Path, str]:
    record = make_record(samples=200)
    folder = tmp_path_factory.mktemp("report")
    return record, folder, write_report(record, folder).read_text(encoding="utf-8")


def test_every_figure_is_there_and_none_is_blank(full: tuple[RunRecord, Path, str]) -> None:
    from matplotlib.image import imread

    _, folder, page = full
    assert {path.stem for path in (folder / "figures").glob("*.png")} == NAMES
    assert "Left out" not in page
    for path in (folder / "figures").glob("*.png"):
        image = imread(path)[..., :3]
        assert image.shape[1] == 1650
        assert 0.005 < (image < 0.9).any(axis=2).mean() < 0.9, path.name


def test_every_score_is_on_the_page_with_its_interval(full: tuple[RunRecord, Path, str]) -> None:
    record, _, page = full
    assert {"co-bps", "rate R2"} <= set(record.metrics)
    for scores in [*record.scores.values(), record.differences]:
        for name, score in scores.items():
            assert f"<td>{name}</td>" in page
            assert decimal(score.value) in page
            assert f"95 %: {decimal(score.low)} to {decimal(score.high)}" in page
            assert score.unit in page
            assert f"{score.n_trials} test" in page
            assert "20 ms" in page


def test_nothing_is_loaded_from_elsewhere(full: tuple[RunRecord, Path, str]) -> None:
    class Links(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[str] = []
            self.tags: set[str] = set()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.add(tag)
            self.found += [
                value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")
            ]

    parser = Links()
    parser.feed(full[2])
    assert parser.found
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in parser.found)
    assert not parser.tags & {"script", "link", "iframe", "object"}
    assert "://" not in full[2]
    assert "url(" not in full[2]


def test_links_within_the_page_have_their_targets(full: tuple[RunRecord, Path, str]) -> None:
    ids = re.findall(r'id="([^"]+)"', full[2])
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', full[2])) <= set(ids)


def test_settings_versions_seeds_and_notes_are_on_the_page(
    full: tuple[RunRecord, Path, str],
) -> None:
    for words in ("latent_dim", "(z, v)", "0.1.0", "small.npz", "3 latents have collapsed.", "3.2"):
        assert words in full[2]
    assert "<th>split seed</th><td>12</td>" in full[2]


def test_text_is_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = "<script>alert('x')</script>&\""
    texts = {"title": bad, "settings": {bad: bad}, "notes": [bad], "versions": {bad: bad}}
    monkeypatch.setattr(write, "sections_of", lambda record: ())
    page, _ = written(make_record(data_description={bad: bad}, **texts), tmp_path)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;") >= 8


def test_the_csv_holds_every_neuron(full: tuple[RunRecord, Path, str]) -> None:
    record, folder, page = full
    with open(folder / "per_neuron.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["neuron"] for row in rows] == [str(i) for i in record.prediction.trials.neuron_ids]
    assert [row["held_out"] for row in rows] == ["no"] * 4 + ["yes"] * 2
    assert decimal(float(rows[0]["bits_per_spike"])) in page
    gap = float(rows[0]["bits_per_spike"]) - float(rows[0]["baseline_bits_per_spike"])
    assert float(rows[0]["difference"]) == pytest.approx(gap)


def test_only_the_named_files_are_left_and_stale_figures_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "figures").mkdir()
    for name in ("training", "neuron_scores"):
        (tmp_path / "figures" / f"{name}.png").write_bytes(b"older")
    monkeypatch.setattr(write, "sections_of", lambda record: (NEURONS, TRAINING))
    _, figures = written(make_record(history=[]), tmp_path)
    assert figures == {"neuron_scores"}
    assert (tmp_path / "figures" / "neuron_scores.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.html",
        "figures",
        "per_neuron.csv",
    }


def test_figures_come_as_vectors_too_and_stale_kinds_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "sections_of", lambda record: (TRAINING,))
    write.write_report(make_record(), tmp_path, figures=("svg", "pdf"))
    folder = tmp_path / "figures"
    assert (folder / "training.pdf").read_bytes().startswith(b"%PDF")
    drawing = (folder / "training.svg").read_bytes()
    assert b"nats per trial" in drawing
    write.write_report(make_record(), tmp_path, figures=("png", "svg"))
    assert {path.name for path in folder.iterdir()} == {"training.png", "training.svg"}
    assert (folder / "training.svg").read_bytes() == drawing
    with pytest.raises(UndertowError, match="figures is 'gif': it must be one of 'png', 'svg'"):
        write.write_report(make_record(), tmp_path / "new", figures=("gif",))
    assert not (tmp_path / "new").exists()


def test_those_who_cannot_see_a_figure_are_told_what_is_drawn() -> None:
    image = page.figure("a", "Rates", b"", "Rates of 3 neurons. Band: 90 %. Time in seconds.")
    assert 'alt="Rates. Rates of 3 neurons. Band: 90 %."' in image
    assert "prefers-color-scheme: dark" in page.page("t", [])


def gaps() -> TrialSet:
    """A bin, a neuron's trial and a whole trial never observed; three channels of velocity; forward
    bins."""
    spikes = make_trials().spikes.copy()
    spikes[:, 4] = np.nan
    spikes[2, :, 1] = np.nan
    spikes[3] = np.nan
    return make_trials(
        spikes=spikes,
        behavior=np.ones((12, 15, 3)),
        behavior_names=("vel_x", "vel_y", "vel_z"),
        forward_bins=4,
    )


def bare() -> TrialSet:
    """Nothing but spikes, far from the event."""
    nothing = {"truth": None, "condition": None, "behavior": None, "heldout": None}
    return make_trials(behavior_names=(), start_s=3.0, **nothing)


def ragged() -> TrialSet:
    """Trials of different length, velocity missing throughout."""
    velocity = np.full((12, 15, 2), np.nan)
    lengths = np.r_[np.full(11, 15), 9]
    return make_trials(
        lengths=lengths, truth=None, behavior=velocity, behavior_names=("vel_x", "vel_y")
    )


def many_conditions() -> TrialSet:
    return make_trials(20, condition=[f"reach {k:02d}" for k in range(20)])


def silent() -> TrialSet:
    return make_trials(spikes=np.zeros((12, 15, 6)))


PSTHS = {"psth", "psth_spikes"}
CASES: dict[str, tuple[Callable[[], TrialSet], set[str], str]] = {
    "bare": (bare, {"velocity", "hand_paths", "predicted_spikes", *PSTHS}, "no condition labels"),
    "gaps": (gaps, {"hand_paths"}, "two velocity channels"),
    "ragged": (ragged, {"velocity", "hand_paths"}, "missing throughout"),
    "one trial": (lambda: make_trials(1), set(), ""),
    "one neuron": (
        lambda: make_trials(n_neurons=1),
        {"predicted_spikes"},
        "no neuron is held out",
    ),
    "many conditions": (many_conditions, set(), ""),
    "silent": (silent, {"single_trials", "neuron_scores", *PSTHS}, "no neuron has a spike"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_apply_is_left_out_with_a_reason(case: str, tmp_path: Path) -> None:
    make, absent, reason = CASES[case]
    test = make()
    train = make_prediction(make_trials(20, n_neurons=test.n_neurons))
    if case == "gaps":
        train = make_prediction(
            make_trials(
                20, behavior=np.ones((20, 15, 3)), behavior_names=("vel_x", "vel_y", "vel_z")
            )
        )
    record = make_record(test, samples=5, train_prediction=train, baseline_train_prediction=train)
    page, figures = written(record, tmp_path)
    assert figures == NAMES - absent
    assert ("Left out" in page) == bool(absent)
    assert reason in page


def test_a_model_without_latents_baseline_or_history(tmp_path: Path) -> None:
    whole = make_record()
    rates_only = Prediction(whole.prediction.rates, whole.prediction.trials)
    record = RunRecord("smoothing", rates_only, {"smoothing": whole.scores["smoothing"]})
    page, figures = written(record, tmp_path)
    without = {"latents", "regimes", "waves", "training", "velocity", "hand_paths"}
    without.add("predicted_spikes")
    assert figures == NAMES - without
    assert "smoothing has no posterior samples here" in page
    assert "smoothing has no latents." in page
    assert "difference (paired)" not in page


def test_without_scores_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "sections_of", lambda record: ())
    page, _ = written(make_record(scores={"langevin-flow": {}}, differences={}), tmp_path)
    assert "No score could be computed" in page


def test_waves_say_whether_there_is_a_prior_to_compare_with() -> None:
    from undertow.plots.style import off_screen

    assert "Without draws from the prior" in WAVES.draw(
        make_record(prior_latents=None), off_screen()
    )
    figure = off_screen()
    caption = WAVES.draw(make_record(prior_latents={"z": np.ones((1, 7, 4))}), figure)
    assert "without any data" in caption
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_title(loc="left")]
    assert titles[-1] == "prior, no data"


def test_captions_are_sentences_with_the_marks_of_time_explained() -> None:
    from undertow.plots.style import off_screen

    record = make_record(make_trials(forward_bins=3), samples=5)
    for section in sections_of(record):
        caption = section.draw(record, off_screen())
        assert caption[0].isupper()
        assert caption.endswith(".")
        timeless = ("hand_paths", "neuron_scores", "predicted_spikes", "training")
        by_time = section.name not in timeless
        assert ("Time runs in seconds from go cue (dashed line)." in caption) == by_time
        assert ("Blue shading: forward bins" in caption) == by_time


def test_names_and_headings_of_sections_are_their_own() -> None:
    assert len({section.name for section in SECTIONS}) == len(SECTIONS)
    assert len({section.heading for section in SECTIONS}) == len(SECTIONS)


def test_a_record_needs_the_models_own_scores() -> None:
    with pytest.raises(UndertowError, match="'langevin-flow'"):
        make_record(scores={"smoothing": {}})


def test_a_record_refuses_a_baseline_on_other_trials() -> None:
    with pytest.raises(UndertowError, match=r"\(5, 15, 6\).*\(12, 15, 6\)"):
        make_record(baseline_prediction=make_prediction(make_trials(5)))


def test_importing_the_report_loads_no_heavy_module() -> None:
    code = (
        "import sys, undertow.report; print([m for m in ('torch', 'matplotlib', 'sklearn') if m "
        "in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
