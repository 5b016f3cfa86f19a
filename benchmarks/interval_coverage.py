"""How often 90 % intervals of a latent SDE hold the true rate, on a noisy rate network (ElGazzar &
van Gerven, eq. 13), whatever the inference: the encoder's, refined, by particles; and of the truth.

    python benchmarks/interval_coverage.py [--sigmas 1 2] [--seeds 1] [--steps 450] [--relearn 120]
        [--particles 500] [--oracle-particles 2000] [--members 4 [--uncertain]]
        [--network 0] [--keep FOLDER]

300 trials of 1 s in 10 ms bins, 50 neurons, 10 of them held out: 192 to learn from, 48 to choose
the weights on, 60 to test. A neural SDE of three dimensions, one fit for each seed; intervals are
the 5 and 95 % quantiles of 300 sampled rates of every neuron and bin, given the other neurons'
spikes of the whole trial ('smooth') or of its first 0.1 s and the input ('generate'). Shown are the
share of true rates inside, by trial with its standard error, their mean width in spikes/s, the
root mean square error of the log-rates, bits per spike of the held-out neurons (of Gaussian
smoothing, too), nats of evidence a trial (a bound, or by particles), the least effective number of
particles and seconds. Of exact posteriors, the quantiles of 300 samples hold 89.3 %.

Nothing is widened, unless asked for: `--widened` adds a row for each, with the factor that
`spread_factor` reads off the held-out neurons' spikes in half of the validation trials, which then
choose no weights.

Each fit is shown twice: as trained, and `relearned` with posteriors of the training trials' own.
With `--members` a third row is of an `Ensemble` of so many relearned fits, each to training trials
drawn with replacement (`resample="trials"`), which spread as fits to other recordings would; with
`--uncertain` each sample of theirs draws its readouts anew, too (`uncertain_readouts`).

The oracle is the network itself, true drift, diffusion and readout, by particles of the same kind:
where twice as many change nothing, what is left between it and a fit is the fit's error.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rate_network import T0_S, make_model, simulate
from rate_network_oracle import log_rate_offsets, oracle
from undertow import Smoothing, TrialSet
from undertow.data import Prediction, fold_trials, resample_trials, split_validation
from undertow.evaluation import combine, spread_factor, sufficient_statistics, widened
from undertow.models import Ensemble, LatentSDE
from undertow.models.base import Estimator
from undertow.systems import RateNetwork
from undertow.training import Training

DIM, STEPS, SAMPLES, REFINE = 3, 450, 300, 100
MODES = ("smooth", "generate")
HEAD = (
    "| σ | given | model | inference | inside 90 % intervals | width, spikes/s "
    "| error of log-rates | co-bps | nats | least effective | s |"
)


@dataclass(frozen=True)
class Parts:
    """Trials to learn from, to choose weights on, to read a spread off, and to test."""

    train: TrialSet
    validation: TrialSet
    spread: TrialSet | None
    test: TrialSet


def parts_of(trials: TrialSet, seed: int, halved: bool, n_test: int | None) -> Parts:
    """One fold; with `halved` half of the validation trials are left to read a spread off."""
    learned, tested = fold_trials(trials, 5, seed)[0]
    train, validation = split_validation(trials[learned], 0.2, seed)
    spread = None
    if halved:
        validation, spread = split_validation(validation, 0.5, seed)
    return Parts(train, validation, spread, trials[tested][:n_test])


def kept(make: Callable[[], LatentSDE], folder: Path | None, name: str) -> LatentSDE:
    """A model made before, or made now and kept where there is a folder for it."""
    if folder is None:
        return make()
    file = folder / f"{name}.safetensors"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        make().save(file)
    return LatentSDE.load(file)


def fitted(parts: Parts, steps: int, seed: int, uncertain: bool = False) -> LatentSDE:
    """With a step a bin: over longer ones states are read off straight lines, which vary less."""
    training = Training(steps=steps, batch_size=64, learning_rate=1e-2, validate_every=None)
    model = make_model("SDE", DIM, 1).set_params(
        seed=seed,
        solver__bins_per_step=1.0,
        posterior__uncertain_readouts=uncertain,
        training=training,
    )
    return model.fit(parts.train, parts.validation)


def relearned(parts: Parts, options: argparse.Namespace, seed: int) -> LatentSDE:
    """A fit with posteriors of the training trials' own."""
    made = fitted(parts, options.steps, seed, options.uncertain)
    return made.relearned(parts.train, options.relearn)


def resampled(parts: Parts, options: argparse.Namespace, sigma: float) -> Ensemble:
    """Relearned fits to as many training trials, drawn with replacement."""
    members: list[Estimator] = []
    for seed in range(options.seed, options.seed + options.members):
        drawn = replace(parts, train=resample_trials(parts.train, seed))
        steps = f"{options.steps}+{options.relearn}"
        name = f"s{sigma:g}_{steps}_{seed}_resampled" + "_uncertain" * options.uncertain
        make = partial(relearned, drawn, options, seed)
        members.append(kept(make, options.keep, name))
    return Ensemble.of(members)


def inferences(particles: int) -> dict[str, dict[str, Any]]:
    """Name → what `predict` is asked for."""
    return {
        "encoder": {},
        f"refined, {REFINE} steps": {"refine": REFINE},
        f"{particles} particles": {"particles": particles},
        f"{2 * particles} particles": {"particles": 2 * particles},
    }


