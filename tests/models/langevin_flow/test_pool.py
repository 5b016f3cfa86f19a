"""What makes rates in LangevinFlow, and how it is made one: latents, h and a regression."""

from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small import GAPS, UNUSED, small
from undertow.baselines import Smoothing
from undertow.data import TrialSet, split_validation
from undertow.data.batches import Batch
from undertow.decoders import TransformerDecoder
from undertow.errors import ModelError
from undertow.models import LangevinFlow
from undertow.models.langevin_flow.pool import REGRESSION, Pool
from undertow.models.langevin_flow.validation import mean_counts
from undertow.models.pieces import LinearDecoding, MLPDecoding
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)
APART = {"decoder__read": "apart", "pool": "regression"}


@cache
def fitted(**settings: Any) -> LangevinFlow:
    return small(**{**APART, **settings}).fit(GAPS)


def pool_of(model: LangevinFlow) -> Pool:
    assert model.network_.pool is not None
    return model.network_.pool


def twins(n_trials: int = 60) -> TrialSet:
    """Held-out neurons that fire with one held-in neuron each, bin by bin."""
    rng = np.random.default_rng(0)
    drive = rng.gamma(1.0, 1.0, (n_trials, 12, 4))
    spikes = rng.poisson(np.concatenate([drive, drive], -1) * 2).astype(float)
    return TrialSet(spikes, 0.02, heldout=np.arange(8) >= 4)


@pytest.mark.parametrize(
    ("settings", "reads", "names"),
    [
        ({}, ("z", "v"), ["latents", "h", "h bin by bin"]),
        ({"pool": None}, ("z", "v"), ["latents", "h", "h bin by bin"]),
        ({"dynamics__order": 1}, ("z",), ["latents", "h", "h bin by bin"]),
        ({"decoder": MLPDecoding()}, ("z", "v"), ["latents", "h"]),
        ({"decoder": LinearDecoding()}, ("z", "v"), ["latents", "h"]),
        ({"dynamics": None}, ("h",), ["h", "h bin by bin"]),
        ({"decoder__inputs": ("h",)}, ("h",), ["h", "h bin by bin"]),
        ({"decoder__inputs": ("z", "v")}, ("z", "v"), ["network"]),
        ({"decoder__read": "together"}, ("z", "v", "h"), ["network"]),
        ({"dynamics": None, "decoder__read": "together"}, ("h",), ["network"]),
    ],
)
def test_latents_and_h_have_decoders_of_their_own(
    settings: dict[str, Any], reads: tuple[str, ...], names: list[str]
) -> None:
    network = (model := fitted(**settings)).network_
    assert network.decoder_inputs == reads
    assert len(network.direct) == len(names) - 1
    assert pool_of(model).sources == names + [REGRESSION] * ("pool" not in settings)
    assert isinstance(network.decoder, TransformerDecoder) == (names[0] in ("network", "h"))


def test_one_decoder_of_all_and_no_regression_has_no_pool() -> None:
    assert fitted(decoder__read="together", pool=None).network_.pool is None


def test_what_a_pool_has_learned_is_counted() -> None:
    model = fitted()
    counts, held = model.parameter_counts(), int(GAPS.heldout.sum())
    regression = held * (GAPS.n_neurons - held) + held
    assert counts["pool"] == 4 + held * (4 + 1) + regression
    weights = sum(p.numel() for p in model.network_.parameters() if p.requires_grad)
    assert counts["all"] == weights + counts["pool"]
    assert "pool" not in fitted(decoder__read="together", pool=None).parameter_counts()


def test_the_path_is_all_that_joins_the_bins_of_latents() -> None:
    network, batch = fitted().network_.eval(), Batch.from_trials(GAPS)
    whole, by_bins = (head.decoder for head in network.direct)
    for decoder, across in ((network.decoder, False), (whole, True), (by_bins, False)):
        width = 16 if decoder is network.decoder else network.encoder.context_dim
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(*batch.valid.shape, width, generator=generator)
        other = inputs.clone()
        other[:, 3] += 1.0
        with torch.no_grad():
            each = [decoder(x, batch.valid, batch.time_s) for x in (inputs, other)]
        moved = ~torch.isclose(*each, atol=1e-6).all(-1).all(0)
        assert moved[3]
        assert moved[torch.arange(len(moved)) != 3].any() == across


