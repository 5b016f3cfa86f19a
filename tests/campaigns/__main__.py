"""`python -m tests.campaigns`: run a campaign, a part of it, or one input again."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.campaigns.outcome import say


def main(words: list[str] | None = None) -> int:
    """Run what the command line asks for; 1 where anything failed."""
    asked = _parser().parse_args(words)
    return int(asked.run(asked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    fuzz = verbs.add_parser("fuzz", help="hostile inputs for every reader and setting")
    fuzz.add_argument("targets", nargs="*", help="all by default")
    fuzz.add_argument("--inputs", type=int, default=20_000)
    fuzz.add_argument("--seed", type=int, default=0)
    fuzz.add_argument("--minutes", type=float, default=None)
    fuzz.add_argument("--workers", type=int, default=2)
    fuzz.add_argument("--kept", type=Path, default=Path(".cache/campaign"))
    fuzz.add_argument("--refusals", action="store_true", help="print what was refused, too")
    fuzz.set_defaults(run=_fuzz)
    writes = verbs.add_parser("writes", help="kills, faults and rivals at every write")
    writes.add_argument("verbs", nargs="*", help="all by default")
    writes.add_argument("--kills", type=int, default=300)
    writes.add_argument("--faults", type=int, default=150)
    writes.add_argument("--seed", type=int, default=0)
    writes.add_argument("--minutes", type=float, default=None)
    writes.add_argument("--workers", type=int, default=2)
    writes.set_defaults(run=_writes)
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
