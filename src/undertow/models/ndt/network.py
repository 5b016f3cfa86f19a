"""`NDTNetwork`: held-in counts of each bin → Transformer over the bins → rates of all neurons."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.decoders import TransformerLayer, allowed_bins, sinusoids
from undertow.encoders import Dropout
from undertow.errors import ModelError
from undertow.inference import Share, likelihood_weight
from undertow.models.ndt.masking import mask_counts
from undertow.models.ndt.neurons import NeuronAttention, nt_xent
from undertow.models.ndt.options import Contrast, Masking
from undertow.observations import Observation


class NDTNetwork(nn.Module):
    """Transformer over the bins of a trial (Ye & Pandarinath 2021, Fig. 1).

    With x_t the held-in counts of bin t and p_t its position,

        f⁰_t = W x_t + b + p_t,     fˡ = layerˡ(fˡ⁻¹),     rates_t = observation(norm(fᴸ_t)).

    Under STNDT the weights of an attention over neurons mix x_t, or in each layer the features that
    attention over the bins finds (Le & Shlizerman 2022, Fig. 1).

    Args:
        n_heldin: number of held-in neurons.
        layers: its layers, all equally wide.
        observation: reads the features of the last.
        bin_s: bin width in seconds.
        dropout: probability of dropping a feature before the first and after the last layer.
        back, ahead: bins that a bin looks back and ahead, in every layer; None for all.
        learned_bins: number of bins whose positions are learned; None for sines and cosines.
        still_after: number of bins after which positions stand still, so that a stream may go on
            for as long as one likes; None for never.
        mix_counts: attention over neurons that mixes the counts; None for none.
        mix_features: attention over neurons that mixes the features of each layer; none for none.
    """

    def __init__(
        self,
        n_heldin: int,
        layers: Sequence[TransformerLayer],
        observation: Observation,
        bin_s: float,
        dropout: float = 0.0,
        back: int | None = None,
        ahead: int | None = None,
        learned_bins: int | None = None,
        still_after: int | None = None,
        mix_counts: NeuronAttention | None = None,
        mix_features: Sequence[NeuronAttention] = (),
    ) -> None:
        super().__init__()
        self.width = width = layers[0].width
        self.bin_s, self.back, self.ahead, self.observation = bin_s, back, ahead, observation
        self.embed, self.dropout = nn.Linear(n_heldin, width), Dropout(dropout)
        self.layers, self.mix_features = nn.ModuleList(layers), nn.ModuleList(mix_features)
        self.mix_counts, self.still_after = mix_counts, still_after
        # after a last normalisation of its own a layer needs no other
        self.norm_out = nn.Identity() if layers[-1].norm == "post" else nn.LayerNorm(width)
        self.positions: nn.Parameter | None = None
        if learned_bins is not None:
            self.positions = nn.Parameter(torch.randn(learned_bins, width))

    def features(self, batch: Batch, inputs: Tensor) -> Tensor:
        """Compute the features that rates are read from, (trials, time, width).

        Bins without a held-in count, forward bins among them, enter as masked ones do: zeros at
        their position. Missing bins and those past a trial's end are never attended to.

        Raises:
            ModelError: for more bins than positions were learned of.
        """
        counts = torch.where(batch.observed[..., None], inputs, 0.0)
        series, mixed = (counts, batch.observed, batch.time_s), counts
        if self.mix_counts is not None:
            mixed = counts @ self.mix_counts(*series).mT
        x = self.dropout(self.embed(mixed) + self._positions(batch.time_s, counts.dtype))
        allowed = allowed_bins(batch.valid, self.back, self.ahead)
        for k, layer in enumerate(self.layers):
            assert isinstance(layer, TransformerLayer)
            mixing = self.mix_features[k](*series) if self.mix_features else None
            x = layer.transform(x, allowed, mixing)
        features: Tensor = self.dropout(self.norm_out(x))
        return features

    def _positions(self, time_s: Tensor, dtype: torch.dtype) -> Tensor:
        self.check_length(len(time_s))
        if self.still_after is not None and len(time_s) > self.still_after:
            time_s = time_s.clamp(max=float(time_s[self.still_after - 1]))
        if self.positions is None:
            return sinusoids(time_s, self.width, dtype)
        bins = torch.arange(len(time_s), device=time_s.device)
        return self.positions[bins.clamp(max=len(self.positions) - 1)]

    def all_positions(self) -> Tensor:
        """Positions of all bins up to where they stand still, (bins, width)."""
        assert self.still_after is not None
        weight = self.embed.weight
        bins = torch.arange(self.still_after, dtype=weight.dtype, device=weight.device)
        return self._positions((bins + 0.5) * self.bin_s, weight.dtype)

    def check_length(self, n_time: int) -> None:
        """Refuse trials of more bins than positions were learned of.

        Raises:
            ModelError: with both numbers.
        """
        if self.positions is None or self.still_after is not None:
            return
        if n_time > len(self.positions):
            raise ModelError(
                f"the trials have {n_time} bins and positions were learned of "
                f"{len(self.positions)}: give shorter trials, or fit with encoder.positions "
                "'sinusoidal'."
            )

    def loss(
        self,
        batch: Batch,
        generator: torch.Generator,
        progress: float,
        masking: Masking,
        share: Share,
        contrast: Contrast,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the negative log-likelihood in nats per trial, the contrastive term, their sum.

        Held-in neurons are scored where they are masked or hidden, weighted up; held-out neurons
        and forward bins, which are never seen, on all entries.
        """
        inputs, input_weight = mask_counts(batch.inputs, masking, share, generator, progress)
        features = self.features(batch, inputs)
        log_prob = self.observation.log_prob(features, batch.targets)
        weight = likelihood_weight(batch, input_weight)
        loss = -(weight * log_prob).sum() / len(batch)
        terms = {"negative_log_likelihood": loss}
        if contrast.weight > 0:
            # the other view: the same trials, masked anew
            again, _ = mask_counts(batch.inputs, masking, share, generator, progress)
            one, other = (_flat(each, batch) for each in (features, self.features(batch, again)))
            terms["contrast"] = nt_xent(one, other, contrast.temperature)
            loss = loss + contrast.weight * terms["contrast"]
        return loss, terms

    def numbers_per_trial(self, n_time: int) -> int:
        """Return how many numbers a pass over a trial of so many bins holds at once, about."""
        first = self.layers[0]
        assert isinstance(first, TransformerLayer)
        attention = 2 * first.heads * n_time**2
        neurons = 3 * self.embed.in_features**2
        mixed = self.mix_counts is not None or len(self.mix_features) > 0
        return 10 * n_time * self.width + attention + neurons * mixed


def _flat(features: Tensor, batch: Batch) -> Tensor:
    """Features of the valid bins of each trial side by side, (trials, time × width)."""
    return torch.where(batch.valid[..., None], features, 0.0).flatten(1)
