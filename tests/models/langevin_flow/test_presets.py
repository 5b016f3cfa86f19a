"""LangevinFlow as published, against a plain loop over bins; where its two readings differ, as
options."""

import math
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from undertow.models.langevin_flow.variant import Variant

from tests.models.langevin_flow import published_reference as plain
from tests.models.langevin_flow.published_reference import Reading
from tests.models.small import GAPS, UNUSED, small, trials_with_gaps
from undertow.data.batches import Batch
from undertow.encoders import dropout_from
from undertow.errors import ModelError, StabilityError
from undertow.models import LangevinFlow
from undertow.models.langevin_flow.prediction import _generator
from undertow.models.langevin_flow.presets import PRESETS
from undertow.models.parameters import parameter_names
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)

SIZE = {
    "latent_dim": 16,
    "encoder__hidden_dim": 8,
    "decoder__width": 24,
    "samples": 3,
    "dropout": 0.25,
    "device": "cpu",
}
TRIALS = trials_with_gaps(n_trials=5)
READINGS = {
    "paper": Reading(False, 4, 1.0, 0.25, 0.0, 0.5, 0.0),
    "released": Reading(True, 2, 0.01, 0.25, 0.05, 0.5, 0.1),
}
both = pytest.mark.parametrize("name", READINGS)


def preset(name: str, **changes: Any) -> LangevinFlow:
    return LangevinFlow.preset(name, **{**SIZE, "dynamics__allow_unstable": True, **changes})


def built(name: str) -> LangevinFlow:
    """In float64, every weight off its start, the constants exact (they are kept as float32
    logarithms)."""
    model = preset(name)
    model._build(TRIALS)
    network = model.network_.double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter += 0.2 * torch.randn(
                    parameter.shape, generator=generator, dtype=torch.float64
                )
        assert network.dynamics is not None
        for constant, value in (("gamma", 0.55), ("timescale", 0.02)):
            getattr(network.dynamics, f"log_{constant}").fill_(math.log(value))
    return model


def weights(model: LangevinFlow) -> dict[str, Tensor]:
    return {k: v.clone().requires_grad_() for k, v in model.network_.state_dict().items()}


# --- the same numbers as the plain loop -------------------------------------------------------


@both
def test_loss_and_all_gradients_equal_the_plain_loop(name: str) -> None:
    """In training mode, with dropout, coordinated dropout, gaps, held-out neurons and forward
    bins."""
    model, batch = built(name), Batch.from_trials(TRIALS, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    network, w = model.network_.train(), weights(model)
    with dropout_from(network, generator):
        loss, _ = model._objective(batch, generator, progress=0.1)
    kl_weight = 0.1 * 0.1 / 0.25
    expected = plain.loss(
        batch, w, READINGS[name], torch.Generator().manual_seed(3), kl_weight, TRIALS.bin_s
    )
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-10)
    loss.backward()
    expected.backward()
    for key, parameter in network.named_parameters():
        if parameter.requires_grad:
            mine, theirs = parameter.grad, w[key].grad
            assert mine is not None, key
            assert theirs is not None, key
            assert (mine - theirs).abs().max() < 1e-9 * max(1.0, float(theirs.abs().max())), key


@both
def test_predicted_rates_equal_the_plain_loop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, w = built(name), weights(built(name))
    from_trials = Batch.from_trials
    in_float64 = staticmethod(
        lambda trials, device="cpu": from_trials(trials, device, torch.float64)
    )
    monkeypatch.setattr(Batch, "from_trials", in_float64)
    prediction, batch = model.predict(TRIALS, seed=7), Batch.from_trials(TRIALS)
    with torch.no_grad():
        drawn = [
            plain.draw(
                batch.inputs,
                batch,
                w,
                READINGS[name],
                _generator(torch.device("cpu"), 7, 0, k),
                False,
            )
            for k in range(3)
        ]
    log_rates = torch.stack([d.log_rates for d in drawn])
    rates = log_rates.mean(0).exp() if name == "released" else log_rates.exp().mean(0)
    inside = TRIALS.valid
    assert not inside.all()
    assert np.allclose(prediction.rates[inside], rates.numpy()[inside], rtol=1e-10, atol=0)
    for term in ("kl_initial", "kl_path"):
        expected = torch.stack([getattr(d, term) for d in drawn]).mean(0).numpy()
        assert np.allclose(prediction.terms[term], expected, rtol=1e-10, atol=0)


