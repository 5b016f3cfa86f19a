"""The page on the benchmark: its commands name verbs, options and presets that there are."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from undertow.cli.nlb.app import nlb
from undertow.nlb import NLB_SETS, nlb_preset

PAGE = (Path(__file__).parents[3] / "docs" / "neural-latents-benchmark.md").read_text(
    encoding="utf-8"
)
COMMANDS = re.findall(r"undertow nlb (\w+)([^`&;|\n#]*)", PAGE)
VERBS = {
    command.callback.__name__: command for command in nlb.registered_commands if command.callback
}


def test_every_verb_is_shown() -> None:
    assert {verb for verb, _ in COMMANDS} == set(VERBS)


@pytest.mark.parametrize(("verb", "words"), COMMANDS)
def test_commands_name_options_that_there_are(verb: str, words: str) -> None:
    shown = CliRunner().invoke(nlb, [verb, "--help"], env={"COLUMNS": "200"}).stdout
    for option in re.findall(r"--[\w-]+", words):
        assert f"{option} " in shown, f"undertow nlb {verb} has no {option}"
    model = (re.findall(r"--model ([\w-]+)", words) or ["langevin-flow"])[0]
    for preset in re.findall(r"--preset (\w+)", words):
        for name in NLB_SETS:
            nlb_preset(name, 20, model, preset)
