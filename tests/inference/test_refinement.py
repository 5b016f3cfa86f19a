"""Gradient steps on linear chains, whose best bound is known."""

import math

import pytest
import torch
from torch import Tensor

from tests.inference.chains import (
    BINS,
    DIM,
    GRID,
    OBS_STD,
    READOUT,
    TIMESCALE_S,
    AffineSteering,
    Chain,
    euler_process,
)
from undertow.inference import InitialLaw, PathLaw, Refined, RefinedSteering, Steering, refine
from undertow.inference.refinement import Bound

DYNAMICS = euler_process()
CHAIN = Chain.of(DYNAMICS, GRID.steps_s[0, 0] / TIMESCALE_S)
OBSERVED = torch.stack([CHAIN.sample(seed=5), CHAIN.sample(seed=25)])
REFERENCE = torch.zeros(2, BINS - 1, DIM, dtype=torch.float64)
PATHS = 8


def bound_of(observed: Tensor, paths: int = PATHS) -> Bound:
    def bound(law: PathLaw, generator: torch.Generator) -> Tensor:
        rows = law.repeated(paths)
        path, _ = rows.draw(DYNAMICS, generator)
        seen = observed.repeat_interleave(paths, 0)
        error = (seen - path.states @ READOUT.t()) / OBS_STD
        scale = math.log(OBS_STD * math.sqrt(2 * math.pi))
        likelihood = (-0.5 * error.square() - scale).sum((1, 2))
        each = likelihood - rows.initial.kl.sum(1) - path.kl_path.sum(1)
        return each.view(-1, paths).mean(1)

    return bound


def prior() -> PathLaw:
    return PathLaw(InitialLaw.standard_normal(2, DIM, OBSERVED), GRID)


def refined(law: PathLaw, steps: int, bound: Bound | None = None) -> Refined:
    generator = torch.Generator().manual_seed(0)
    return refine(law, REFERENCE, DIM, bound or bound_of(OBSERVED), steps, generator)


def measured(law: PathLaw) -> Tensor:
    with torch.no_grad():
        return bound_of(OBSERVED, 2000)(law, torch.Generator().manual_seed(9))


@pytest.mark.parametrize("based", [False, True], ids=["no control", "half the best control"])
def test_steps_from_the_prior_come_near_the_best_bound(based: bool) -> None:
    law = prior()
    best = [CHAIN.best_posterior(one, GRID.steps_s[0, 0] / TIMESCALE_S) for one in OBSERVED]
    if based:
        context = torch.stack([0.5 * control.flatten(1) for control, _, _ in best])
        law = PathLaw(law.initial, GRID, None, AffineSteering(), context)
    found = refined(law, 150)
    after = measured(found.law)
    evidence = torch.tensor([CHAIN.kalman_evidence(one) for one in OBSERVED])
    ceiling = evidence - torch.tensor([gap for _, _, gap in best])
    start = measured(law)
    assert bool((after < evidence + 0.1).all())
    assert bool((ceiling - after < 0.05 * (ceiling - start)).all())
    assert bool((found.after > found.before).all())


def test_the_same_generator_gives_the_same_law() -> None:
    one, other = refined(prior(), 3), refined(prior(), 3)
    assert torch.equal(one.law.initial.mean, other.law.initial.mean)
    assert one.law.context is not None
    assert other.law.context is not None
    assert torch.equal(one.law.context, other.law.context)


def test_trials_are_refined_apart() -> None:
    """What is observed in one trial changes nothing in another."""
    changed = OBSERVED.clone()
    changed[1] += 1.0
    one, other = refined(prior(), 5), refined(prior(), 5, bound_of(changed))
    assert torch.equal(one.law.initial.mean[0], other.law.initial.mean[0])
    assert not torch.equal(one.law.initial.mean[1], other.law.initial.mean[1])


def test_a_trial_that_gained_nothing_keeps_the_law_it_had() -> None:
    """A bound that falls away from the start, of the first trial alone."""

    def bound(law: PathLaw, generator: torch.Generator) -> Tensor:
        score = law.initial.mean.sum(1)
        # while it learns, the first trial's bound points the wrong way
        wrong = torch.tensor([1.0 if torch.is_grad_enabled() else -1.0, 1.0])
        return score * wrong

    found = refined(prior(), 4, bound)
    assert float(found.law.initial.mean[0].abs().max()) == 0
    assert float(found.law.initial.mean[1].min()) > 0.05
    assert found.after.tolist() == pytest.approx([0.0, float(found.law.initial.mean[1].sum())])


def test_no_weight_of_the_control_it_starts_from_is_touched() -> None:
    class Pull(Steering):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(DIM, dtype=torch.float64))

        def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
            return None

        def forward(
            self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
        ) -> Tensor:
            assert prepared is None
            return -self.weight * x

    steering = Pull()
    found = refined(PathLaw(prior().initial, GRID, None, steering), 3)
    assert isinstance(found.law.steering, RefinedSteering)
    assert steering.weight.grad is None
    assert bool((steering.weight == 1).all())


def test_without_a_reference_the_control_stays() -> None:
    generator = torch.Generator().manual_seed(0)
    found = refine(prior(), None, DIM, bound_of(OBSERVED), 5, generator)
    assert found.law.steering is None
    assert float(found.law.initial.mean.abs().max()) > 0
