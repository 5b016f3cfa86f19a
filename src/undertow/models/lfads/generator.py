"""Generator and controller: what is learned of their recurrence, and how it is run."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from undertow.encoders.gru_recurrence import gru_recurrence
from undertow.models.lfads.options import GRUController
from undertow.models.lfads.priors import InputPrior
from undertow.models.lfads.recurrence import Weights, controlled_generator


class GRUWeights(nn.Module):
    """Recurrent weights and gate biases of a GRU; gates of its inputs are computed elsewhere.

    The update gate starts open towards the past, as in the paper: its bias is 1.
    """

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.recurrent = nn.Linear(hidden_dim, 3 * hidden_dim)
        self.gate_bias = nn.Parameter(torch.zeros(3 * hidden_dim))
        with torch.no_grad():
            self.gate_bias[hidden_dim : 2 * hidden_dim] = 1.0

    def mean_square(self) -> Tensor:
        """Mean square of the recurrent weights."""
        return self.recurrent.weight.square().mean()


class Generator(nn.Module):
    """Generator h_t = GRU(u_t, stimulus_t, h_{t−1}) with factors f_t = F h_t.

    Rows of F have unit norm.

    Args:
        hidden_dim: units.
        initial_dim: width of the initial condition, mapped linearly to h before the first bin.
        factors: number of factors.
        inputs: number of inferred inputs.
        stimulus_channels: number of external inputs.
    """

    def __init__(
        self, hidden_dim: int, initial_dim: int, factors: int, inputs: int, stimulus_channels: int
    ) -> None:
        super().__init__()
        self.initial = nn.Linear(initial_dim, hidden_dim)
        self.gru = GRUWeights(hidden_dim)
        self.inputs = nn.Linear(inputs, 3 * hidden_dim, bias=False) if inputs else None
        self.stimulus = (
            nn.Linear(stimulus_channels, 3 * hidden_dim, bias=False) if stimulus_channels else None
        )
        self.factors = nn.Linear(hidden_dim, factors, bias=False)

    def factor_weights(self) -> Tensor:
        """F, (factors, units), with rows of unit norm."""
        return nn.functional.normalize(self.factors.weight, dim=1)

    def gates(self, stimulus: Tensor | None, bins: int, trials: int) -> Tensor:
        """Input gates of all bins but for inferred inputs, (bins, trials, 3 · units)."""
        if self.stimulus is None or stimulus is None:
            return self.gru.gate_bias.expand(bins, trials, -1)
        gates: Tensor = self.stimulus(stimulus.transpose(0, 1)) + self.gru.gate_bias
        return gates

    def run(self, initial: Tensor, gates: Tensor, inputs: Tensor | None) -> Tensor:
        """States under given inputs, (bins, trials, units).

        Args:
            initial: the initial condition, (trials, initial_dim).
            gates: of all bins, from `gates`.
            inputs: (bins, trials, inputs); None where there are none.
        """
        if self.inputs is not None and inputs is not None:
            gates = gates + self.inputs(inputs)
        recurrent = self.gru.recurrent
        return gru_recurrence(gates, recurrent.weight, recurrent.bias, None, self.initial(initial))


class Controlled(NamedTuple):
    """States of the generator and what was inferred of its inputs, time first.

    Attributes:
        states: (bins, trials, units).
        inputs: sampled, (bins, trials, inputs).
        mean, std: moments of the posterior of each bin's inputs given the bins before.
    """

    states: Tensor
    inputs: Tensor
    mean: Tensor
    std: Tensor


class Controller(nn.Module):
    """Controller c_t = GRU(context_t, f_{t−1}, c_{t−1}), from which inputs are inferred.

    Args:
        n_inputs: inferred inputs.
        factors: number of factors that it sees.
        context_dim: width of the encoder's context in each bin.
        initial_dim: width of the encoder's features, from which c before the first bin is made.
        bin_s: bin width in seconds.
        options: its width and the inputs' prior.
    """

    def __init__(
        self,
        n_inputs: int,
        factors: int,
        context_dim: int,
        initial_dim: int,
        bin_s: float,
        options: GRUController,
    ) -> None:
        super().__init__()
        hidden_dim = options.hidden_dim
        self.initial = nn.Linear(initial_dim, hidden_dim)
        self.gru = GRUWeights(hidden_dim)
        self.context = nn.Linear(context_dim, 3 * hidden_dim, bias=False)
        self.feedback = nn.Linear(factors, 3 * hidden_dim, bias=False)
        self.head = nn.Linear(hidden_dim, 2 * n_inputs)
        self.prior = InputPrior(n_inputs, bin_s, options)
        with torch.no_grad():
            # posteriors start near the prior
            self.head.weight.mul_(0.1)
            self.head.bias[:n_inputs] = 0.0
            self.head.bias[n_inputs:] = 2 * self.prior.log_std

    def drive(
        self,
        generator: Generator,
        initial: Tensor,
        gates: Tensor,
        context: Tensor,
        features: Tensor,
        observed: Tensor,
        noise: Tensor,
    ) -> Controlled:
        """Run the generator under inputs inferred bin by bin, or drawn from their prior.

        Args:
            generator: what is driven.
            initial, gates: as in `Generator.run`.
            context: of the encoder, (trials, bins, context_dim).
            features: of the encoder, (trials, initial_dim).
            observed: bins in which inputs are inferred, (trials, bins); in the others they follow
                the prior.
            noise: standard normal, (bins, trials, inputs).
        """
        assert generator.inputs is not None
        shown = self.context(context.transpose(0, 1)) + self.gru.gate_bias
        states, inputs, mean, logvar = controlled_generator(
            shown,
            gates,
            noise,
            generator.initial(initial),
            self.initial(features),
            *self._chain(observed, noise),
            *self._weights(generator),
        )
        return Controlled(states, inputs, mean, (0.5 * logvar).exp())

    def _chain(self, observed: Tensor, noise: Tensor) -> tuple[Tensor | None, ...]:
        """Where inputs are inferred, and the prior's law where they are not; None for nowhere."""
        if bool(observed.all()):
            return None, None, None
        inferred = observed.t()[..., None].to(noise.dtype)
        decay, innovation_std = self.prior.steps(len(noise))
        free = 1 - inferred
        return inferred, free * decay, free * innovation_std[:, None] * noise

    def _weights(self, generator: Generator) -> Weights:
        assert generator.inputs is not None
        return Weights(
            torch.cat([generator.gru.recurrent.weight, generator.factor_weights()]),
            generator.gru.recurrent.bias,
            generator.inputs.weight,
            self.feedback.weight,
            self.gru.recurrent.weight,
            self.gru.recurrent.bias,
            self.head.weight,
            self.head.bias,
        )
