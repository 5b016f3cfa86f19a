"""Do LangevinFlow's latents carry what the encoder's state h does not, or does the decoder only
lean on them?

    python benchmarks/shuffled_latents.py DATA_FOLDER [--only maze_reach visual_decision]
        [--steps 1000] [--seeds 3] [--split-seed 1]

Exchanging latents between trials shows how much a decoder relies on them (latent reliance); but
latents of one trial beside h of another are a pair it has never seen, and may mislead it. The fair
control is a decoder that has learned from such pairs: encoder, dynamics and posterior of the fit
are kept, decoder and observation go on for so many steps with the latents of another trial, drawn
anew in each step, and never lack h. Beside it stands the same decoder gone on with for as many
steps on the trial's own latents, also with h throughout.

Folds of 5, the default at each recording's budget. Bits per spike of held-out neurons; intervals
are 95 % bootstraps over test trials and seeds, differences paired.
"""

import argparse
import copy
from collections.abc import Sequence
from pathlib import Path

import torch

from intervals import Folds, differences, scores, shown
from recordings import RECORDINGS
from undertow import LangevinFlow, TrialSet
from undertow.data import Prediction, fold_trials
from undertow.encoders import dropout_from
from undertow.evaluation import Statistic, sufficient_statistics
from undertow.randomness import path_generator
from undertow.training import Training

BATCH, LEARNING_RATE = 64, 1e-3
NAMES = ("own latents", "exchanged", "own, learned on", "exchanged, learned on")


def learned_on(model: LangevinFlow, trials: TrialSet, steps: int, exchanged: bool) -> LangevinFlow:
    """A copy whose decoder goes on learning, with the latents of other trials or its own."""
    model = copy.deepcopy(model)
    network, batch = model.network_.train(), model.read(trials)
    network.withhold_h = 0.0
    kept = {*network.decoder.parameters(), *network.observation.parameters()}
    for parameter in network.parameters():
        parameter.requires_grad_(parameter in kept)
    generator = path_generator(batch.targets.device, model.seed, 1)
    optimiser = torch.optim.AdamW(kept, lr=LEARNING_RATE, weight_decay=1e-2)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        index = torch.randperm(len(batch), generator=generator)[:BATCH]
        some = batch.take(index)
        other = torch.randperm(len(index), generator=generator) if exchanged else None
        with dropout_from(network, generator):
            drawn = network.draw(some, network.encode(some, some.inputs), generator, other)
        loss = -network.observation.log_prob(drawn.features, some.targets).sum() / len(index)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
    network.eval()
    return model


def co_smoothing(prediction: Prediction | None) -> dict[str, Statistic]:
    """Bits per spike of held-out neurons, by trial."""
    assert prediction is not None
    return {"co-bps": sufficient_statistics(prediction)["co-bps"]}


def one_fit(model: LangevinFlow, train: TrialSet, test: TrialSet, steps: int) -> Sequence[dict]:
    """The score under each of `NAMES`."""
    model.fit(train, verbose=False)
    own = learned_on(model, train, steps, exchanged=False)
    other = learned_on(model, train, steps, exchanged=True)
    found = [
        model.predict(test),
        model.predict_exchanged(test),
        own.predict(test),
        other.predict_exchanged(test),
    ]
    return [co_smoothing(each) for each in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", default=["maze_reach", "visual_decision"])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, nargs="+", default=[0])
    parser.add_argument("--split-seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.only:
        protocol = RECORDINGS[name]
        trials = protocol.load(options.data)
        found: dict[str, Folds] = {each: [[] for _ in options.folds] for each in NAMES}
        for place, fold in enumerate(options.folds):
            train, test = (
                trials[rows] for rows in fold_trials(trials, 5, options.split_seed)[fold]
            )
            for seed in range(options.seeds):
                training = Training(epochs=protocol.epochs, validate_every=10)
                model = LangevinFlow(seed=seed, training=training)
                for each, score in zip(
                    NAMES, one_fit(model, train, test, options.steps), strict=True
                ):
                    found[each][place].append(score)
        print(f"\n{name}: {trials!r}")
        for each, folds in found.items():
            apart = differences(folds, found[NAMES[0]])["co-bps"]
            print(f"  {each}: {shown(scores(folds)['co-bps'])}, {shown(apart, '+')}", flush=True)


if __name__ == "__main__":
    main()
