"""Predictions of a fitted `LangevinNetwork`, and samples from its prior."""

import numpy as np
import torch
from torch import Tensor

from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.randomness import path_generator

TRIALS_AT_ONCE = 256


@torch.no_grad()
def predict(
    network: LangevinNetwork,
    batch: Batch,
    trials: TrialSet,
    samples: int,
    keep: bool,
    seed: int,
    groups: dict[str, int],
    average: str = "rates",
) -> Prediction:
    """Average rates (or log rates) over posterior samples; keep the samples too when asked.

    Values past a trial's end are NaN.
    """
    network.eval()
    device = batch.inputs.device
    if network.dynamics is None and not keep:
        samples = 1
    parts = [
        _predict_chunk(network, batch.take(index), samples, keep, (seed, chunk), average)
        for chunk, index in enumerate(torch.arange(len(batch), device=device).split(TRIALS_AT_ONCE))
    ]
    joined = {
        k: np.concatenate([part[k] for part in parts], axis=1 if k.endswith("_samples") else 0)
        for k in parts[0]
    }
    latent_names = [
        k.removeprefix("latent_")
        for k in joined
        if k.startswith("latent_") and not k.endswith("_samples")
    ]
    return Prediction(
        rates=joined["rates"],
        trials=trials,
        latents={k: joined[f"latent_{k}"] for k in latent_names},
        rate_samples=joined.get("rates_samples"),
        latent_samples={k: joined[f"latent_{k}_samples"] for k in latent_names} if keep else {},
        terms={k: joined[k] for k in ("log_likelihood", "kl_initial", "kl_path")},
        groups=groups,
    )


@torch.no_grad()
def exchanged_rates(
    network: LangevinNetwork, batch: Batch, samples: int, seed: int, average: str = "rates"
) -> np.ndarray:
    """Predict rates (spikes/s) with each trial's latents replaced by another's, at its own h.

    The other trial is drawn at random.

    The average is that of `predict`, and so is the noise of the same seed for up to
    `TRIALS_AT_ONCE` trials, so that only the exchange differs.
    """
    network.eval()
    order = np.random.default_rng(seed).permutation(len(batch))
    exchange = torch.empty(len(batch), dtype=torch.long, device=batch.inputs.device)
    # one cycle through all trials in random order: no trial keeps its own latents
    exchange[order] = torch.from_numpy(np.roll(order, 1)).to(exchange)
    encoded, total = network.encode(batch, batch.inputs), torch.zeros(())
    for sample in range(samples):
        drawn = network.draw(
            batch, encoded, path_generator(exchange.device, seed, 0, sample), exchange
        )
        rates = network.observation.mean(drawn.features) / network.bin_s
        total = total + (rates.log() if average == "log-rates" else rates)
    mean = total / samples
    return batch.ended(mean.exp() if average == "log-rates" else mean)


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
        torch.arange(len(batch), device=batch.inputs.device).split(TRIALS_AT_ONCE)
    ):
        part = batch.take(index)
        encoded = network.encode(part, part.inputs)
        for sample in range(samples):
            drawn = network.draw(part, encoded, path_generator(index.device, seed, chunk, sample))
            for name, kl in (("initial", drawn.kl_initial), ("path", drawn.kl_path)):
                sums[name] = sums.get(name, 0.0) + kl.double().sum(0)
    return {name: total.cpu().numpy() / (samples * len(batch)) for name, total in sums.items()}


def _predict_chunk(
    network: LangevinNetwork,
    batch: Batch,
    samples: int,
    keep: bool,
    seed: tuple[int, int],
    average: str = "rates",
) -> dict[str, np.ndarray]:
    encoded = network.encode(batch, batch.inputs)
    context = encoded.context
    sums: dict[str, Tensor] = {}
    kept: dict[str, list[np.ndarray]] = {}
    for sample in range(samples):
        inferred = network.draw(batch, encoded, path_generator(context.device, *seed, sample))
        mean, log_prob = network.observation.mean_and_log_prob(inferred.features, batch.targets)
        values = {"rates": mean / network.bin_s}
        values |= {f"latent_{k}": v for k, v in inferred.latents.items() if k != "h"}
        terms = {
            "log_likelihood": log_prob.sum((1, 2)),
            "kl_initial": inferred.kl_initial.sum(1),
            "kl_path": inferred.kl_path.sum(1),
        }
        averaged = values | terms
        if average == "log-rates":
            averaged["rates"] = averaged["rates"].log()
        for k, v in averaged.items():
            sums[k] = sums[k] + v if k in sums else v
        for k, v in values.items() if keep else ():
            kept.setdefault(f"{k}_samples", []).append(batch.ended(v))
    means = {k: v / samples for k, v in sums.items()}
    if average == "log-rates":
        means["rates"] = means["rates"].exp()
    out = {k: batch.ended(v) if v.ndim == 3 else v.cpu().numpy() for k, v in means.items()}
    out["latent_h"] = batch.ended(context)
    stacked = {k: np.stack(v) for k, v in kept.items()}
    if keep:  # the same in every sample: a view, no copies
        stacked["latent_h_samples"] = np.broadcast_to(out["latent_h"], (samples, *context.shape))
    return out | stacked


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
