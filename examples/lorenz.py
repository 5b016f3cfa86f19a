"""From spikes to rates on synthetic data whose true rates are known; draws the picture of the
README.

Run with `python examples/lorenz.py`; it takes a few minutes.
"""

import argparse
from pathlib import Path

from undertow import LangevinFlow, Smoothing, plots, simulate_lorenz
from undertow.data import split_trials
from undertow.training import Training


def main(seconds: float, picture: Path) -> None:
    """Simulate, fit for at most `seconds`, print the scores and draw trial averages into
    `picture`."""
    train, validation, test = split_trials(simulate_lorenz())
    training = Training(max_seconds=seconds, batch_size=16)
    model = LangevinFlow(dropout=0.05, training=training).fit(train, validation)
    baseline = Smoothing().fit(train, validation)

    for name, fitted in (("LangevinFlow", model), ("smoothing", baseline)):
        print(name, *fitted.score(test).values(), sep="\n  ")

    names = ("LangevinFlow", "smoothing")
    axes = plots.psth(model.predict(test), baseline.predict(test), names=names)
    picture.parent.mkdir(parents=True, exist_ok=True)
    axes[0, 0].figure.savefig(picture, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=240.0, help="most seconds the fit may take"
    )
    parser.add_argument(
        "--picture", type=Path, default=Path(__file__).parents[1] / "docs/images/lorenz.png"
    )
    main(**vars(parser.parse_args()))
