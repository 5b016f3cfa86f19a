"""Streams on a rig: where bins come from, what is done with them, where results go."""

from undertow.live.bins import Binner, BinOrder, Frame
from undertow.live.readings import read_stream
from undertow.live.running import Counted, run_stream
from undertow.live.source import Source, open_source

__all__ = [
    "BinOrder",
    "Binner",
    "Counted",
    "Frame",
    "Source",
    "open_source",
    "read_stream",
    "run_stream",
]
