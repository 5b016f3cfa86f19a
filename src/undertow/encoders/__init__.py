"""Encoders: spikes → initial state and context."""

from undertow.encoders.base import Encoder
from undertow.encoders.dropout import Dropout, dropout_from
from undertow.encoders.gru import GRUEncoder
from undertow.encoders.linear import LinearEncoder

__all__ = ["Dropout", "Encoder", "GRUEncoder", "LinearEncoder", "dropout_from"]