def test_the_plain_loops_differ() -> None:
    """Each reading of the reference gives other numbers with the same weights: nothing in it is a
    no-op."""
    batch = Batch.from_trials(TRIALS, dtype=torch.float64)
    w = {k: v.detach() for k, v in weights(built("released")).items()}
    reading = READINGS["released"]
    changes: list[dict[str, Any]] = [
        {"decoder__heads": 4},
        {"step": 1.0},
        {"dropout": 0.0},
        {"recurrent_dropout": 0.0},
    ]
    changes += [{"coordinated_dropout": 0.3}, {"learn_from_kept": 0.3}]
    losses = [
        float(
            plain.loss(
                batch, w, replace(reading, **change), torch.Generator().manual_seed(3), 0.1, 0.02
            )
        )
        for change in [{}, *changes]
    ]
    assert len(set(losses)) == len(losses)


# --- presets ----------------------------------------------------------------------------------


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(
        ModelError, match="there is no preset 'draft': choose one of paper, released"
    ):
        LangevinFlow.preset("draft")


@both
def test_it_can_diverge_and_is_refused_by_radius_and_bins(name: str) -> None:
    model = preset(name, dynamics__allow_unstable=False)
    worst = {"paper": 2.0, "released": 2 * 4 * 3**0.5}[name]
    delta = READINGS[name].step
    matrix = [[1.0, delta], [0.45 * delta * worst, 0.45]]
    radius = float(np.abs(np.linalg.eigvals(np.array(matrix))).max())
    bins = math.log(1000) / math.log(radius)
    message = (
        f"can become unstable: its spectral radius is {radius:.4g} per bin, .* 1000-fold in "
        f"{bins:.0f} bins"
    )
    with pytest.raises(StabilityError, match=message):
        model.fit(TRIALS)
    assert not hasattr(model, "network_")


@both
def test_nothing_is_left_to_the_defaults(name: str) -> None:
    """A new default changes no preset."""
    assert set(PRESETS[name]) == set(parameter_names(LangevinFlow)) - {
        "seed",
        "device",
        "allow_unstable",
    }


@both
def test_changes_replace_settings_and_the_preset_stays(name: str) -> None:
    before = dict(PRESETS[name])
    assert LangevinFlow.preset(name).get_params().items() >= before.items()
    assert LangevinFlow.preset(name, latent_dim=12, dynamics__gamma=0.7).gamma == 0.7
    assert PRESETS[name] == before


@both
def test_fitted_it_predicts_and_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    training = replace(PRESETS[name]["training"], epochs=2, validate_every=1, batch_size=8)
    model = preset(name, training=training).fit(GAPS)
    prediction = model.predict(GAPS)
    assert np.isfinite(prediction.rates[GAPS.valid]).all()
    assert prediction.groups == {"z": 4, "v": 4}
    loaded = LangevinFlow.load(model.save(tmp_path / "m.safetensors"))
    assert loaded.get_params() == model.get_params()
    assert isinstance(loaded.variant, Variant)
    assert isinstance(loaded.training, Training)
    assert np.array_equal(loaded.predict(GAPS).rates, prediction.rates, equal_nan=True)


# --- where paper and code differ --------------------------------------------------------------

DIFFERENCES = {
    "step size": ("variant.hamiltonian_step",),
    "heads, feed-forward, norm, initialisation": (
        "heads",
        "variant.feedforward",
        "variant.norm",
        "variant.initial_scale",
    ),
    "kernel": ("potential", "taps"),
    "what the GRU sees": ("variant.gru_reads",),
    "dropout in the recurrence": ("variant.recurrent_dropout",),
    "divergence of each step": ("path_prior",),
    "scale of the loss": ("variant.likelihood",),
    "coordinated dropout": ("variant.learn_from_kept",),
    "average of samples": ("variant.average",),
}
"""Every difference there is, and the options that hold it."""


def setting(name: str, option: str) -> Any:
    holder: Any = LangevinFlow.preset(name)
    for part in option.split("."):
        holder = getattr(holder, part)
    return holder


