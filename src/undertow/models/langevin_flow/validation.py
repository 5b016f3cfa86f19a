"""What `LangevinFlow` validates on, and the warning when its latents carry nothing."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.evaluation import bits_per_spike
from undertow.inference import coordinated_dropout
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.training import TrainingWarning

VALIDATION_SAMPLES = 10
LEAST_KL_NATS = 0.01
Validate = Callable[[nn.Module], float]


def validator(trials: TrialSet, monitor: str, share: float, device: torch.device) -> Validate:
    """A function network → bits per spike on the validation trials, higher is better; it also
    checks the learned step.

    Args:
        trials: validation trials.
        monitor: 'co-bps' scores held-out neurons; 'likelihood' hides a fixed share of the held-in
            counts and scores these; 'auto' is co-bps where neurons are held out.
        share: what coordinated dropout hides; 'likelihood' hides as much, or a quarter if that is
            none.
        device: where the network is.

    Raises:
        ModelError: for 'co-bps' without held-out neurons.
    """
    if monitor == "co-bps" and not trials.heldout.any():
        raise ModelError(
            "training.monitor is 'co-bps' but no neuron is held out: hold some out, or use "
            "'likelihood'."
        )
    batch, window = Batch.from_trials(trials, device), trials.n_time - trials.forward_bins
    inputs, counts = batch.inputs, np.array(trials.spikes[:, :window])
    if monitor == "likelihood" or not trials.heldout.any():
        inputs, weight = coordinated_dropout(
            inputs, share or 0.25, torch.Generator(device).manual_seed(0)
        )
        visible = np.ones_like(counts, dtype=bool)
        visible[:, :, ~trials.heldout] = (weight == 0).cpu().numpy()[:, :window]
        counts = np.where(visible, np.nan, counts)
    else:
        counts[:, :, ~trials.heldout] = np.nan

    def validate(network: nn.Module) -> float:
        assert isinstance(network, LangevinNetwork)
        if network.dynamics is not None:
            network.dynamics.check_stable(network.bin_s)
        rates = mean_counts(network, batch, inputs, VALIDATION_SAMPLES)[:, :window]
        return float(bits_per_spike(rates[:, :, scored], counts[:, :, scored]))

    scored = np.nansum(counts, axis=(0, 1)) > 0
    if not scored.any():
        raise ModelError(
            "the validation trials hold no spike to score: give more trials, or other held-out "
            "neurons."
        )
    return validate


@torch.no_grad()
def mean_counts(
    network: LangevinNetwork, batch: Batch, inputs: torch.Tensor, samples: int
) -> np.ndarray:
    """Expected spikes per bin, averaged over posterior samples with a fixed seed, (trials, time,
    neurons)."""
    network.eval()
    generator = torch.Generator(inputs.device).manual_seed(0)
    n = samples if network.dynamics is not None else 1
    encoded = network.encode(batch, inputs)
    draws = (network.draw(batch, encoded, generator).features for _ in range(n))
    mean: np.ndarray = (
        torch.stack([network.observation.mean(each) for each in draws])
        .mean(0)
        .double()
        .cpu()
        .numpy()
    )
    return mean


@torch.no_grad()
def warn_unused_latents(network: LangevinNetwork, batch: Batch) -> None:
    """Say how many initial coordinates stay within 0.01 nat of their prior: these carry nothing
    from the data."""
    if network.dynamics is None:
        return
    network.eval()
    generator = torch.Generator(batch.inputs.device).manual_seed(0)
    kl = network.infer(batch, batch.inputs, generator).kl_initial.mean(0)
    unused = int((kl < LEAST_KL_NATS).sum())
    if unused:
        warnings.warn(
            f"{unused} of {len(kl)} initial latent coordinates carry less than {LEAST_KL_NATS} nat "
            "per trial.",
            TrainingWarning,
            stacklevel=3,
        )


def kept_row(history: list[dict[str, float]]) -> dict[str, float]:
    """The row of the epoch whose weights were kept; empty when there was no validation."""
    best = history[-1].get("best_score") if history else None
    return next(
        (row for row in reversed(history) if row.get("validation_score", np.nan) == best), {}
    )
