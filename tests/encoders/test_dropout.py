"""Dropout from a generator: right on average, off in evaluation, repeatable, refused without a
generator."""

import pytest
import torch
from torch import nn

from undertow.encoders import Dropout, GRUEncoder, dropout_from
from undertow.errors import ModelError

ONES = torch.ones(300, 400, dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_is_kept(share: float) -> None:
    layer = Dropout(share)
    with dropout_from(layer, generator()):
        out = layer(ONES)
    assert layer.share == pytest.approx(share, abs=1 / 512)
    kept = out != 0
    assert torch.allclose(out[kept], torch.tensor(1 / (1 - layer.share), dtype=torch.float64))
    deviation = (layer.share * (1 - layer.share) / ONES.numel()) ** 0.5
    assert float(kept.double().mean()) == pytest.approx(1 - layer.share, abs=5 * deviation)


def test_neighbouring_entries_are_dropped_independently() -> None:
    """Eight masks come from one draw: products of neighbours average to the product of the
    averages."""
    layer = Dropout(0.3)
    with dropout_from(layer, generator()):
        kept = (layer(ONES) != 0).double().flatten() - (1 - layer.share)
    variance = layer.share * (1 - layer.share)
    for lag in range(1, 9):
        covariance = float((kept[lag:] * kept[:-lag]).mean())
        assert abs(covariance) < 5 * variance / len(kept) ** 0.5


def test_nothing_is_dropped_in_evaluation_or_at_share_zero() -> None:
    assert Dropout(0.5).eval()(ONES) is ONES
    assert Dropout(0.0)(ONES) is ONES


def test_the_generator_decides_and_the_global_one_is_left_alone() -> None:
    network = nn.Sequential(nn.Linear(4, 4), Dropout(0.5), Dropout(0.5))
    x, before = torch.ones(50, 4), torch.get_rng_state()
    outputs = []
    for seed in (1, 1, 2):
        with dropout_from(network, generator(seed)):
            outputs.append(network(x))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_training_without_a_generator_is_refused() -> None:
    with pytest.raises(ModelError, match="dropout has no generator: train inside"):
        Dropout(0.5)(ONES)
    layer = Dropout(0.5)
    with dropout_from(layer, generator()):
        layer(ONES)
    with pytest.raises(ModelError, match="dropout has no generator"):
        layer(ONES)


def test_wrong_shares_are_refused() -> None:
    for share in (-0.1, 1.0, 1.5, float("nan")):
        with pytest.raises(ModelError, match=rf"dropout is {share}: .* up to, not including, 1"):
            Dropout(share)
    with pytest.raises(ModelError, match=r"dropout is 1\.0"):
        GRUEncoder(3, recurrent_dropout=1.0)
