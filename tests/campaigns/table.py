"""The tables a campaign ends with: outcomes by target, and the faults one by one."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tests.campaigns.keeping import again
from tests.campaigns.outcome import Outcome, Verdict


class Tally:
    """Counts of outcomes, the first of each fault and the slowest input of each target."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.counts: dict[str, Counter[Verdict]] = defaultdict(Counter)
        self.kinds: Counter[tuple[str, Verdict, str]] = Counter()
        self.first: dict[tuple[str, Verdict, str], Outcome] = {}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.refusals: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        kind = (outcome.target, outcome.verdict, outcome.what)
        self.counts[outcome.target][outcome.verdict] += 1
        self.seconds[outcome.target].append(outcome.seconds)
        if outcome.verdict is Verdict.REFUSED:
            self.refusals[outcome.target][_sentence(outcome.detail)] += 1
        if outcome.verdict.fault:
            self.kinds[kind] += 1
            self.first.setdefault(kind, outcome)

    @property
    def total(self) -> int:
        return sum(sum(counts.values()) for counts in self.counts.values())

    @property
    def faults(self) -> int:
        return sum(self.kinds.values())

    def lines(self) -> list[str]:
        """The table of targets × classes, then each kind of fault with how to see it again."""
        heads = ["target", "inputs", *Verdict, "mean ms", "slowest s"]
        rows = [self._row(name) for name in self.counts]
        return aligned([heads, *rows, self._sums()]) + self._faults()

    def commonest_refusals(self, most: int = 8) -> list[str]:
        """What each target is refused for: one sentence for all of them would prove little."""
        return [
            f"{name}: {count} × {text}"
            for name, counts in self.refusals.items()
            for text, count in counts.most_common(most)
        ]

    def _row(self, name: str) -> list[str]:
        counts, seconds = self.counts[name], self.seconds[name]
        times = [f"{1e3 * sum(seconds) / len(seconds):.0f}", f"{max(seconds):.1f}"]
        return [name, str(sum(counts.values())), *(str(counts[v]) for v in Verdict), *times]

    def _sums(self) -> list[str]:
        sums = [str(sum(counts[v] for counts in self.counts.values())) for v in Verdict]
        return ["all", str(self.total), *sums, "", ""]

    def _faults(self) -> list[str]:
        lines = []
        for kind, count in self.kinds.most_common():
            target, verdict, what = kind
            lines += [f"{count} × {target}: {verdict}: {what}"]
            lines += [f"    {'; '.join(self.first[kind].changes)[:160]}"]
            lines += [f"    {again(self.first[kind], self.seed)}"]
        return lines


def _sentence(text: str) -> str:
    """A message without paths and numbers."""
    return re.sub(r"\d+", "n", re.sub(r"\S*/\S*", "…", text))[:110]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side, the first to the left."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def shares(weights: Mapping[str, float], total: int) -> dict[str, int]:
    """How many of `total` each gets, at least one, in proportion to its weight."""
    whole = sum(weights.values())
    return {name: max(1, round(total * weight / whole)) for name, weight in weights.items()}


def interleaved(counts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    """(target, number) so that all targets go on side by side, and an early end cuts all alike."""
    jobs = [
        ((number + 0.5) / count, name, number)
        for name, count in counts.items()
        for number in range(count)
    ]
    return [(name, number) for _, name, number in sorted(jobs)]
