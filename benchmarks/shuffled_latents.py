"""Do LangevinFlow's latents carry what the encoder's state h does not, or does the decoder only
lean on them?

    python benchmarks/shuffled_latents.py DATA_FOLDER [--only maze_reach visual_decision]
        [--steps 1000] [--seeds 3] [--split-seed 1]

Exchanging latents between trials shows how much a decoder relies on them (latent reliance); but
latents of one trial beside h of another are a pair it has never seen, and may mislead it. The fair
control is a decoder that has learned from such pairs: encoder, dynamics and posterior of the fit
are kept, decoder and observation go on with the latents of another trial, drawn anew in each step,
and never lack h. Beside it stands the same decoder gone on with on the trial's own latents, also
with h throughout. Of at most so many steps those are taken after which the validation trials, 15 %
of the training trials, read in the same way, are predicted best.

Folds of 5, the default at each recording's budget. Bits per spike of held-out neurons; intervals
are 95 % bootstraps over test trials and seeds, differences paired.
"""

import argparse
import copy
import math
from collections.abc import Sequence
from pathlib import Path

import torch

from intervals import Folds, differences, scores, shown
from recordings import RECORDINGS
from undertow import LangevinFlow, TrialSet
from undertow.data import Prediction, fold_trials, split_validation
from undertow.encoders import dropout_from
from undertow.evaluation import Statistic, sufficient_statistics
from undertow.randomness import path_generator
from undertow.training import Training

BATCH, LEARNING_RATE, EVERY, VALIDATION = 64, 1e-3, 50, 0.15
NAMES = ("own latents", "exchanged", "own, learned on", "exchanged, learned on")


def learned_on(
    model: LangevinFlow, parts: tuple[TrialSet, TrialSet], steps: int, exchanged: bool
) -> LangevinFlow:
    """A copy whose decoder goes on learning, with the latents of other trials or its own, until the
    validation trials, read in the same way, are predicted best."""
    model = copy.deepcopy(model)
    network, batch = model.network_, model.read(parts[0])
    network.withhold_h = 0.0
    learned = {*network.decoder.parameters(), *network.observation.parameters()}
    for parameter in network.parameters():
        parameter.requires_grad_(parameter in learned)
    generator = path_generator(batch.targets.device, model.seed, 1)
    optimiser = torch.optim.AdamW(learned, lr=LEARNING_RATE, weight_decay=1e-2)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, kept = -math.inf, network.state_dict()
    for step in range(steps):
        if step % EVERY == 0:
            score = co_smoothing(read(model, parts[1], exchanged))["co-bps"].value
            if score > best:
                best, kept = score, copy.deepcopy(network.state_dict())
        network.train()
        index = torch.randperm(len(batch), generator=generator)[:BATCH]
        some = batch.take(index)
        other = torch.randperm(len(index), generator=generator) if exchanged else None
        with dropout_from(network, generator):
            drawn = network.draw(some, network.encode(some, some.inputs), generator, exchange=other)
        loss = -network.observation.log_prob(drawn.features, some.targets).sum() / len(index)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
        network.eval()
    network.load_state_dict(kept)
    return model


def read(model: LangevinFlow, trials: TrialSet, exchanged: bool) -> Prediction:
    """Predict with each trial's own latents, or another's."""
    found = model.predict_exchanged(trials) if exchanged else model.predict(trials)
    assert found is not None
    return found


def co_smoothing(prediction: Prediction) -> dict[str, Statistic]:
    """Bits per spike of held-out neurons, by trial."""
    return {"co-bps": sufficient_statistics(prediction)["co-bps"]}


def one_fit(model: LangevinFlow, train: TrialSet, test: TrialSet, steps: int) -> Sequence[dict]:
    """The score under each of `NAMES`."""
    parts = split_validation(train, VALIDATION, model.seed)
    model.fit(*parts, verbose=False)
    own, other = (learned_on(model, parts, steps, exchanged) for exchanged in (False, True))
    asked = ((model, False), (model, True), (own, False), (other, True))
    return [co_smoothing(read(each, test, exchanged)) for each, exchanged in asked]


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
