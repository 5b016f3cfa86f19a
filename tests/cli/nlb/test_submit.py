"""`undertow nlb submit`: one file of one or more sets, and what it refuses or points out."""

from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Undertow
from tests.cli.nlb.conftest import SCALING
from undertow.nlb import Submission, read_submission, write_submission

OPTIONS = ("--bin-ms", 20, "--model", "smoothing")


def test_several_sets_in_one_file(undertow: Undertow, fitted_nlb: Path, tmp_path: Path) -> None:
    out, sets = tmp_path / "submission.h5", ("mc_maze", *SCALING)
    done = undertow("nlb", "submit", *sets, *OPTIONS, "--folder", fitted_nlb, "--out", out)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1] == f"written: {out}"
    assert any(
        line.split()[0] == "mc_maze_20/train_rates_heldin" and "26 × 8 × 5" in line
        for line in lines
    )
    whole = read_submission(out)
    assert list(whole) == [f"{name}_20" for name in sets]
    for name in sets:
        one = read_submission(fitted_nlb / f"{name}_20_test" / "smoothing" / "rates.h5")[
            f"{name}_20"
        ]
        assert one.keys() == whole[f"{name}_20"].keys()
        for key, rates in one.items():
            np.testing.assert_array_equal(rates, whole[f"{name}_20"][key])


def test_the_benchmarks_own_software_scores_it(
    undertow: Undertow, fitted_nlb: Path, tmp_path: Path
) -> None:
    reference = pytest.importorskip("nlb_tools.evaluation", reason="nlb-tools is not installed")
    out = tmp_path / "submission.h5"
    words = (
        "nlb",
        "submit",
        "mc_maze",
        *OPTIONS,
        "--phase",
        "val",
        "--folder",
        fitted_nlb,
        "--out",
        out,
    )
    assert undertow(*words).exit_code == 0
    found = reference.evaluate(str(fitted_nlb / "mc_maze_20_val" / "tensors.h5"), str(out))
    printed = undertow(
        "nlb", "score", "mc_maze", "--bin-ms", 20, "--submission", out, "--folder", fitted_nlb
    )
    for name, value in found[0]["mc_maze_20_split"].items():
        line = next(line for line in printed.stdout.splitlines() if line.startswith(name))
        assert f"{value:.4f}" in line


def test_what_lacks_is_said(undertow: Undertow, fitted_nlb: Path, tmp_path: Path) -> None:
    path = fitted_nlb / "mc_maze_small_20_val" / "smoothing" / "rates.h5"
    rates = read_submission(path)["mc_maze_small_20"]
    shorter = Submission(
        {"mc_maze_small_20": {k: v for k, v in rates.items() if "forward" not in k}}
    )
    write_submission(shorter, path, overwrite=True)
    words = (
        "mc_maze_small",
        *OPTIONS,
        "--phase",
        "val",
        "--folder",
        fitted_nlb,
        "--out",
        tmp_path / "s.h5",
    )
    done = undertow("nlb", "submit", *words)
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines() == [
        "mc_maze_small_20 has no forward rates: there will be no fp-bps.",
        "the benchmark reports mc_maze_large, mc_maze_medium, mc_maze_small together: "
        "mc_maze_large, mc_maze_medium is not in this file.",
        "phase val is for comparing on your own: published numbers are of phase test.",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("mc_maze", "--bin-ms", 20), "there is no"),
        (
            ("mc_maze", "mc_rtt", *OPTIONS),
            "finished runs of mc_rtt at 20 ms bins, phase test are: none",
        ),
        (
            ("mc_maze", "--bin-ms", 5, "--model", "smoothing"),
            "finished runs of mc_maze at 5 ms bins",
        ),
        (("mc_maz", *OPTIONS), "did you mean 'mc_maze'?"),
        (
            ("mc_maze_small", *OPTIONS),
            "train_rates_heldin has shape (25, 8, 5): by the prepared tensors",
        ),
        (
            ("mc_maze_large", *OPTIONS),
            "mc_maze_large_20/eval_rates_heldout of run smoothing holds NaN",
        ),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    undertow: Undertow, fitted_nlb: Path, tmp_path: Path, words: tuple[object, ...], message: str
) -> None:
    for name, change in (("mc_maze_small", "short"), ("mc_maze_large", "nan")):
        path = fitted_nlb / f"{name}_20_test" / "smoothing" / "rates.h5"
        rates = {k: np.array(v) for k, v in read_submission(path)[f"{name}_20"].items()}
        if change == "nan":
            rates["eval_rates_heldout"][0, 0, 0] = np.nan
        rates |= {
            k: v[:-1] for k, v in rates.items() if change == "short" and k.startswith("train")
        }
        write_submission(Submission({f"{name}_20": rates}), path, overwrite=True)
    out = tmp_path / "submission.h5"
    done = undertow("nlb", "submit", *words, "--folder", fitted_nlb, "--out", out)
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()


def test_nothing_is_overwritten(undertow: Undertow, fitted_nlb: Path, tmp_path: Path) -> None:
    out = tmp_path / "submission.h5"
    out.write_text("mine")
    done = undertow("nlb", "submit", "mc_maze", *OPTIONS, "--folder", fitted_nlb, "--out", out)
    assert done.exit_code == 2
    assert "submission.h5 exists: choose another file" in done.stderr
    assert out.read_text() == "mine"
