"""Encoders: spikes → context and initial state; stimulus → what drives the dynamics."""

from undertow.encoders.base import Encoder
from undertow.encoders.dropout import Dropout, dropout_from
from undertow.encoders.gru import GRUEncoder, Reads
from undertow.encoders.interpolation import Interpolation, interpolate
from undertow.encoders.linear import LinearEncoder
from undertow.encoders.lstm import Direction, LSTMEncoder, lstm_step
from undertow.encoders.presence import Presence
from undertow.encoders.read_in import ReadIn
from undertow.encoders.stimulus import StimulusEncoder
from undertow.encoders.strides import Strides

__all__ = [
    "Direction",
    "Dropout",
    "Encoder",
    "GRUEncoder",
    "Interpolation",
    "LSTMEncoder",
    "LinearEncoder",
    "Presence",
    "ReadIn",
    "Reads",
    "StimulusEncoder",
    "Strides",
    "dropout_from",
    "interpolate",
    "lstm_step",
]
