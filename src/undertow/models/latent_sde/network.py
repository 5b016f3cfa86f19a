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
    Strides,
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
from undertow.models.latent_sde.channels import Shown, encoded_behavior, intervals, trials_shown
from undertow.models.latent_sde.free import FreePosterior
from undertow.models.latent_sde.matching import Laws
from undertow.models.latent_sde.paths import Drawn, Encoded, negative_bound
from undertow.models.sample_sums import DECODED_BYTES, decoded_bytes
from undertow.observations import BehaviorObservation, Observation, ReadoutLaw


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
        free: marginals of the posterior, which `steering` follows; None for simulated training.
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
        free: FreePosterior | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.stimulus, self.dynamics = encoder, stimulus, dynamics
        self.steering, self.initial, self.free = steering, initial, free
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
        spread: bool = True,
    ) -> Encoded:
        """Encode the batch.

        `behavior_shown` (trials,) says in which trials the encoder may see behaviour; in none by
        default. `neurons_shown` (trials, held-in) says which neurons it may see; all by default.
        `generating` says that the initial state may know of nothing after t0. Without
        `spread` the context stays at the encoder's strides.
        """
        counts = batch.inputs
        if self.presence is not None:
            counts = self.presence(counts, batch.known, neurons_shown)
        channels = [counts]
        if self.encodes_behavior:
            assert self.behavior is not None
            channels.append(encoded_behavior(self.behavior, batch, behavior_shown))
        if self.encodes_intervals:
            channels.append(intervals(batch, self.bin_s))
        inputs = self.encode_stimulus(batch)
        if self.free is not None and inputs is not None:
            # no state carries the input on from bin to bin: the encoder must know what it was
            channels.append(inputs)
        start = self._start(batch, generating)
        # context is read backwards: the state holds the past, the control needs what is to come
        context, initial = self.encoder(
            torch.cat(channels, -1), batch.observed, batch.lengths, start, spread
        )
        return Encoded(context, initial, inputs)

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
        laws = None if generate else self.laws(encoded)
        at_steps = lambda v: None if v is None else self.at_steps(v, batch.times_s, grid)  # noqa: E731
        return PathLaw(
            self.initial_law(encoded) if laws is None else laws.start(),
            grid,
            # context and input are read where a step begins; they are held over the step
            at_steps(encoded.inputs),
            steering,
            laws.guide(batch.times_s, grid)
            if laws is not None
            else at_steps(None if steering is None else encoded.context),
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

    def laws(self, encoded: Encoded, strides: Strides | None = None) -> Laws | None:
        """Marginals of the posterior, None where it has but paths; `strides` of the context."""
        if self.free is None:
            return None
        return Laws.of(self.free, self.dynamics, encoded, self.interpolation, strides)

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

        Its KL terms are weighted by `kl_weight`. Paths are simulated; see `free_loss` for the
        other way.
        """
        encoded = self.encode(batch, *self.shown(batch, generator))
        drawn = self.draw(batch, encoded, generator)
        likelihoods = self.log_likelihoods(batch, drawn)
        return negative_bound(drawn, likelihoods, self.weigh(likelihoods), kl_weight)

    def shown(self, batch: Batch, generator: torch.Generator) -> Shown:
        """Draw what the encoder may see in training: behaviour and neurons; see `encode`."""
        behavior = trials_shown(len(batch), generator) if self.encodes_behavior else None
        return behavior, self.presence.draw(len(batch), generator) if self.presence else None