@pytest.mark.parametrize("settings", [{}, {"dynamics": None}])
def test_every_training_trial_is_decoded_by_each(settings: dict[str, Any]) -> None:
    model, batch = small(**APART, **settings, dropout=0.0).fit(GAPS), Batch.from_trials(GAPS)
    network, seen = model.network_.train(), []
    heads = (network, *network.direct)
    for head in heads:
        head.decoder.register_forward_hook(lambda _, given, out: seen.append(len(out)))
    generator = torch.Generator().manual_seed(0)
    loss, terms = network.loss(batch, generator, 0.1, 0.0)
    assert seen == [len(GAPS)] * len(heads)
    kl = terms["kl_initial"] + terms["kl_path"]
    both = terms["negative_log_likelihood"] + terms["negative_log_likelihood_direct"]
    assert torch.isclose(loss, both + 0.1 * kl)


@pytest.mark.parametrize("dynamics", ["langevin", None])
def test_latents_count_as_much_as_all_that_reads_h(dynamics: str | None) -> None:
    model, batch = fitted(dynamics=dynamics, dropout=0.0), Batch.from_trials(GAPS)
    network = deepcopy(model.network_).train()
    heads = (network, *network.direct)
    for head in heads:  # all make the same rates
        torch.nn.init.zeros_(head.observation.readout.weight)
        torch.nn.init.constant_(head.observation.readout.bias, 0.3)
    _, terms = network.loss(batch, torch.Generator().manual_seed(0), 0.1, 0.0)
    own, of_h = (terms[f"negative_log_likelihood{name}"] for name in ("", "_direct"))
    assert len(heads) == (2 if dynamics is None else 3)
    assert torch.isclose(own, of_h)


def test_rates_are_the_weighted_geometric_mean_of_the_sources() -> None:
    model, window = deepcopy(fitted()), slice(GAPS.n_time - GAPS.forward_bins)
    pool, sources = pool_of(model), {}
    for place, name in enumerate(("latents", "h", "by bins")):
        pool.give(torch.eye(4)[place])
        sources[name] = model.predict(GAPS).rates
    pool.give(torch.tensor([0.6, 0.2, 0.4, 0.5]))
    pooled = model.predict(GAPS).rates
    heldin = np.sqrt(sources["latents"]) * sources["h"] ** (1 / 6) * sources["by bins"] ** (1 / 3)
    assert np.allclose(pooled[..., ~GAPS.heldout], heldin[..., ~GAPS.heldout], 1e-4, equal_nan=True)
    forward = slice(window.stop, None)
    assert np.allclose(pooled[:, forward], heldin[:, forward], 1e-4, equal_nan=True)
    means = pool.mean_rates[GAPS.heldout]
    regression = means * np.exp(pool._regression(GAPS))
    held = (slice(None), window, GAPS.heldout)
    expected = means * (regression / means) ** 0.5
    for name, share in (("latents", 0.6), ("h", 0.2), ("by bins", 0.4)):
        expected = expected * (sources[name][held] / means) ** share
    inside = GAPS.valid[:, window]
    assert np.allclose(pooled[held][inside], expected[inside], rtol=1e-4)


def test_each_heldout_neuron_has_shares_and_a_gain_of_its_own() -> None:
    model = deepcopy(fitted())
    pool, window = pool_of(model), slice(GAPS.n_time - GAPS.forward_bins)
    pool.give(torch.tensor([0.6, 0.2, 0.4, 0.5]))
    alike = model.predict(GAPS).rates
    pool.log_gain[0] += 0.3
    pool.own_shares[:, 1] = torch.zeros(4)
    own = model.predict(GAPS).rates
    first, second, *_ = np.flatnonzero(GAPS.heldout)
    inside = GAPS.valid[:, window]
    assert np.allclose(own[:, window, first][inside],
                       alike[:, window, first][inside] * np.exp(0.3), 1e-5)  # fmt: skip
    assert np.allclose(own[:, window, second][inside], pool.mean_rates[second], 1e-5)
    others = np.ones(GAPS.n_neurons, dtype=bool)
    others[[first, second]] = False
    assert np.array_equal(own[..., others], alike[..., others], equal_nan=True)


def test_the_regression_is_that_of_the_smoothing_baseline() -> None:
    trials = twins()
    train, validation = split_validation(trials)
    model = small(**APART, training=Training(epochs=2)).fit(train, validation)
    pool = pool_of(model)
    width_s, floor_hz = pool.smoothing.tolist()
    for penalty in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
        baseline = Smoothing(width_s, floor_hz, penalty).fit(train, validation)
        if np.allclose(baseline.regression_.weights, pool.weights.numpy(), atol=1e-4):
            rates = baseline.predict(trials).rates[..., trials.heldout]
            own = pool.mean_rates[trials.heldout] * np.exp(pool._regression(trials))
            assert np.allclose(own, rates, rtol=1e-3)
            return
    pytest.fail("no penalty gives the weights of the baseline")


