"""What a fit was asked for: keys that belong elsewhere, numbers out of bounds, models refused."""

from pathlib import Path
from typing import Any

import pytest

from undertow.cli.plan import Plan
from undertow.errors import UndertowError


def resolved(text: str, tmp_path: Path) -> Plan:
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    return Plan.resolve({}, [], tmp_path / "c.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "latent_dim = 16",
            r"'latent_dim', which is of the model: put it under \[set\] as latent_",
        ),
        ("[training]\nepochs = 5", r"'training', which is of the model: put it under \[set\.train"),
        ("'training.epochs' = 5", r"put it under \[set\] as training\.epochs = …"),
        ("[[set]]\nlatent_dim = 3", r"`set` must be a table"),
        ("heldout = 1979-05-27", "heldout is .*: it must be a whole number or none"),
        ("seed = -1", "--seed is -1: it must be a whole number, at least 0"),
        ("split_seed = 4294967296", "--split-seed is 4294967296"),
        ("folds = 1", "--folds is 1: .* at least 2"),
        ("ensemble = 0", "--ensemble is 0: .* at least 1"),
    ],
)
def test_a_config_is_refused_with_what_to_do(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UndertowError, match=message):
        resolved(text, tmp_path)


@pytest.mark.parametrize(
    "text", ["samples=1e30", "seed=-1", "device=meta", "training.epochs=1e30", "latent_dim=1e9"]
)
def test_absurd_settings_are_refused_before_data_are_read(text: str) -> None:
    given: dict[str, Any] = {"model": "langevin-flow"}
    with pytest.raises(UndertowError, match=f"{text.partition('=')[0]} .* is |{text[:4]}"):
        Plan.resolve(given, [text]).build_model()


def test_the_layout_of_a_config_is_in_the_docstring(tmp_path: Path) -> None:
    example = (Plan.__doc__ or "").split("table [set]:")[1].split("Attributes:")[0]
    plan = resolved("\n".join(line.strip() for line in example.splitlines()), tmp_path)
    assert plan.set == {"latent_dim": 16, "training.epochs": 50}
    assert plan.build_model().get_params()["training__epochs"] == 50
