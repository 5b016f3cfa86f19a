"""What the README shows works: its example runs, its commands and links exist."""

import functools
import re
from pathlib import Path

import pytest
import typer.main

import undertow
from undertow.cli.app import app
from undertow.models import GRUEncoding, TransformerDecoding
from undertow.training import Training

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.filterwarnings("ignore:.*latent")
def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = functools.partial(
        undertow.LangevinFlow,
        encoder=GRUEncoding(hidden_dim=8),
        decoder=TransformerDecoding(width=8),
        samples=2,
        training=Training(epochs=1),
    )
    monkeypatch.setattr(undertow, "LangevinFlow", small)
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    assert "co-bps" in capsys.readouterr().out
    assert (tmp_path / "model.safetensors").exists()


def test_commands_and_their_options_exist() -> None:
    verbs = typer.main.get_command(app).commands
    unknown = []
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    for line in (line for line in lines if line.startswith("undertow")):
        words = line.split("#")[0].split()
        known = {name for parameter in verbs[words[1]].params for name in parameter.opts}
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        unknown += [f"{words[1]} {option}" for option in options - known]
    assert not unknown


def test_every_install_line_uses_the_constraints() -> None:
    for name in ("README.md", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if "pip install" in line]
        assert all("-c constraints.txt" in line for line in lines), name


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert not [target for target in targets if not (ROOT / target).exists()]


def test_constraints_are_plain_pins() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9_-]+==[0-9.]+", pin) for pin in pins)
    assert "torch==2.13.0" in pins
