"""Training and reading a `FreePosterior`: the bound on sampled times, and guides for its paths.

Bartosh et al. (2025), SDE Matching: no path is simulated, so that a step of training costs as much
as its sampled times, whatever the number of bins.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.dynamics import SDE, Dynamics
from undertow.encoders import Interpolation, Strides, interpolate
from undertow.inference import InitialLaw, TimeGrid
from undertow.inference.marginals import Flow, Marginal
from undertow.inference.matched_steering import Guide
from undertow.models.latent_sde.free import FreePosterior, jacobian
from undertow.models.latent_sde.paths import Encoded


@dataclass(frozen=True)
class Moments:
    """Where a trial is looked at: bins for likelihoods, times between bins for the price.

    Attributes:
        bins: (trials, K).
        weight: bins that one of them stands for, (trials, 1).
        before: bins that the times follow, (trials, J).
        share: how far to the next bin, (trials, J).
        intervals: intervals that one of them stands for, (trials, 1); 0 where there are none.
    """

    bins: Tensor
    weight: Tensor
    before: Tensor
    share: Tensor
    intervals: Tensor

    @classmethod
    def sampled(
        cls, lengths: Tensor, count: int, like: Tensor, generator: torch.Generator
    ) -> "Moments":
        """Draw bins and times, one from each of `count` equal parts of a trial.

        Sums over them, weighted, are unbiased for the sums over all bins and the integral.
        """
        bins, _ = _strata(lengths, count, like, generator)
        before, share = _strata((lengths - 1).clamp(min=1), count, like, generator)
        weight = (lengths / count).to(like.dtype)[:, None]
        intervals = ((lengths - 1) / count).to(like.dtype)[:, None]
        return cls(bins, weight, before, share, intervals)

    @classmethod
    def everywhere(
        cls, lengths: Tensor, bins: int, like: Tensor, generator: torch.Generator
    ) -> "Moments":
        """Take every bin, and one time in every interval."""
        all_bins = torch.arange(bins, device=lengths.device).expand(len(lengths), -1)
        before = all_bins[:, : max(1, bins - 1)]
        share = like.new_empty(before.shape).uniform_(generator=generator)
        inside = (before + 1 < lengths[:, None]).to(like.dtype)
        return cls(all_bins, like.new_ones(len(lengths), 1), before, share, inside)


def _strata(
    lengths: Tensor, count: int, like: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw a place in each of `count` equal parts of [0, length): whole part and rest."""
    draws = like.new_empty(len(lengths), count).uniform_(generator=generator)
    place = (torch.arange(count, device=like.device) + draws) * (lengths / count)[:, None].to(like)
    whole = torch.minimum(place.floor().long(), lengths[:, None] - 1)
    return whole, (place - whole).clamp(0, 1)


def pick(values: Tensor, index: Tensor) -> Tensor:
    """Pick bins `index` (trials, K) of values (trials or 1, time, …)."""
    rows = values.shape[0]
    if rows == 1:
        return values[0][index]
    first = values.shape[1] * torch.arange(rows, device=index.device)
    return values.flatten(0, 1)[(first[:, None] + index).flatten()].unflatten(0, index.shape)


