"""What passes between parts of a `LatentSDENetwork`: encoded trials, and paths drawn for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Encoded:
    """Output of the encoders for a batch, from which many paths can be drawn.

    Attributes:
        context: (trials, time, context_dim).
        initial: features of the initial state, (trials, initial_dim); None to draw it from its
            prior.
        inputs: u at the observations, (trials, time, input_dim); None where nothing drives the
            dynamics.
    """

    context: Tensor
    initial: Tensor | None
    inputs: Tensor | None

    @classmethod
    def joined(cls, parts: Sequence["Encoded"]) -> "Encoded":
        """Join batches, in order."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*((each.context, each.initial, each.inputs) for each in parts), strict=True)
        values = [[value for value in column if value is not None] for column in columns]
        context, initial, inputs = (torch.cat(given) if given else None for given in values)
        assert context is not None
        return cls(context, initial, inputs)

    def take(self, index: Tensor) -> "Encoded":
        """Select some of the trials; a trial may be taken several times."""
        initial, inputs = (None if v is None else v[index] for v in (self.initial, self.inputs))
        return Encoded(self.context[index], initial, inputs)


@dataclass(frozen=True)
class Drawn:
    """One path for each trial of a batch.

    Attributes:
        states: states at the observations, (trials, time, state_dim).
        units: what decoders see, (trials, time, units, numbers per unit).
        kl_initial: (trials, state_dim).
        kl_path: (trials, noise_dim).
        log_ratio: log p(x) − log q(x) of initial state and path, (trials,).
    """

    states: Tensor
    units: Tensor
    kl_initial: Tensor
    kl_path: Tensor
    log_ratio: Tensor

    @classmethod
    def joined(cls, parts: Sequence["Drawn"]) -> "Drawn":
        """Join batches, in order."""
        names = ("states", "units", "kl_initial", "kl_path", "log_ratio")
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def negative_bound(
    drawn: Drawn, likelihoods: Mapping[str, Tensor], weighed: Tensor, kl_weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Put the loss of a batch together, and its terms, in nats per trial.

    Args:
        drawn: with the divergences.
        likelihoods: log-likelihoods by modality, (trials,) each.
        weighed: their sum under their weights, (trials,).
        kl_weight: weight of the divergences.
    """
    terms = {
        f"negative_log_likelihood_{name}": -value.mean() for name, value in likelihoods.items()
    }
    terms |= {
        "kl_initial": drawn.kl_initial.sum(1).mean(),
        "kl_path": drawn.kl_path.sum(1).mean(),
    }
    return kl_weight * (terms["kl_initial"] + terms["kl_path"]) - weighed.mean(), terms
