"""How often 90 % intervals of a latent SDE hold the true rate, on a noisy rate network (ElGazzar &
van Gerven, eq. 13).

    python benchmarks/coverage.py [--sigmas 1 2] [--members 3] [--samples 300] [--seed 0]

300 trials of 1 s in 10 ms bins, 50 neurons, 10 of them held out: 192 to learn from, 48 to choose
    the epoch on, 60 to test.
A neural SDE of three dimensions, one fit for each seed; intervals are the 5 and 95 % quantiles of
the sampled rates of every neuron and bin, given all spikes of the trial ('smooth') or those of the
first 0.1 s and the input ('generate'). Shown are the share of true rates inside, by trial with its
standard error, and the mean width in spikes/s: for single fits, for the ensemble, which draws its
samples from all members in turn, and for both widened by the factor that `spread_factor` reads off
the held-out neurons' spikes in the validation trials. Of exact posteriors, the quantiles of 300
samples hold 89.3 %.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from rate_network import T0_S, make_model, simulate
from undertow import TrialSet
from undertow.data import Prediction, fold_trials, split_validation
from undertow.evaluation import spread_factor, widened
from undertow.models import LatentSDE

DIM, EPOCHS = 3, 150
MODES = ("smooth", "generate")


def fitted(train: TrialSet, validation: TrialSet, epochs: int, seed: int) -> LatentSDE:
    """With a step a bin: over longer ones states are read off straight lines, which vary less."""
    model = make_model("SDE", DIM, epochs)
    return model.set_params(seed=seed, solver__bins_per_step=1.0, training__monitor="auto").fit(
        train, validation
    )


def pooled(members: list[LatentSDE], trials: TrialSet, samples: int, mode: str) -> Prediction:
    """Rate samples of the members in turn."""
    shares = [len(range(k, samples, len(members))) for k in range(len(members))]
    each = [model.predict(trials, n, mode=mode) for model, n in zip(members, shares, strict=True)]
    return replace(each[0], rate_samples=np.concatenate([one.rate_samples for one in each]))


def coverage(prediction: Prediction, first: int) -> np.ndarray:
    """Share of true rates inside the interval from bin `first` on, its standard error over trials,
    and the mean width."""
    low, high = (bound[:, first:] for bound in prediction.interval(0.9))
    truth = prediction.trials.truth[:, first:]
    inside = ((low <= truth) & (truth <= high)).mean((1, 2))
    return np.array([inside.mean(), inside.std(ddof=1) / len(inside) ** 0.5, (high - low).mean()])


def rows(
    members: list[LatentSDE], validation: TrialSet, test: TrialSet, samples: int
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Of each mode: single fits averaged, the ensemble, and both widened."""
    for mode in MODES:
        first = round(T0_S / test.bin_s) if mode == "generate" else 0
        groups = {f"single fits, mean of {len(members)}": [[each] for each in members]}
        groups |= {f"ensemble of {len(members)}": [members]} if len(members) > 1 else {}
        for name, teams in groups.items():
            plain = [pooled(team, test, samples, mode) for team in teams]
            factors = [spread_factor(pooled(team, validation, samples, mode)) for team in teams]
            wide = [widened(p, max(f.value, 1.0)) for p, f in zip(plain, factors, strict=True)]
            said = ", ".join(f"{f.value:.2f} [{f.low:.2f}, {f.high:.2f}]" for f in factors)
            yield mode, name, np.mean([coverage(each, first) for each in plain], axis=0)
            yield (
                mode,
                f"– widened by {said}",
                np.mean([coverage(each, first) for each in wide], axis=0),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sigmas", nargs="+", type=float, default=[1.0, 2.0])
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| σ | given | model | inside 90 % intervals | mean width, spikes/s "
        "|\n|---|---|---|---|---|",
        flush=True,
    )
    for sigma in options.sigmas:
        trials = simulate(sigma, options.trials)
        learned, tested = fold_trials(trials, 5, options.seed)[0]
        train, validation = split_validation(trials[learned], 0.2, options.seed)
        members = [
            fitted(train, validation, options.epochs, options.seed + k)
            for k in range(options.members)
        ]
        for mode, name, (share, error, width) in rows(
            members, validation, trials[tested], options.samples
        ):
            print(
                f"| {sigma:g} | {mode} | {name} | {share:.3f} ± {error:.3f} | {width:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
