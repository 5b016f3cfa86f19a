"""The network: the forward pass in NumPy, what may not be seen, inputs of the prior, the loss."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.lfads.oracle import Oracle
from tests.models.small import GAPS
from tests.models.small_lfads import small
from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.models.lfads.network import LFADSNetwork
from undertow.randomness import isolated_seed

STIMULUS = np.random.default_rng(1).normal(size=(*GAPS.spikes.shape[:2], 2)).astype(np.float32)


def made(trials: TrialSet = GAPS, **settings: Any) -> tuple[LFADSNetwork, Batch]:
    """A network of random weights in float64, and the trials as it reads them."""
    model = small(**settings)
    population = model.describe(trials)
    with isolated_seed(0):
        network = model.build_network(population).double().eval()
        with torch.no_grad():  # nothing is at its start, where much is zero
            for weights in network.parameters():
                weights += 0.2 * torch.randn_like(weights)
    batch = Batch.from_trials(trials, dtype=torch.float64)
    return network, batch if population.stimulus_channels else replace(batch, stimulus=None)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("inputs", [0, 1, 3])
@pytest.mark.parametrize("stimulus", [False, True])
def test_rates_are_those_of_the_equations(inputs: int, stimulus: bool) -> None:
    trials = GAPS.replace(stimulus=STIMULUS if stimulus else None)
    network, batch = made(trials, inputs=inputs)
    with torch.no_grad():
        drawn = network.draw(batch, network.encode(batch, batch.inputs), seeded())
        rates = network.observation.mean(drawn.factors) / network.bin_s
    # the noise as it is drawn: of the initial conditions, then of the inputs bin by bin
    source, (n, bins) = seeded(), batch.targets.shape[:2]
    shapes = [(n, network.initial_prior.mean.numel()), *[(n, inputs)] * bins]
    first, *rest = (torch.empty(s, dtype=torch.float64).normal_(generator=source) for s in shapes)
    noise = torch.stack(rest).numpy()
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    oracle = Oracle(weights, network.bin_s, 0.1)
    for trial, length in enumerate(batch.lengths.tolist()):
        expected = oracle.run(
            batch.inputs[trial, :length].numpy(),
            batch.observed[trial, :length].numpy(),
            first[trial].numpy(),
            noise[:length, trial],
            STIMULUS[trial, :length] if stimulus else None,
        )
        found = {name: value[trial, :length] for name, value in drawn.latents.items()}
        assert set(found) == {"factors", "generator"} | ({"inputs"} if inputs else set())
        found |= {"rates": rates[trial, :length], "kl_initial": drawn.kl_initial[trial]}
        found |= {"kl_inputs": drawn.kl_inputs[trial]}
        for name, value in found.items():
            assert np.allclose(value.numpy(), expected[name], rtol=1e-6, atol=1e-9), name


def everything(network: LFADSNetwork, batch: Batch) -> list[Tensor]:
    """What a training step makes of trials, inside them."""
    loss, terms = network.loss(batch, seeded(), 1.0, 0.3)
    gradients = torch.autograd.grad(loss, [p for p in network.parameters() if p.requires_grad])
    return [*terms.values(), *gradients]


def test_garbage_under_missing_bins_and_past_the_end_changes_nothing() -> None:
    trials = GAPS.replace(stimulus=STIMULUS)
    network, batch = made(trials)
    hidden = ~batch.observed
    hidden[:, -GAPS.forward_bins :] = False  # these are learned from
    past = ~batch.inside
    clean = everything(network, batch)
    for garbage in (7.0, 1e5):
        inputs = torch.where(hidden[..., None], garbage, batch.inputs)
        assert batch.stimulus is not None
        stimulus = torch.where(past[..., None], garbage, batch.stimulus)
        dirty = everything(network, replace(batch, given=inputs, stimulus=stimulus))
        for one, other in zip(clean, dirty, strict=True):
            assert torch.allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_padded_trial_is_read_as_it_is_alone() -> None:
    network, batch = made(inputs=2)
    zero = torch.zeros(1, dtype=torch.float64)  # no noise
    for trial, length in enumerate(batch.lengths.tolist()[:6]):
        one = batch.take(torch.tensor([trial]))
        whole = network.draw(one, network.encode(one, one.inputs), seeded(), signs=zero)
        cut = replace(
            one,
            targets=one.targets[:, :length],
            observed=one.observed[:, :length],
            valid=one.valid[:, :length],
            time_s=one.time_s[:length],
            given=one.inputs[:, :length],
        )
        alone = network.draw(cut, network.encode(cut, cut.inputs), seeded(), signs=zero)
        assert torch.allclose(whole.factors[:, :length], alone.factors, atol=1e-12)
        assert torch.allclose(whole.kl_inputs, alone.kl_inputs, atol=1e-12)


def test_inputs_of_bins_without_observation_are_those_of_the_prior() -> None:
    network, batch = made(inputs=2)
    unseen = replace(batch, observed=torch.zeros_like(batch.observed))
    drawn = network.draw(unseen, network.encode(unseen, unseen.inputs), seeded())
    assert (drawn.kl_inputs == 0).all()
    source = seeded()
    torch.empty_like(drawn.kl_initial).normal_(generator=source)  # of the initial conditions
    shape = batch.targets.shape[0], 2
    noise = [torch.empty(shape, dtype=torch.float64).normal_(generator=source) for _ in range(10)]
    assert network.controller is not None
    path = network.controller.prior.draw(torch.stack(noise))
    assert torch.allclose(drawn.latents["inputs"], path.transpose(0, 1), atol=1e-12)


def test_noise_of_opposite_signs_is_an_antithetic_pair() -> None:
    """Without inputs the initial condition is all that is drawn, and the first state linear in it
    but for the generator's one step."""
    network, batch = made(inputs=0)
    with torch.no_grad():  # u = 1: the state stays what it was at the start
        network.generator.gru.gate_bias[7:14] = 1e3
    encoded, ones = network.encode(batch, batch.inputs), torch.ones(len(batch)).double()
    plus, minus = (
        network.draw(batch, encoded, seeded(), signs=sign * ones).latents["generator"]
        for sign in (1, -1)
    )
    mean = network.generator.initial(encoded.mean)
    assert torch.allclose((plus[:, 0] + minus[:, 0]) / 2, mean, atol=1e-12)
    assert not torch.allclose(plus, minus)


