"""What a causal `LatentSDENetwork` computes in one bin: context, start of a path, readouts."""

import torch
from torch import Tensor, nn

from undertow.encoders import Interpolation, lstm_step
from undertow.flat import row
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.streaming import Tensors
from undertow.observations import CategoricalChannels, CountObservation, GaussianObservation

LAYERS = 2
"""Of the encoder's LSTMs."""


class LatentSDEBin:
    """The parts of one bin; paths run side by side, as rows.

    Args:
        network: whose context is read forwards.
        n_heldin, n_stimulus: counts and external inputs of a bin.
    """

    def __init__(self, network: LatentSDENetwork, n_heldin: int, n_stimulus: int) -> None:
        self.network, self.n_heldin, self.n_stimulus = network, n_heldin, n_stimulus
        self.substeps = max(1, round(1 / network.bins_per_step))
        self.input_dim = 0 if network.stimulus is None else network.stimulus.output_dim

    # --- what is read ------------------------------------------------------------------------

    @property
    def encoded(self) -> dict[str, Tensor]:
        """Inputs of `encode`."""
        hidden = self.network.encoder.context_dim
        return {
            "counts": row(self.n_heldin),
            "known": row(self.n_heldin),
            "observed": torch.ones(1, 1),
            "stimulus": row(self.n_stimulus),
            "time_s": torch.zeros(1, 1),
            "states": torch.zeros(LAYERS, 1, hidden),
            "cells": torch.zeros(LAYERS, 1, hidden),
        }

    def encode(self, given: Tensors) -> dict[str, Tensor]:
        """Context of a bin, what the encoder read, and the input u of the dynamics."""
        network = self.network
        read = given["counts"]
        if network.presence is not None:
            read = network.presence(read, given["known"] > 0)
        parts = [read]
        if network.encodes_behavior:
            assert network.behavior is not None
            # behaviour is never shown
            hidden = torch.full((1, network.behavior.n_channels), torch.nan)
            parts.append(network.behavior.encoded(hidden))
        read, observed = torch.cat(parts, -1), given["observed"]
        if network.encoder.read_in is not None:
            read = network.encoder.read_in(read)
        read = torch.cat([read * observed, observed], -1)
        lstm = network.encoder.contexts[0]
        assert isinstance(lstm, nn.LSTM)
        context, states, cells = lstm_step(lstm, read, given["states"], given["cells"])
        found = {"context": context, "read": read, "next_states": states, "next_cells": cells}
        if network.stimulus is not None:
            found["inputs"] = self._driving(given)
        return found

    def _driving(self, given: Tensors) -> Tensor:
        """Encoded stimulus u, (1, input_dim); see `StimulusEncoder`."""
        encoder = self.network.stimulus
        assert encoder is not None
        encoded: Tensor = encoder.network(given["stimulus"])
        if not encoder.time:
            return encoded
        return torch.cat([encoded, given["time_s"] / encoder.duration_s], -1)

    # --- the start of a path -----------------------------------------------------------------

    @property
    def started(self) -> dict[str, Tensor]:
        """Inputs of `read_back`."""
        hidden, width = self.network.encoder.context_dim, self.read_width
        return {
            "read": row(width),
            "states": torch.zeros(LAYERS, 1, hidden),
            "cells": torch.zeros(LAYERS, 1, hidden),
        }

    @property
    def read_width(self) -> int:
        """Width of what the encoder reads."""
        lstm = self.network.encoder.contexts[0]
        assert isinstance(lstm, nn.LSTM)
        return lstm.input_size

    def read_back(self, given: Tensors) -> dict[str, Tensor]:
        """Read one bin of the window, from its last to its first; gives the initial law so far."""
        lstm = self.network.encoder.initial
        assert isinstance(lstm, nn.LSTM)
        assert self.network.initial is not None
        features, states, cells = lstm_step(lstm, given["read"], given["states"], given["cells"])
        law = self.network.initial(features)
        return {
            "mean": law.mean,
            "factor": law.factor,
            "next_states": states,
            "next_cells": cells,
        }

    # --- steps and readouts ------------------------------------------------------------------

    def moved(self, paths: int) -> dict[str, Tensor]:
        """Inputs of `move`, for so many paths; noise is that of each substep."""
        dynamics, context = self.network.dynamics, self.network.encoder.context_dim
        return {
            "x": torch.zeros(paths, dynamics.state_dim),
            "noise": torch.zeros(paths, dynamics.noise_dim),
            "context_before": row(context),
            "context": row(context),
            "inputs_before": row(self.input_dim),
            "inputs": row(self.input_dim),
            "start_s": torch.zeros(()),
        }

    def move(self, given: Tensors, substep: int) -> dict[str, Tensor]:
        """States after a substep, and log dP/dQ of each path's step, (paths,)."""
        network, dynamics, x = self.network, self.network.dynamics, given["x"]
        share = substep / self.substeps
        step = torch.tensor(network.bin_s / self.substeps) / dynamics.timescale_s
        start = (given["start_s"] + share * network.bin_s) / dynamics.timescale_s
        read = None
        if self.input_dim:
            read = self._between(given["inputs_before"], given["inputs"], share)
        u = None if read is None else read.expand(len(x), -1)
        mean, std = dynamics.step(start, x, step, u)
        kick, log_ratio = given["noise"], x.new_zeros(len(x))
        if network.steering is not None:
            context = self._between(given["context_before"], given["context"], share)
            prepared = network.steering.prepare(
                context[:, None], None if read is None else read[:, None]
            )
            known = None if prepared is None else prepared[:, 0].expand(len(x), -1)
            control = network.steering(x, known, mean, std, step)
            log_ratio = -(0.5 * step * control.square() + step.sqrt() * control * kick).sum(-1)
            kick = kick + step.sqrt() * control
        after = dynamics.displaced(mean, dynamics.spread(std, kick), step)
        return {"x": after, "log_ratio": log_ratio}

    def _between(self, before: Tensor, now: Tensor, share: float) -> Tensor:
        interpolation: Interpolation = self.network.interpolation
        if share == 0 or interpolation == "previous":
            return before
        return torch.lerp(before, now, share)

    def decode(self, given: Tensors) -> dict[str, Tensor]:
        """Rates, latents and behaviour of each path at its state 'x', (paths, state_dim)."""
        network = self.network
        units = network.dynamics.units(given["x"]).flatten(-2)
        exist = torch.ones(len(units), dtype=torch.bool)
        features = network.decoder(units, exist, torch.zeros(1))
        observation = network.observation
        assert isinstance(observation, CountObservation)
        found = {"rates": observation.rates_of(observation.readout(features))}
        for name, each in network.dynamics.readout(given["x"]).items():
            found[f"latent_{name}"] = each
        if isinstance(network.behavior, GaussianObservation):
            found["behavior"] = network.behavior.predicted(units)
            found["behavior_var"] = network.behavior.logvar(units).exp()
        elif isinstance(network.behavior, CategoricalChannels):
            found["categories"] = network.behavior.mean(units).flatten(1)
        return found

    def average(self, given: Tensors) -> dict[str, Tensor]:
        """Averages of what `decode` gives under 'weights', (1, paths), that add up to 1."""
        weights = given["weights"]
        found = {name: weights @ each for name, each in given.items() if name != "weights"}
        if "behavior" in found:
            spread = weights @ given["behavior"].square() - found["behavior"].square()
            found["behavior_std"] = (spread.clamp(min=0) + found.pop("behavior_var")).sqrt()
        return found

    def explain(self, given: Tensors) -> dict[str, Tensor]:
        """Log-likelihood of the counts seen, up to what depends on them alone, (paths,).

        Inputs are 'rates' of each path, and 'counts' and 'known' of all neurons, (1, neurons).
        """
        observation, mean = self.network.observation, given["rates"] * self.network.bin_s
        assert isinstance(observation, CountObservation)
        found = observation.relative_log_prob(mean.log(), mean, given["counts"])
        return {"log_likelihood": (found * given["known"]).sum(-1)}
