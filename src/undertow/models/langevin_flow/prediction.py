"""Predictions of a fitted `LangevinNetwork`, and samples from its prior."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch, batches
from undertow.memory import blocks, give_back
from undertow.models.langevin_flow.inferred import Encoded, Inferred
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.sampling import draw_samples
from undertow.models.sample_sums import DECODED_BYTES, SampleSums, decoded_bytes
from undertow.observations import count_dispersion

TRIALS_AT_ONCE, ENCODED_BYTES = 256, 2**27


@torch.no_grad()
def predict(
    network: LangevinNetwork,
    read: Callable[[TrialSet], Batch],
    trials: TrialSet,
    samples: int,
    keep: bool,
    seed: int,
    groups: dict[str, int],
    average: str = "rates",
) -> Prediction:
    """Average rates (or log rates) over posterior samples; keep the samples too when asked.

    Values past a trial's end are NaN. Trials are read and decoded some at a time, so that beside
    the result little memory is needed.

    Raises:
        ModelError: where the samples asked for could not fit into memory.
    """
    network.eval()
    if network.dynamics is None and not keep:
        samples = 1
    sums, context = SampleSums(trials, samples, keep), SampleSums(trials, 1, keep=False)
    for chunk, (rows, batch) in enumerate(batches(trials, read, TRIALS_AT_ONCE)):
        encoded = encode(network, batch)
        context.add("h", rows, encoded.context)
        for part, repeated, drawn in draw_samples(network, batch, encoded, samples, (seed, chunk)):
            _add_rates(network, repeated, drawn.features, sums, (part, rows), average)
            _add_latents(drawn, sums, (part, rows))
        _add_direct(network, batch, encoded, context, rows)
    give_back()
    found = _prediction(sums, context.ended(context.mean("h")), groups, average)
    kept = found.rate_samples
    return replace(
        found,
        rates=_pooled(network, found.rates, context, trials),
        rate_samples=None if kept is None else _pooled(network, kept, context, trials),
        dispersion=count_dispersion(network.observation),
    )


def _add_direct(
    network: LangevinNetwork, batch: Batch, encoded: Encoded, sums: SampleSums, rows: slice
) -> None:
    """Decode h alone, where there are decoders for that."""
    for k, (seen, features) in enumerate(network.decode_directly(batch, encoded)):
        for part in blocks(len(batch), decoded_bytes(batch.targets.shape), DECODED_BYTES):
            there = slice(rows.start + part.start, rows.start + part.stop)
            sums.add(f"direct_{k}", there, seen.mean(features[part]) / network.bin_s)


def _pooled(
    network: LangevinNetwork, rates: np.ndarray, context: SampleSums, trials: TrialSet
) -> np.ndarray:
    """Return the rates (spikes/s) in the pool, where the network has one."""
    if network.pool is None:
        return rates
    direct = [context.totals[f"direct_{k}"].cpu().numpy() for k in range(len(network.direct))]
    return network.pool.pool([rates, *direct], trials)


def encode(network: LangevinNetwork, batch: Batch) -> Encoded:
    """Read the counts of a batch, some trials at a time: an encoder keeps several copies."""
    rows = list(blocks(len(batch), decoded_bytes(batch.targets.shape), ENCODED_BYTES))
    if len(rows) == 1:
        return network.encode(batch, batch.inputs)
    everyone = torch.arange(len(batch), device=batch.targets.device)
    # what the encoder read is kept for dynamics that read it too
    kept = batch.inputs.shape[2] if network.path_reads == "counts" else 0
    found = []
    for part in (batch.take(everyone[index]) for index in rows):
        encoded = network.encode(part, part.inputs)
        found.append(replace(encoded, inputs=encoded.inputs[..., :kept].clone()))
    give_back()
    columns = zip(*((each.inputs, each.context, each.initial) for each in found), strict=True)
    return Encoded(*(torch.cat(column) for column in columns))


def _add_rates(
    network: LangevinNetwork,
    batch: Batch,
    features: Tensor,
    sums: SampleSums,
    place: tuple[slice, slice],
    average: str,
) -> None:
    """Decode samples of a batch, some trials at a time."""
    samples, rows = place
    # several samples come together of few trials alone, which are decoded whole
    whole = len(batch) > rows.stop - rows.start
    some = blocks(len(batch), decoded_bytes(batch.targets.shape), DECODED_BYTES)
    for part in [slice(0, len(batch))] if whole else some:
        mean, log_prob = network.observation.mean_and_log_prob(features[part], batch.targets[part])
        rates = mean / network.bin_s
        there = rows if whole else slice(rows.start + part.start, rows.start + part.stop)
        sums.add("rates", there, rates.log() if average == "log-rates" else rates)
        sums.add("log_likelihood", there, log_prob.sum((1, 2)))
        sums.store("rates", samples, there, rates)


def _add_latents(drawn: Inferred, sums: SampleSums, place: tuple[slice, slice]) -> None:
    samples, rows = place
    for name, value in drawn.latents.items():
        if name != "h":
            sums.add(f"latent_{name}", rows, value)
            sums.store(f"latent_{name}", samples, rows, value)
    sums.add("kl_initial", rows, drawn.kl_initial.sum(1))
    sums.add("kl_path", rows, drawn.kl_path.sum(1))


def _prediction(
    sums: SampleSums, context: np.ndarray, groups: dict[str, int], average: str
) -> Prediction:
    rates = sums.mean("rates")
    names = [k.removeprefix("latent_") for k in sums.totals if k.startswith("latent_")]
    latents = {k: sums.ended(sums.mean(f"latent_{k}")) for k in names} | {"h": context}
    drawn = {k: sums.kept[f"latent_{k}"] for k in names if sums.keep}
    if sums.keep:  # the same in every sample: a view, no copies
        drawn["h"] = np.broadcast_to(context, (sums.samples, *context.shape))
    terms = ("log_likelihood", "kl_initial", "kl_path")
    return Prediction(
        rates=sums.ended(rates.exp_() if average == "log-rates" else rates),
        trials=sums.trials,
        latents=latents,
        rate_samples=sums.kept.get("rates"),
        latent_samples=drawn,
        terms={k: sums.mean(k).cpu().numpy() for k in terms},
        groups=groups,
    )


@torch.no_grad()
def exchanged_rates(
    network: LangevinNetwork,
    batch: Batch,
    trials: TrialSet,
    samples: int,
    seed: int,
    average: str = "rates",
) -> np.ndarray:
    """Predict rates (spikes/s) with each trial's latents replaced by another's, at its own h.

    The other trial is drawn at random.

    The average is that of `predict`, and so is the noise of the same seed for up to
    `TRIALS_AT_ONCE` trials, so that only the exchange differs.
    """
    network.eval()
    order = np.random.default_rng(seed).permutation(len(batch))
    exchange = torch.empty(len(batch), dtype=torch.long, device=batch.targets.device)
    # one cycle through all trials in random order: no trial keeps its own latents
    exchange[order] = torch.from_numpy(np.roll(order, 1)).to(exchange)
    encoded, sums = encode(network, batch), SampleSums(trials, samples, keep=False)
    context = SampleSums(trials, 1, keep=False)
    _add_direct(network, batch, encoded, context, slice(0, len(batch)))
    rows = slice(0, len(batch))
    for part, repeated, drawn in draw_samples(
        network, batch, encoded, samples, (seed, 0), exchange
    ):
        _add_rates(network, repeated, drawn.features, sums, (part, rows), average)
    mean = sums.mean("rates")
    rates = sums.ended(mean.exp_() if average == "log-rates" else mean)
    return _pooled(network, rates, context, trials)


@torch.no_grad()
def kl_per_coordinate(
    network: LangevinNetwork, batch: Batch, samples: int, seed: int
) -> dict[str, np.ndarray]:
    """Average the KL terms over trials, in nats per trial.

    Returns:
        'initial' (state_dim,) and 'path' (noise_dim,).
    """
    network.eval()
    sums: dict[str, Tensor] = {}
    for chunk, index in enumerate(
        torch.arange(len(batch), device=batch.targets.device).split(TRIALS_AT_ONCE)
    ):
        part = batch.take(index)
        encoded = network.encode(part, part.inputs)
        for _, _, drawn in draw_samples(network, part, encoded, samples, (seed, chunk)):
            for name, kl in (("initial", drawn.kl_initial), ("path", drawn.kl_path)):
                sums[name] = sums.get(name, 0.0) + kl.double().sum(0)
    return {name: total.cpu().numpy() / (samples * len(batch)) for name, total in sums.items()}


@torch.no_grad()
def sample_prior(network: LangevinNetwork, n: int, n_time: int, seed: int) -> dict[str, np.ndarray]:
    """Draw `n` latent paths from a standard normal initial state: name → (n, time, dim)."""
    assert network.dynamics is not None
    parts = network.dynamics.readout(_prior_states(network, n, n_time, seed))
    return {k: v.cpu().numpy() for k, v in parts.items()}


@torch.no_grad()
def sample_trials(
    network: LangevinNetwork, n: int, n_time: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Decode rates (spikes/s) and draw counts from prior paths, each (n, time, neurons)."""
    assert network.dynamics is not None
    network.eval()
    latents = network.dynamics.readout(_prior_states(network, n, n_time, seed))
    inputs = torch.cat([latents[k] for k in network.decoder_inputs], -1)
    time_s = (torch.arange(n_time, device=inputs.device) + 0.5) * network.bin_s
    features = network.decoder(
        inputs, torch.ones(n, n_time, dtype=torch.bool, device=inputs.device), time_s
    )
    counts = network.observation.sample(
        features, torch.Generator(inputs.device).manual_seed(seed + 1)
    )
    return (network.observation.mean(features) / network.bin_s).cpu().numpy(), counts.cpu().numpy()


def _prior_states(network: LangevinNetwork, n: int, n_time: int, seed: int) -> Tensor:
    assert network.dynamics is not None
    device = next(network.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    x0 = torch.randn(n, network.dynamics.state_dim, generator=generator, device=device)
    return network.roll(x0, n_time, generator).states