@pytest.mark.parametrize("options", DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_the_presets_differ_wherever_paper_and_code_do(options: tuple[str, ...]) -> None:
    for option in options:
        assert setting("paper", option) != setting("released", option), option


def test_the_presets_differ_nowhere_else() -> None:
    named = {option for options in DIFFERENCES.values() for option in options}
    plain_options = [name for name in PRESETS["paper"] if name != "variant"]
    options = plain_options + [f"variant.{f.name}" for f in fields(Variant)]
    assert {o for o in options if setting("paper", o) != setting("released", o)} == named


def test_both_keep_what_they_share() -> None:
    """What the released code gives for the 20 ms sets; the last weights, as the best are loaded
    there and not used."""
    for name in PRESETS:
        training = setting(name, "training")
        assert (training.epochs, training.batch_size, training.learning_rate) == (2000, 256, 3e-3)
        assert (training.schedule, training.keep, training.average_decay) == (
            "plateau",
            "last",
            0.0,
        )
        assert (training.weight_decay, training.weight_decay_warmup_epochs) == (2e-5, 500)
        assert setting(name, "kl_warmup") * training.epochs == 500
        assert (setting(name, "hidden_dim"), setting(name, "latent_dim")) == (280, 280)
        assert (setting(name, "gamma"), setting(name, "timescale_s")) == (0.55, "bin")
        assert (setting(name, "initial"), setting(name, "variant.scheme")) == ("first", "euler")


# --- every reading alone ----------------------------------------------------------------------

SINGLY: dict[str, tuple[Variant, Variant]] = {
    "dynamics__scheme": (Variant(), Variant(scheme="euler")),
    "dynamics__hamiltonian_step": (
        Variant(scheme="euler"),
        Variant(scheme="euler", hamiltonian_step=0.5),
    ),
    "gru_reads previous": (Variant(), Variant(gru_reads="previous")),
    "gru_reads held": (Variant(gru_reads="previous"), Variant(gru_reads="held")),
    "recurrent_dropout": (Variant(), Variant(recurrent_dropout=0.2)),
    "feedforward": (Variant(), Variant(feedforward=9)),
    "norm": (Variant(), Variant(norm="post")),
    "initial_scale": (Variant(), Variant(initial_scale=0.67)),
    "likelihood": (Variant(), Variant(likelihood="mean")),
    "learn_from_kept": (Variant(), Variant(learn_from_kept=0.3)),
    "average": (Variant(), Variant(average="log-rates")),
}


@cache
def rates(variant: Variant) -> np.ndarray:
    model = small(
        posterior__initial_s="first", coordinated_dropout=0.5, dropout=0.1, variant=variant
    ).fit(GAPS)
    return model.predict(GAPS).rates


def test_every_reading_is_tried() -> None:
    assert {name.split()[0] for name in SINGLY} == {f.name for f in fields(Variant)}


@pytest.mark.parametrize(("before", "after"), SINGLY.values(), ids=SINGLY.keys())
def test_every_reading_works_alone_and_changes_the_result(before: Variant, after: Variant) -> None:
    assert np.isfinite(rates(after)[GAPS.valid]).all()
    assert not np.allclose(rates(after), rates(before), rtol=1e-6, equal_nan=True)


def test_averaging_log_rates_gives_less() -> None:
    """The geometric mean is below the arithmetic one wherever samples differ."""
    geometric, arithmetic = rates(Variant(average="log-rates")), rates(Variant())
    assert (geometric <= arithmetic * (1 + 1e-6))[GAPS.valid].all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": {"norm": "post"}}, "variant is .*: it must be a Variant"),
        (
            {"variant": Variant(scheme="leapfrog")},
            "variant.scheme is 'leapfrog': .* 'splitting', 'euler'",
        ),  # type: ignore[arg-type]
        ({"variant": Variant(gru_reads="next")}, "variant.gru_reads is 'next'"),  # type: ignore[arg-type]
        ({"variant": Variant(norm="rms")}, "variant.norm is 'rms'"),  # type: ignore[arg-type]
        ({"variant": Variant(likelihood="max")}, "variant.likelihood is 'max'"),  # type: ignore[arg-type]
        ({"variant": Variant(average="median")}, "variant.average is 'median'"),  # type: ignore[arg-type]
        (
            {"variant": Variant(recurrent_dropout=1.0)},
            "variant.recurrent_dropout is 1.0: it must be from 0",
        ),
        ({"variant": Variant(learn_from_kept=-0.1)}, "variant.learn_from_kept is -0.1"),
        ({"variant": Variant(scheme="euler", hamiltonian_step=0.0)}, "hamiltonian_step is 0.0"),
        ({"variant": Variant(initial_scale=-1.0)}, "initial_scale is -1.0"),
        ({"variant": Variant(feedforward=0)}, "variant.feedforward is 0"),
    ],
)
def test_wrong_readings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        small(**settings).fit(GAPS)
