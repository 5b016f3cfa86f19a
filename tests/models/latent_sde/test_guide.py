"""The page on the latent SDE: its Python runs in order, its commands exist, and it names every
option."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main

from undertow.cli.app import app
from undertow.data import Prediction
from undertow.dynamics import DiscreteDynamics
from undertow.dynamics.named import dynamics_names
from undertow.inference import KLSchedule
from undertow.models import LatentSDE, LSTMEncoding, PathPosterior, Signals, Solver
from undertow.models.latent_sde.building import build_dynamics
from undertow.models.parameters import parameter_names

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "latent-sde.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's Python defines, run in order."""
    defined: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(block, "latent-sde.md", "exec"), defined)
    return defined


def documented(head: str) -> set[str]:
    """Names in the first column of the table whose head is `head`."""
    table = PAGE.split(f"| {head} | meaning |")[1].split("\n\n")[0]
    return {
        name
        for line in table.splitlines()[2:]
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }


def test_the_page_names_every_option_and_no_other() -> None:
    assert documented("option") == set(parameter_names(LatentSDE))
    for piece in (KLSchedule, LSTMEncoding, PathPosterior, Signals, Solver):
        assert documented(f"option of `{piece.__name__}`") == {
            field.name for field in fields(piece)
        }, piece


def test_every_score_of_the_model_is_explained(names: dict[str, Any]) -> None:
    staged = names["staged"]
    scores = names["regional"].score(names["test"], names["train"])
    scores |= names["choosing"].score(staged[30:], staged[:30])
    of_the_model = {
        name for name in scores if re.match(r"generated|predicted|behavior|log-loss", name)
    }
    table = PAGE.split("| score | what |")[1].split("\n\n")[0]
    assert {re.sub(" (choice|stage)$", " NAME", name) for name in of_the_model} == {
        name
        for name in re.findall(r"`([^`]+)`", table)
        if not re.match(r"co-bps|held-in|fp-bps|majority|interval", name)
    }


def test_predictions_are_as_described(names: dict[str, Any]) -> None:
    prediction: Prediction = names["prediction"]
    assert prediction.behavior is not None
    assert prediction.behavior.shape[1:] == (25, 2)
    assert prediction.label_categories["choice"].tolist() == ["left", "right"]
    assert np.allclose(prediction.label_probabilities["choice"].sum(1), 1)
    guess: Prediction = names["guess"]
    assert guess.behavior is not None
    assert guess.behavior.shape[1:] == (25, 1)
    assert guess.behavior_probabilities["stage"].shape[1:] == (25, 3)
    assert guess.behavior_categories["stage"].tolist() == [0, 1, 2]
    assert (names["low"] < names["high"]).all()
    assert names["bounds"]["elbo"].shape == (6,)


def test_regions_meet_in_the_dynamics_alone(names: dict[str, Any]) -> None:
    model = names["regional"]
    assert model.population_.regions == ["MOs", "VISp"]
    assert model.dynamics_.coupling_matrix().shape == (4, 4)
    silenced, same = names["silent"], names["same"]
    assert np.ptp(silenced.truth[:, :, :10], axis=(0, 1)).max() == pytest.approx(0, abs=1e-4)
    assert np.ptp(same.truth[:, :, :10], axis=(0, 1)).min() > 0


def test_what_if_changes_nothing_but_what_was_asked(names: dict[str, Any]) -> None:
    again = names["regional"].sample(trials=names["test"], seed=1)
    assert np.array_equal(again.spikes, names["same"].spikes)
    assert not np.array_equal(names["louder"].truth, names["same"].truth)
    assert names["uncoupled"].dynamics_.coupling.constant.abs().max() == 0
    assert names["regional"].dynamics_.coupling.constant.abs().max() > 0


@pytest.mark.parametrize("name", sorted(dynamics_names()))
def test_time_is_that_of_the_trials_where_the_dynamics_have_none(
    name: str, names: dict[str, Any]
) -> None:
    model = LatentSDE().set_params(dynamics=name, signals__stimulus=False)
    dynamics, _ = build_dynamics(model, model.describe(names["trials"]))
    seconds = 0.02 if name.endswith("langevin") else 0.5 / 2.5
    assert float(dynamics.timescale_s) == pytest.approx(seconds)


def test_a_cycle_has_the_shape_described() -> None:
    weights = [KLSchedule()(share) for share in (0.0, 0.0625, 0.125, 0.2, 0.25, 1.0)]
    assert weights == pytest.approx([0, 0.5, 1, 1, 0, 1])
    assert KLSchedule(peak=10)(0.0625) == 5
    assert KLSchedule("linear", rise=0.3)(0.15) == pytest.approx(0.5)


def test_only_discrete_dynamics_step_once_a_bin() -> None:
    discrete = {name for name, cls in dynamics_names().items() if issubclass(cls, DiscreteDynamics)}
    assert discrete == {"lds", "rnn", "gru", "lstm"}


def test_the_share_of_values_that_few_samples_cover() -> None:
    covered = {int(n): float(share) / 100 for share, n in _coverage_said()}
    rng = np.random.default_rng(1)
    for n, said in covered.items():
        samples, truth = rng.standard_normal((n, 20_000)), rng.standard_normal(20_000)
        low, high = np.quantile(samples, [0.05, 0.95], axis=0)
        error = (said * (1 - said) / 20_000) ** 0.5
        assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(said, abs=5 * error)
    assert set(covered) == {30, 50, 200}


def _coverage_said() -> list[tuple[str, str]]:
    sentence = PAGE.split("simulated values")[1].split("\n\n")[0]
    found = re.findall(r"of\s+(\d+)\s+(?:exact )?samples(?: contain)?\s+([\d.]+) %", sentence)
    return [(share, n) for n, share in found]


@pytest.mark.parametrize("page", ["latent-sde.md", "dynamics.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        other = (DOCS / target).read_text(encoding="utf-8") if target else text
        headings = re.findall(r"^#+ (.*)$", other, re.MULTILINE)
        anchors = {
            re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings
        }
        assert not anchor or anchor in anchors, f"{page}: {target}#{anchor}"


@pytest.mark.parametrize("line", re.findall(r"^undertow .*$", PAGE, re.MULTILINE))
def test_commands_and_their_options_exist(line: str) -> None:
    words = line.split()
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    known = {name for parameter in verbs[words[1]].params for name in parameter.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= known
