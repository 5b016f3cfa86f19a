"""From NWB files to scores and a submission of the Neural Latents Benchmark, by the command line
alone, and checked.

    OMP_NUM_THREADS=1 python benchmarks/nlb_proof.py [--out FOLDER] [--set KEY=VALUE …]

Writes a recording in the structure of MC_Maze whose true rates are known (`nlb_recording.py`: 240
training, 80 validation and 80 test trials, 80 held-in and 30 held-out neurons), then runs `undertow
nlb prepare | fit | score | submit` for smoothing and langevin-flow at 20 ms, `prepare` at 5 ms too,
and smoothing once more in phase test. The submissions are scored by `nlb_tools.evaluation`, which
must agree to 1e-9. Prints the seconds of each step, of the clock and of the processor, and the
scores beside those of the true rates.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np

from nlb_recording import WINDOW_S, MadeRecording, write_files
from undertow.nlb import Submission, read_nlb_tensors, score_submission

TRIALS = {"train": 240, "val": 80, "test": 80}
N_HELDIN, N_HELDOUT, SEED, BIN_MS, FORWARD_BINS = 80, 30, 0, 20, 10
GROUP, MODELS, TOLERANCE = "mc_maze_20", ("smoothing", "langevin-flow"), 1e-9
RESULT, TENSORS = f"{GROUP}_split", f"nlb/{GROUP}_val/tensors.h5"
COMMAND = Path(sys.executable).with_name("undertow")
Scores = Mapping[str, float]


def main() -> None:
    """Run every step and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--out", type=Path, help="a new folder that keeps all files; a temporary one by default"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="of langevin-flow"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        folder.mkdir(exist_ok=True)
        prove(folder, [word for pair in options.set for word in ("--set", pair)])


def prove(folder: Path, settings: Sequence[str]) -> None:
    """The chain, the reference's scores, the truth's."""
    made = MadeRecording.draw(TRIALS, N_HELDIN, N_HELDOUT, SEED)
    (folder / "nwb").mkdir()
    write_files(made, folder / "nwb", SEED + 1)
    steps = Steps(folder)
    for width, phase in ((BIN_MS, "val"), (5, "val"), (BIN_MS, "test")):
        steps.run("prepare", "mc_maze", "nwb", "--bin-ms", width, "--phase", phase)
    set_words = ("mc_maze", "--bin-ms", BIN_MS)
    for model in MODELS:
        extra = settings if model == "langevin-flow" else ()
        steps.run("fit", *set_words, "--model", model, *extra)
    steps.run("fit", *set_words, "--phase", "test", "--model", "smoothing")
    steps.run("score", *set_words, "--out", "scores.json")
    for model in MODELS:
        steps.run("submit", *set_words, "--phase", "val", "--model", model, "--out", f"{model}.h5")
    steps.run("submit", *set_words, "--model", "smoothing", "--out", "test.h5")
    steps.run("score", *set_words, "--phase", "test", code=2)
    scores = {
        model: found[RESULT]
        for model, found in json.loads((folder / "scores.json").read_text())["scores"].items()
    }
    for model in MODELS:
        check(scores[model], folder / TENSORS, folder / f"{model}.h5")
    print_table(["step", "seconds", "processor"], steps.rows)
    columns = {model: scores[model] for model in MODELS} | {"true rates": truth(made, folder)}
    names = list(columns["true rates"])
    print_table(
        ["score", *columns], [[n, *(f"{c[n]:.4f}" for c in columns.values())] for n in names]
    )


class Steps:
    """Runs commands in a folder and remembers what each took."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, []

    def run(self, *words: object, code: int = 0) -> None:
        """One `undertow nlb` command, which must end with `code`."""
        text = [str(word) for word in words]
        print("$ undertow nlb", *text, flush=True)
        started, before = time.perf_counter(), _processor_s()
        ended = subprocess.run([COMMAND, "nlb", *text], cwd=self.folder).returncode
        if ended != code:
            raise SystemExit(f"this ended with {ended}, not {code}")
        wall_s, busy_s = time.perf_counter() - started, _processor_s() - before
        self.rows.append([" ".join(text), f"{wall_s:.1f}", f"{busy_s:.1f}"])


def _processor_s() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def check(ours: Scores, targets: Path, submission: Path) -> None:
    """The benchmark's own evaluation of the two files gives the same numbers."""
    from nlb_tools.evaluation import evaluate

    results = {
        name: value
        for each in evaluate(str(targets), str(submission))
        for name, value in each.items()
    }
    reference = results[RESULT]
    assert set(reference) == set(ours), (reference, ours)
    worst = max(abs(reference[name] - value) for name, value in ours.items())
    assert worst <= TOLERANCE, (reference, ours)
    print(f"{submission.name}: nlb_tools.evaluation agrees to {worst:.1g}")


def truth(made: MadeRecording, folder: Path) -> Scores:
    """Scores of the true rates."""
    tensors = read_nlb_tensors(folder / TENSORS)
    bin_s, n_bins = BIN_MS / 1e3, round((WINDOW_S[1] - WINDOW_S[0]) * 1e3) // BIN_MS
    parts = {"train": made.binned("train", WINDOW_S[0], n_bins, bin_s)}
    parts["eval"] = made.binned("val", WINDOW_S[0], n_bins, bin_s)
    ahead = made.binned("val", WINDOW_S[1], FORWARD_BINS, bin_s)
    rates: dict[str, np.ndarray] = {}
    for population, neurons in (("heldin", slice(N_HELDIN)), ("heldout", slice(N_HELDIN, None))):
        rates |= {
            f"{part}_rates_{population}": array[..., neurons] for part, array in parts.items()
        }
        rates[f"eval_rates_{population}_forward"] = ahead[..., neurons]
    return score_submission(Submission({GROUP: rates}), tensors)[RESULT].values


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As markdown."""
    print()
    for row in [heads, ["---"] * len(heads), *rows]:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
