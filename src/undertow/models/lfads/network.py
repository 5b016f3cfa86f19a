"""`LFADSNetwork`, the network of `LFADS`: encoders → initial condition and inputs → generator."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.encoders import Dropout, Encoder
from undertow.encoders.stimulus import filled
from undertow.inference import (
    GaussianHead,
    Share,
    coordinated_dropout,
    draw_noise,
    likelihood_weight,
)
from undertow.models.antithetic import shares
from undertow.models.lfads.generator import Controlled, Controller, Generator
from undertow.models.lfads.priors import InitialPrior
from undertow.observations import Observation


@dataclass(frozen=True)
class Encoded:
    """Output of the encoders for a batch, from which many samples can be drawn.

    Attributes:
        mean, std: of the initial condition, (trials, initial_dim).
        context: of the controller's encoder, (trials, time, context_dim); None without inputs.
        features: of the controller's first state, (trials, features); None without inputs.
    """

    mean: Tensor
    std: Tensor
    context: Tensor | None = None
    features: Tensor | None = None

    def take(self, index: Tensor) -> "Encoded":
        """Return the same of some of the trials."""
        if self.context is None or self.features is None:
            return Encoded(self.mean[index], self.std[index])
        context, features = self.context[index], self.features[index]
        return Encoded(self.mean[index], self.std[index], context, features)


@dataclass(frozen=True)
class Inferred:
    """One posterior sample for a batch.

    Attributes:
        factors: what the observation model reads, (trials, time, factors).
        latents: name → (trials, time, dim).
        kl_initial: per trial and coordinate, (trials, initial_dim).
        kl_inputs: per trial and input, summed over bins, (trials, inputs).
    """

    factors: Tensor
    latents: dict[str, Tensor]
    kl_initial: Tensor
    kl_inputs: Tensor


@dataclass(frozen=True)
class Costs:
    """Weights of what is added to the likelihood; see the options of the same names.

    Attributes:
        kl_initial, kl_inputs: of the KL terms.
        l2_generator, l2_controller: of half the mean square of recurrent weights.
    """

    kl_initial: float = 1.0
    kl_inputs: float = 1.0
    l2_generator: float = 0.0
    l2_controller: float = 0.0


class LFADSNetwork(nn.Module):
    """Sequential variational autoencoder around a generator (Sussillo et al. 2016, Sec. 2).

    Args:
        encoder: held-in counts → features of the initial condition.
        generator: initial condition and inputs → states and factors.
        observation: reads the factors.
        initial_prior: of the initial condition.
        controller: infers inputs, with `controller_encoder`, which reads the counts for it; both
            None for a generator without inferred inputs.
        bin_s: bin width in seconds.
        dropout: share of the generator's units that the factors do not see in training.
        costs: weights of the objective's terms.
    """

    def __init__(
        self,
        encoder: Encoder,
        generator: Generator,
        observation: Observation,
        initial_prior: InitialPrior,
        controller_encoder: Encoder | None,
        controller: Controller | None,
        bin_s: float,
        dropout: float = 0.0,
        costs: Costs = Costs(),
    ) -> None:
        super().__init__()
        self.encoder, self.generator, self.observation = encoder, generator, observation
        self.controller_encoder, self.controller = controller_encoder, controller
        self.initial_prior, self.bin_s, self.costs = initial_prior, bin_s, costs
        self.initial = GaussianHead(encoder.initial_dim, len(initial_prior.mean))
        self.dropout = Dropout(dropout)

    def encode(self, batch: Batch, inputs: Tensor) -> Encoded:
        """Read the encoders' inputs."""
        seen = (inputs, batch.observed, batch.lengths)
        mean, std = self.initial(self.encoder(*seen)[1])
        if self.controller_encoder is None:
            return Encoded(mean, std)
        return Encoded(mean, std, *self.controller_encoder(*seen))

    def draw(
        self,
        batch: Batch,
        encoded: Encoded,
        *generators: torch.Generator,
        signs: Tensor | None = None,
    ) -> Inferred:
        """Draw one posterior sample.

        Of several generators each draws the noise of an equal share of the trials, in order; noise
        is multiplied by `signs`, (trials,): see `antithetic`.
        """
        mean, std = encoded.mean, encoded.std
        initial_noise, noise = self._noise(batch, mean, generators, signs)
        initial = mean + std * initial_noise
        gates = self._gates(batch)
        kl_initial, kl_inputs = self.initial_prior.kl(mean, std), mean.new_zeros(len(mean), 0)
        if self.controller is None:
            states, inputs = self.generator.run(initial, gates, None), None
        else:
            driven = self._driven(self.controller, batch, encoded, initial, gates, noise)
            states, inputs = driven.states, driven.inputs
            kl = self.controller.prior.kl(inputs, driven.mean, driven.std)
            # inputs that follow the prior cost nothing
            kl_inputs = (kl * batch.observed.t()[..., None]).sum(0)
        factors, latents = self.read_out(states, inputs)
        return Inferred(factors, latents, kl_initial, kl_inputs)

    def _noise(
        self,
        batch: Batch,
        like: Tensor,
        generators: Sequence[torch.Generator],
        signs: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Noise of the initial condition, (trials, dim), and of the inputs, (time, trials, dim)."""
        dim = 0 if self.controller is None else len(self.controller.prior.log_std)
        bins, initial, inputs = len(batch.time_s), [], []
        for part, generator in shares(torch.empty_like(like), generators):
            initial.append(part.normal_(generator=generator))
            inputs.append(draw_noise(bins, len(part), dim, like, generator))
        noise = torch.cat(initial), torch.cat(inputs).transpose(0, 1)
        return noise if signs is None else (noise[0] * signs[:, None], noise[1] * signs[:, None])

    def _gates(self, batch: Batch) -> Tensor:
        stimulus = None if batch.stimulus is None else filled(batch.stimulus)
        return self.generator.gates(stimulus, len(batch.time_s), len(batch))

    def _driven(
        self,
        controller: Controller,
        batch: Batch,
        encoded: Encoded,
        initial: Tensor,
        gates: Tensor,
        noise: Tensor,
    ) -> Controlled:
        assert encoded.context is not None
        assert encoded.features is not None
        shown = (encoded.context, encoded.features, batch.observed)
        return controller.drive(self.generator, initial, gates, *shown, noise)

    def read_out(self, states: Tensor, inputs: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Factors as the observation reads them, and all latents by name, trials first."""
        states = states.transpose(0, 1)
        factors = nn.functional.linear(self.dropout(states), self.generator.factor_weights())
        latents = {"factors": factors, "generator": states}
        if inputs is not None:
            latents["inputs"] = inputs.transpose(0, 1)
        return factors, latents

    def prior_states(
        self, batch: Batch, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """States and inputs of the prior, time first; of the batch the stimulus alone is read."""
        like = self.initial_prior.mean.expand(len(batch), -1)
        initial_noise, noise = self._noise(batch, like, [generator], None)
        inputs = None if self.controller is None else self.controller.prior.draw(noise)
        initial = self.initial_prior.draw(initial_noise)
        return self.generator.run(initial, self._gates(batch), inputs), inputs

    def loss(
        self, batch: Batch, generator: torch.Generator, kl_weight: float, dropout_share: Share
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the negative objective in nats per trial, and its terms.

        Coordinated dropout hides a share of the held-in counts of the window. Held-in neurons are
        then scored on the hidden entries alone, weighted up; held-out neurons and forward bins are
        scored on all entries.
        """
        inputs, input_weight = coordinated_dropout(batch.inputs, dropout_share, generator)
        weight = likelihood_weight(batch, input_weight)
        inferred = self.draw(batch, self.encode(batch, inputs), generator)
        log_prob = self.observation.log_prob(inferred.factors, batch.targets)
        terms = {
            "negative_log_likelihood": -(weight * log_prob).sum() / len(batch),
            "kl_initial": inferred.kl_initial.sum() / len(batch),
            "kl_inputs": inferred.kl_inputs.sum() / len(batch),
        }
        costs = self.costs
        kl = costs.kl_initial * terms["kl_initial"] + costs.kl_inputs * terms["kl_inputs"]
        loss = terms["negative_log_likelihood"] + kl_weight * kl
        if costs.l2_generator:
            loss = loss + 0.5 * costs.l2_generator * self.generator.gru.mean_square()
        if costs.l2_controller and self.controller is not None:
            loss = loss + 0.5 * costs.l2_controller * self.controller.gru.mean_square()
        return loss, terms
