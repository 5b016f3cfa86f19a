"""Tables over recordings from the results of does_the_physics_help.py.

python benchmarks/physics_tables.py [--out RESULTS] [--reference ARM]
"""

import argparse
import json
from pathlib import Path
from typing import Any

from recordings import RECORDINGS

SCORES = (
    "co-bps",
    "latent reliance",
    "psth R2",
    "velocity R2 log-rate",
    "velocity R2",
    "rate R2",
)

COSTS = {
    "dropout": "dropout",
    "parameters": "parameters",
    "parameters_dynamics": "of the dynamics",
    "fit_s": "seconds a fit",
    "folds": "folds",
    "fits": "fits",
}


def number(row: dict[str, Any], value: str, low: str, high: str, sign: str = "") -> str:
    """'0.326 [0.301, 0.350]', or a dash."""
    if row[value] is None:
        return "–"
    interval = "" if row[low] is None else f" [{row[low]:{sign}.3f}, {row[high]:{sign}.3f}]"
    return f"{row[value]:{sign}.3f}{interval}".replace("-", "−")


def cost(value: float | None) -> str:
    """Whole numbers with commas, others short, or a dash."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def table(found: dict[str, dict[str, Any]], score: str, reference: str) -> str:
    """One score: arms down, recordings across; under each value its paired difference from the
    reference."""
    rows = {
        name: {row["arm"]: row for row in each["scores"] if row["name"] == score}
        for name, each in found.items()
    }
    rows = {name: each for name, each in rows.items() if each}
    arms = list(dict.fromkeys(arm for each in rows.values() for arm in each))
    lines = [f"| {score} | {' | '.join(rows)} |", "|---" * (len(rows) + 1) + "|"]
    for arm in arms:
        cells = []
        for each in rows.values():
            row = each.get(arm)
            own = "–" if row is None else number(row, "value", "low", "high")
            names = ("difference", "difference_low", "difference_high")
            apart = "–" if row is None or arm == reference else number(row, *names, sign="+")
            cells.append(own if apart == "–" else f"{own}<br>{apart}")
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/physics"))
    parser.add_argument("--reference", default="full", help="as given to does_the_physics_help.py")
    options = parser.parse_args()
    folder = "" if options.reference == "full" else f"against-{options.reference}"
    paths = {name: options.out / name / folder / "ablation.json" for name in RECORDINGS}
    found = {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}
    labels = [p.behavior for p in RECORDINGS.values() if p.behavior.startswith("label")]
    majority = [label.replace("label accuracy", "majority share") for label in labels]
    for score in (*SCORES, *dict.fromkeys(labels + majority)):
        print(table(found, score, options.reference), end="\n\n")
    for name, each in found.items():
        print(
            f"| {name} | {' | '.join(COSTS.values())} |", "|---" * (len(COSTS) + 1) + "|", sep="\n"
        )
        for arm, about in each["arms"].items():
            print(f"| {arm} | {' | '.join(cost(about[k]) for k in COSTS)} |")
        print()


if __name__ == "__main__":
    main()
