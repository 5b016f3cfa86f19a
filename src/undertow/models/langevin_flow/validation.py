"""What `LangevinFlow` validates on, and the warning when its latents carry nothing."""

import warnings

import numpy as np
import torch
from torch import nn

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.evaluation import bits_per_spike
from undertow.inference import coordinated_dropout
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.training import TrainingWarning, Validate

VALIDATION_SAMPLES = 10
LEAST_KL_NATS = 0.01


def validator(trials: TrialSet, batch: Batch, monitor: str, share: float) -> Validate:
    """A function network → bits per spike on the validation trials, higher is better; it also
    checks the learned step.

    Args:
        trials: validation trials.
        batch: the same as the network reads them.
        monitor: 'co-bps' scores held-out neurons; 'likelihood' hides a fixed share of the held-in
            counts and scores these; 'auto' is co-bps where neurons are held out.
        share: what coordinated dropout hides; 'likelihood' hides as much, or a quarter if that is
            none.

    Raises:
        ModelError: for 'generate', for 'co-bps' without held-out neurons, or without a spike to
            score.
    """
    if monitor == "generate":
        raise ModelError(
            "training.monitor is 'generate': LangevinFlow infers every bin and generates none; use "
            "'co-bps' or 'likelihood'."
        )
    if monitor == "co-bps" and not trials.heldout.any():
        raise ModelError(
            "training.monitor is 'co-bps' but no neuron is held out: hold some out, or use "
            "'likelihood'."
        )
    inputs, counts = _hidden(trials, batch, monitor, share)
    scored = np.nansum(counts, axis=(0, 1)) > 0
    if not scored.any():
        raise ModelError(
            "the validation trials hold no spike to score: give more trials, or other held-out "
            "neurons."
        )

    def validate(network: nn.Module) -> float:
        assert isinstance(network, LangevinNetwork)
        if network.dynamics is not None:
            network.dynamics.check_stable(network.bin_s)
        rates = mean_counts(network, batch, inputs, VALIDATION_SAMPLES)[:, : counts.shape[1]]
        return float(bits_per_spike(rates[:, :, scored], counts[:, :, scored]))

    return validate


def _hidden(
    trials: TrialSet, batch: Batch, monitor: str, share: float
) -> tuple[torch.Tensor, np.ndarray]:
    """What the encoder is given, and the counts it is scored on: NaN where it could have seen."""
    window, device = trials.n_time - trials.forward_bins, batch.inputs.device
    counts = np.array(trials.spikes[:, :window])
    if monitor != "likelihood" and trials.heldout.any():
        counts[:, :, ~trials.heldout] = np.nan
        return batch.inputs, counts
    generator = torch.Generator(device).manual_seed(0)
    inputs, weight = coordinated_dropout(batch.inputs, share or 0.25, generator)
    visible = np.ones_like(counts, dtype=bool)
    visible[:, :, ~trials.heldout] = (weight == 0).cpu().numpy()[:, :window]
    return inputs, np.where(visible, np.nan, counts)


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
