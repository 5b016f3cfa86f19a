"""Predictions of a fitted `LatentSDENetwork`, and bounds on its evidence."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch
from undertow.data.prediction import likeliest_categories
from undertow.errors import ModelError
from undertow.inference import evidence_bound, importance_weighted_bound
from undertow.memory import blocks, give_back
from undertow.models.latent_sde.free_loss import draw_at_once
from undertow.models.latent_sde.inferring import Effort, infer
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.paths import Drawn, Encoded
from undertow.models.sample_sums import DECODED_BYTES, SampleSums, decoded_bytes
from undertow.observations import (
    CategoricalChannels,
    GaussianObservation,
    Observation,
    count_dispersion,
)
from undertow.randomness import path_generator

PATHS_AT_ONCE, TRIALS_AT_ONCE = 2048, 256
READOUTS = 1
"""Names the stream of a sample's readouts, beside that of its path."""


@torch.no_grad()
def predict(
    network: LatentSDENetwork,
    batch: Batch,
    trials: TrialSet,
    samples: int,
    keep: bool,
    seed: int,
    generate: bool,
    behavior_shown: bool = False,
    held: Tensor | None = None,
    effort: Effort = Effort(),  # noqa: B008 (frozen)
    at_once: bool = False,
) -> Prediction:
    """Average over `samples` paths of each trial, and keep them when asked.

    Values past a trial's end are NaN.

    The first sample of a trial begins with the same noise whatever the number of samples. With
    an `effort` paths are those it infers.

    Raises:
        ModelError: where behaviour is to be shown to an encoder that sees none, or is not there,
            and where the samples asked for could not fit into memory.
    """
    if behavior_shown and (batch.behavior is None or not network.encodes_behavior):
        raise ModelError(
            "show_behavior=True needs a model fitted with signals.encode_behavior=True, and "
            "trials that hold behaviour."
        )
    network.eval()
    sums = SampleSums(trials, samples, keep)
    encoded = _encoded(network, batch, behavior_shown, generate)
    inferred = None
    if effort:
        inferred = infer(network, batch, encoded, effort, samples, seed, generate, behavior_shown)
    paths = (
        _paths(network, batch, encoded, samples, seed, generate, held, at_once)
        if inferred is None
        else inferred.paths
    )
    for sample, drawn in enumerate(paths):
        _add_rates(network, batch, drawn, sums, sample, seed)
        for name, value in _values(network, batch, drawn).items():
            sums.add(name, slice(0, len(batch)), value)
            if name == "behavior" or name.startswith("latent_"):
                sums.store(name, sample, slice(0, len(batch)), value)
    give_back()
    prediction = _prediction(network, batch, sums)
    return prediction if inferred is None else inferred.beside(prediction)


def _encoded(
    network: LatentSDENetwork, batch: Batch, behavior_shown: bool = False, generate: bool = False
) -> Encoded:
    """Encode the trials, some at a time."""
    device, parts = batch.targets.device, []
    for index in torch.arange(len(batch), device=device).split(TRIALS_AT_ONCE):
        some = batch if len(index) == len(batch) else batch.take(index)
        shown = torch.ones(len(some), dtype=torch.bool, device=device) if behavior_shown else None
        parts.append(network.encode(some, shown, generating=generate))
    return Encoded.joined(parts)


def _add_rates(
    network: LatentSDENetwork, batch: Batch, drawn: Drawn, sums: SampleSums, sample: int, seed: int
) -> None:
    """Decode the counts of one path of each trial, some trials at a time."""
    features = network.features(batch, drawn)
    for part in blocks(len(batch), decoded_bytes(batch.targets.shape), DECODED_BYTES):
        mean, log_prob = network.observation.mean_and_log_prob(features[part], batch.targets[part])
        sums.add("rates", part, mean / network.bin_s)
        sums.add("log_likelihood", part, log_prob.sum((1, 2)))
        if sums.keep:
            if network.readout_law is not None:
                # made anew for each part: a sample's readouts are the same in every trial
                generator = path_generator(batch.targets.device, seed, sample, READOUTS)
                mean = network.readout_law.mean(network.observation, features[part], generator)
            sums.store("rates", sample, part, mean / network.bin_s)


def _paths(
    network: LatentSDENetwork,
    batch: Batch,
    encoded: Encoded,
    samples: int,
    seed: int,
    generate: bool,
    held: Tensor | None,
    at_once: bool = False,
) -> Iterator[Drawn]:
    """Draw one path of every trial, `samples` times; `at_once`, states from their marginals."""
    # paths need times and lengths alone: no counts are copied with the trials taken
    batch = replace(batch, targets=batch.targets[..., :0])
    for path in range(samples):
        # one generator per path: in a longer window every path begins with the same noise
        generator = path_generator(batch.targets.device, seed, path)
        parts = [
            draw_at_once(network, batch.take(index), encoded.take(index), generator)
            if at_once and not generate and held is None
            else network.draw(batch.take(index), encoded.take(index), generator, generate, held)
            for index in torch.arange(len(batch), device=batch.targets.device).split(PATHS_AT_ONCE)
        ]
        yield parts[0] if len(parts) == 1 else Drawn.joined(parts)


