"""Encoders: spikes → initial state and context."""

from undertow.encoders.base import Encoder
from undertow.encoders.gru import GRUEncoder

__all__ = ["Encoder", "GRUEncoder"]
