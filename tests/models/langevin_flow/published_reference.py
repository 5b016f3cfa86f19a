"""The published LangevinFlow in both its readings, written out bin by bin from weights alone.

No module of the library takes part: only its masks are drawn with `random_mask`, so that both see
    the same ones.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from undertow.data.batches import Batch
from undertow.randomness import random_mask, representable_share

Weights = dict[str, Tensor]
GAMMA, GROUPS = 0.55, 4


@dataclass(frozen=True)
class Reading:
    """What differs between the paper and its released code, and the shares of dropout."""

    released: bool
    heads: int
    step: float
    dropout: float
    recurrent_dropout: float
    coordinated_dropout: float
    learn_from_kept: float


@dataclass(frozen=True)
class Drawn:
    """One sample: log rates in spikes/s (trials, time, neurons), KL terms summed over all but
    trials."""

    log_rates: Tensor
    kl_initial: Tensor
    kl_path: Tensor


def drop(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    if generator is None or share == 0:
        return x
    share = representable_share(share)
    return x * random_mask(x.shape, 1 - share, generator) / (1 - share)


def affine(x: Tensor, w: Weights, name: str) -> Tensor:
    return x @ w[f"{name}.weight"].t() + w[f"{name}.bias"]


# --- encoder ----------------------------------------------------------------------------------


def read(inputs: Tensor, batch: Batch, w: Weights, reading: Reading) -> Tensor:
    """What the GRU sees at each bin: x_t, or as released x_{t−1}, the first bin twice and the last
    one repeated."""
    trials, bins, _ = inputs.shape
    rows = []
    for trial in range(trials):
        seen = [
            inputs[trial, t] if batch.observed[trial, t] else w["encoder.no_input"]
            for t in range(bins)
        ]
        if reading.released:
            held, last = [seen[0]], seen[0]
            for t in range(1, bins):
                last = seen[t - 1] if batch.observed[trial, t - 1] else last
                held.append(last)
            seen = held
        rows.append(torch.stack(seen))
    return torch.stack(rows)


def gru(inputs: Tensor, w: Weights, mask: Tensor) -> Tensor:
    """The mask multiplies the state that is given out and handed on."""
    w_in, w_h = w["encoder.forwards.weight_ih_l0"], w["encoder.forwards.weight_hh_l0"]
    b_in, b_h = w["encoder.forwards.bias_ih_l0"], w["encoder.forwards.bias_hh_l0"]
    h = inputs.new_zeros(len(inputs), w_h.shape[1])
    states = []
    for t in range(inputs.shape[1]):
        in_r, in_u, in_n = (inputs[:, t] @ w_in.t() + b_in).chunk(3, -1)
        h_r, h_u, h_n = (h @ w_h.t() + b_h).chunk(3, -1)
        reset, update = torch.sigmoid(in_r + h_r), torch.sigmoid(in_u + h_u)
        candidate = torch.tanh(in_n + reset * h_n)
        h = ((1 - update) * candidate + update * h) * mask[:, t]
        states.append(h)
    return torch.stack(states, 1)


# --- dynamics ---------------------------------------------------------------------------------


def gradient(z: Tensor, w: Weights, reading: Reading) -> Tensor:
    """∇U: of eq. 2 with a symmetric kernel for each group, or of zᵀ(K ∗ z) with kernels that mix
    the channels."""
    kernel, channels = w["dynamics.potential.kernel"], z.unflatten(-1, (GROUPS, -1))
    if reading.released:
        unit = kernel / kernel.square().sum(-1, keepdim=True).sqrt()
        both = F.conv1d(channels, unit, padding=1) + F.conv_transpose1d(channels, unit, padding=1)
        return both.flatten(1)
    symmetric, n = torch.cat([kernel.flip(1)[:, :-1], kernel], 1), channels.shape[-1]
    toeplitz = torch.stack(
        [torch.stack([kernel[:, abs(i - j)] for j in range(n)], -1) for i in range(n)], -2
    )
    norms = torch.linalg.svdvals(toeplitz)[:, 0]
    convolved = F.conv1d(channels, symmetric[:, None], padding=3, groups=GROUPS)
    return (2 * convolved / norms[:, None]).flatten(1)


def langevin(
    z: Tensor, v: Tensor, noise: Tensor, w: Weights, reading: Reading
) -> tuple[Tensor, Tensor, Tensor]:
    """Positions, velocities, and the mean of each velocity but the first given the state before
    it."""
    zs, vs, means = [z], [v], []
    for eta in noise:
        v_half = v - reading.step * gradient(z, w, reading)
        z = z + reading.step * v
        means.append((1 - GAMMA) * v_half)
        v = means[-1] + math.sqrt(2 * GAMMA) * eta
        zs.append(z)
        vs.append(v)
    return torch.stack(zs, 1), torch.stack(vs, 1), torch.stack(means, 1)


def path_kl(v: Tensor, v_mean: Tensor, reading: Reading) -> Tensor:
    """Per bin but the first and coordinate: against N(0, I), or what the released code adds in its
    place."""
    if reading.released:
        return 0.5 * (
            (v[:, 1:].square() + math.exp(2 * GAMMA)) / 0.1 - 1 + math.log(0.1) - 2 * GAMMA
        )
    return 0.5 * (v_mean.square() + 2 * GAMMA - 1 - math.log(2 * GAMMA))


# --- decoder ----------------------------------------------------------------------------------


def normalised(x: Tensor, w: Weights, name: str) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def attention(x: Tensor, batch: Batch, w: Weights, heads: int) -> Tensor:
    query, key, value = (
        part.unflatten(-1, (heads, -1))
        for part in affine(x, w, "decoder.query_key_value").chunk(3, -1)
    )
    scores = torch.einsum("bthd,bshd->bhts", query, key) / math.sqrt(query.shape[-1])
    for t in range(x.shape[1]):
        for s in range(x.shape[1]):
            if s != t:
                scores[:, :, t, s] = scores[:, :, t, s].masked_fill(
                    ~batch.valid[:, None, s], -math.inf
                )
    share = scores.exp() / scores.exp().sum(-1, keepdim=True)
    return affine(
        torch.einsum("bhts,bshd->bthd", share, value).flatten(2), w, "decoder.attention_out"
    )


def time_code(time_s: Tensor, width: int) -> Tensor:
    half = width // 2
    periods = torch.tensor(
        [0.2 * 100 ** (k / (half - 1)) for k in range(half)], dtype=torch.float64
    )
    angle = 2 * math.pi * time_s[:, None] / periods
    return torch.cat([angle.sin(), angle.cos()], -1)


def decode(
    inputs: Tensor, batch: Batch, w: Weights, reading: Reading, generator: torch.Generator | None
) -> Tensor:
    """Log rates; normalised before each part, or as released after it."""

    def dropped(x: Tensor) -> Tensor:
        return drop(x, reading.dropout, generator)

    def feedforward(x: Tensor) -> Tensor:
        inner = affine(x, w, "decoder.feedforward.0")
        return affine(
            dropped(inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))), w, "decoder.feedforward.3"
        )

    def norm(x: Tensor, name: str) -> Tensor:
        return normalised(x, w, f"decoder.norm_{name}")

    x = affine(inputs, w, "decoder.project")
    x = dropped(x + time_code(batch.time_s, x.shape[-1]))
    if reading.released:
        x = norm(x + dropped(attention(x, batch, w, reading.heads)), "attention")
        x = norm(x + dropped(feedforward(x)), "feedforward")
    else:
        x = x + dropped(attention(norm(x, "attention"), batch, w, reading.heads))
        x = x + dropped(feedforward(norm(x, "feedforward")))
        x = dropped(norm(x, "out"))
    return affine(x, w, "observation.readout")


# --- the whole --------------------------------------------------------------------------------


def draw(
    inputs: Tensor,
    batch: Batch,
    w: Weights,
    reading: Reading,
    generator: torch.Generator,
    training: bool,
    sign: float = 1.0,
) -> Drawn:
    """One posterior sample; `generator` gives the masks (in training) and the noise, in the
    network's order; `sign` turns it, for the second sample of a pair."""
    masks = generator if training else None
    trials, bins, hidden = *inputs.shape[:2], w["encoder.forwards.weight_hh_l0"].shape[1]
    mask = drop(
        torch.ones(trials, bins, hidden, dtype=torch.float64), reading.recurrent_dropout, masks
    )
    states = gru(read(inputs, batch, w, reading), w, mask)
    h, first = drop(states, reading.dropout, masks), drop(states[:, 0], reading.dropout, masks)
    mean, logvar = affine(first, w, "initial.linear").chunk(2, -1)
    std = (0.5 * logvar).exp()
    x0 = mean + sign * std * torch.randn(mean.shape, generator=generator, dtype=torch.float64)
    z0, v0 = x0.chunk(2, -1)
    noise = [
        sign * torch.randn(1, *z0.shape, generator=generator, dtype=torch.float64)[0]
        for _ in range(1, bins)
    ]
    z, v, v_mean = langevin(z0, v0, torch.stack(noise), w, reading)
    log_rates = decode(torch.cat([z, v, h], -1), batch, w, reading, masks)
    kl_initial = 0.5 * (mean.square() + std.square() - 1 - logvar)
    kl_path = path_kl(v, v_mean, reading) * batch.valid[:, 1:, None]
    return Drawn(log_rates, kl_initial.sum(1), kl_path.sum((1, 2)))


