"""Frequencies of regions and the coupling between them (ElGazzar & van Gerven, Fig. 3): what was
planted, and what three seeds agree on.

    python benchmarks/two_regions.py [--data DATA_FOLDER] [--seeds 3] [--picture FILE]

Simulated: two regions of 25 Poisson neurons of 20 spikes/s each, 300 trials of 1 s in 10 ms bins;
two Stuart–Landau oscillators a region, 2 and 3.3 Hz in A, 4.2 and 5.1 Hz in B, seen by their
region's neurons alone. A drives B, or B drives A, or neither does either: K is 4 per second into
every driven oscillator from every driving one, zero else. Fitted with two oscillators a region.

With DATA_FOLDER also visual_decision (mouse, session 11, four regions), contrasts and time as
input, four oscillators and two still units a region.

Each set is fitted from two starting bands per seed, the second one twice as fast and in shuffled
order. Printed: learned frequencies, how far they moved, the root mean square of the coupling from
region to region in each fit (1/s, averaged over time, and its change over the trial), and which
order of regions all fits bear out.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from latent_sde_recordings import visual_decision
from undertow import LatentSDE, TrialSet, plots
from undertow.analysis import coupling_over_time, natural_frequencies
from undertow.dynamics import CoupledOscillators
from undertow.systems import Oscillators
from undertow.training import Training

PLANTED = {"A": (2.0, 3.3), "B": (4.2, 5.1)}
DRIVES = {"A drives B": ("A", "B"), "B drives A": ("B", "A"), "no coupling": None}
STRENGTH, NEURONS, TRIALS, NOISE, RATE_HZ = 4.0, 25, 300, 0.5, 20.0
FASTER = 2.0  # of the second starting band


def simulate(drive: tuple[str, str] | None, seed: int) -> TrialSet:
    """Two regions, the one driving the other."""
    regions = np.repeat(list(PLANTED), [len(hz) for hz in PLANTED.values()])
    k = np.zeros((len(regions), len(regions)))
    if drive is not None:
        k[np.ix_(regions == drive[1], regions == drive[0])] = STRENGTH
    hz = [each for one in PLANTED.values() for each in one]
    network = Oscillators.random(hz, k, noise=NOISE, n_neurons=NEURONS * len(PLANTED), seed=seed)
    neuron = np.repeat(list(PLANTED), NEURONS)
    own = np.tile(neuron[:, None] == regions, 2)  # real parts, then imaginary ones
    # as far from the origin as if it read all of them
    readout = network.readout * own * np.sqrt(own.shape[1] / own.sum(1, keepdims=True))
    trials = replace(network, readout=readout).simulate(TRIALS, RATE_HZ, seed=seed)
    return trials.replace(region=neuron)


def fits(trials: TrialSet, template: LatentSDE, seeds: int) -> Iterator[LatentSDE]:
    """From two starts for each seed."""
    low, high = template.get_params()["dynamics__start_cycles"]
    for seed in range(seeds):
        for order, factor in ((None, 1.0), (seed, FASTER)):
            model = template.copy(seed=seed)
            model.set_params(
                dynamics__start_cycles=(low * factor, high * factor), dynamics__start_order=order
            )
            yield model.fit(trials, verbose=False)


def tell(name: str, models: Sequence[LatentSDE], trials: TrialSet) -> None:
    """Print what the fits found."""
    found, between = natural_frequencies(models), coupling_over_time(models, trials)
    print(f"\n{name}", flush=True)
    for region in found.regions:
        for began, learned in zip(found.start_of(region), found.of(region), strict=True):
            shown = [" ".join(f"{hz:.2f}" for hz in each) for each in (began, learned)]
            print(f"  {region}: started {shown[0]}, learned {shown[1]} Hz")
    for (source, target), strength in between.between_regions().items():
        if source != target:
            means = " ".join(f"{each:.2f}" for each in strength.mean(1))
            changes = " ".join(f"{each:.2f}" for each in np.ptp(strength, axis=1))
            print(f"  {source} → {target}: {means} per s; over the trial by {changes}")
    moved = found.moved_hz
    print(f"  moved by {np.median(moved):.2f} Hz (median), {moved.max():.2f} at most")
    print(f"  {found.about_regions()}", flush=True)


def draw(file: Path, models: Sequence[LatentSDE], trials: TrialSet) -> None:
    """Frequencies, and coupling over time, in two files."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for name in ("frequencies", "coupling"):
        figure = plt.figure(figsize=(8, 6), layout="constrained")
        if name == "coupling":
            plots.coupling(models, trials, figure=figure)
        else:
            plots.oscillators(models, figure=figure)
        figure.savefig(file.with_stem(f"{file.stem}_{name}"), dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=DRIVES, default=list(DRIVES))
    parser.add_argument("--picture", type=Path, help="where pictures of visual_decision go")
    options = parser.parse_args()
    torch.set_num_threads(1)
    band = CoupledOscillators(4 * len(PLANTED), start_cycles=(1.5, 4.0))
    training = Training(steps=800, learning_rate=1e-2, dynamics_rate=2.0, validate_every=None)
    template = LatentSDE(band, regions="split", dropout=0.0, training=training)
    template.set_params(solver__bins_per_step=2.0)
    for name in options.only:
        trials = simulate(DRIVES[name], seed=0)
        tell(name, list(fits(trials, template, options.seeds)), trials)
    if options.data is None:
        return
    trials = visual_decision(options.data).replace(labels={})
    band = CoupledOscillators(48, start_cycles=(0.05, 1.0), still=1 / 3)
    training = Training(steps=600, learning_rate=5e-3, dynamics_rate=5.0, validate_every=None)
    template = LatentSDE(band, regions="split", dropout=0.3, training=training)
    template.set_params(solver__bins_per_step=2.0, signals__time=True, posterior__initial_s=0.05)
    models = list(fits(trials, template, options.seeds))
    tell("visual_decision", models, trials)
    if options.picture is not None:
        draw(options.picture, models, trials)


if __name__ == "__main__":
    main()
