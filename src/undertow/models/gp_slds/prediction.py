"""Predictions of a fitted `GPSLDSNetwork`, from all bins or from the first alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from undertow.data import Prediction, TrialSet
from undertow.data.batches import Batch
from undertow.inference import Elimination, PathPosteriors
from undertow.models.em import Given
from undertow.models.gp_slds.network import GPSLDSNetwork
from undertow.models.gp_slds.options import VariationalEM
from undertow.models.sample_sums import SampleSums
from undertow.randomness import path_generator


@dataclass(frozen=True)
class Asked:
    """What is asked of a prediction.

    Attributes:
        samples: paths to draw; of a smoothing without `keep` none are.
        keep: whether the paths are returned.
        seed: of the paths.
        seen_bins: bins at a trial's start that are shown; None for all of them.
    """

    samples: int
    keep: bool
    seed: int
    seen_bins: int | None = None


@torch.no_grad()
def predict(
    network: GPSLDSNetwork, batch: Batch, trials: TrialSet, options: VariationalEM, asked: Asked
) -> Prediction:
    """Predict rates, latents and behaviour; NaN past a trial's end.

    From all bins, means are exact expectations under the law of the path; from the first bins, they
    are means over sampled paths, which begin as samples of what these bins tell and go on as the
    prior does.
    """
    sums = SampleSums(trials, asked.samples, asked.keep)
    exact: dict[str, list[np.ndarray]] = {}
    for rows, given in _parts(batch, options.batch_size, network.input_duration_s):
        bins = given.inside.shape[1] if asked.seen_bins is None else asked.seen_bins
        posteriors = network.infer(given.first(bins), options.inference_steps, options.step_size)
        if asked.seen_bins is None:
            for name, value in _expectations(network, given, posteriors).items():
                exact.setdefault(name, []).append(value.float().cpu().numpy())
        if asked.seen_bins is not None or asked.keep:
            _add_paths(network, given, posteriors, asked, rows, sums)
    found = {k: np.concatenate(v) for k, v in exact.items()}
    if asked.seen_bins is not None:
        found = {name: sums.mean(name).cpu().numpy() for name in list(sums.totals)}
        spread = found.get("behavior_square", 0) - np.square(found.get("behavior", 0))
        found["behavior_spread_var"] = np.maximum(spread, 0)
    return _prediction(network, trials, sums, found)


def _parts(batch: Batch, size: int, duration_s: float | None) -> Iterator[tuple[slice, Given]]:
    for index in torch.arange(len(batch), device=batch.targets.device).split(size):
        rows = slice(int(index[0]), int(index[-1]) + 1)
        yield rows, Given.of(batch.take(index), duration_s=duration_s)


def _expectations(
    network: GPSLDSNetwork, given: Given, posteriors: PathPosteriors
) -> dict[str, Tensor]:
    """Means under the laws of the paths, and the terms of the bound."""
    moments = posteriors.moments
    path = (moments.mean, moments.cov)
    likelihood = network.readout.expected_log_prob(*path, given.counts, given.seen)
    return {
        "rates": network.rates(*path),
        "x": moments.mean,
        "behavior": network.behavior_mean(moments.mean),
        "behavior_spread_var": network.behavior_var(moments.cov),
        "log_likelihood": likelihood,
        "kl_path": likelihood - posteriors.elbo,
    }


def _add_paths(
    network: GPSLDSNetwork,
    given: Given,
    posteriors: PathPosteriors,
    asked: Asked,
    rows: slice,
    sums: SampleSums,
) -> None:
    """Draw paths one by one, and add and keep what they make."""
    reduced, seen = Elimination(posteriors.chain), posteriors.moments.mean.shape[1]
    n_bins, dim = given.inside.shape[1], network.dynamics.state_dim
    for sample in range(asked.samples):
        # one generator a path and trial: the same numbers however trials are put together
        noise = torch.stack(
            [
                _noise(given.counts, (n_bins, dim), asked.seed, sample, trial)
                for trial in range(rows.start, rows.stop)
            ]
        )
        path = _continued(network, given, reduced.sample(noise[:, :seen]), noise[:, seen:])
        values = {"rates": network.rates(path), "x": path}
        if len(network.behavior):
            values["behavior"] = network.behavior_mean(path)
            values["behavior_square"] = values["behavior"].square()
        for name, value in values.items():
            single = value.float()
            if asked.seen_bins is not None:
                sums.add(name, rows, single)
            if name != "behavior_square":
                sums.store(name, sample, rows, single)


def _noise(like: Tensor, shape: tuple[int, int], *seed: int) -> Tensor:
    generator = path_generator(like.device, *seed)
    return torch.randn(shape, dtype=like.dtype, device=like.device, generator=generator)


def _continued(network: GPSLDSNetwork, given: Given, path: Tensor, noise: Tensor) -> Tensor:
    """Let the prior go on from the last bin of a path, (trials, bins, state_dim)."""
    states, seen = [path], path.shape[1]
    x = path[:, -1]
    for later in range(noise.shape[1]):
        inputs = None if given.inputs is None else given.inputs[:, seen + later - 1]
        x = network.advanced(x, inputs, noise[:, later])
        states.append(x[:, None])
    return torch.cat(states, 1)


def _prediction(
    network: GPSLDSNetwork, trials: TrialSet, sums: SampleSums, found: dict[str, np.ndarray]
) -> Prediction:
    past = ~trials.valid[..., None]
    behaves: dict[str, Any] = {}
    if len(network.behavior):
        noise_var = np.square(network.behavior_std.detach().cpu().numpy())
        std = np.sqrt(found["behavior_spread_var"] + noise_var).astype(np.float32)
        behaves = {
            "behavior": np.where(past, np.nan, found["behavior"]),
            "behavior_std": np.where(past, np.nan, std),
            "behavior_samples": sums.kept.get("behavior"),
        }
    return Prediction(
        rates=np.where(past, np.nan, found["rates"]),
        trials=trials,
        latents={"x": np.where(past, np.nan, found["x"])},
        rate_samples=sums.kept.get("rates"),
        latent_samples={"x": sums.kept["x"]} if sums.keep else {},
        terms={k: found[k] for k in ("log_likelihood", "kl_path") if k in found},
        **behaves,
    )


@torch.no_grad()
def evidence(network: GPSLDSNetwork, batch: Batch, options: VariationalEM) -> np.ndarray:
    """Evidence bound of the held-in counts of each trial under the drift's law, nats, (trials,)."""
    found = [
        network.infer(given, options.inference_steps, options.step_size).elbo
        for _, given in _parts(batch, options.batch_size, network.input_duration_s)
    ]
    return torch.cat(found).cpu().numpy()


@torch.no_grad()
def solve_behavior(network: GPSLDSNetwork, states: np.ndarray, behavior: np.ndarray) -> None:
    """Set the readout of behaviour to the least-squares one from inferred states.

    Bins without a state or a channel's value are left out of that channel.
    """
    for channel in range(behavior.shape[2]):
        known = np.isfinite(states).all(-1) & np.isfinite(behavior[..., channel])
        x, y = states[known].astype(float), behavior[..., channel][known].astype(float)
        design = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        solved = np.linalg.lstsq(design, y, rcond=None)[0]
        std = float(np.std(y - design @ solved)) if len(y) else 1.0
        row = np.append(solved, max(std, 1e-6))
        network.behavior[channel].copy_(torch.as_tensor(row))