def coverage(prediction: Prediction, first: int) -> np.ndarray:
    """Share of true rates inside the interval from bin `first` on, its standard error over trials,
    the mean width, and the error of log-rates."""
    low, high = (bound[:, first:] for bound in prediction.interval(0.9))
    truth = prediction.trials.truth[:, first:]
    held = ((low <= truth) & (truth <= high)).mean((1, 2))
    apart = np.log(prediction.rates[:, first:] / truth)
    error = held.std(ddof=1) / len(held) ** 0.5
    found = held.mean(), error, (high - low).mean(), np.sqrt(np.square(apart).mean())
    return np.array(found)


def held_out_bits(prediction: Prediction, mode: str) -> str:
    """Bits per spike of the held-out neurons, given all bins of the others."""
    if mode == "generate":
        return "–"
    return f"{combine([[sufficient_statistics(prediction)]])['co-bps'].value:.3f}"


def row(sigma: float, mode: str, names: tuple[str, str], predict: Callable[[], Prediction]) -> str:
    """A line of the table."""
    start = time.perf_counter()
    prediction = predict()
    seconds = time.perf_counter() - start
    first = round(T0_S / prediction.trials.bin_s) if mode == "generate" else 0
    effective = prediction.effective_samples
    least = "–" if effective is None else f"{np.nanmin(effective):.0f}"
    # shown whatever it rests on: the column beside it says on how much
    share, error, width, apart = coverage(replace(prediction, effective_samples=None), first)
    found = [f"{prediction.terms[k].mean():.1f}" for k in NATS if k in prediction.terms]
    nats = found[0] if found else "–"
    return (
        f"| {sigma:g} | {mode} | {' | '.join(names)} | {share:.3f} ± {error:.3f} | {width:.1f} | "
        f"{apart:.3f} | {held_out_bits(prediction, mode)} | {nats} | {least} | {seconds:.0f} |"
    )


NATS = ("log_evidence", "refined_bound")


def rows(
    sigma: float, parts: Parts, models: dict[str, LatentSDE | Ensemble], options: argparse.Namespace
) -> Iterator[str]:
    """Of each mode: every fit under every inference, and the truth."""
    network = RateNetwork.random(noise=sigma, seed=options.network)
    everything = simulate(sigma, options.trials, options.network)
    offsets = log_rate_offsets(network, everything, options.network)
    smoothed = Smoothing().fit(parts.train, parts.validation).predict(parts.test)
    blank, bits = " – |" * 3, held_out_bits(smoothed, "smooth")
    yield f"| {sigma:g} | smooth | Gaussian smoothing | – |{blank} {bits} |{blank}"
    for mode in options.modes:
        for fit, model in models.items():
            for name, effort in inferences(options.particles).items():
                ask = partial(model.predict, samples=SAMPLES, **{"mode": mode, **effort})
                yield row(sigma, mode, (fit, name), partial(ask, parts.test))
                if parts.spread is not None:
                    factor = spread_factor(ask(parts.spread)).value
                    wide = widened(ask(parts.test), max(factor, 1.0))
                    said = f"{name}, widened by {factor:.2f}"
                    yield row(sigma, mode, (fit, said), partial(replace, wide))
        seen = round(T0_S / parts.test.bin_s) if mode == "generate" else None
        for particles in (options.oracle_particles, 2 * options.oracle_particles):
            ask = partial(oracle, network, offsets, parts.test, seen, particles, SAMPLES, 1)
            yield row(sigma, mode, ("the truth", f"{particles} particles"), ask)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sigmas", nargs="+", type=float, default=[1.0, 2.0])
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--seeds", type=int, default=1, help="fits of each set")
    parser.add_argument("--members", type=int, default=0, help="fits to resampled trials")
    parser.add_argument("--uncertain", action="store_true", help="members' readouts, too")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimiser steps of a fit")
    parser.add_argument("--relearn", type=int, default=120, help="steps of learning again")
    parser.add_argument("--particles", type=int, default=500)
    parser.add_argument("--oracle-particles", type=int, default=2000, help="of the truth")
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--test", type=int, help="test trials, at most; all by default")
    parser.add_argument("--widened", action="store_true", help="a widened row for each")
    parser.add_argument("--network", type=int, default=0, help="another one, by its seed")
    parser.add_argument("--keep", type=Path, help="folder in which fits are kept")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.keep is not None:  # fits of other trials must not be taken for these
        options.keep /= f"network{options.network}_trials{options.trials}_split{options.seed}"
        options.keep /= "halved" if options.widened else "whole"
    torch.set_num_threads(1)
    print(HEAD, "|---" * 11 + "|", sep="\n", flush=True)
    for sigma in options.sigmas:
        trials = simulate(sigma, options.trials, options.network)
        parts = parts_of(trials, options.seed, options.widened, options.test)
        models: dict[str, LatentSDE | Ensemble] = {}
        for seed in range(options.seed, options.seed + options.seeds):
            name = f"s{sigma:g}_{options.steps}_{seed}"
            make = partial(fitted, parts, options.steps, seed)
            first = kept(make, options.keep, name)
            models[f"fit {seed}"] = first
            again = partial(first.relearned, parts.train, options.relearn)
            name += f"_relearned{options.relearn}"
            models[f"fit {seed}, relearned"] = kept(again, options.keep, name)
        if options.members:
            models[f"{options.members} resampled, relearned"] = resampled(parts, options, sigma)
        for line in rows(sigma, parts, models, options):
            print(line, flush=True)


if __name__ == "__main__":
    main()