@dataclass(frozen=True)
class Laws:
    """Laws of the states of encoded trials, computed where they are asked for.

    Attributes:
        posterior: gives them.
        dynamics: the prior.
        encoded: the trials.
        interpolation: of u between bins.
        strides: strides that the context stands at; None where it stands at every bin.
        own: `jacobian` of the prior.
    """

    posterior: FreePosterior
    dynamics: SDE
    encoded: Encoded
    interpolation: Interpolation
    own: Tensor
    strides: Strides | None = None

    @classmethod
    def of(
        cls,
        posterior: FreePosterior,
        dynamics: Dynamics,
        encoded: Encoded,
        interpolation: Interpolation,
        strides: Strides | None = None,
    ) -> "Laws":
        """Laws under the dynamics as they are now."""
        assert isinstance(dynamics, SDE)
        return cls(posterior, dynamics, encoded, interpolation, jacobian(dynamics), strides)

    def at(self, bins: Tensor | None = None) -> Marginal:
        """Return the laws in `bins` (trials, K), or in all."""
        context, u = self.encoded.context, self.encoded.inputs
        if bins is not None:
            context = (
                pick(context, bins) if self.strides is None else self.strides.at(context, bins)
            )
            u = None if u is None else pick(u, bins)
        diffusion = self.diffusion(context, u)
        given = context if u is None else torch.cat([context, u], -1)
        law: Marginal = self.posterior(given, self.own, diffusion)
        return law

    def diffusion(self, like: Tensor, u: Tensor | None) -> Tensor:
        """Return σ, which does not depend on the state."""
        origin = like.new_zeros(*like.shape[:-1], self.dynamics.state_dim)
        return self.dynamics.diffusion(0.0, origin, u)

    def start(self) -> InitialLaw:
        """Return the law at the first bin, given all observations."""
        first = torch.zeros(len(self.encoded.context), 1, dtype=torch.long)
        law = self.at(first.to(self.encoded.context.device))
        return InitialLaw(law.mean[:, 0], law.factor[:, 0])

    def guide(self, times_s: Tensor, grid: TimeGrid) -> Tensor:
        """Return the context of a `MatchedSteering` along `grid`."""
        law, full = self.at(), self.posterior.full
        dim = self.posterior.dim
        flat = torch.cat([law.mean, law.factor.flatten(2), law.turn.flatten(2)], -1)

        def read(at_s: Tensor) -> Marginal:
            values = interpolate(flat, times_s, at_s)
            mean, factor, turn = values.split([dim, dim**2 if full else dim, dim**2], -1)
            shape = (dim, dim) if full else (dim,)
            return Marginal(mean, factor.unflatten(-1, shape), turn.unflatten(-1, (dim, dim)))

        ends = Guide(read(grid.starts_s), read(grid.starts_s + grid.steps_s))
        return ends.packed(grid.steps_s / self.dynamics.timescale_s)

    def price(self, batch: Batch, moments: Moments, generator: torch.Generator) -> Tensor:
        """Estimate ½ ∫ |σ⁻¹ (ν − μ)|² ds of each trial and coordinate, (trials, dim)."""
        last = batch.targets.shape[1] - 1
        before, after = moments.before, (moments.before + 1).clamp(max=last)
        times_s = batch.times_s
        gap_s = pick(times_s, after) - pick(times_s, before)
        # a trial of a single bin has no interval: any span will do, it has no weight
        gap_s = torch.where((gap_s > 0) & (moments.intervals > 0), gap_s, 1.0)
        span = (gap_s / self.dynamics.timescale_s).to(moments.share.dtype)
        flow = Flow.between(self.at(before), self.at(after), moments.share, span)
        noise = torch.empty_like(flow.mean_rate).normal_(generator=generator)
        u = self._inputs_between(before, after, moments.share)
        s = (pick(times_s, before) + moments.share * gap_s) / self.dynamics.timescale_s.detach()
        x, diffusion = flow.now.at(noise), self.diffusion(noise, u)
        apart = flow.drift(noise, diffusion) - self.dynamics.drift(s[..., None], x, u)
        rate = 0.5 * (apart / diffusion).square()
        return ((moments.intervals * span)[..., None] * rate).sum(1)

    def _inputs_between(self, before: Tensor, after: Tensor, share: Tensor) -> Tensor | None:
        """Read u between bins, as `solver.interpolation` says."""
        u = self.encoded.inputs
        if u is None:
            return None
        if self.interpolation == "previous":
            return pick(u, before)
        return torch.lerp(pick(u, before), pick(u, after), share[..., None])


def thinned(batch: Batch, bins: Tensor) -> Batch:
    """Return the batch at bins (trials, K), which stand as if side by side."""
    times_s = batch.irregular_times_s
    return replace(
        batch,
        targets=pick(batch.targets, bins),
        observed=pick(batch.observed, bins),
        valid=pick(batch.valid, bins),
        lengths=torch.full_like(batch.lengths, bins.shape[1]),
        time_s=batch.time_s[: bins.shape[1]],
        behavior=None if batch.behavior is None else pick(batch.behavior, bins),
        stimulus=None if batch.stimulus is None else pick(batch.stimulus, bins),
        irregular_times_s=None if times_s is None else pick(times_s, bins),
        given=None,
        forward_bins=0,
    )
