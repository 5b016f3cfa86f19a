"""The network's loss and divergences against sums written out here, in float64."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from tests.models.small import small, trials_with_gaps
from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.dynamics import DoubleWellPotential
from undertow.inference import coordinated_dropout
from undertow.models import Population
from undertow.models.langevin_flow.network import CONTROL_GAIN, LangevinNetwork

TRIALS = trials_with_gaps(n_trials=7)
BIN_S = TRIALS.bin_s
POPULATION = replace(Population.of(TRIALS), mean_rates=[50.0] * 6)


def batch_of(trials: TrialSet = TRIALS) -> Batch:
    return Batch.from_trials(trials, dtype=torch.float64)


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(**settings: Any) -> LangevinNetwork:
    """In float64 without dropout; the control, zero at the start, is moved off zero."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = small(dropout=0.0, **settings).build_network(POPULATION).double()
        if made.control is not None:
            torch.nn.init.normal_(made.control.weight)
    return made


VARIANTS = {
    "autonomous": {},
    "standard normal": {"posterior__path_prior": "standard-normal"},
    "controlled": {"posterior": "controlled"},
    "controlled, standard normal": {
        "posterior": "controlled",
        "posterior__path_prior": "standard-normal",
    },
    "no latents": {"dynamics": None},
    "bidirectional MLP": {"encoder__bidirectional": True, "decoder": "mlp"},
    "first order, controlled": {
        "dynamics__order": 1,
        "posterior": "controlled",
        "dynamics__timescale_s": 0.04,
    },
    "Euler, as released": {
        "posterior__path_prior": "released",
        "dynamics__gamma": 0.8,
        "dynamics__scheme": "euler",
    },
    "input-driven": {"dynamics__potential": "input-driven"},
    "context": {"dynamics__potential": "context"},
    "held inputs": {"encoder__reads": "held"},
    "linear encoder": {"encoder": "linear", "dynamics__potential": "mlp"},
}
EVERY = pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())


@EVERY
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_loss_is_the_sum_over_time_and_neurons_averaged_over_trials(
    settings: dict[str, Any], share: float
) -> None:
    model, batch = network(**settings), batch_of()
    with torch.no_grad():
        loss, terms = model.loss(batch, generator(), 0.3, share)
        again = generator()
        inputs, input_weight = coordinated_dropout(batch.inputs, share, again)
        inferred = model.infer(batch, inputs, again)
        mean = model.observation.mean(inferred.features).numpy()
    total, heldin = 0.0, batch.heldin.tolist()
    for trial, t, neuron in np.argwhere(np.isfinite(TRIALS.spikes)):
        log_prob = stats.poisson.logpmf(TRIALS.spikes[trial, t, neuron], mean[trial, t, neuron])
        hideable = neuron in heldin and bool(batch.observed[trial, t])
        total += log_prob * (
            float(input_weight[trial, t, heldin.index(neuron)]) if hideable else 1.0
        )
    n = TRIALS.n_trials
    assert float(terms["negative_log_likelihood"]) == pytest.approx(-total / n, rel=1e-10)
    kl = float(inferred.kl_initial.sum() + inferred.kl_path.sum()) / n
    assert float(terms["kl_initial"] + terms["kl_path"]) == pytest.approx(kl, rel=1e-10)
    assert float(loss) == pytest.approx(-total / n + 0.3 * kl, rel=1e-10)
    assert terms.keys() == {"negative_log_likelihood", "kl_initial", "kl_path"}


