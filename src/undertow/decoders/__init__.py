"""Decoders: latent path → features of each bin."""

from undertow.decoders.base import Decoder
from undertow.decoders.blocks import BlockLinear
from undertow.decoders.linear import LinearDecoder, MLPDecoder
from undertow.decoders.regional import RegionalDecoder
from undertow.decoders.transformer import Norm, TransformerDecoder

__all__ = [
    "BlockLinear",
    "Decoder",
    "LinearDecoder",
    "MLPDecoder",
    "Norm",
    "RegionalDecoder",
    "TransformerDecoder",
]
