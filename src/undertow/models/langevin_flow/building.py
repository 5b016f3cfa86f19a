"""From the settings of a `LangevinFlow` to its network."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import torch

from undertow.decoders import Decoder, LinearDecoder, MLPDecoder, TransformerDecoder
from undertow.dynamics import (
    CoupledOscillatorPotential,
    DoubleWellPotential,
    Dynamics,
    EulerLangevin,
    FreeOscillatorPotential,
    InputDrivenPotential,
    MixedOscillatorPotential,
    MLPPotential,
    OverdampedLangevin,
    Potential,
    UnderdampedLangevin,
)
from undertow.encoders import Encoder, GRUEncoder, LinearEncoder
from undertow.errors import ModelError
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.variant import Variant
from undertow.observations import PoissonObservation
from undertow.training import Training

if TYPE_CHECKING:
    from undertow.models.langevin_flow import LangevinFlow

OSCILLATORS = ("coupled-oscillators", "free-oscillators", "mixed-oscillators", "input-driven")
POTENTIALS = (*OSCILLATORS, "mlp", "double-well")


def build_network(
    model: "LangevinFlow", n_heldin: int, mean_rates: np.ndarray, bin_s: float
) -> LangevinNetwork:
    """An untrained network; weights are drawn from torch's global generator, which the caller has
    seeded.

    Args:
        model: holds the settings.
        n_heldin: neurons given to the encoder.
        mean_rates: starting rates of all neurons in spikes/s, (neurons,).
        bin_s: bin width in seconds.

    Raises:
        ModelError: naming the setting and the rule it breaks.
    """
    check_settings(model)
    encoder = build_encoder(model, n_heldin, bin_s)
    dynamics = build_dynamics(model, n_heldin, bin_s) if model.latents else None
    inputs: tuple[str, ...] = ("h",)
    widths = {"z": model.latent_dim, "v": model.latent_dim, "h": encoder.context_dim}
    if dynamics is not None:
        dynamics.check_settings(bin_s)
        inputs = tuple(name for name in model.decoder_inputs if name != "v" or model.order == 2)
    decoder = build_decoder(model, sum(widths[name] for name in inputs))
    rates = torch.tensor(np.nan_to_num(mean_rates), dtype=torch.float32)
    return LangevinNetwork(
        encoder,
        dynamics,
        decoder,
        PoissonObservation(decoder.feature_dim, rates, bin_s, model.rate_floor_hz),
        inputs,
        bin_s,
        model.posterior == "controlled",
        model.path_prior,
        model.variant.likelihood,
        model.variant.learn_from_kept,
        model.withhold_h,
    )


def build_encoder(model: "LangevinFlow", n_heldin: int, bin_s: float) -> Encoder:
    """The encoder asked for."""
    first = initial_bins(model.initial, bin_s)
    if model.encoder == "linear":
        return LinearEncoder(n_heldin, model.hidden_dim, first, model.dropout)
    return GRUEncoder(
        n_heldin,
        model.hidden_dim,
        model.bidirectional,
        first,
        model.dropout,
        model.variant.gru_reads,
        model.variant.recurrent_dropout,
    )


def build_dynamics(model: "LangevinFlow", n_heldin: int, bin_s: float) -> Dynamics:
    """The Langevin dynamics of the order and scheme asked for, in the potential asked for."""
    options: dict[str, Any] = {
        k: getattr(model, k) for k in ("temperature", "learn", "allow_unstable")
    }
    options["timescale_s"] = bin_s if model.timescale_s == "bin" else model.timescale_s
    options["potential"] = potential_builder(model, n_heldin)
    if model.order == 1:
        options["learn"] = tuple(
            name for name in model.learn if name in ("temperature", "timescale")
        )
        return OverdampedLangevin(model.latent_dim, **options)
    options |= {"mass": model.mass, "gamma": model.gamma}
    if model.variant.scheme == "euler":
        step = model.variant.hamiltonian_step
        return EulerLangevin(2 * model.latent_dim, hamiltonian_step=step, **options)
    return UnderdampedLangevin(2 * model.latent_dim, **options)


def potential_builder(model: "LangevinFlow", n_heldin: int) -> Callable[[int], Potential]:
    """What builds the potential from the number of positions."""

    def oscillators(dim: int) -> Potential:
        return CoupledOscillatorPotential(dim, model.groups, model.taps)

    if not isinstance(model.potential, str):
        return model.potential
    return {
        "coupled-oscillators": oscillators,
        "free-oscillators": lambda dim: FreeOscillatorPotential(dim, model.groups, model.taps),
        "mixed-oscillators": lambda dim: MixedOscillatorPotential(dim, model.groups, model.taps),
        "input-driven": lambda dim: InputDrivenPotential(dim, n_heldin, oscillators),
        "mlp": MLPPotential,
        "double-well": DoubleWellPotential,
    }[model.potential]


def build_decoder(model: "LangevinFlow", n_inputs: int) -> Decoder:
    """The decoder asked for, over `n_inputs` inputs per bin."""
    if model.decoder == "transformer":
        return TransformerDecoder(
            n_inputs,
            model.decoder_width,
            model.heads,
            model.variant.feedforward,
            model.dropout,
            model.causal,
            model.variant.norm,
            model.variant.initial_scale,
        )
    if model.decoder == "mlp":
        return MLPDecoder(n_inputs, model.decoder_width, model.dropout)
    return LinearDecoder(n_inputs, model.dropout)


def initial_bins(initial: str | float, bin_s: float) -> int | None:
    """Bins the initial state is inferred from; None for all."""
    if initial == "all":
        return None
    return 1 if initial == "first" else max(1, round(float(initial) / bin_s))


def check_settings(model: "LangevinFlow") -> None:
    """Refuse settings that contradict each other or are not among their choices."""
    if not isinstance(model.training, Training):
        raise ModelError(
            f"training is {model.training!r}: it must be a Training, such as Training(epochs=100)."
        )
    _one_of("posterior", model.posterior, ("autonomous", "controlled"))
    _one_of("path_prior", model.path_prior, ("dynamics", "standard-normal", "released"))
    _one_of("encoder", model.encoder, ("gru", "linear"))
    _one_of("decoder", model.decoder, ("transformer", "mlp", "linear"))
    if isinstance(model.potential, str):
        _one_of("potential", model.potential, POTENTIALS)
    _check_variant(model)
    if isinstance(model.initial, str):
        _one_of("initial", model.initial, ("first", "all"))
    elif not model.initial > 0:
        raise ModelError(f"initial is {model.initial}: a window must be longer than 0 seconds.")
    for name in model.decoder_inputs:
        _one_of("decoder_inputs", name, ("z", "v", "h"))
    if not model.decoder_inputs:
        raise ModelError(
            "decoder_inputs is empty: the decoder must see at least one of 'z', 'v', 'h'."
        )
    for name in ("dropout", "coordinated_dropout", "withhold_h"):
        if not 0 <= getattr(model, name) < 1:
            raise ModelError(
                f"{name} is {getattr(model, name)}: it must be from 0 up to, not including, 1."
            )
    for name in ("latent_dim", "hidden_dim", "decoder_width", "heads", "samples"):
        if not (getattr(model, name) >= 1 and getattr(model, name) % 1 == 0):
            raise ModelError(
                f"{name} is {getattr(model, name)}: it must be a whole number, at least 1."
            )
    if not 0 <= model.rate_floor_hz < 1e3:
        raise ModelError(
            f"rate_floor_hz is {model.rate_floor_hz}: a least rate in spikes/s, zero for none."
        )
    if not 0 <= model.kl_warmup <= 1 or not model.kl_weight >= 0:
        raise ModelError(
            f"kl_weight is {model.kl_weight}, kl_warmup {model.kl_warmup}: at least 0; from 0 to 1."
        )
    if model.causal and (model.bidirectional or (model.latents and model.initial != "first")):
        raise ModelError(
            "causal=True needs bidirectional=False and initial='first': nothing may look at later "
            "bins."
        )


def _check_variant(model: "LangevinFlow") -> None:
    """Refuse readings of the paper that are unknown or do not go together."""
    if not isinstance(model.variant, Variant):
        raise ModelError(
            f"variant is {model.variant!r}: it must be a Variant, such as Variant(norm='post')."
        )
    for name, kind in get_type_hints(Variant).items():
        if get_origin(kind) is Literal:
            _one_of(f"variant.{name}", getattr(model.variant, name), get_args(kind))
    for name in ("recurrent_dropout", "learn_from_kept"):
        if not 0 <= getattr(model.variant, name) < 1:
            raise ModelError(
                f"variant.{name} is {getattr(model.variant, name)}: it must be from 0 up to, not "
                "including, 1."
            )
    units, scale = model.variant.feedforward, model.variant.initial_scale
    if (units is not None and not (units >= 1 and units % 1 == 0)) or not scale > 0:
        raise ModelError(
            f"variant.feedforward is {units}, initial_scale is {scale}: a whole number, at least "
            "1, or None; above zero."
        )
    if model.order not in (1, 2):
        raise ModelError(
            f"order is {model.order}: Langevin dynamics are of first (1) or second (2) order."
        )
    if model.order == 1 and (model.variant.scheme == "euler" or model.path_prior != "dynamics"):
        raise ModelError(
            "order=1 has no velocity: leave variant.scheme 'splitting' and path_prior 'dynamics'."
        )
    if model.order == 1 and model.latents and set(model.decoder_inputs) == {"v"}:
        raise ModelError("order=1 has no velocity: decoder_inputs needs 'z' or 'h'.")
    if isinstance(model.timescale_s, str):
        _one_of("timescale_s", model.timescale_s, ("bin",))
    if model.encoder == "linear" and model.bidirectional:
        raise ModelError("encoder='linear' has no direction: leave bidirectional=False.")


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"{name} is {value!r}: it must be one of {', '.join(map(repr, choices))}.")
