"""Predictions of a fitted `LatentNetwork`, and trials drawn from it."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from undertow.baselines.latents.learner import parts_of
from undertow.baselines.latents.network import Inferred, LatentNetwork
from undertow.data import Prediction, TrialSet
from undertow.models.em import Given, PathEM
from undertow.models.sample_sums import SampleSums
from undertow.randomness import path_generator


def inferences(
    network: LatentNetwork, given: Given, options: PathEM
) -> Iterator[tuple[slice, Inferred]]:
    """Infer the latents of trials, some at a time, with their place."""
    for rows in parts_of(len(given), options.batch_size):
        yield rows, network.infer(given.take(rows), options, options.inference_steps)


@torch.no_grad()
def predict(
    network: LatentNetwork,
    given: Given,
    trials: TrialSet,
    options: PathEM,
    samples: int | None,
    seed: int,
) -> Prediction:
    """Predict rates and latents; NaN past a trial's end.

    Means are expectations under the law of the latents; samples are drawn beside them.
    """
    sums, found = SampleSums(trials, samples or 0, samples is not None), dict[str, list[Tensor]]()
    for rows, inferred in inferences(network, given, options):
        values = {
            "rates": network.rates(inferred.mean, inferred.cov),
            "x": inferred.mean,
            "orthonormal": inferred.mean @ network.orthonormal.t(),
            "elbo": inferred.elbo,
        } | network.further_latents(inferred)
        for name, value in values.items():
            found.setdefault(name, []).append(value.float())
        for sample in range(samples or 0):
            path = _drawn(inferred, seed, sample, rows)
            sums.store("rates", sample, rows, network.rates(path).float())
            sums.store("x", sample, rows, path.float())
    arrays = {name: torch.cat(parts).cpu().numpy() for name, parts in found.items()}
    past = ~trials.valid[..., None]
    elbo, rates = arrays.pop("elbo"), arrays.pop("rates")
    return Prediction(
        rates=np.where(past, np.nan, rates),
        trials=trials,
        latents={name: np.where(past, np.nan, value) for name, value in arrays.items()},
        rate_samples=sums.kept.get("rates"),
        latent_samples={"x": sums.kept["x"]} if "x" in sums.kept else {},
        terms={"elbo": elbo},
    )


def _drawn(inferred: Inferred, seed: int, sample: int, rows: slice) -> Tensor:
    """A path of each trial; the same numbers however trials are put together."""
    law = inferred.law
    assert law is not None
    noise = [
        torch.randn(
            law.noise_size,
            dtype=law.mean.dtype,
            device=law.mean.device,
            generator=path_generator(law.mean.device, seed, sample, trial),
        )
        for trial in range(rows.start, rows.stop)
    ]
    return law.sample(torch.stack(noise))


@torch.no_grad()
def draw_trials(
    network: LatentNetwork, n: int, n_time: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw rates in spikes/s and counts without data, (n, n_time, neurons) each."""
    generator = path_generator(network.regression.device, seed)
    rates = network.rates(network.draw(n, n_time, generator))
    counts = torch.poisson(rates * network.bin_s, generator=generator)
    return rates.cpu().numpy(), counts.cpu().numpy()
