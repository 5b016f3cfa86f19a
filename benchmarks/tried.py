"""Ideas for LangevinFlow that were tried and not kept, as models of their own; `ideas.py` runs
them."""

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from undertow import LangevinFlow
from undertow.data import join_trials
from undertow.data.arrays import learning_parts
from undertow.data.batches import Batch
from undertow.encoders import Encoder
from undertow.inference import coordinated_dropout, likelihood_weight
from undertow.models.base import Estimator
from undertow.models.langevin_flow.building import build_network
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.pool import Pool
from undertow.models.pieces import Decoding, LinearDecoding, MLPDecoding, TransformerDecoding
from undertow.models.population import Population

Loss = tuple[Tensor, dict[str, Tensor]]


class WholeNeuronsHidden(LangevinFlow):
    """In half of the training trials whole neurons are hidden, as held-out ones are, beside single
    counts."""

    cli_name = "neurons-hidden"

    def objective(self, batch: Batch, generator: torch.Generator, progress: float) -> Loss:
        inputs = batch.inputs
        hidden = torch.rand(len(batch), 1, inputs.shape[2], generator=generator) < 0.3
        some = torch.rand(len(batch), 1, 1, generator=generator) < 0.5
        shown = torch.where(some, torch.where(hidden, 0.0, inputs / 0.7), inputs)
        batch = replace(batch, given=shown)
        return super().objective(batch, generator, progress)


class ShiftedTrials(LangevinFlow):
    """In training all trials of a minibatch are shifted by up to two bins either way."""

    cli_name = "shifted"

    def objective(self, batch: Batch, generator: torch.Generator, progress: float) -> Loss:
        by = int(torch.randint(-2, 3, (1,), generator=generator))
        if by:
            targets = torch.full_like(batch.targets, torch.nan)
            observed = batch.observed.clone()
            if by > 0:
                targets[:, by:], observed[:, :by] = batch.targets[:, :-by], False
            else:
                targets[:, :by], observed[:, by:] = batch.targets[:, -by:], False
            batch = replace(batch, targets=targets, observed=observed)
        return super().objective(batch, generator, progress)


class Halves(LangevinFlow):
    """Each trial is decoded from the latents or from h, half and half, where the default does
    both."""

    cli_name = "halves"

    def share(self, progress: float) -> float:
        """Share of the trials decoded from latents."""
        return 0.5

    def objective(self, batch: Batch, generator: torch.Generator, progress: float) -> Loss:
        network, direct = self.network_, self.network_.direct
        if self.dynamics is None:
            return super().objective(batch, generator, progress)
        order = torch.randperm(len(batch), generator=generator)
        n_own = min(max(1, round(self.share(progress) * len(batch))), len(batch) - 1)
        own, others = (batch.take(rows) for rows in order.tensor_split([n_own]))
        network.direct = nn.ModuleList()
        loss, terms = super().objective(own, generator, progress)
        network.direct = direct
        inputs, kept = coordinated_dropout(others.inputs, self.coordinated_dropout, generator)
        weight = likelihood_weight(others, kept) / len(direct)
        found = network._direct_terms(others, network.encode(others, inputs), weight)
        return loss + sum(found.values()), terms | found


class LatentsFirst(Halves):
    """Latents are trained first: in the first half of training they make the rates of nine trials
    in ten, then of three."""

    cli_name = "latents-first"

    def share(self, progress: float) -> float:
        return 0.9 if progress < 0.5 else 0.3


class BinByBin(LangevinFlow):
    """h has a Transformer alone, where the default has an MLP beside it; latents have an MLP."""

    cli_name = "bin-by-bin"
    of_latents: ClassVar[Decoding] = MLPDecoding()

    def build_network(self, population: Population) -> LangevinNetwork:
        settings = self._settings()
        network = super().build_network(population)
        together = settings._replace(decoder=replace(self.of_latents, read="together"))
        seen = replace(together.decoder, inputs=("z", "v"))
        other = build_network(together._replace(decoder=seen), population)
        network.decoder, network.observation = other.decoder, other.observation
        network.direct = network.direct[:1]
        regression = settings.pool is not None
        network.pool = Pool(population, ["latents", "h"], regression, settings.causal)
        return network


