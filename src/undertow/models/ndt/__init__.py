"""NDT and STNDT: masked Transformers over the bins, and the neurons, of each trial."""

from undertow.models.ndt.model import NDT, STNDT
from undertow.models.ndt.options import Contrast, Masking, TransformerEncoding

__all__ = ["NDT", "STNDT", "Contrast", "Masking", "TransformerEncoding"]
