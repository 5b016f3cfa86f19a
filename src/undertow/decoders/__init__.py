"""Decoders: latent path → features per bin."""

from undertow.decoders.base import Decoder
from undertow.decoders.linear import LinearDecoder, MLPDecoder
from undertow.decoders.transformer import TransformerDecoder

__all__ = ["Decoder", "LinearDecoder", "MLPDecoder", "TransformerDecoder"]
