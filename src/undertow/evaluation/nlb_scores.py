"""`NLBScores`: scores of the Neural Latents Benchmark that carry their set and bin width."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from undertow.errors import DataError
from undertow.names import listed


@final
@dataclass(frozen=True)
class NLBScores:
    """Scores of one set, or of the three scaling sets together, at one bin width.

    Attributes:
        set_name: the set; 'mc_maze_scaling' for 'mc_maze_large', 'mc_maze_medium' and
            'mc_maze_small' together.
        bin_ms: 5 or 20. Scores of the two are not comparable.
        values: by the benchmark's names: 'co-bps' and 'fp-bps' in bits/spike, 'vel R2', 'psth R2',
            'tp corr'; of the scaling sets '[500] co-bps', '[250] co-bps', '[100] co-bps' and so on.
    """

    set_name: str
    bin_ms: int
    values: Mapping[str, float]

    @property
    def split(self) -> str:
        """The benchmark's name of these scores: 'mc_maze_split' at 5 ms, 'mc_maze_20_split' at 20
        ms."""
        return f"{self.set_name}{'' if self.bin_ms == 5 else f'_{self.bin_ms}'}_split"

    @property
    def named(self) -> dict[str, dict[str, float]]:
        """The scores as the benchmark reports them, {'mc_maze_20_split': {'co-bps': …}}."""
        return {self.split: dict(self.values)}

    def minus(self, other: "NLBScores") -> "NLBScores":
        """By how much these scores exceed others of the same set, bin width and names.

        Raises:
            DataError: when they are not of the same.
        """
        _check_alike([self, other])
        return NLBScores(
            self.set_name, self.bin_ms, {k: v - other.values[k] for k, v in self.values.items()}
        )


def mean_nlb_scores(scores: Sequence[NLBScores]) -> NLBScores:
    """The mean of several runs' scores, such as those of several seeds.

    Raises:
        DataError: when there are none, or they are not of one set and bin width with the same
            names.
    """
    if not scores:
        raise DataError("there are no scores to average: pass those of at least one run.")
    _check_alike(scores)
    first = scores[0]
    mean = {name: float(np.mean([each.values[name] for each in scores])) for name in first.values}
    return NLBScores(first.set_name, first.bin_ms, mean)


def _check_alike(scores: Sequence[NLBScores]) -> None:
    first = scores[0]
    for each in scores[1:]:
        if (each.set_name, each.bin_ms) != (first.set_name, first.bin_ms):
            raise DataError(
                f"scores of {each.set_name} at {each.bin_ms} ms bins and of {first.set_name} at "
                f"{first.bin_ms} ms "
                "bins are not comparable: compare or average scores of one set at one bin width."
            )
        if differing := set(each.values) ^ set(first.values):
            raise DataError(
                f"only some of the scores have {listed(sorted(differing))}: compare or average the "
                "same ones."
            )