def written_out(model: LangevinNetwork, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """States, KL of the initial state and of the path, step by step, drawing as `infer` does."""
    assert model.dynamics is not None
    assert model.initial is not None
    draws = generator()
    n, noise_dim = len(batch), model.dynamics.noise_dim
    context, features = model.encoder(batch.inputs, batch.observed, batch.lengths)
    mean, std = model.initial(features)
    kl_initial = kl_divergence(Normal(mean, std), Normal(0.0, 1.0))
    x = mean + std * torch.randn(mean.shape, generator=draws, dtype=torch.float64)
    h, noisy = BIN_S / model.dynamics.timescale_s, model.dynamics.noisy
    seen = torch.where(batch.observed[..., None], batch.inputs, 0.0)
    if model.path_reads == "context":
        seen = context
    states, kl_path = [x], torch.zeros(n, noise_dim, dtype=torch.float64)
    for t in range(1, batch.inputs.shape[1]):
        noise = torch.randn(1, n, noise_dim, generator=draws, dtype=torch.float64)[0]
        mean, std = model.dynamics.step(0.0, x, h, seen[:, t - 1])
        v_mean = mean[:, noisy]
        if model.control is not None:
            push = CONTROL_GAIN * model.control(context[:, t]) * batch.observed[:, [t]]
            v_mean = v_mean + std * h.sqrt() * push
        if model.path_prior == "standard-normal":
            kl_path += kl_divergence(Normal(v_mean, std), Normal(0.0, 1.0)) * batch.valid[:, [t]]
        elif model.path_prior == "released":
            wide = Normal(v_mean + std * noise, model.dynamics.gamma.exp())
            kl_path += (
                kl_divergence(wide, Normal(torch.zeros_like(std), 0.1**0.5)) * batch.valid[:, [t]]
            )
        elif model.control is not None:
            kl_path += kl_divergence(Normal(v_mean, std), Normal(mean[:, noisy], std))
        x = model.dynamics.displaced(mean, v_mean + std * noise - mean[:, noisy], h)
        states.append(x)
    return torch.stack(states, 1), kl_initial, kl_path


@EVERY
def test_paths_and_divergences_equal_those_written_out(settings: dict[str, Any]) -> None:
    model, batch = network(**settings), batch_of()
    if model.dynamics is None:
        return
    with torch.no_grad():
        inferred = model.infer(batch, batch.inputs, generator())
        states, kl_initial, kl_path = written_out(model, batch)
    drawn = torch.cat([inferred.latents[k] for k in ("z", "v") if k in inferred.latents], -1)
    assert torch.allclose(drawn, states, atol=1e-12)
    assert torch.allclose(inferred.kl_initial, kl_initial, atol=1e-12)
    assert torch.allclose(inferred.kl_path, kl_path, rtol=1e-9, atol=1e-9)


def test_a_path_that_follows_the_dynamics_costs_nothing() -> None:
    batch = batch_of()
    free, controlled = network(), network(posterior="controlled")
    assert controlled.control is not None
    for parameter in controlled.control.parameters():
        torch.nn.init.zeros_(parameter)
    for model in (free, controlled):
        inferred = model.infer(batch, batch.inputs, generator())
        assert torch.equal(inferred.kl_path, torch.zeros(7, 8, dtype=torch.float64))
    paths = [m.infer(batch, batch.inputs, generator()).latents["z"] for m in (free, controlled)]
    assert torch.allclose(*paths, atol=1e-12)


def test_control_starts_at_zero() -> None:
    model = small(posterior="controlled").build_network(POPULATION)
    assert model.control is not None
    assert all((p == 0).all() for p in model.control.parameters())


@EVERY
@pytest.mark.parametrize("garbage", [1e6, float("nan")])
def test_garbage_in_inputs_it_may_not_see_changes_nothing(
    settings: dict[str, Any], garbage: float
) -> None:
    model, batch = network(**settings), batch_of()
    hidden = ~batch.observed[..., None]
    dirty = replace(batch, given=torch.where(hidden, garbage, batch.inputs))
    clean_loss, clean_terms = model.loss(batch, generator(), 1.0, 0.0)
    loss, terms = model.loss(dirty, generator(), 1.0, 0.0)
    assert torch.equal(loss, clean_loss)
    assert all(torch.equal(terms[k], clean_terms[k]) for k in terms)
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@EVERY
def test_padding_the_window_changes_no_term(settings: dict[str, Any]) -> None:
    """Bins past every trial's end: no likelihood, no KL, no attention."""
    trials = trials_with_gaps(n_trials=7, forward_bins=0)
    spikes = np.pad(trials.spikes, ((0, 0), (0, 4), (0, 0)), constant_values=3.0)
    padded = TrialSet(spikes, BIN_S, lengths=trials.lengths, heldout=trials.heldout)
    model = network(**settings)
    for a, b in zip(
        model.loss(batch_of(trials), generator(), 1.0, 0.0)[1].values(),
        model.loss(batch_of(padded), generator(), 1.0, 0.0)[1].values(),
        strict=True,
    ):
        assert torch.allclose(a, b, rtol=1e-9)


@EVERY
def test_gradients_are_finite_and_reach_everything(settings: dict[str, Any]) -> None:
    model = network(**settings)
    model.loss(batch_of(), generator(), 1.0, 0.25)[0].backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("timescale_s", [0.02, 0.007])
@pytest.mark.parametrize(
    "potential", ["coupled-oscillators", lambda dim: DoubleWellPotential(dim, height=0.05)]
)
def test_windows_of_one_bin_and_several_steps_per_bin_work(
    timescale_s: float, potential: Any
) -> None:
    model = network(dynamics__timescale_s=timescale_s, dynamics__potential=potential)
    for n_time in (1, 2, 6):
        trials = TrialSet(np.ones((3, n_time, 6)), BIN_S, heldout=TRIALS.heldout)
        loss, _ = model.loss(batch_of(trials), generator(), 1.0, 0.0)
        loss.backward()
        assert torch.isfinite(loss)


@EVERY
def test_many_samples_need_the_encoder_once(settings: dict[str, Any]) -> None:
    model, batch = network(**settings).eval(), batch_of()
    encoded = model.encode(batch, batch.inputs)
    for seed in (5, 6):
        drawn = model.draw(batch, encoded, generator(seed))
        inferred = model.infer(batch, batch.inputs, generator(seed))
        assert torch.equal(drawn.features, inferred.features)
        assert torch.equal(drawn.kl_path, inferred.kl_path)


def test_exchanged_latents_are_those_of_the_other_trial_at_ones_own_context() -> None:
    model, batch = network().eval(), batch_of()
    encoded, exchange = model.encode(batch, batch.inputs), torch.tensor([3, 0, 6, 1, 5, 4, 2])
    own, other = (model.draw(batch, encoded, generator(), exchange=to) for to in (None, exchange))
    for name in ("z", "v"):
        assert torch.equal(other.latents[name], own.latents[name][exchange])
    assert torch.equal(other.latents["h"], own.latents["h"])
    assert torch.equal(other.kl_initial, own.kl_initial)
    assert not torch.equal(other.features[0], own.features[0])
    same = model.draw(batch, encoded, generator(), exchange=torch.arange(7))
    assert torch.equal(same.features, own.features)


def test_h_is_withheld_from_a_share_of_the_training_trials_alone() -> None:
    model, batch = network(decoder__withhold_h=0.4), batch_of()
    shown = model.encode(batch, batch.inputs).context
    with torch.no_grad():
        drawn = torch.stack(
            [model.infer(batch, batch.inputs, generator(seed)).latents["h"] for seed in range(40)]
        )
        model.eval()
        assert torch.equal(model.infer(batch, batch.inputs, generator()).latents["h"], shown)
    withheld = (drawn == 0).all(dim=(2, 3))
    assert torch.equal(drawn, torch.where(withheld[..., None, None], 0.0, shown.expand_as(drawn)))
    n = withheld.numel()
    assert abs(float(withheld.double().mean()) - 0.4) < 4 * (0.24 / n) ** 0.5 + 1 / 256


def test_without_latents_h_is_never_withheld() -> None:
    assert network(dynamics=None, decoder__withhold_h=0.4).withhold_h == 0