def test_factors_have_rows_of_unit_norm() -> None:
    network, _ = made()
    assert torch.allclose(network.generator.factor_weights().norm(dim=1), torch.ones(5).double())


@pytest.mark.parametrize("inputs", [0, 2])
def test_the_loss_is_the_sum_of_its_terms(inputs: int) -> None:
    settings = {
        "initial__kl_weight": 0.5,
        "controller__kl_weight": 0.25,
        "generator__l2_penalty": 3.0,
        "controller__l2_penalty": 5.0,
    }
    network, batch = made(inputs=inputs, **settings)
    loss, terms = network.loss(batch, seeded(), 0.1, 0.3)
    expected = terms["negative_log_likelihood"] + 0.1 * (
        0.5 * terms["kl_initial"] + 0.25 * terms["kl_inputs"]
    )
    expected = expected + 1.5 * network.generator.gru.recurrent.weight.square().mean()
    if network.controller is not None:
        expected = expected + 2.5 * network.controller.gru.recurrent.weight.square().mean()
    assert torch.allclose(loss, expected)
    assert list(terms) == ["negative_log_likelihood", "kl_initial", "kl_inputs"]
    assert (terms["kl_inputs"] > 0) == (inputs > 0)


def test_weights_of_every_part_are_learned_from() -> None:
    network, batch = made(GAPS.replace(stimulus=STIMULUS))
    loss, _ = network.loss(batch, seeded(), 1.0, 0.3)
    loss.backward()
    still = [
        name
        for name, weights in network.named_parameters()
        if weights.grad is None or not weights.grad.any()
    ]
    assert not still


def test_dropout_hides_units_from_the_rates_and_never_from_the_dynamics() -> None:
    network, _ = made(dropout=0.5)
    states = torch.randn(4, 3, 7, dtype=torch.float64, generator=seeded())
    network.train()
    network.dropout.generator = seeded()
    factors, latents = network.read_out(states, None)
    assert torch.equal(latents["generator"], states.transpose(0, 1))
    whole = states.transpose(0, 1) @ network.generator.factor_weights().t()
    assert not torch.allclose(factors, whole)
