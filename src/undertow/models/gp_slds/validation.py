"""Validation scores of `GPSLDS`."""

import math

import numpy as np

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.evaluation import bits_per_spike
from undertow.models.em import Validate
from undertow.models.gp_slds import prediction as predicting
from undertow.models.gp_slds.network import GPSLDSNetwork
from undertow.models.gp_slds.options import VariationalEM

PATHS = 10


def validator(em: VariationalEM, seen_bins: int, trials: TrialSet, batch: Batch) -> Validate:
    """Return a function network → score on the validation trials, higher is better.

    Args:
        em: whose `monitor` says what is scored: 'co-bps', bits per spike of held-out neurons given
            the others; 'likelihood', the evidence bound in bits per spike; 'generate', bits per
            spike after the bins shown; 'auto', co-bps where neurons are held out, else the bound.
        seen_bins: bins that mode 'generate' is shown.
        trials: the validation trials.
        batch: the same as the network reads them.

    Raises:
        ModelError: for 'co-bps' without held-out neurons.
    """
    kind, held = em.monitor, bool(trials.heldout.any())
    if kind == "co-bps" and not held:
        raise ModelError(
            "em.monitor is 'co-bps' but no neuron is held out: hold some out, or use 'likelihood'."
        )
    if kind == "likelihood" or (kind == "auto" and not held):
        spikes = max(float(np.nansum(trials.spikes)), 1.0)
        return lambda network: float(
            predicting.evidence(network, batch, em).sum() / spikes / math.log(2)
        )
    counts, seen = np.array(trials.spikes), None
    if kind == "generate":
        seen = min(seen_bins, trials.n_time)
        counts[:, :seen] = np.nan
    else:
        counts[:, :, ~trials.heldout] = np.nan
    scored = np.nansum(counts, axis=(0, 1)) > 0
    asked = predicting.Asked(PATHS, False, 0, seen)

    def validate(network: GPSLDSNetwork) -> float:
        rates = predicting.predict(network, batch, trials, em, asked).rates
        expected = rates[:, :, scored].astype(np.float64) * trials.bin_s
        return float(bits_per_spike(expected, counts[:, :, scored]))

    return validate
