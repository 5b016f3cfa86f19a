"""What a causal `LangevinNetwork` computes in one bin, given what is left of those before."""

from math import log

import torch
from torch import Tensor

from undertow.decoders import TransformerDecoder
from undertow.dynamics.potentials import Potential
from undertow.encoders import GRUEncoder, LinearEncoder
from undertow.evaluation.metrics.poisson_regression import MAX_LOG_COUNT
from undertow.flat import row
from undertow.models.langevin_flow.inferred import Head
from undertow.models.langevin_flow.network import CONTROL_GAIN, LangevinNetwork
from undertow.models.langevin_flow.pool import Pool
from undertow.models.pooling import LEAST_HZ
from undertow.models.streaming import Tensors, no_memory
from undertow.observations import CountObservation


class LangevinBin:
    """Algorithm 1 of one bin; samples run side by side, as rows.

    Args:
        network: of a causal model.
        samples: posterior samples averaged.
        average: 'rates' or 'log-rates'.
        n_heldin, n_stimulus: counts and external inputs of a bin.
    """

    def __init__(
        self, network: LangevinNetwork, samples: int, average: str, n_heldin: int, n_stimulus: int
    ) -> None:
        self.network, self.average = network, average
        self.samples = 1 if network.dynamics is None else samples
        self.n_heldin = n_heldin
        first = Head(network.decoder, network.observation)
        self.heads = [first, *(head for head in network.direct if isinstance(head, Head))]
        seen = (head.observation for head in self.heads)
        self.observations = [each for each in seen if isinstance(each, CountObservation)]
        least_hz = min(each.floor_hz for each in self.observations)
        self.pool = None if network.pool is None else PooledBin(network.pool, least_hz)
        dynamics = network.dynamics
        # known beforehand: what is traced may not read a value
        self.steps = 0 if dynamics is None else dynamics.steps_per_bin(network.bin_s)
        self.linear = self._linear()

    def inputs(self) -> dict[str, Tensor]:
        """Everything that a bin depends on, zero."""
        network = self.network
        context = network.encoder.context_dim
        assert isinstance(network.encoder, GRUEncoder | LinearEncoder)
        found = {"read": row(len(network.encoder.no_input))}
        if isinstance(network.encoder, GRUEncoder):
            found |= {"h": row(context), "recurrent": row(3 * context)}
        if (dynamics := network.dynamics) is not None:
            pairs = -(-self.samples // 2)
            found["state"] = torch.zeros(self.samples, dynamics.state_dim)
            found["initial_noise"] = torch.zeros(pairs, dynamics.state_dim)
            found["noise"] = torch.zeros(pairs, self.steps * dynamics.noise_dim)
            found["observed"] = torch.ones(1, 1)
            if network.path_reads == "counts":
                found |= {"counts": row(self.n_heldin), "before": row(self.n_heldin)}
            elif network.path_reads == "context":
                found["before"] = row(context)
        for k, head in enumerate(self.heads):
            if isinstance(decoder := head.decoder, TransformerDecoder):
                rows = 1 if k else self.samples
                bins = (decoder.window_bins or 1) - 1
                sizes = (decoder.heads, -(-decoder.width // decoder.heads), bins)
                found |= no_memory(str(k), rows, *sizes)
                found["position"] = torch.zeros(decoder.feature_dim)
        if network.pool is not None and network.pool.regression:
            found["smoothed"] = torch.ones(1, self.n_heldin)
        return found

    @property
    def carried(self) -> list[str]:
        """Inputs that a bin leaves to the next."""
        return [name for name in ("h", "recurrent", "state", "before") if name in self.inputs()]

    def __call__(self, given: Tensors, first: bool) -> dict[str, Tensor]:
        """What is known of the bin; see `OneBin`."""
        network = self.network
        h, found = self._context(given, first)
        latents = {"h": h.expand(self.samples, -1)}
        if network.dynamics is not None:
            state = self._started(given, h) if first else self._moved(given, h)
            read = network.dynamics.readout(state)
            found["next_state"] = state
            mean = network.dynamics.readout(state.mean(0, keepdim=True))
            found |= {f"latent_{name}": each for name, each in mean.items()}
            latents |= read
            if network.path_reads is not None:
                found["next_before"] = given["counts"] if network.path_reads == "counts" else h
        names = network.decoder_inputs
        if network.dynamics is not None and names == tuple(read):
            seen = state  # positions and velocities lie side by side in it
        else:
            seen = torch.cat([latents[name] for name in names], -1)
        values = []
        for k, head in enumerate(self.heads):
            each, kept = self._decoded(head, h if k else seen, given, k)
            values.append(each)
            found |= kept
        found["rates"] = self._rates(values, given.get("smoothed"))
        return found

    def _context(self, given: Tensors, first: bool) -> tuple[Tensor, dict[str, Tensor]]:
        """Context h of the bin, (1, context_dim), and what is kept of it."""
        encoder = self.network.encoder
        if isinstance(encoder, LinearEncoder):
            h = encoder.linear(given["read"])
            return h, {"latent_h": h}
        assert isinstance(encoder, GRUEncoder)
        recurrent = encoder.recurrent(given["h"]) if first else given["recurrent"]
        h = encoder.next_state(given["read"], recurrent, given["h"])
        # what the next bin reads of h is known now, in one product with what this bin reads of it
        return h, {"next_h": h, "latent_h": h, "next_recurrent": encoder.recurrent(h)}

    # --- latents -----------------------------------------------------------------------------

    def _started(self, given: Tensors, h: Tensor) -> Tensor:
        """Initial states, inferred from the first bin."""
        assert self.network.initial is not None
        mean, std = self.network.initial(h)
        return mean + std * self._paired(given["initial_noise"])

    def _moved(self, given: Tensors, h: Tensor) -> Tensor:
        """States a bin later."""
        network, dynamics = self.network, self.network.dynamics
        assert dynamics is not None
        kicks: Tensor = self._paired(given["noise"])
        if network.control is not None:
            root = (network.bin_s / self.steps / dynamics.timescale_s).sqrt()
            push = root * CONTROL_GAIN * network.control(h) * given["observed"]
            kicks = kicks + (push if self.steps == 1 else torch.cat([push] * self.steps, -1))
        if self.linear is not None:
            return torch.cat([given["state"], kicks], -1) @ self.linear
        read = given["before"].expand(len(kicks), -1) if network.path_reads else None
        return self._stepped(given["state"], kicks, read)

    def _stepped(self, x: Tensor, kicks: Tensor, read: Tensor | None) -> Tensor:
        """States x after the steps of a bin under kicks in units of the noise."""
        dynamics = self.network.dynamics
        assert dynamics is not None
        step = (self.network.bin_s / self.steps) / dynamics.timescale_s
        for kick in kicks.unflatten(1, (self.steps, -1)).unbind(1):
            # Langevin dynamics do not depend on time
            mean, std = dynamics.step(0.0, x, step, read)
            x = dynamics.displaced(mean, dynamics.spread(std, kick), step)
        return x

    def _linear(self) -> Tensor | None:
        """The map of a state and a bin's kicks to the next state; None where it is not linear."""
        dynamics = self.network.dynamics
        potential = getattr(dynamics, "potential", None)
        if dynamics is None or self.network.path_reads or not isinstance(potential, Potential):
            return None
        if potential.stiffness() is None:
            return None
        state, kicks = dynamics.state_dim, self.steps * dynamics.noise_dim
        unit = torch.eye(state + kicks)
        with torch.no_grad():
            return self._stepped(unit[:, :state], unit[:, state:], None)

    def _paired(self, noise: Tensor) -> Tensor:
        """Noise of all samples, those of a pair of opposite signs, (samples, numbers)."""
        return torch.cat([noise, -noise])[: self.samples]

    # --- rates -------------------------------------------------------------------------------

    def _decoded(
        self, head: Head, read: Tensor, given: Tensors, k: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Readouts of a decoder, (1 or samples, neurons), and what its memory keeps."""
        kept: dict[str, Tensor] = {}
        if isinstance(decoder := head.decoder, TransformerDecoder):
            memory = (given[f"{part}_{k}"] for part in ("keys", "values", "reach"))
            features, key, value = decoder.decode_next(read, given["position"], *memory)
            kept = {f"key_{k}": key, f"value_{k}": value}
        else:
            # it reads each bin alone, whatever the axes
            features = decoder(read, torch.ones(len(read), dtype=torch.bool), torch.zeros(1))
        assert isinstance(head.observation, CountObservation)
        return head.observation.readout(features), kept

    def _rates(self, values: list[Tensor], smoothed: Tensor | None) -> Tensor:
        """Rates in spikes/s of the readouts of all decoders, (1, neurons)."""
        observations = self.observations
        if all(each.link == "exp" for each in observations):
            # one floor and no scale of their own: all in one
            together = observations[0].rates_of(torch.cat(values))
            rates = list(together.split([len(each) for each in values]))
        else:
            rates = [seen.rates_of(each) for seen, each in zip(observations, values, strict=True)]
        if len(rates[0]) > 1:
            logs = self.average == "log-rates"
            mean = (rates[0].log() if logs else rates[0]).mean(0, keepdim=True)
            rates[0] = mean.exp() if logs else mean
        return rates[0] if self.pool is None else self.pool(torch.cat(rates), smoothed)


class PooledBin:
    """The pool of one bin, see `Pool.pool`: log rates of all sources under shares, and a constant.

    Args:
        pool: of the network.
        least_hz: the least rate that a decoder can give.
    """

    def __init__(self, pool: Pool, least_hz: float) -> None:
        heldout, n_decoders = torch.from_numpy(pool.heldout), pool.n_decoders
        shares = pool.own_shares.new_zeros(len(pool.own_shares), len(heldout)).double()
        shares[:n_decoders] = torch.from_numpy(pool.decoder_shares())[:, None]
        shares[n_decoders:] = 0.0
        shares[:, heldout] = pool.own_shares.double()
        log_means = torch.from_numpy(pool.mean_rates).log()
        # what shares have of the means, which the ratios are to, is the same in every bin
        constant = torch.where(heldout, (1 - shares.sum(0)) * log_means, 0.0)
        constant[heldout] += pool.log_gain.double()
        self.constant, self.shares = constant.float()[None], shares.float()
        # rates above the least need not be raised to it
        self.least = least_hz < LEAST_HZ
        self.alone = heldout if n_decoders == 1 else None
        self.floor_hz: float | None = None
        if pool.regression:
            self.floor_hz = float(pool.smoothing[1])
            self.weights = pool.weights.new_zeros(len(pool.weights), len(heldout))
            self.offset = pool.offset.new_zeros(len(heldout))
            self.weights[:, heldout], self.offset[heldout] = pool.weights, pool.offset

    def __call__(self, rates: Tensor, smoothed: Tensor | None) -> Tensor:
        """Rates in spikes/s, (1, neurons).

        Args:
            rates: of each decoder, (decoders, neurons).
            smoothed: held-in rates, (1, held-in), where there is a regression.
        """
        log_rates = (rates.clamp(min=LEAST_HZ) if self.least else rates).log()
        logs = (self.shares[: len(rates)] * log_rates).sum(0, keepdim=True) + self.constant
        if smoothed is not None and self.floor_hz is not None:
            features = (smoothed + self.floor_hz).log()
            log_rates = torch.addmm(self.offset, features, self.weights)
            logs = logs + self.shares[-1] * log_rates.clamp(log(LEAST_HZ), MAX_LOG_COUNT)
        found = logs.exp()
        # a decoder alone is taken as it is
        return found if self.alone is None else torch.where(self.alone, found, rates)
