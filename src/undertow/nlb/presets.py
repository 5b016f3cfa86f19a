"""Settings of models for each set of the Neural Latents Benchmark.

None of them was chosen on recordings of the benchmark by this project; where each comes from stands
beside it.
"""

from typing import Any

from undertow.baselines import Smoothing
from undertow.data.readers.nlb_sets import check_bin_ms, nlb_set
from undertow.errors import ModelError
from undertow.models import LangevinFlow
from undertow.models.langevin_flow.presets import PRESETS
from undertow.names import nearest, printable, shown

DEFAULT, REFERENCE = "default", "reference"
FLOOR_COUNTS = 1e-4
"""Added to smoothed spikes per bin before the logarithm by the benchmark's smoothing baseline."""
REFERENCE_SMOOTHING = {
    "mc_maze": (50, 0.01),
    "mc_rtt": (30, 0.1),
    "area2_bump": (30, 0.01),
    "dmfc_rsg": (60, 0.001),
    "mc_maze_large": (40, 0.1),
    "mc_maze_medium": (60, 0.1),
    "mc_maze_small": (60, 0.1),
}
"""Gaussian's standard deviation in ms and penalty of the benchmark's smoothing baseline (Pei, Ye et
al. 2021)."""
_MAZE = (256, 2000, 0.5, 0.55, 3e-3, 2e-5)
RELEASED = {
    "mc_maze": _MAZE,
    "mc_rtt": (64, 6000, 0.3, 0.55, 3e-3, 2e-5),
    "area2_bump": (32, 2000, 0.4, 0.55, 3e-3, 2e-5),
    "dmfc_rsg": (64, 1000, 0.6, 0.7, 1e-3, 1e-5),
}
"""Released code of LangevinFlow (Song et al. 2025), written for 20 ms: batch, epochs, share of the
inputs that coordinated dropout keeps, γ, step size, weight decay. The scaling sets are not in it:
they take MC_Maze's."""
RAMP_EPOCHS = 500
"""Epochs over which the released code raises the weight of the KL term."""


def nlb_preset(set_name: str, bin_ms: int, model: str, preset: str = DEFAULT) -> dict[str, Any]:
    """Constructor arguments: `LangevinFlow(**nlb_preset("mc_maze", 20, "langevin-flow", "paper"))`.

    Args:
        set_name: a set of the benchmark.
        bin_ms: 5 or 20.
        model: name on the command line.
        preset: 'default', the model's own defaults; 'paper' or 'released' of langevin-flow;
            'reference' of smoothing.

    Raises:
        DataError: for an unknown set or bin width.
        ModelError: for a preset that the model does not have.
    """
    nlb_set(set_name)
    check_bin_ms(bin_ms)
    if preset == DEFAULT:
        return {}
    if (model, preset) == (Smoothing.cli_name, REFERENCE):
        return _reference(set_name, bin_ms)
    if model == LangevinFlow.cli_name and preset in PRESETS:
        return _published(set_name, preset)
    others = {Smoothing.cli_name: (REFERENCE,), LangevinFlow.cli_name: tuple(PRESETS)}
    known = (DEFAULT, *others.get(model, ()))
    raise ModelError(
        f"{printable(str(model))} has no preset {shown(preset)} for the benchmark: "
        f"{nearest(printable(str(preset)), known)}"
    )


def _published(set_name: str, preset: str) -> dict[str, Any]:
    """The published settings of a set.

    What the paper leaves open is as released in both presets; the γ lie in the range it names (0.55
    to 0.8).
    """
    batch, epochs, kept, gamma, rate, decay = RELEASED.get(set_name, _MAZE)
    model = LangevinFlow.preset(
        preset,
        dynamics__gamma=gamma,
        # its paths grow a thousandfold in 6,100 bins, of which trials have 340 at most; those of
        # 'paper' in 13
        dynamics__allow_unstable=preset == "released",
        coordinated_dropout=1 - kept,
        kl__rise=RAMP_EPOCHS / epochs,
        training__batch_size=batch,
        training__epochs=epochs,
        training__learning_rate=rate,
        training__weight_decay=decay,
    )
    return {name: getattr(model, name) for name in PRESETS[preset]}


def _reference(set_name: str, bin_ms: int) -> dict[str, Any]:
    """The reference settings of smoothing.

    The floor is 1e-4 spikes per bin, given in spikes/s; widths and penalties are the same at both
    bin widths.
    """
    width_ms, penalty = REFERENCE_SMOOTHING[set_name]
    return {
        "width_s": width_ms / 1e3,
        "penalty": penalty,
        "floor_hz": FLOOR_COUNTS / (bin_ms / 1e3),
    }