def _values(network: LatentSDENetwork, batch: Batch, drawn: Drawn) -> dict[str, Tensor]:
    """Compute everything else that a prediction averages, for one path of each trial."""
    read = drawn.units.flatten(-2)
    values = {"kl_initial": drawn.kl_initial.sum(1), "kl_path": drawn.kl_path.sum(1)}
    values |= {f"latent_{k}": v for k, v in network.dynamics.readout(drawn.states).items()}
    if network.behavior is not None:
        values["behavior"] = network.behavior.predicted(read)
    if isinstance(network.behavior, GaussianObservation):
        values["behavior_square"] = values["behavior"].square()
        values["behavior_var"] = network.behavior.logvar(read).exp()
    if isinstance(network.behavior, CategoricalChannels):
        probabilities = network.behavior.of_channels(network.behavior.mean(read))
        values |= {f"category_{name}": each for name, each in probabilities.items()}
    for name, observation in network.labels.items():
        assert isinstance(observation, Observation)
        values[f"label_{name}"] = observation.mean(observation.pool(read, batch.valid))
    return values


def _prediction(network: LatentSDENetwork, batch: Batch, sums: SampleSums) -> Prediction:
    mean = {name: sums.mean(name) for name in sums.totals}
    names = [k.removeprefix("latent_") for k in mean if k.startswith("latent_")]
    return Prediction(
        rates=sums.ended(mean["rates"]),
        trials=sums.trials,
        latents={k: sums.ended(mean[f"latent_{k}"]) for k in names},
        rate_samples=sums.kept.get("rates"),
        latent_samples={k: sums.kept[f"latent_{k}"] for k in names if sums.keep},
        terms={k: mean[k].cpu().numpy() for k in ("log_likelihood", "kl_initial", "kl_path")},
        label_probabilities={k: mean[f"label_{k}"].cpu().numpy() for k in network.labels},
        behavior_samples=sums.kept.get("behavior"),
        dispersion=count_dispersion(network.observation),
        **_behavior(network, batch, mean),
    )


def _behavior(network: LatentSDENetwork, batch: Batch, mean: dict[str, Tensor]) -> dict[str, Any]:
    """Summarise the behaviour predicted over paths.

    Mean and standard deviation of continuous behaviour; of categorical behaviour the probabilities
    and the category they make likeliest.
    """
    if isinstance(network.behavior, GaussianObservation):
        # law of total variance: spread of the paths' means plus the mean variance of an observation
        spread_var = (mean["behavior_square"] - mean["behavior"].square()).clamp(min=0)
        std = (spread_var + mean["behavior_var"]).sqrt()
        return {"behavior": batch.ended(mean["behavior"]), "behavior_std": batch.ended(std)}
    if isinstance(network.behavior, CategoricalChannels):
        by_channel = network.behavior.of_channels(network.behavior.categories)
        categories = {name: numbers.cpu().numpy() for name, numbers in by_channel.items()}
        probabilities = {name: batch.ended(mean[f"category_{name}"]) for name in categories}
        return {
            "behavior": likeliest_categories(probabilities, categories),
            "behavior_probabilities": probabilities,
            "behavior_categories": categories,
        }
    return {}


@torch.no_grad()
def evidence_bounds(
    network: LatentSDENetwork, batch: Batch, paths: int, seed: int, at_once: bool = False
) -> dict[str, np.ndarray]:
    """Bound each trial's log evidence in nats, from `paths` paths.

    `at_once`, where marginals are at hand, 'elbo' is that of the equation in continuous time, and
    there is no other.

    Returns:
        'elbo' and 'importance_weighted', (trials,) each.
    """
    network.eval()
    encoded, weights, bounds = network.encode(batch), list[Tensor](), list[Tensor]()
    for drawn in _paths(network, batch, encoded, paths, seed, False, None, at_once):
        likelihood = sum(network.log_likelihoods(batch, drawn).values(), torch.zeros(()))
        weights.append(likelihood + drawn.log_ratio)
        bounds.append(evidence_bound(likelihood, drawn.kl_initial.sum(1), drawn.kl_path.sum(1)))
    return {
        "elbo": torch.stack(bounds).mean(0).cpu().numpy(),
        "importance_weighted": importance_weighted_bound(torch.stack(weights)).cpu().numpy(),
    }


@torch.no_grad()
def mean_states(network: LatentSDENetwork, batch: Batch, paths: int, seed: int) -> np.ndarray:
    """Average the state over `paths` paths of the posterior, (trials, time, state_dim)."""
    encoded, total = network.encode(batch), torch.zeros(())
    for drawn in _paths(network, batch, encoded, paths, seed, generate=False, held=None):
        total = total + drawn.states
    return (total / paths).cpu().numpy()


@torch.no_grad()
def encoded_inputs(network: LatentSDENetwork, batch: Batch) -> np.ndarray:
    """Encode u at the observations, (trials, time, input_dim).

    input_dim is 0 where nothing drives the dynamics.
    """
    inputs = network.encode_stimulus(batch)
    return np.zeros((*batch.valid.shape, 0)) if inputs is None else inputs.cpu().numpy()