def loss(
    batch: Batch,
    w: Weights,
    reading: Reading,
    generator: torch.Generator,
    kl_weight: float,
    bin_s: float,
) -> Tensor:
    """In training: coordinated dropout, one sample, entry by entry; a sum, or as released a mean
    beside summed KLs."""
    hides, picks = (
        representable_share(reading.coordinated_dropout),
        representable_share(reading.learn_from_kept),
    )
    learned = hidden = random_mask(batch.inputs.shape, hides, generator)
    if picks:
        learned = hidden | random_mask(batch.inputs.shape, picks, generator)
    inputs = torch.where(hidden, 0.0, batch.inputs) / (1 - hides)
    drawn = draw(inputs, batch, w, reading, generator, training=True)
    total, heldin = torch.zeros((), dtype=torch.float64), batch.heldin.tolist()
    trials, bins, neurons = batch.targets.shape
    for trial in range(trials):
        for t in range(bins):
            for neuron in range(neurons):
                n = batch.targets[trial, t, neuron]
                if torch.isnan(n):
                    continue
                log_mean = drawn.log_rates[trial, t, neuron] + math.log(bin_s)
                weight = 1.0
                if neuron in heldin and batch.observed[trial, t]:
                    entry = learned[trial, t, heldin.index(neuron)]
                    weight = float(entry) / (hides + (1 - hides) * picks)
                total = total + weight * (log_mean.exp() - n * log_mean + math.lgamma(float(n) + 1))
    scale = trials * bins * neurons if reading.released else trials
    return total / scale + kl_weight * (drawn.kl_initial.sum() + drawn.kl_path.sum()) / trials
