"""A slice of the campaign: a few hundred inputs and a dozen kills, always the same ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns.test_harness import ROOT, environment

SEED = "20"
VERBS = ("fit smoothing", "predict", "evaluate", "simulate")


def campaign(*words: str) -> None:
    """Run a part of the campaign; its table is the message where anything failed."""
    whole = [sys.executable, "-m", "tests.campaigns", *words, "--seed", SEED]
    done = subprocess.run(whole, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}"


@pytest.mark.timeout(600)
def test_campaign_of_hostile_input(tmp_path: Path) -> None:
    campaign("fuzz", "--inputs", "600", "--kept", str(tmp_path / "kept"))


@pytest.mark.timeout(600)
def test_campaign_of_kills_and_faults() -> None:
    campaign("writes", *VERBS, "--kills", "8", "--faults", "6")
