"""From a fitted `LangevinNetwork` to a `Prediction`, and to samples from the prior."""

import numpy as np
import torch
from torch import Tensor

from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.models.langevin_network import LangevinNetwork

TRIALS_AT_ONCE = 256


def choose_device(name: str) -> torch.device:
    """'auto' is CUDA where there is one, else the CPU.

    Raises:
        ModelError: when the device is unknown or not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"device {name!r} cannot be used here ({str(error).splitlines()[0]}): try 'auto' or 'cpu'."
        ) from None
    return device


@torch.no_grad()
def predict(
    network: LangevinNetwork, trials: TrialSet, samples: int, keep: bool, seed: int, groups: dict[str, int]
) -> Prediction:
    """Average rates over posterior samples; keep the samples too when asked. Past a trial's end all is NaN."""
    network.eval()
    device = next(network.parameters()).device
    batch = Batch.from_trials(trials, device)
    if network.dynamics is None and not keep:
        samples = 1
    parts = [
        _predict_chunk(network, batch.take(index), samples, keep, (seed, chunk))
        for chunk, index in enumerate(torch.arange(len(batch), device=device).split(TRIALS_AT_ONCE))
    ]
    joined = {
        k: np.concatenate([part[k] for part in parts], axis=1 if k.endswith("_samples") else 0)
        for k in parts[0]
    }
    latent_names = [
        k.removeprefix("latent_") for k in joined if k.startswith("latent_") and not k.endswith("_samples")
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


def _predict_chunk(
    network: LangevinNetwork, batch: Batch, samples: int, keep: bool, seed: tuple[int, int]
) -> dict[str, np.ndarray]:
    context, initial = network.encoder(batch.inputs, batch.observed, batch.lengths)
    inside = torch.arange(len(batch.time_s), device=context.device) < batch.lengths[:, None]
    sums: dict[str, Tensor] = {}
    kept: dict[str, list[np.ndarray]] = {}
    for sample in range(samples):
        inferred = network.draw(batch, context, initial, _generator(context.device, *seed, sample))
        mean, log_prob = network.observation.mean_and_log_prob(inferred.features, batch.targets)
        values = {"rates": mean / network.bin_s}
        values |= {f"latent_{k}": v for k, v in inferred.latents.items() if k != "h"}
        terms = {
            "log_likelihood": log_prob.sum((1, 2)),
            "kl_initial": inferred.kl_initial.sum(1),
            "kl_path": inferred.kl_path.sum(1),
        }
        for k, v in (values | terms).items():
            sums[k] = sums[k] + v if k in sums else v
        for k, v in values.items() if keep else ():
            kept.setdefault(f"{k}_samples", []).append(_ended(v, inside))
    means = {k: v / samples for k, v in sums.items()}
    out = {k: _ended(v, inside) if v.ndim == 3 else v.cpu().numpy() for k, v in means.items()}
    out["latent_h"] = _ended(context, inside)
    stacked = {k: np.stack(v) for k, v in kept.items()}
    if keep:  # the same in every sample: a view, no copies
        stacked["latent_h_samples"] = np.broadcast_to(out["latent_h"], (samples, *context.shape))
    return out | stacked


def _ended(values: Tensor, inside: Tensor) -> np.ndarray:
    """(trials, time, dim) with NaN past each trial's end."""
    return torch.where(inside[..., None], values, torch.nan).cpu().numpy()


def _generator(device: torch.device, *seed: int) -> torch.Generator:
    """One for each sample: in a longer window every sample, not just the first, begins with the same noise."""
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))


@torch.no_grad()
def sample_prior(network: LangevinNetwork, n: int, n_time: int, seed: int) -> dict[str, np.ndarray]:
    """Latents of `n` paths from the standard normal initial law: name → (n, time, dim)."""
    assert network.dynamics is not None
    parts = network.dynamics.readout(_prior_states(network, n, n_time, seed))
    return {k: v.cpu().numpy() for k, v in parts.items()}


@torch.no_grad()
def sample_trials(network: LangevinNetwork, n: int, n_time: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rates (spikes/s) and Poisson counts decoded from prior paths, each (n, time, neurons)."""
    assert network.dynamics is not None
    network.eval()
    latents = network.dynamics.readout(_prior_states(network, n, n_time, seed))
    inputs = torch.cat([latents[k] for k in network.decoder_inputs], -1)
    time_s = (torch.arange(n_time, device=inputs.device) + 0.5) * network.bin_s
    features = network.decoder(inputs, torch.ones(n, n_time, dtype=torch.bool, device=inputs.device), time_s)
    counts = network.observation.sample(features, torch.Generator(inputs.device).manual_seed(seed + 1))
    return (network.observation.mean(features) / network.bin_s).cpu().numpy(), counts.cpu().numpy()


def _prior_states(network: LangevinNetwork, n: int, n_time: int, seed: int) -> Tensor:
    assert network.dynamics is not None
    device = next(network.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    x0 = torch.randn(n, network.dynamics.state_dim, generator=generator, device=device)
    return network.roll(x0, n_time, generator).states
