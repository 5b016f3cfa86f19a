"""Predictions of a fitted `LFADSNetwork`, its validation score, and trials of its prior."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch, batches
from undertow.memory import give_back
from undertow.models.antithetic import antithetic
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.models.lfads.network import Encoded, Inferred, LFADSNetwork
from undertow.models.sample_sums import SampleSums
from undertow.observations import count_dispersion
from undertow.randomness import path_generator
from undertow.training import Validate

TRIALS_AT_ONCE, NUMBERS_AT_ONCE = 256, 2**26
"""The most trials that a pass takes, and about the most numbers that it holds."""
STATES, RATES = 16, 8
"""Numbers that it holds for each unit and each neuron in a bin."""
VALIDATION_SAMPLES = 4
TERMS = ("log_likelihood", "kl_initial", "kl_inputs")


@torch.no_grad()
def predict(
    network: LFADSNetwork,
    read: Callable[[TrialSet], Batch],
    trials: TrialSet,
    samples: int,
    keep: bool,
    seed: int,
) -> Prediction:
    """Average rates over posterior samples; keep the samples too when asked.

    Values past a trial's end are NaN. Trials are read some at a time.

    Raises:
        ModelError: where the samples asked for could not fit into memory.
    """
    network.eval()
    sums = SampleSums(trials, samples, keep)
    size = _at_once(network, trials.n_time, trials.n_neurons)
    for chunk, (rows, batch) in enumerate(batches(trials, read, size)):
        encoded = network.encode(batch, batch.inputs)
        for part, repeated, drawn in _draws(network, batch, encoded, samples, (seed, chunk)):
            _add(network, repeated, drawn, sums, (part, rows))
    give_back()
    names = [name.removeprefix("latent_") for name in sums.totals if name.startswith("latent_")]
    return Prediction(
        rates=sums.ended(sums.mean("rates")),
        trials=trials,
        latents={name: sums.ended(sums.mean(f"latent_{name}")) for name in names},
        rate_samples=sums.kept.get("rates"),
        latent_samples={name: sums.kept[f"latent_{name}"] for name in names if keep},
        terms={name: sums.mean(name).cpu().numpy() for name in TERMS},
        dispersion=count_dispersion(network.observation),
    )


def _at_once(network: LFADSNetwork, n_time: int, n_neurons: int) -> int:
    """Number of trials of this size that a pass takes."""
    parts = (network.generator, network.controller)
    units = sum(part.gru.recurrent.in_features for part in parts if part is not None)
    numbers = n_time * (STATES * units + RATES * n_neurons)
    return max(1, min(TRIALS_AT_ONCE, NUMBERS_AT_ONCE // numbers))


def _draws(
    network: LFADSNetwork, batch: Batch, encoded: Encoded, samples: int, seed: Sequence[int]
) -> Iterator[tuple[slice, Batch, Inferred]]:
    """Posterior samples in antithetic pairs.

    Yields:
        which samples these are; the batch with its trials repeated once per sample, and what was
        inferred for it, sample by sample.
    """
    for part, rows, generators, signs in antithetic(len(batch), samples, seed, encoded.mean):
        one = len(generators) == 1
        repeated, known = (batch, encoded) if one else (batch.take(rows), encoded.take(rows))
        yield part, repeated, network.draw(repeated, known, *generators, signs=signs)


def _add(
    network: LFADSNetwork,
    batch: Batch,
    drawn: Inferred,
    sums: SampleSums,
    place: tuple[slice, slice],
) -> None:
    """Add samples of some trials to what is averaged, and keep them where that was asked for."""
    samples, rows = place
    mean, log_prob = network.observation.mean_and_log_prob(drawn.factors, batch.targets)
    values = {f"latent_{name}": value for name, value in drawn.latents.items()}
    for name, value in {"rates": mean / network.bin_s, **values}.items():
        sums.add(name, rows, value)
        sums.store(name, samples, rows, value)
    sums.add("log_likelihood", rows, log_prob.sum((1, 2)))
    sums.add("kl_initial", rows, drawn.kl_initial.sum(1))
    sums.add("kl_inputs", rows, drawn.kl_inputs.sum(1))


def validator(hidden: HiddenSpikes, batch: Batch) -> Validate:
    """Return a function network → bits per spike of hidden spikes, higher is better."""

    def validate(network: nn.Module) -> float:
        assert isinstance(network, LFADSNetwork)
        return hidden.score(mean_counts(network, batch, hidden.inputs, VALIDATION_SAMPLES))

    return validate


@torch.no_grad()
def mean_counts(network: LFADSNetwork, batch: Batch, inputs: Tensor, samples: int) -> np.ndarray:
    """Average expected spikes per bin over posterior samples, (trials, time, neurons).

    The seed is fixed, so that epochs are compared under the same noise.
    """
    network.eval()
    found = []
    everyone = torch.arange(len(batch), device=inputs.device)
    for index in everyone.split(_at_once(network, *batch.targets.shape[1:])):
        part = batch.take(index)
        total, encoded = torch.zeros_like(part.targets), network.encode(part, inputs[index])
        for _, _, drawn in _draws(network, part, encoded, samples, (0,)):
            total += network.observation.mean(drawn.factors).unflatten(0, (-1, len(part))).sum(0)
        found.append(total.div_(samples))
    counts: np.ndarray = torch.cat(found).cpu().numpy()
    return counts


@torch.no_grad()
def prior_latents(network: LFADSNetwork, batch: Batch, seed: int) -> dict[str, Tensor]:
    """Draw latents of the prior under the batch's stimulus: name → (trials, time, dim)."""
    network.eval()
    generator = path_generator(batch.targets.device, seed, 0)
    return network.read_out(*network.prior_states(batch, generator))[1]


@torch.no_grad()
def prior_trials(network: LFADSNetwork, batch: Batch, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rates (spikes/s) of the prior, and counts drawn from them, each (trials, time, neurons)."""
    factors = prior_latents(network, batch, seed)["factors"]
    counts = network.observation.sample(factors, path_generator(factors.device, seed, 1))
    rates = network.observation.mean(factors) / network.bin_s
    return rates.cpu().numpy(), counts.cpu().numpy()
