"""Decoders: latent path → features of each bin."""

from undertow.decoders.base import Decoder
from undertow.decoders.blocks import BlockLinear
from undertow.decoders.linear import LinearDecoder, MLPDecoder
from undertow.decoders.regional import RegionalDecoder
from undertow.decoders.transformer import TransformerDecoder, sinusoids
from undertow.decoders.transformer_layer import Norm, TransformerLayer, allowed_bins

__all__ = [
    "BlockLinear",
    "Decoder",
    "LinearDecoder",
    "MLPDecoder",
    "Norm",
    "RegionalDecoder",
    "TransformerDecoder",
    "TransformerLayer",
    "allowed_bins",
    "sinusoids",
]
