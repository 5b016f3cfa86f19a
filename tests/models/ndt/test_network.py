"""The network written out in NumPy from its weights; who sees whom; what a mask hides."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small import GAPS
from tests.models.small_ndt import built
from undertow.data.batches import Batch
from undertow.decoders import sinusoids
from undertow.encoders import dropout_from
from undertow.models import NDT, STNDT, Contrast, Masking
from undertow.models.ndt.network import NDTNetwork

Arrays = dict[str, np.ndarray]


def normalised(x: np.ndarray, w: Arrays, name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(x: np.ndarray, w: Arrays, name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)


def softmax(scores: np.ndarray) -> np.ndarray:
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def time_attention(x: np.ndarray, w: Arrays, at: str, looks: np.ndarray, heads: int) -> np.ndarray:
    """One trial: `looks` (time, time) says which bin looks at which."""
    joint = linear(x, w, f"{at}.query_key_value")
    inner = joint.shape[1] // 3
    depth, out = inner // heads, np.zeros((len(x), inner))
    for head in range(heads):
        own = slice(head * depth, (head + 1) * depth)
        query, key, value = (joint[:, k * inner : (k + 1) * inner][:, own] for k in range(3))
        for t in range(len(x)):
            seen = np.flatnonzero(looks[t])
            out[t, own] = softmax(query[t] @ key[seen].T / math.sqrt(depth)) @ value[seen]
    return linear(out, w, f"{at}.attention_out")


def neuron_weights(counts: np.ndarray, w: Arrays, at: str, seen: np.ndarray) -> np.ndarray:
    """One trial: attention weights of each neuron (row) on each other."""
    time_s = torch.arange(len(counts), dtype=torch.float64) * 0.02 + 0.01
    waves = sinusoids(time_s, 32, torch.float64).numpy()
    series = counts.T @ waves / math.sqrt(max(seen.sum(), 1))
    tokens = normalised(w[f"{at}.identity"] + linear(series, w, f"{at}.series"), w, f"{at}.norm")
    joint = linear(tokens, w, f"{at}.query_key")
    depth = joint.shape[1] // 2
    scores = joint[:, :depth] @ joint[:, depth:].T / math.sqrt(depth)
    return softmax(scores + w[f"{at}.own"] * np.eye(len(tokens)))


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def written_out(network: NDTNetwork, batch: Batch, norm: str, near: np.ndarray) -> np.ndarray:
    """Rates in spikes/s, one trial after the other; `near` is the context window."""
    w = {name: each.detach().numpy() for name, each in network.state_dict().items()}
    found, heads = [], 2
    for trial in range(len(batch)):
        seen, valid = batch.observed[trial].numpy(), batch.valid[trial].numpy()
        counts = np.where(seen[:, None], batch.inputs[trial].numpy(), 0.0)
        looks = (valid[None] & near) | np.eye(len(seen), dtype=bool)
        place = w.get("positions", sinusoids(batch.time_s, network.width, torch.float64).numpy())
        mixed = counts
        if network.mix_counts is not None:
            mixed = counts @ neuron_weights(counts, w, "mix_counts", seen).T
        x = linear(mixed, w, "embed") + place[: len(seen)]
        for k in range(2):
            at, mix = f"layers.{k}", np.eye(network.width)
            if len(network.mix_features):
                own = neuron_weights(counts, w, f"mix_features.{k}", seen)
                mix = np.kron(np.eye(network.width // len(own)), own)
            read = x if norm == "post" else normalised(x, w, f"{at}.norm_attention")
            x = x + time_attention(read, w, at, looks, heads) @ mix.T
            x = normalised(x, w, f"{at}.norm_attention") if norm == "post" else x
            read = x if norm == "post" else normalised(x, w, f"{at}.norm_feedforward")
            inner = gelu(linear(read, w, f"{at}.feedforward.0"))
            x = x + linear(inner, w, f"{at}.feedforward.3")
            x = normalised(x, w, f"{at}.norm_feedforward") if norm == "post" else x
        x = x if norm == "post" else normalised(x, w, "norm_out")
        found.append(np.exp(linear(x, w, "observation.readout")) + 0.1)
    return np.stack(found)


FEATURES = {"mixes": "features"}
every = pytest.mark.parametrize(
    ("cls", "own"), [(NDT, {}), (STNDT, {}), (STNDT, FEATURES)], ids=["NDT", "STNDT", "features"]
)


@every
@pytest.mark.parametrize(
    ("settings", "back", "ahead"),
    [
        ({}, 99, 99),
        ({"encoder__norm": "post"}, 99, 99),
        ({"encoder__back_s": 0.06, "encoder__ahead_s": 0.021}, 3, 1),
        ({"encoder__positions": "learned", "encoder__heads": 2, "encoder__width": 7}, 99, 99),
    ],
    ids=["default", "post", "window", "learned"],
)
def test_it_is_what_is_written_out(
    cls: type[Any], own: dict[str, Any], settings: dict[str, Any], back: int, ahead: int
) -> None:
    network, batch = built(cls, encoder__layers=2, **own, **settings)
    for k, parameter in enumerate(network.parameters()):  # off their start
        noise = torch.Generator().manual_seed(k)
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=noise).double()
    bins = np.arange(GAPS.n_time)
    near = (bins >= bins[:, None] - back) & (bins <= bins[:, None] + ahead)
    rates = written_out(network, batch, settings.get("encoder__norm", "pre"), near)
    with torch.no_grad():
        made = network.observation.mean(network.features(batch, batch.inputs)) / network.bin_s
    assert np.allclose(made.numpy(), rates, rtol=1e-6, atol=0)


@pytest.mark.parametrize("mixes", ["counts", "features"])
def test_without_mixing_stndt_is_ndt(mixes: str) -> None:
    """Each neuron's weight on itself is 1 where its own score outweighs all others."""
    for width in (4, 8):  # one and two features of each of the four held-in neurons
        spatial, batch = built(STNDT, encoder__width=width, mixes=mixes)
        plain, _ = built(NDT, encoder__width=width)
        shared = {k: v for k, v in spatial.state_dict().items() if not k.startswith("mix_")}
        plain.load_state_dict(shared)
        with torch.no_grad():
            mixed = spatial.features(batch, batch.inputs)
            for name, parameter in spatial.named_parameters():
                if name.endswith(".own"):
                    parameter.fill_(1e4)
            alone = spatial.features(batch, batch.inputs)
            expected = plain.features(batch, batch.inputs)
        assert torch.allclose(alone, expected, atol=1e-12)
        assert not torch.allclose(mixed, expected, atol=1e-3)


@every
def test_gradients_reach_every_parameter(cls: type[Any], own: dict[str, Any]) -> None:
    network, batch = built(cls, encoder__positions="learned", **own)
    generator, contrast = torch.Generator().manual_seed(0), Contrast(weight=1.0)
    with dropout_from(network.train(), generator):
        loss, _ = network.loss(batch, generator, 0.0, Masking(share=0.3), 0.0, contrast)
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
