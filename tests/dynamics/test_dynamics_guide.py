"""The page on dynamics: its Python runs, and its tables say what the classes are."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from undertow.data import TrialSet
from undertow.dynamics import Dynamics
from undertow.dynamics.named import dynamics_names, setting_names
from undertow.models import LatentSDE

PAGE = (Path(__file__).parents[2] / "docs" / "dynamics.md").read_text(encoding="utf-8")
WIDTH = 16


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's Python defines, run in order."""
    defined: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(block, "dynamics.md", "exec"), defined)
    return defined


def rows(first: str) -> list[list[str]]:
    """Cells of the table whose head begins with `first`."""
    table = PAGE.split(f"| {first} |")[1].split("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]
    ]


OVERVIEW = {re.sub(r"[\[`\]]|\(.*", "", row[0]): row for row in rows("class")}
CLASSES = {cls.__name__: (name, cls) for name, cls in dynamics_names().items()}


def test_the_table_lists_every_dynamics_and_no_other() -> None:
    assert set(OVERVIEW) == set(CLASSES)


@pytest.mark.parametrize("title", OVERVIEW)
def test_its_numbers_and_names_are_right(title: str) -> None:
    name, cls = CLASSES[title]
    make: Any = cls
    dynamics: Dynamics = make(WIDTH)
    units = dynamics.units(torch.zeros(1, WIDTH)).shape[-2]
    parts = ", ".join(f"`{part}`" for part in dynamics.readout(torch.zeros(1, WIDTH)))
    learned = sum(p.numel() for p in dynamics.parameters() if p.requires_grad)
    assert OVERVIEW[title][1:] == [
        f"`{name}`",
        str(dynamics.noise_dim),
        f"{units} of {parts}",
        str(learned),
    ]


@pytest.mark.parametrize("title", OVERVIEW)
def test_each_has_a_section_its_link_leads_to(title: str) -> None:
    anchor = re.search(r"\(#(.*?)\)", OVERVIEW[title][0])
    headings = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert anchor is not None
    assert anchor[1] in anchors


def owners(option: str) -> set[str]:
    return {title for title, (_, cls) in CLASSES.items() if option in setting_names(cls)}


def test_who_takes_which_option() -> None:
    langevin = {"UnderdampedLangevin", "OverdampedLangevin", "EulerLangevin"}
    noisy = set(CLASSES) - langevin - {"RNN", "GRU", "LSTM"}
    said = {
        "state_dim": set(CLASSES),
        "timescale_s": set(CLASSES),
        "input_dim": set(CLASSES) - langevin,
        "noise": noisy,
        "learn_timescale": noisy - {"LDS"},
        "diffusion": noisy - {"LinearSDE", "LDS"},
        "integrator": noisy - {"LinearSDE", "LDS"},
        "learn": langevin,
        "coupling_network": {
            title for title, (_, cls) in CLASSES.items() if hasattr(cls(WIDTH), "coupling")
        },
    }
    assert {option: owners(option) for option in said} == said
    listed = {name for row in rows("option") for name in re.findall(r"`(\w+)`", row[0])}
    assert listed == set(said) - {"learn"}


def test_only_some_have_no_splitting() -> None:
    without = {
        title
        for title in owners("integrator")
        if "splitting" not in CLASSES[title][1].integrators  # type: ignore[attr-defined]
    }
    assert without == {"Kuramoto", "NeuralSDE", "SwitchingGP"}


def test_the_path_without_data_is_one(names: dict[str, Any]) -> None:
    assert names["drawn"].states.shape == (5, 101, 16)
    assert names["dynamics"].readout(names["drawn"].states)["a"].shape == (5, 101, 8)


@pytest.mark.parametrize("made", ["again", "rings"])
def test_own_dynamics_predict(made: str, names: dict[str, Any]) -> None:
    trials: TrialSet = names["trials"]
    assert np.isfinite(names[made].predict(trials[:3], mode="generate").rates).all()


def test_own_dynamics_are_saved_and_loaded(names: dict[str, Any], tmp_path: Path) -> None:
    trials: TrialSet = names["trials"]
    path = names["rings"].save(tmp_path / "rings.safetensors")
    loaded = LatentSDE.load(path, dynamics=names["Rings"](4))
    for given, other in ((names["model"], names["again"]), (names["rings"], loaded)):
        assert np.array_equal(given.predict(trials[:3]).rates, other.predict(trials[:3]).rates)


def test_own_functions_start_where_told(names: dict[str, Any]) -> None:
    assert dict(names["accumulators"].learned.items())["inhibition"].item() == -1.0
    x = torch.tensor([[0.5, -0.5, 0.0, 2.0]])
    expected = torch.tensor(-1.0).exp() / (1 + x.square())
    assert torch.allclose(names["quieter"].diffusion(0.0, x), expected)
    drift = names["accumulators"].drift(0.0, x, torch.ones(1, 1))
    pushed = -x - torch.tensor(-1.0).exp() * torch.relu(2.0 - x) + 0.3
    assert torch.allclose(drift, pushed)
