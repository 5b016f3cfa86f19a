"""`python -m tests.campaigns`: run a campaign, a part of it, or one input again."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.campaigns.outcome import say

INPUTS, KILLS, FAULTS = 20_000, 300, 150
FUZZ, START_MINUTES = 0.2, 0.5
"""Share of the minutes that hostile input gets, and what a start takes beside."""


def main(words: list[str] | None = None) -> int:
    """Run what the command line asks for; 1 where anything failed."""
    asked = _parser().parse_args(words)
    return int(asked.run(asked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    fuzz = verbs.add_parser("fuzz", help="hostile inputs for every reader and setting")
    fuzz.add_argument("targets", nargs="*", help="all by default")
    fuzz.add_argument("--inputs", type=int, default=INPUTS)
    fuzz.add_argument("--seed", type=int, default=0)
    fuzz.add_argument("--minutes", type=float, default=None)
    fuzz.add_argument("--workers", type=int, default=2)
    fuzz.add_argument("--kept", type=Path, default=Path(".cache/campaign"))
    fuzz.add_argument("--refusals", action="store_true", help="print what was refused, too")
    fuzz.set_defaults(run=_fuzz)
    writes = verbs.add_parser("writes", help="kills, faults and rivals at every write")
    writes.add_argument("verbs", nargs="*", help="all by default")
    writes.add_argument("--kills", type=int, default=KILLS)
    writes.add_argument("--faults", type=int, default=FAULTS)
    writes.add_argument("--seed", type=int, default=0)
    writes.add_argument("--minutes", type=float, default=None)
    writes.add_argument("--workers", type=int, default=2)
    writes.set_defaults(run=_writes)
    whole = verbs.add_parser("all", help="both, within so many minutes")
    whole.add_argument("--seed", type=int, default=0)
    whole.add_argument("--minutes", type=float, default=20.0)
    whole.add_argument("--workers", type=int, default=2)
    whole.add_argument("--kept", type=Path, default=Path(".cache/campaign"))
    whole.set_defaults(run=_all, refusals=False)
    replay = verbs.add_parser("replay", help="make one input again and use it in this process")
    replay.add_argument("target")
    replay.add_argument("seed", type=int)
    replay.add_argument("number", type=int)
    replay.add_argument("--folder", type=Path, default=None, help="where the input goes")
    replay.set_defaults(run=_replay)
    return parser


def _fuzz(asked: argparse.Namespace) -> int:
    from tests.campaigns.fuzz import fuzz
    from tests.campaigns.targets import TARGETS

    start = time.monotonic()
    chosen = {name: TARGETS[name] for name in asked.targets or TARGETS}
    tally = fuzz(chosen, asked.inputs, asked.seed, asked.kept, asked.workers, asked.minutes)
    print("\n".join([*(tally.commonest_refusals() if asked.refusals else []), *tally.lines()]))
    minutes = (time.monotonic() - start) / 60
    print(
        f"{tally.total} inputs in {minutes:.1f} minutes, seed {asked.seed}: {tally.faults} faults"
    )
    return 1 if tally.faults else 0


def _writes(asked: argparse.Namespace) -> int:
    from tests.campaigns.writes.campaign import disturb
    from tests.campaigns.writes.verbs import VERBS

    start = time.monotonic()
    chosen = {name: VERBS[name] for name in asked.verbs or VERBS}
    tally = disturb(chosen, asked.kills, asked.faults, asked.seed, asked.workers, asked.minutes)
    print("\n".join(tally.lines()))
    minutes = (time.monotonic() - start) / 60
    said = f"{tally.number('kills')} kills and {tally.number('faults')} faults"
    print(f"{said} in {minutes:.1f} minutes, seed {asked.seed}: {tally.faults} wrong")
    return 1 if tally.faults else 0


def _all(asked: argparse.Namespace) -> int:
    """Both campaigns; each in a process of its own, which the other's children do not share."""
    common = ["--seed", str(asked.seed), "--workers", str(asked.workers)]
    parts = {
        "fuzz": ["--inputs", str(INPUTS), "--kept", str(asked.kept)],
        "writes": ["--kills", str(KILLS), "--faults", str(FAULTS)],
    }
    failed = []
    for (name, words), share in zip(parts.items(), (FUZZ, 1 - FUZZ), strict=True):
        minutes = ["--minutes", f"{share * asked.minutes - START_MINUTES:.2f}"]
        whole = [sys.executable, "-m", "tests.campaigns", name, *words, *common, *minutes]
        if subprocess.run(whole).returncode:
            failed.append(name)
    print(f"campaign, seed {asked.seed}: {'failed: ' + ', '.join(failed) if failed else 'passed'}")
    return 1 if failed else 0


def _replay(asked: argparse.Namespace) -> int:
    from tests.campaigns.fuzz import replay
    from tests.campaigns.targets import TARGETS

    folder = asked.folder or Path(tempfile.mkdtemp(prefix="replay-"))
    found = replay(TARGETS[asked.target], asked.seed, asked.number, folder)
    say(f"{found.verdict}: {found.what}\n{found.detail}")
    return 1 if found.verdict.fault else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
