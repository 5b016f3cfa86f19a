"""What options of a latent SDE's posterior do to intervals, on a noisy rate network (ElGazzar & van
Gerven, eq. 13).

    python benchmarks/posterior_options.py [--sigma 1] [--steps 600] [--trials 300] [--seed 0]
        [--arms base full sleep …]

50 neurons, 10 of them held out, 1 s in 10 ms bins; a fifth of the trials to test, a fifth of the
others to choose the epoch on; a neural SDE of three dimensions. For each arm: bits per spike of
held-out neurons, the share of true rates inside the 90 % interval given all spikes ('smooth') or
the first 0.1 s ('generate'), that share on trials simulated from the fitted model itself (what
inference alone loses: 0.9 where it is exact), predictive coverage of held-out spikes, seconds.
"""

import argparse
import time

import torch

from interval_coverage import coverage
from rate_network import T0_S, make_model, simulate
from undertow import TrialSet
from undertow.analysis import simulation_based_calibration
from undertow.data import fold_trials, split_validation
from undertow.evaluation import combine, predictive_statistics
from undertow.models import Ensemble, LatentSDE

DIM, SAMPLES, SIMULATED = 3, 200, 100
ARMS = {
    "base": {},
    "full": {"posterior__full_initial": True},
    "sleep": {"posterior__sleep": 1.0},
    "sleep, full": {"posterior__sleep": 1.0, "posterior__full_initial": True},
    "dynamics": {"posterior__uncertain_dynamics": True},
    "readouts": {"posterior__uncertain_readouts": True},
    "all": {
        "posterior__sleep": 1.0,
        "posterior__full_initial": True,
        "posterior__uncertain_dynamics": True,
        "posterior__uncertain_readouts": True,
    },
}
MEMBERS = {"ensemble of 3": None, "bootstrap of 3": "trials"}


def model_of(arm: str, steps: int, seed: int) -> LatentSDE | Ensemble:
    plain = make_model("SDE", DIM, 1).set_params(
        seed=seed,
        solver__bins_per_step=1.0,
        training__monitor="auto",
        training__epochs=None,
        training__steps=steps,
        **ARMS.get(arm, {}),
    )
    return Ensemble(plain, 3, seed, resample=MEMBERS[arm]) if arm in MEMBERS else plain


def row(arm: str, parts: tuple[TrialSet, TrialSet, TrialSet], steps: int, seed: int) -> str:
    """A line of the table."""
    started = time.monotonic()
    model = model_of(arm, steps, seed).fit(parts[0], parts[1], verbose=False)
    took = time.monotonic() - started
    test = parts[2]
    smooth = model.predict(test, samples=SAMPLES)
    if isinstance(model, LatentSDE):
        generated = model.predict(test, samples=SAMPLES, mode="generate")
        own = simulation_based_calibration(model, SIMULATED, SAMPLES, seed, trials=test).scores()
        alone = own["rates coverage"].brief()
    else:
        generated = model.predict_generated(test, SAMPLES).prediction
        alone = "–"
    held = [
        "{:.3f} ± {:.3f}".format(*coverage(each, first)[:2])
        for each, first in ((smooth, 0), (generated, round(T0_S / test.bin_s)))
    ]
    spikes = combine([[predictive_statistics(smooth)]])["predictive coverage"].brief()
    bits = model.score(test)["co-bps"].brief()
    return f"| {arm} | {bits} | {held[0]} | {held[1]} | {alone} | {spikes} | {took:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sigma", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--arms", nargs="+", default=[*ARMS, *MEMBERS])
    options = parser.parse_args()
    torch.set_num_threads(1)
    trials = simulate(options.sigma, options.trials)
    learned, tested = fold_trials(trials, 5, options.seed)[0]
    parts = *split_validation(trials[learned], 0.2, options.seed), trials[tested]
    print("| arm | co-bps | smooth | generate | of its own trials | held-out spikes | s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for arm in options.arms:
        print(row(arm, parts, options.steps, options.seed), flush=True)


if __name__ == "__main__":
    main()
