"""Do LangevinFlow's latents tell what the encoder's state h and the regression do not, or does the
pool only lean on them?

    python benchmarks/shuffled_latents.py DATA_FOLDER [--only maze_reach …] [--steps 1000]
        [--seeds 3] [--split-seed 1]

What is lost when each trial is given the latents of another one, at its own h, is how much the
rates rely on latents: shares and decoder were made for the trial's own. The fair control has
learned from such pairs: encoder, dynamics, posterior, decoder of h and regression of the fit are
kept; the decoder of latents goes on with the latents of another trial, drawn anew in each step, and
the shares of the pool are then chosen again. Beside it stands the same decoder gone on with on the
trial's own latents. Of at most so many steps those are taken after which the validation trials,
15 % of the training trials, are predicted best.

Fold 0 of 5; bits per spike of held-out neurons; intervals are 95 % bootstraps over test trials and
seeds, differences paired.
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
from undertow.models.hidden_spikes import HiddenSpikes
from undertow.randomness import path_generator

BATCH, LEARNING_RATE, EVERY, VALIDATION = 64, 1e-3, 50, 0.15
NAMES = ("own latents", "another's", "own, learned on", "another's, learned on")


def learned_on(
    model: LangevinFlow, parts: tuple[TrialSet, TrialSet], steps: int, exchanged: bool
) -> LangevinFlow:
    """A copy whose decoder of latents goes on learning, with those of other trials or its own,
    until the validation trials, read in the same way, are predicted best."""
    model = copy.deepcopy(model)
    network, batch = model.network_, model.read(parts[0])
    learned = [*network.decoder.parameters(), *network.observation.parameters()]
    generator = path_generator(batch.targets.device, model.seed, 1)
    optimiser = torch.optim.AdamW(learned, lr=LEARNING_RATE, weight_decay=1e-2)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, kept = -math.inf, network.state_dict()
    for step in range(steps):
        if step % EVERY == 0 and (score := choose(model, parts, exchanged)) > best:
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


def choose(model: LangevinFlow, parts: tuple[TrialSet, TrialSet], exchanged: bool) -> float:
    """Choose the shares of the pool on validation trials read in this way; return its score."""
    trials, validation = parts
    network, batch = model.network_, model.read(validation)
    pool, network.pool = network.pool, None
    try:
        rates = read(model, validation, exchanged).rates
        with torch.no_grad():
            direct = network.direct_means(batch, network.encode(batch, batch.inputs))
    finally:
        network.pool = pool
    decoded = [rates * validation.bin_s, *(each.cpu().numpy() for each in direct)]
    hidden = HiddenSpikes.of(validation, batch, "co-bps", model.coordinated_dropout)
    assert pool is not None
    return pool.learn(trials, validation, hidden, decoded)


def read(model: LangevinFlow, trials: TrialSet, exchanged: bool) -> Prediction:
    """Predict with each trial's own latents, or another's."""
    found = model.predict_exchanged(trials) if exchanged else model.predict(trials)
    assert found is not None
    return found


def co_smoothing(prediction: Prediction) -> dict[str, Statistic]:
    """Bits per spike of held-out neurons, by trial."""
    return {"co-bps": sufficient_statistics(prediction)["co-bps"]}


def one_fit(train: TrialSet, test: TrialSet, seed: int, steps: int) -> Sequence[dict]:
    """The score under each of `NAMES`."""
    parts = split_validation(train, VALIDATION, seed)
    # without the second training, which would learn the validation trials
    model = LangevinFlow(seed=seed).set_params(training__refit=False)
    model.fit(*parts, verbose=False)
    own, other = (learned_on(model, parts, steps, exchanged) for exchanged in (False, True))
    for each in (model, own, other):
        pool = each.network_.pool
        print(f"    {pool.sentence if pool is not None else 'no pool'}", flush=True)
    asked = ((model, False), (model, True), (own, False), (other, True))
    return [co_smoothing(read(each, test, exchanged)) for each, exchanged in asked]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", choices=RECORDINGS, default=list(RECORDINGS))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split-seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.only:
        trials = RECORDINGS[name].load(options.data)
        train, test = (trials[rows] for rows in fold_trials(trials, 5, options.split_seed)[0])
        each_seed = [one_fit(train, test, seed, options.steps) for seed in range(options.seeds)]
        found: dict[str, Folds] = {
            each: [[seed[place] for seed in each_seed]] for place, each in enumerate(NAMES)
        }
        print(f"\n{name}: {trials!r}")
        for each, folds in found.items():
            apart = differences(folds, found[NAMES[0]])["co-bps"]
            print(f"  {each}: {shown(scores(folds)['co-bps'])}, {shown(apart, '+')}", flush=True)


if __name__ == "__main__":
    main()
