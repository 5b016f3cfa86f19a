"""`LangevinNetwork`, the network of `LangevinFlow`: encoder → Langevin path → decoder → rates."""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.decoders import Decoder
from undertow.dynamics import Dynamics
from undertow.dynamics.langevin_base import SecondOrderLangevin
from undertow.dynamics.potentials import Potential
from undertow.encoders import Encoder
from undertow.encoders.stimulus import filled
from undertow.inference import (
    GaussianHead,
    Path,
    Share,
    TimeGrid,
    coordinated_dropout,
    draw_noise,
    kl_to_standard_normal,
    likelihood_weight,
    released_step_kl,
    solve,
)
from undertow.models.antithetic import shares
from undertow.models.langevin_flow.inferred import Encoded, Head, Inferred
from undertow.models.langevin_flow.pool import Pool
from undertow.observations import Observation
from undertow.randomness import random_mask

# the push starts at zero; Adam's steps ignore the gradient's scale, so a gain speeds it up
CONTROL_GAIN = 5.0


class LangevinNetwork(nn.Module):
    """Sequential variational autoencoder with Langevin latents (LangevinFlow eqs 3–8, Algorithm 1).

    Args:
        encoder: held-in counts, and a stimulus where there is one → context h and features of the
            initial state.
        dynamics: the latent SDE; None leaves the latents out (the decoder sees h alone).
        decoder: reads the concatenated `decoder_inputs` of every bin.
        observation: reads the decoder's features.
        decoder_inputs: names among the dynamics' readout and 'h'.
        direct: decoders with observations of their own that read h alone, beside `decoder`, which
            then reads latents alone, or h too where there are none.
        bin_s: bin width in seconds.
        controlled: add a context-driven push on the noisy coordinates.
        path_prior: 'dynamics' (a path that follows the prior costs nothing, a push its Girsanov
            KL), 'standard-normal' (N(0, I) on every velocity, eq. 7) or 'released' (what the
            released code adds in its place).
        likelihood: 'sum' or 'mean' over bins and neurons.
        learn_from_kept: share of the inputs not hidden by coordinated dropout that are learned from
            too.
        withhold_h: share of the training trials in which the decoder sees zeros in place of h, so
            that the latents must carry what it needs.
        pool: how the rates of several sources are made one in predictions; None where there is but
            one.
    """

    def __init__(
        self,
        encoder: Encoder,
        dynamics: Dynamics | None,
        decoder: Decoder,
        observation: Observation,
        decoder_inputs: tuple[str, ...],
        bin_s: float,
        direct: Sequence[Head] = (),
        controlled: bool = False,
        path_prior: str = "dynamics",
        likelihood: str = "sum",
        learn_from_kept: float = 0.0,
        withhold_h: float = 0.0,
        pool: Pool | None = None,
    ) -> None:
        super().__init__()
        self.direct, self.pool = nn.ModuleList(direct), pool
        self.withhold_h = withhold_h if dynamics is not None else 0.0
        self.likelihood, self.learn_from_kept = likelihood, learn_from_kept
        self.encoder, self.dynamics, self.decoder, self.observation = (
            encoder,
            dynamics,
            decoder,
            observation,
        )
        self.decoder_inputs, self.bin_s, self.path_prior = decoder_inputs, bin_s, path_prior
        self.initial = (
            None if dynamics is None else GaussianHead(encoder.initial_dim, dynamics.state_dim)
        )
        self.control = (
            nn.Linear(encoder.context_dim, dynamics.noise_dim)
            if controlled and dynamics is not None
            else None
        )
        if self.control is not None:
            nn.init.zeros_(self.control.weight)
            nn.init.zeros_(self.control.bias)

    @property
    def path_reads(self) -> Literal["counts", "context"] | None:
        """What the force depends on beside the positions; None for nothing."""
        potential = getattr(self.dynamics, "potential", None)
        if isinstance(potential, Potential) and potential.reads_input:
            return potential.reads
        return None

    def encode(self, batch: Batch, inputs: Tensor) -> Encoded:
        """Read the encoder's inputs, and the stimulus where the model has a use for it."""
        seen = torch.where(batch.observed[..., None], inputs, 0.0)
        if batch.stimulus is not None:
            inputs = torch.cat([inputs, filled(batch.stimulus)], -1)
        return Encoded(seen, *self.encoder(inputs, batch.observed, batch.lengths))

    def infer(self, batch: Batch, inputs: Tensor, generator: torch.Generator) -> Inferred:
        """Draw one posterior sample given the encoder's inputs."""
        return self.draw(batch, self.encode(batch, inputs), generator)

    def draw(
        self,
        batch: Batch,
        encoded: Encoded,
        *generators: torch.Generator,
        signs: Tensor | None = None,
        exchange: Tensor | None = None,
    ) -> Inferred:
        """Draw one posterior sample; for many samples the encoder needs to run only once.

        Of several generators each draws the noise of an equal share of the trials, in order: the
        same trials repeated once per generator are as many samples, decoded at once. Noise is
        multiplied by `signs` (trials,): two samples of equal noise and opposite signs are an
        antithetic pair.

        `exchange` (trials,) gives each trial the latents of another one, at its own h. What the
        rates lose by the exchange is what the latents carried.
        """
        context = encoded.context
        # drawn before the noise of the path: a longer window begins with the same random numbers
        shown = self._withheld(context, generators[0])
        latents: dict[str, Tensor] = {}
        kl_initial = kl_path = context.new_zeros(len(batch), 0)
        if self.dynamics is not None and self.initial is not None:
            mean, std = self.initial(encoded.initial)
            parts = shares(torch.empty_like(mean), generators)
            x0_noise = torch.cat([part.normal_(generator=g) for part, g in parts])
            x0 = mean + std * (x0_noise if signs is None else signs[:, None] * x0_noise)
            # `context`, not `shown`: h is withheld from the decoder, never from inference
            push = self._push(context, batch)
            given = {"counts": encoded.inputs, "context": context}.get(self.path_reads or "")
            read = None if given is None else given[:, :-1]
            path = self.roll(
                x0, len(batch.time_s), *generators, signs=signs, push=push, inputs=read
            )
            latents = self.dynamics.readout(path.states)
            kl_initial, kl_path = kl_to_standard_normal(mean, std), self._kl_path(path, batch)
        if exchange is not None:
            # after the path was drawn, so that noise and divergences are those without an exchange
            latents = {name: values[exchange] for name, values in latents.items()}
        latents["h"] = shown
        features = self.decoder(
            torch.cat([latents[k] for k in self.decoder_inputs], -1), batch.valid, batch.time_s
        )
        return Inferred(features, latents, kl_initial, kl_path)

    def decode_directly(
        self, batch: Batch, encoded: Encoded
    ) -> Iterator[tuple[Observation, Tensor]]:
        """Decode h alone: the observation of each decoder of h, and the features it reads."""
        for head in self.direct:
            assert isinstance(head, Head)
            yield head.observation, head.decoder(encoded.context, batch.valid, batch.time_s)

    def direct_means(self, batch: Batch, encoded: Encoded) -> list[Tensor]:
        """Compute the expected spikes per bin that each decoder of h alone makes."""
        return [seen.mean(features) for seen, features in self.decode_directly(batch, encoded)]

    def roll(
        self,
        x0: Tensor,
        n_time: int,
        *generators: torch.Generator,
        signs: Tensor | None = None,
        push: Tensor | None = None,
        inputs: Tensor | None = None,
    ) -> Path:
        """Run the dynamics from `x0` over `n_time` bins, of which the first holds x0.

        Each generator draws the noise of an equal share of the paths, in order; `signs` are as in
        `draw`.
        """
        assert self.dynamics is not None
        steps = self.dynamics.steps_per_bin(self.bin_s)
        grid = TimeGrid.regular(n_time - 1, self.bin_s, steps, x0)
        dim = self.dynamics.noise_dim
        drawn = [
            draw_noise(len(grid), len(part), dim, x0, generator, at_once=steps)
            for part, generator in shares(x0, generators)
        ]
        noise = torch.cat(drawn) if len(drawn) > 1 else drawn[0]
        return solve(
            self.dynamics,
            x0,
            noise if signs is None else signs[:, None, None] * noise,
            grid,
            None if inputs is None else grid.held(inputs),
            control=None if push is None else grid.held(push),
            laws=self.path_prior == "standard-normal",
        )

    def _push(self, context: Tensor, batch: Batch) -> Tensor | None:
        """Control into each bin after the first; zero where the encoder may not look."""
        if self.control is None:
            return None
        push: Tensor = CONTROL_GAIN * self.control(context[:, 1:]) * batch.observed[:, 1:, None]
        return push

    def _withheld(self, context: Tensor, generator: torch.Generator) -> Tensor:
        """Context as the decoder sees it: zeros in a random share of the training trials."""
        if not (self.training and self.withhold_h):
            return context
        # whole trials: given h in some bins, the decoder could fill in the other bins from them
        kept = random_mask(torch.Size((len(context), 1, 1)), 1 - self.withhold_h, generator)
        return context * kept

    def _kl_path(self, path: Path, batch: Batch) -> Tensor:
        assert self.dynamics is not None
        if self.path_prior == "dynamics":
            return path.kl_path
        if self.path_prior == "released":
            assert isinstance(self.dynamics, SecondOrderLangevin)
            velocities = path.states[:, 1:, self.dynamics.noisy]
            kl = released_step_kl(velocities, self.dynamics.gamma)
        else:
            assert path.mean is not None
            assert path.std is not None
            kl = kl_to_standard_normal(path.mean, path.std)
        return (kl * batch.valid[:, 1:, None]).sum(1)

    def loss(
        self, batch: Batch, generator: torch.Generator, kl_weight: float, dropout_share: Share
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the negative objective in nats per trial, and its terms.

        Where `likelihood` is 'mean' the likelihood is averaged per entry and trial. Coordinated
        dropout hides a share of the held-in counts of the window. Held-in neurons are then scored
        on the hidden entries alone, weighted up; held-out neurons and forward bins are scored on
        all entries.
        """
        inputs, input_weight = coordinated_dropout(
            batch.inputs, dropout_share, generator, self.learn_from_kept
        )
        weight = likelihood_weight(batch, input_weight)
        if self.likelihood == "mean":
            # the sum over entries becomes a mean; the KL terms stay sums, as in the released code
            weight /= batch.targets[0].numel()
        encoded, terms = self.encode(batch, inputs), dict[str, Tensor]()
        if self.direct:
            # latents count as much as all that reads h alone
            of_h = len(self.direct) + ("h" in self.decoder_inputs)
            terms = self._direct_terms(batch, encoded, weight / of_h)
            weight = weight / of_h if "h" in self.decoder_inputs else weight
        inferred = self.draw(batch, encoded, generator)
        log_prob = self.observation.log_prob(inferred.features, batch.targets)
        terms |= {
            "negative_log_likelihood": -(weight * log_prob).sum() / len(batch),
            "kl_initial": inferred.kl_initial.sum() / len(batch),
            "kl_path": inferred.kl_path.sum() / len(batch),
        }
        kl = kl_weight * (terms["kl_initial"] + terms["kl_path"])
        loss = kl + sum(value for name, value in terms.items() if name.startswith("negative"))
        return loss, terms

    def _direct_terms(self, batch: Batch, encoded: Encoded, weight: Tensor) -> dict[str, Tensor]:
        """Compute the likelihood of rates decoded from h alone."""
        each = self.decode_directly(batch, encoded)
        log_prob = sum(seen.log_prob(features, batch.targets) for seen, features in each)
        return {"negative_log_likelihood_direct": -(weight * log_prob).sum() / len(batch)}
