"""`Variant`: where the published descriptions of LangevinFlow differ from each other, as
options."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Variant:
    """Readings of the paper and of the code released with it; the defaults are what works best
    here.

    Attributes:
        scheme: 'splitting' (stable, exact friction and noise) or 'euler' (Algorithm 1, one explicit
            step a bin).
        hamiltonian_step: with 'euler', the step of positions and force: 1 in the paper, 0.01 in the
            released code.
        gru_reads: what the GRU sees at bin t: 'current' (x_t), 'previous' (x_{t−1}) or 'held'
            (x_{t−1}, the first bin twice and the last one repeated in forward bins).
        recurrent_dropout: share of the GRU's state dropped between bins.
        feedforward: units of the Transformer's feed-forward layer; twice the decoder's width by
            default.
        norm: 'pre' or 'post' normalisation in the Transformer.
        initial_scale: factor on the initial weights of the Transformer's outputs; T-Fixup's is
            0.67.
        likelihood: 'sum' over bins and neurons (nats per trial) or 'mean' over them, beside KL
            terms that stay sums.
        learn_from_kept: share of the inputs not hidden by coordinated dropout that are learned from
            too.
        average: what is averaged over posterior samples, 'rates' or 'log-rates'.
    """

    scheme: Literal["splitting", "euler"] = "splitting"
    hamiltonian_step: float = 1.0
    gru_reads: Literal["current", "previous", "held"] = "current"
    recurrent_dropout: float = 0.0
    feedforward: int | None = None
    norm: Literal["pre", "post"] = "pre"
    initial_scale: float = 1.0
    likelihood: Literal["sum", "mean"] = "sum"
    learn_from_kept: float = 0.0
    average: Literal["rates", "log-rates"] = "rates"
