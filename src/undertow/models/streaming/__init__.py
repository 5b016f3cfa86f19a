"""Models one bin at a time: what is known now from the bins so far."""

from undertow.models.streaming.attention import Memory
from undertow.models.streaming.averaging import AveragingStepper
from undertow.models.streaming.decoding import BehaviorDecoder
from undertow.models.streaming.flat_stepper import FlatStepper, OneBin, Tensors, no_memory
from undertow.models.streaming.noise import AntitheticNoise, PathNoise
from undertow.models.streaming.past import PastSmoother
from undertow.models.streaming.reading import ReadRow
from undertow.models.streaming.stepper import BinSeen, Stepper
from undertow.models.streaming.stream import Stream, StreamedBin

__all__ = [
    "AntitheticNoise",
    "AveragingStepper",
    "BehaviorDecoder",
    "BinSeen",
    "FlatStepper",
    "Memory",
    "OneBin",
    "PastSmoother",
    "PathNoise",
    "ReadRow",
    "Stepper",
    "Stream",
    "StreamedBin",
    "Tensors",
    "no_memory",
]
