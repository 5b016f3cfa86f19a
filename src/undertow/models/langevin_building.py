"""From the settings of `LangevinFlow` to its network; every rule between settings is checked here."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from undertow.decoders import Decoder, LinearDecoder, MLPDecoder, TransformerDecoder
from undertow.dynamics import CoupledOscillatorPotential, Potential, UnderdampedLangevin
from undertow.encoders import GRUEncoder
from undertow.errors import ModelError
from undertow.models.langevin_network import LangevinNetwork
from undertow.observations import PoissonObservation
from undertow.training import Training

if TYPE_CHECKING:
    from undertow.models.langevin_flow import LangevinFlow


def build_network(
    model: "LangevinFlow", n_heldin: int, mean_rates: np.ndarray, bin_s: float
) -> LangevinNetwork:
    """An untrained network; weights are drawn from torch's global generator, which the caller has seeded.

    Args:
        model: holds the settings.
        n_heldin: neurons given to the encoder.
        mean_rates: starting rates of all neurons in spikes/s, (neurons,).
        bin_s: bin width in seconds.

    Raises:
        ModelError: naming the setting and the rule it breaks.
    """
    check_settings(model)
    encoder = GRUEncoder(
        n_heldin, model.hidden_dim, model.bidirectional, initial_bins(model.initial, bin_s), model.dropout
    )
    dynamics = build_dynamics(model) if model.latents else None
    if dynamics is not None:
        dynamics.check_stable(bin_s)
    inputs = tuple(model.decoder_inputs) if model.latents else ("h",)
    widths = {"z": model.latent_dim, "v": model.latent_dim, "h": encoder.context_dim}
    decoder = build_decoder(model, sum(widths[name] for name in inputs))
    rates = torch.tensor(np.nan_to_num(mean_rates), dtype=torch.float32)
    observation = PoissonObservation(decoder.feature_dim, rates, bin_s)
    controlled = model.posterior == "controlled"
    return LangevinNetwork(
        encoder, dynamics, decoder, observation, inputs, bin_s, controlled, model.path_prior
    )


def build_dynamics(model: "LangevinFlow") -> UnderdampedLangevin:
    """The Langevin dynamics with the potential asked for."""

    def oscillators(dim: int) -> Potential:
        return CoupledOscillatorPotential(dim, model.groups, model.taps)

    potential = oscillators if isinstance(model.potential, str) else model.potential
    constants = {k: getattr(model, k) for k in ("mass", "gamma", "temperature", "timescale_s", "learn")}
    return UnderdampedLangevin(2 * model.latent_dim, potential, **constants)


def build_decoder(model: "LangevinFlow", n_inputs: int) -> Decoder:
    """The decoder asked for, over `n_inputs` inputs per bin."""
    if model.decoder == "transformer":
        return TransformerDecoder(
            n_inputs, model.decoder_width, model.heads, None, model.dropout, model.causal
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
    _one_of("path_prior", model.path_prior, ("dynamics", "standard-normal"))
    _one_of("decoder", model.decoder, ("transformer", "mlp", "linear"))
    if isinstance(model.potential, str):
        _one_of("potential", model.potential, ("coupled-oscillators",))
    if isinstance(model.initial, str):
        _one_of("initial", model.initial, ("first", "all"))
    elif not model.initial > 0:
        raise ModelError(f"initial is {model.initial}: a window must be longer than 0 seconds.")
    for name in model.decoder_inputs:
        _one_of("decoder_inputs", name, ("z", "v", "h"))
    if not model.decoder_inputs:
        raise ModelError("decoder_inputs is empty: the decoder must see at least one of 'z', 'v', 'h'.")
    for name in ("dropout", "coordinated_dropout"):
        if not 0 <= getattr(model, name) < 1:
            raise ModelError(f"{name} is {getattr(model, name)}: it must be from 0 up to, not including, 1.")
    for name in ("latent_dim", "hidden_dim", "decoder_width", "heads", "samples"):
        if not (getattr(model, name) >= 1 and getattr(model, name) % 1 == 0):
            raise ModelError(f"{name} is {getattr(model, name)}: it must be a whole number, at least 1.")
    if not 0 <= model.kl_warmup <= 1 or not model.kl_weight >= 0:
        raise ModelError(
            f"kl_weight is {model.kl_weight}, kl_warmup {model.kl_warmup}: at least 0; from 0 to 1."
        )
    if model.causal and (model.bidirectional or (model.latents and model.initial != "first")):
        raise ModelError(
            "causal=True needs bidirectional=False and initial='first': nothing may look at later bins."
        )


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ModelError(f"{name} is {value!r}: it must be one of {', '.join(map(repr, choices))}.")