def test_a_regression_that_knows_more_gets_the_larger_share_and_lifts_the_score() -> None:
    trials = twins()
    train, validation = split_validation(trials)
    model = small(**APART, training=Training(epochs=4)).fit(train, validation)
    assert pool_of(model).shares[-1] > 0.5
    assert model.pooled_score_ > model.validation_score_ + 0.05
    alone = small(**{**APART, "pool": None}, training=Training(epochs=4)).fit(train, validation)
    test = replace(twins(), spikes=twins(120).spikes[60:])
    assert model.score(test)["co-bps"].value > alone.score(test)["co-bps"].value + 0.05


def test_shares_come_from_validation_trials_and_the_regression_reads_no_held_out_spike() -> None:
    model = fitted()
    changed = GAPS.spikes.copy()
    changed[:, :, GAPS.heldout] = 9.0
    other = replace(GAPS, spikes=changed)
    assert np.array_equal(model.predict(other).rates, model.predict(GAPS).rates, equal_nan=True)


def test_without_held_out_neurons_shares_come_from_hidden_counts() -> None:
    trials = replace(GAPS, heldout=np.zeros(GAPS.n_neurons, bool), forward_bins=0)
    model = small(**APART).fit(trials)
    pool = pool_of(model)
    assert REGRESSION not in pool.sources
    assert not torch.equal(pool.shares, torch.full((3,), 1 / 3))
    assert np.isfinite(model.pooled_score_)


def test_a_refit_keeps_the_pool() -> None:
    training = Training(epochs=3, validate_every=1, batch_size=16)
    once, again = (
        small(**APART, training=replace(training, refit=refit)).fit(GAPS) for refit in (False, True)
    )
    assert torch.equal(pool_of(once).shares, pool_of(again).shares)
    assert torch.equal(pool_of(once).weights, pool_of(again).weights)
    weights = [model.network_.decoder.state_dict()["layers.0.weight"] for model in (once, again)]
    assert not torch.equal(*weights)


def test_a_pool_is_saved_and_loaded(tmp_path: Path) -> None:
    model = fitted()
    loaded = LangevinFlow.load(model.save(tmp_path / "model.safetensors"))
    before, after = model.predict(GAPS), loaded.predict(GAPS)
    assert np.array_equal(before.rates, after.rates, equal_nan=True)


def test_exchanged_latents_leave_the_other_sources_alone() -> None:
    model = deepcopy(fitted())
    before, exchanged = model.predict(GAPS), model.predict_exchanged(GAPS)
    assert exchanged is not None
    assert not np.allclose(before.rates, exchanged.rates, equal_nan=True)
    pool_of(model).give(torch.tensor([0.0, 0.4, 0.3, 0.3]))
    own, other = model.predict(GAPS), model.predict_exchanged(GAPS)
    assert other is not None
    assert np.allclose(own.rates, other.rates, rtol=1e-5, equal_nan=True)


def test_a_causal_pool_sees_no_later_bin() -> None:
    causal = {"causal": True, "posterior__initial_s": "first", "encoder__bidirectional": False}
    trials = twins()
    model = small(**{**APART, **causal}).fit(trials)
    changed = trials.spikes.copy()
    changed[:, 8:] += 3
    rates = [model.predict(each).rates[:, :8] for each in (trials, replace(trials, spikes=changed))]
    assert np.array_equal(*rates)


def test_the_latents_alone_make_new_trials() -> None:
    made = fitted().sample(3, 7)
    assert made.spikes.shape == (3, 7, GAPS.n_neurons)


def test_rates_under_hidden_inputs_come_per_source() -> None:
    batch, network = Batch.from_trials(GAPS), fitted().network_
    assert len(mean_counts(network, batch, batch.inputs, 2)) == 3
    assert len(mean_counts(fitted(dynamics=None).network_, batch, batch.inputs, 2)) == 2


def test_reading_apart_withholds_nothing() -> None:
    with pytest.raises(ModelError, match=r"decoder\.withhold_h is 0.4 and decoder.read 'apart'"):
        small(decoder__read="apart", decoder__withhold_h=0.4).fit(GAPS)
    with pytest.raises(ModelError, match="pool is 'everything'"):
        small(pool="everything").fit(GAPS)
