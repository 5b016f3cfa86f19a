"""LangevinFlow as published, against a plain loop over bins: the same numbers in float64."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.langevin_flow import published_reference as plain
from tests.models.langevin_flow.published import READINGS, TRIALS, both, preset
from tests.models.small import UNUSED
from undertow.data.batches import Batch
from undertow.encoders import dropout_from
from undertow.models import LangevinFlow
from undertow.randomness import path_generator

pytestmark = pytest.mark.filterwarnings(UNUSED)


def built(name: str) -> LangevinFlow:
    """In float64, every weight off its start, the constants exact (they are kept as float32
    logarithms)."""
    model = preset(name)
    model._build(model.describe(TRIALS), TRIALS)
    network = model.network_.double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter += 0.2 * torch.randn(
                    parameter.shape, generator=generator, dtype=torch.float64
                )
        for constant, value in (("gamma", 0.55), ("timescale", 0.02)):
            getattr(model.dynamics_, f"log_{constant}").fill_(math.log(value))
    return model


def weights(model: LangevinFlow) -> dict[str, Tensor]:
    return {k: v.clone().requires_grad_() for k, v in model.network_.state_dict().items()}


@both
def test_loss_and_all_gradients_equal_the_plain_loop(name: str) -> None:
    """In training mode, with dropout, coordinated dropout, gaps, held-out neurons and forward
    bins."""
    model, batch = built(name), Batch.from_trials(TRIALS, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    network, w = model.network_.train(), weights(model)
    with dropout_from(network, generator):
        loss, _ = model.objective(batch, generator, progress=0.1)
    kl_weight = 0.1 * 0.1 / 0.25
    expected = plain.loss(
        batch, w, READINGS[name], torch.Generator().manual_seed(3), kl_weight, TRIALS.bin_s
    )
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-10)
    loss.backward()
    expected.backward()
    for key, parameter in network.named_parameters():
        if parameter.requires_grad:
            mine, theirs = parameter.grad, w[key].grad
            assert mine is not None, key
            assert theirs is not None, key
            assert (mine - theirs).abs().max() < 1e-9 * max(1.0, float(theirs.abs().max())), key


@both
def test_predicted_rates_equal_the_plain_loop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, w = built(name), weights(built(name))
    from_trials = Batch.from_trials
    in_float64 = staticmethod(lambda trials, *_, **given: from_trials(trials, dtype=torch.float64))
    monkeypatch.setattr(Batch, "from_trials", in_float64)
    prediction, batch = model.predict(TRIALS, seed=7), Batch.from_trials(TRIALS)
    with torch.no_grad():
        drawn = [
            plain.draw(
                batch.inputs,
                batch,
                w,
                READINGS[name],
                path_generator(torch.device("cpu"), 7, 0, k // 2),
                False,
                sign=1.0 - 2.0 * (k % 2),
            )
            for k in range(3)
        ]
    log_rates = torch.stack([d.log_rates for d in drawn])
    rates = log_rates.mean(0).exp() if name == "released" else log_rates.exp().mean(0)
    inside = TRIALS.valid
    assert not inside.all()
    assert np.allclose(prediction.rates[inside], rates.numpy()[inside], rtol=1e-10, atol=0)
    for term in ("kl_initial", "kl_path"):
        expected = torch.stack([getattr(d, term) for d in drawn]).mean(0).numpy()
        assert np.allclose(prediction.terms[term], expected, rtol=1e-10, atol=0)


def test_the_plain_loops_differ() -> None:
    """Each reading of the reference gives other numbers with the same weights: nothing in it is a
    no-op."""
    batch = Batch.from_trials(TRIALS, dtype=torch.float64)
    w = {k: v.detach() for k, v in weights(built("released")).items()}
    reading = READINGS["released"]
    changes: list[dict[str, Any]] = [
        {"heads": 4},
        {"step": 1.0},
        {"dropout": 0.0},
        {"recurrent_dropout": 0.0},
    ]
    changes += [{"coordinated_dropout": 0.3}, {"learn_from_kept": 0.3}]
    losses = [
        float(
            plain.loss(
                batch, w, replace(reading, **change), torch.Generator().manual_seed(3), 0.1, 0.02
            )
        )
        for change in [{}, *changes]
    ]
    assert len(set(losses)) == len(losses)
