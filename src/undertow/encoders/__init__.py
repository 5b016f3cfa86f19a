"""Encoders: spikes → initial state and context; stimulus → what drives the dynamics."""

from undertow.encoders.base import Encoder
from undertow.encoders.dropout import Dropout, dropout_from
from undertow.encoders.gru import GRUEncoder
from undertow.encoders.interpolation import interpolate
from undertow.encoders.linear import LinearEncoder
from undertow.encoders.lstm import LSTMEncoder
from undertow.encoders.stimulus import StimulusEncoder

__all__ = [
    "Dropout",
    "Encoder",
    "GRUEncoder",
    "LSTMEncoder",
    "LinearEncoder",
    "StimulusEncoder",
    "dropout_from",
    "interpolate",
]