class Linearly(BinByBin):
    """Latents are read by a linear map, bin by bin, h by a Transformer."""

    cli_name = "linearly"
    of_latents: ClassVar[Decoding] = LinearDecoding()


class Alike(BinByBin):
    """Latents and h have a Transformer each."""

    cli_name = "alike"
    of_latents: ClassVar[Decoding] = TransformerDecoding()


class NeuronAttention(Encoder):
    """An encoder whose inputs first attend over neurons: each takes up what neurons with a similar
    course in the same trial do."""

    def __init__(self, inner: Encoder, n_neurons: int, width: int = 32) -> None:
        super().__init__()
        self.inner, self.width = inner, width
        self.context_dim, self.initial_dim = inner.context_dim, inner.initial_dim
        self.causal = False
        self.who = nn.Parameter(0.1 * torch.randn(n_neurons, width))
        self.query, self.key = nn.Linear(width + 8, width), nn.Linear(width + 8, width)
        self.gain = nn.Parameter(torch.zeros(n_neurons))

    def forward(self, inputs: Tensor, observed: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        course = nn.functional.adaptive_avg_pool1d(inputs.transpose(1, 2), 8)
        tokens = torch.cat([course, self.who.expand(len(inputs), -1, -1)], -1)
        scores = self.query(tokens) @ self.key(tokens).transpose(1, 2) / self.width**0.5
        mixed = inputs @ scores.softmax(-1).transpose(1, 2)
        return self.inner(inputs + self.gain * mixed, observed, lengths)  # type: ignore[no-any-return]


class AttendingNeurons(LangevinFlow):
    """The GRU reads counts that first attended over neurons."""

    cli_name = "neuron-attention"

    def build_network(self, population: Population) -> LangevinNetwork:
        network = super().build_network(population)
        network.encoder = NeuronAttention(network.encoder, population.n_heldin)
        return network


class Neighbours(LangevinFlow):
    """Log-rates of a trial are drawn, by the share that predicts validation spikes best, to the
    mean of the training trials' that are like it."""

    cli_name = "neighbours"
    nearness = 0.05

    def fit(self, trials: Any, validation: Any = None, **options: Any) -> Self:
        trials, validation = learning_parts(trials, validation, options.get("bin_s"), self.seed)
        first = LangevinFlow(**self.get_params(deep=False)).set_params(training__refit=False)
        first.fit(trials, validation, **{**options, "checkpoint": None, "verbose": False})
        known, own = (np.log(first.predict(each).rates + 0.05) for each in (trials, validation))
        held = trials.heldout
        means = self._near(own, known, held)
        counts = validation.spikes[..., held]

        def likelihood(share: float) -> float:
            logs = ((1 - share) * own + share * means)[..., held]
            rates = np.exp(logs) * validation.bin_s
            return float(np.nansum(counts * np.log(rates) - rates))

        self.share = max((0.0, 0.15, 0.3, 0.5, 0.7), key=likelihood)
        super().fit(trials, validation, **options)
        rates = super().predict(join_trials(trials, validation)).rates
        self.known = np.log(rates + 0.05)
        return self

    def _near(self, own: np.ndarray, known: np.ndarray, heldout: np.ndarray) -> np.ndarray:
        """The mean log-rates of the training trials near each trial."""
        apart = np.stack([((each - known)[..., ~heldout] ** 2).mean((1, 2)) for each in own])
        weights = np.exp(-(apart - apart.min(1, keepdims=True)) / self.nearness / np.median(apart))
        weights /= weights.sum(1, keepdims=True)
        return np.einsum("ab,btn->atn", weights, known)

    def predict(self, trials: Any, samples: int | None = None, seed: int = 0) -> Any:
        found = super().predict(trials, samples, seed)
        if (
            not hasattr(self, "known")
            or not self.share
            or found.rates.shape[1:] != (self.known.shape[1:])
        ):
            return found
        own = np.log(found.rates + 0.05)
        means = self._near(own, self.known, self.heldout_)
        rates = np.exp((1 - self.share) * own + self.share * means).astype(np.float32)
        return replace(found, rates=rates)


TRIED: dict[str, Estimator] = {
    model.cli_name: model()
    for model in (
        WholeNeuronsHidden,
        ShiftedTrials,
        Halves,
        LatentsFirst,
        BinByBin,
        Linearly,
        Alike,
        AttendingNeurons,
        Neighbours,
    )
}
