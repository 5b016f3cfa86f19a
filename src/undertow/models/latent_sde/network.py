"""`LatentSDENetwork`, the network of `LatentSDE`: encoder → controlled path → decoders."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.decoders import Decoder
from undertow.dynamics import Dynamics
from undertow.encoders import (
    Interpolation,
    LSTMEncoder,
    Presence,
    StimulusEncoder,
    interpolate,
)
from undertow.inference import (
    InitialHead,
    InitialLaw,
    ParameterLaw,
    PathLaw,
    Steering,
    TimeGrid,
)
from undertow.memory import blocks
from undertow.models.latent_sde.paths import Drawn, Encoded
from undertow.models.sample_sums import DECODED_BYTES, decoded_bytes
from undertow.observations import BehaviorObservation, Observation, ReadoutLaw
from undertow.randomness import random_mask

BEHAVIOR_HIDDEN = 0.5  # share of the training trials whose behaviour the encoder does not see


class LatentSDENetwork(nn.Module):
    """Latent SDE (ElGazzar & van Gerven): any dynamics, with the same encoder and decoders.

    Args:
        encoder: held-in counts (and behaviour) → context and features of the initial state.
        stimulus: stimulus → u; None where nothing drives the dynamics.
        dynamics: the prior over paths.
        steering: the posterior's control; None for a path set by its initial state and the prior's
            own noise.
        initial: features → law of the initial state; None for its prior N(0, I).
        decoder: units, flattened → features of the neurons.
        observation: law of the counts of all neurons.
        behavior: law of behaviour per bin, given the flattened units; None where there is none.
        labels: name → law of one category per trial, given the same.
        bin_s: bin width in seconds.
        bins_per_step: observations a step of the solver spans; see `TimeGrid`.
        interpolation: how context and stimulus are read between observations: 'linear' or
            'previous' (the last value is held).
        encodes_behavior: the encoder sees behaviour, hidden in half of the training trials.
        encodes_intervals: the encoder sees the time since the observation before.
        behavior_weight, label_weight: weights of their log-likelihoods in the loss.
        checkpointed: see `solve`.
        t0_bins: bin widths from the window's start in which the initial state is inferred; the
            encoder counts bins itself where times are regular.
        unit_groups: the units of each region.
        shared_units: units that all regions read.
        presence: tells the encoder missing counts from zeros; None where they read the same.
        initial_share: share of each trial's observations that the initial state is inferred from
            unless it is generated; None for those before t0.
    """

    def __init__(
        self,
        encoder: LSTMEncoder,
        stimulus: StimulusEncoder | None,
        dynamics: Dynamics,
        steering: Steering | None,
        initial: InitialHead | None,
        decoder: Decoder,
        observation: Observation,
        behavior: BehaviorObservation | None,
        labels: Mapping[str, Observation],
        bin_s: float,
        bins_per_step: float = 1.0,
        interpolation: Interpolation = "linear",
        encodes_behavior: bool = False,
        encodes_intervals: bool = False,
        behavior_weight: float = 1.0,
        label_weight: float = 1.0,
        checkpointed: bool = False,
        t0_bins: int = 0,
        unit_groups: Sequence[Sequence[int]] = (),
        shared_units: Sequence[int] = (),
        presence: Presence | None = None,
        initial_share: float | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.stimulus, self.dynamics = encoder, stimulus, dynamics
        self.steering, self.initial = steering, initial
        self.decoder, self.observation, self.behavior = decoder, observation, behavior
        self.labels = nn.ModuleDict(labels)
        self.bin_s, self.bins_per_step, self.interpolation = bin_s, bins_per_step, interpolation
        self.encodes_behavior, self.encodes_intervals = encodes_behavior, encodes_intervals
        self.behavior_weight, self.label_weight = behavior_weight, label_weight
        self.checkpointed, self.t0_bins = checkpointed, t0_bins
        self.unit_groups = [list(group) for group in unit_groups]
        self.shared_units, self.presence = list(shared_units), presence
        self.initial_share = initial_share
        self.parameter_law: ParameterLaw | None = None
        self.readout_law: ReadoutLaw | None = None

    # --- encoding -----------------------------------------------------------------------------

    def encode(
        self,
        batch: Batch,
        behavior_shown: Tensor | None = None,
        neurons_shown: Tensor | None = None,
        generating: bool = False,
    ) -> Encoded:
        """Encode the batch.

        `behavior_shown` (trials,) says in which trials the encoder may see behaviour; in none by
        default. `neurons_shown` (trials, held-in) says which neurons it may see; all by default.
        `generating` says that the initial state may know of nothing after t0.
        """
        counts = batch.inputs
        if self.presence is not None:
            counts = self.presence(counts, batch.known, neurons_shown)
        channels = [counts]
        if self.encodes_behavior:
            channels.append(self._encoded_behavior(batch, behavior_shown))
        if self.encodes_intervals:
            gaps = batch.times_s.diff(dim=1, prepend=batch.times_s[:, :1]) / self.bin_s
            channels.append(gaps[..., None].expand(len(batch), -1, -1))
        start = self._start(batch, generating)
        # context is read backwards: the state holds the past, the control needs what is to come
        context, initial = self.encoder(
            torch.cat(channels, -1), batch.observed, batch.lengths, start
        )
        return Encoded(context, initial, self.encode_stimulus(batch))

    def encode_stimulus(self, batch: Batch) -> Tensor | None:
        """Encode u at the observations; None where nothing drives the dynamics."""
        if self.stimulus is None:
            return None
        given = batch.stimulus
        if given is None:
            given = batch.inputs.new_zeros(*batch.inputs.shape[:2], 0)
        inputs: Tensor = self.stimulus(given, batch.times_s)
        return inputs

    def before_t0(self, batch: Batch) -> Tensor:
        """Mark the bins that the initial state is inferred from, (trials, time)."""
        return batch.inside & (batch.times_s < self.t0_bins * self.bin_s)

    def _start(self, batch: Batch, generating: bool) -> Tensor | None:
        """Mark the bins that the encoder infers the initial state from; None for its own number."""
        if self.initial_share is not None and not generating:
            bins = (self.initial_share * batch.lengths).ceil().clamp(min=1)
            return torch.arange(batch.inputs.shape[1], device=bins.device) < bins[:, None]
        return self.before_t0(batch) if self.encodes_intervals else None

    def _encoded_behavior(self, batch: Batch, shown: Tensor | None) -> Tensor:
        """Return behaviour as the encoder reads it, with channels that say where it is known."""
        assert self.behavior is not None
        # NaN is what a missing value is to the encoder: hidden and missing behaviour look alike
        hidden = batch.inputs.new_full(
            (*batch.inputs.shape[:2], self.behavior.n_channels), torch.nan
        )
        if shown is not None and batch.behavior is not None:
            seen = batch.observed & shown[:, None]
            hidden = torch.where(seen[..., None], batch.behavior, hidden)
        return self.behavior.encoded(hidden)

    # --- paths --------------------------------------------------------------------------------

    def initial_law(self, encoded: Encoded) -> InitialLaw:
        """Return the law of the initial state; its prior N(0, I) where none is inferred."""
        if self.initial is None or encoded.initial is None:
            return InitialLaw.standard_normal(
                len(encoded.context), self.dynamics.state_dim, encoded.context
            )
        law: InitialLaw = self.initial(encoded.initial)
        return law

    def path_law(
        self,
        batch: Batch,
        encoded: Encoded,
        generate: bool = False,
        bins_per_step: float | None = None,
    ) -> PathLaw:
        """Return the law of each trial's path; the arguments are those of `draw`.

        Args:
            batch, encoded, generate: see `draw`.
            bins_per_step: bins that a step spans; None for as many as it was fitted with.
        """
        grid = TimeGrid.over(batch.times_s, bins_per_step or self.bins_per_step)
        steering = None if generate else self.steering
        at_steps = lambda v: None if v is None else self.at_steps(v, batch.times_s, grid)  # noqa: E731
        return PathLaw(
            self.initial_law(encoded),
            grid,
            # context and input are read where a step begins; they are held over the step
            at_steps(encoded.inputs),
            steering,
            None if steering is None else at_steps(encoded.context),
            grid.inside(batch.lengths),
        )

    def draw(
        self,
        batch: Batch,
        encoded: Encoded,
        generator: torch.Generator,
        generate: bool = False,
        held: Tensor | None = None,
    ) -> Drawn:
        """Draw one path of each trial.

        Args:
            batch: the trials, for their times.
            encoded: output of the encoders for the same trials.
            generator: source of the noise.
            generate: let the prior run from the inferred initial state, without control.
            held: coordinates held at zero, (state_dim,) of booleans; None for none.
        """
        law = self.path_law(batch, encoded, generate)
        checkpointed = self.checkpointed and self.training
        with self.parameters_drawn(generator):
            path, log_ratio = law.draw(self.dynamics, generator, held, checkpointed)
            units = self.dynamics.units(path.states)
        return Drawn(path.states, units, law.initial.kl, path.kl_path, log_ratio)

    def parameters_drawn(self, generator: torch.Generator) -> AbstractContextManager[None]:
        """Let the dynamics have parameters drawn from their law, where they have one."""
        if self.parameter_law is None:
            return nullcontext()
        return self.parameter_law.drawn(self.dynamics, generator)

    def at_steps(self, values: Tensor, times_s: Tensor, grid: TimeGrid) -> Tensor:
        """Read values given at the observations where steps start, (trials, steps, …)."""
        return interpolate(values, times_s, grid.starts_s, self.interpolation)

    # --- likelihoods --------------------------------------------------------------------------

    def features(self, batch: Batch, drawn: Drawn) -> Tensor:
        """Decode what the observation of the counts reads, (trials, time, features)."""
        features: Tensor = self.decoder(drawn.units.flatten(-2), batch.valid, batch.time_s)
        return features

    def log_likelihoods(self, batch: Batch, drawn: Drawn) -> dict[str, Tensor]:
        """Compute the log-likelihood of each modality in nats, (trials,).

        It is summed over everything that was observed in a trial.
        """
        features, log_probs = self.features(batch, drawn), []
        for part in blocks(len(batch), decoded_bytes(batch.targets.shape), DECODED_BYTES):
            log_prob = self.observation.log_prob(features[part], batch.targets[part])
            log_probs.append(log_prob.sum((1, 2)))
        found = {"spikes": torch.cat(log_probs)}
        read = drawn.units.flatten(-2)
        if self.behavior is not None and batch.behavior is not None:
            log_prob = self.behavior.log_prob(read, batch.behavior)
            found["behavior"] = log_prob.flatten(1).sum(1)
        for name, observation in self.labels.items():
            assert isinstance(observation, Observation)
            if name in batch.labels:
                codes = batch.labels[name]
                known = torch.where(codes < 0, torch.nan, codes.to(read.dtype))
                found[name] = observation.log_prob(observation.pool(read, batch.valid), known)
        return found

    def weigh(self, likelihoods: Mapping[str, Tensor]) -> Tensor:
        """Add up the log-likelihoods of the modalities under their weights, (trials,)."""
        weights = {"spikes": 1.0, "behavior": self.behavior_weight}
        return sum(  # type: ignore[return-value]
            weights.get(name, self.label_weight) * value for name, value in likelihoods.items()
        )

    def loss(
        self, batch: Batch, generator: torch.Generator, kl_weight: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the negative evidence bound in nats per trial, and its terms (eq. 6).

        Its KL terms are weighted by `kl_weight`.
        """
        shown = None
        if self.encodes_behavior:
            # whole trials, so that the encoder also learns to work from spikes alone
            shown = random_mask(torch.Size((len(batch),)), 1 - BEHAVIOR_HIDDEN, generator)
        neurons = None if self.presence is None else self.presence.draw(len(batch), generator)
        drawn = self.draw(batch, self.encode(batch, shown, neurons), generator)
        likelihoods = self.log_likelihoods(batch, drawn)
        terms = {
            f"negative_log_likelihood_{name}": -value.mean() for name, value in likelihoods.items()
        }
        terms |= {
            "kl_initial": drawn.kl_initial.sum(1).mean(),
            "kl_path": drawn.kl_path.sum(1).mean(),
        }
        loss = kl_weight * (terms["kl_initial"] + terms["kl_path"]) - self.weigh(likelihoods).mean()
        return loss, terms
