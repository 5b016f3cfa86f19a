"""`KLSchedule`: how the weight of the KL terms changes over training."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from undertow import checks
from undertow.options import Options


@dataclass(frozen=True)
class KLSchedule(Options):
    """Weight of the KL terms at a share of training.

    Attributes:
        shape: 'constant'; 'linear' (rises over the share `rise` of training, then stays); 'cyclic'
            (in each of `cycles` equal cycles it rises from zero over the share `rise` of the cycle,
            then stays: ElGazzar & van Gerven, supplement 2).
        peak: highest weight, at most 1e6; 1 makes the objective an evidence bound, the paper's 10
            weighs the KL terms tenfold.
        cycles: number of cycles, at most 10,000, of 'cyclic'.
        rise: share over which the weight rises.
    """

    argument: ClassVar[str] = "kl"
    shape: Literal["constant", "linear", "cyclic"] = "cyclic"
    peak: float = 1.0
    cycles: int = 4
    rise: float = 0.5

    def check(self) -> None:
        checks.number(self.of("peak"), self.peak, 0, 1e6)
        checks.number(self.of("rise"), self.rise, 0, 1)
        checks.whole(self.of("cycles"), self.cycles, 1, 10_000)

    def __call__(self, progress: float) -> float:
        """Weight at a share `progress` of training, 0 to 1; at the end it is the peak."""
        # at progress 1 a cycle would begin anew, from zero
        if self.shape == "constant" or self.rise == 0 or progress >= 1:
            return self.peak
        within = progress if self.shape == "linear" else (progress * self.cycles) % 1.0
        return self.peak * min(1.0, within / self.rise)
