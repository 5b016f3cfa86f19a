"""LangevinFlow with a stimulus: the encoder reads it beside the counts, at its own bins alone."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.small import GAPS, UNUSED, small
from undertow.errors import ModelError
from undertow.models import LangevinFlow
from undertow.systems import simulate_rate_network

pytestmark = pytest.mark.filterwarnings(UNUSED)
STIMULUS = np.random.default_rng(5).normal(size=(*GAPS.spikes.shape[:2], 2))
DRIVEN = GAPS.replace(stimulus=STIMULUS)


@cache
def driven() -> LangevinFlow:
    return small().fit(DRIVEN)


def test_a_stimulus_is_read() -> None:
    assert driven().population_.stimulus_channels == 2
    other = DRIVEN.replace(stimulus=STIMULUS[::-1])
    rates = [driven().predict(trials).rates for trials in (DRIVEN, other)]
    assert not np.allclose(*rates, equal_nan=True)
    with pytest.raises(ModelError, match="no stimulus channels, the model was fitted with 2"):
        driven().predict(GAPS)


def test_a_stimulus_left_out_changes_nothing() -> None:
    model = small(posterior__stimulus=False).fit(DRIVEN)
    assert model.population_.stimulus_channels == 0
    rates = (model.predict(trials).rates for trials in (GAPS, DRIVEN))
    assert np.array_equal(*rates, equal_nan=True)


def test_the_encoder_reads_it_unhidden_beside_hidden_counts() -> None:
    """A missing value is the channel's last one; counts may be hidden, the stimulus is not."""
    missing = STIMULUS.copy()
    missing[:, 3] = np.nan
    held = missing.copy()
    held[:, 3] = held[:, 2]
    network = driven().network_.eval()
    read = [driven().read(DRIVEN.replace(stimulus=values)) for values in (missing, held)]
    hidden = torch.zeros_like(read[0].inputs)
    contexts = [network.encode(batch, hidden).context for batch in read]
    assert torch.equal(*contexts)
    assert not torch.equal(contexts[0], network.encode(driven().read(DRIVEN), hidden).context)


def test_a_causal_model_reads_no_later_stimulus() -> None:
    settings = {"encoder__bidirectional": False, "posterior__initial_s": "first"}
    model = small(causal=True, **settings).fit(DRIVEN)
    changed = STIMULUS.copy()
    changed[:, 4:] += 1.0
    before, after = (
        model.predict(DRIVEN.replace(stimulus=values)).rates for values in (STIMULUS, changed)
    )
    assert np.allclose(before[:, :4], after[:, :4], equal_nan=True)
    assert not np.allclose(before[:, 4:], after[:, 4:], equal_nan=True)


def test_it_is_saved_and_read_back(tmp_path: Path) -> None:
    driven().save(tmp_path / "model.safetensors")
    again = LangevinFlow.load(tmp_path / "model.safetensors")
    rates = [model.predict(DRIVEN).rates for model in (driven(), again)]
    assert np.array_equal(*rates, equal_nan=True)


@pytest.mark.slow
def test_a_stimulus_that_drives_the_neurons_helps() -> None:
    """A noiseless driven network at few spikes: input tells what the counts do not."""
    trials = simulate_rate_network(0.0, 200, 20, 5.0, seed=3).hold_out(5, seed=0)
    train, validation = trials[:150], trials[150:]
    scores = {
        reads: small(posterior__stimulus=reads, encoder__hidden_dim=16, epochs=60)
        .fit(train, validation)
        .validation_score_
        for reads in (False, True)
    }
    assert scores[True] > scores[False]
