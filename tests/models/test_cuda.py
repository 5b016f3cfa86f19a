"""Models on a GPU: fitted there, they predict there what they predict on a CPU. Skips where there
is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small import GAPS, UNUSED
from undertow.data import TrialSet
from undertow.models import LFADS, STNDT, Contrast, LangevinFlow, LatentSDE
from undertow.training import Training

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    pytest.mark.filterwarnings(UNUSED),
]
TWO_EPOCHS = Training(epochs=2, batch_size=16, validate_every=1)


def _on_cpu(model: Any, path: Path, trials: TrialSet) -> np.ndarray:
    model.save(path)
    rates: np.ndarray = type(model).load(path, device="cpu").predict(trials).rates
    return rates


@pytest.mark.parametrize("name", ["langevin-flow", "stndt"])
def test_a_model_without_noise_predicts_the_same_on_both(name: str, tmp_path: Path) -> None:
    flow = LangevinFlow(dynamics=None, training=TWO_EPOCHS, device="cuda")
    spatial = STNDT(contrast=Contrast(1.0), training=TWO_EPOCHS, device="cuda")
    model = {"langevin-flow": flow, "stndt": spatial}[name].fit(GAPS)
    assert next(model.network_.parameters()).is_cuda
    rates = model.predict(GAPS).rates
    apart = np.abs(rates / _on_cpu(model, tmp_path / "m.safetensors", GAPS) - 1)
    # float32, and tensor cores are not used for it: some hundred rounding errors
    assert np.nanmax(apart) < 1e-4


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (LangevinFlow, {}),
        (LangevinFlow, {"dynamics__order": 1}),
        (LangevinFlow, {"dynamics__potential": "context"}),
        (LangevinFlow, {"posterior": "autonomous"}),
        (LFADS, {}),
        (LFADS, {"inputs": 0}),
    ],
    ids=str,
)
def test_latents_drawn_on_a_gpu_give_the_rates_of_those_drawn_on_a_cpu(
    cls: type[LangevinFlow | LFADS], settings: dict[str, Any], tmp_path: Path
) -> None:
    model = cls(training=TWO_EPOCHS, device="cuda", samples=64).set_params(**settings)
    model.fit(GAPS)
    rates = model.predict(GAPS).rates
    other = _on_cpu(model, tmp_path / "m.safetensors", GAPS)
    again = type(model).load(tmp_path / "m.safetensors", device="cpu")
    drawn = again.predict(GAPS, samples=64, seed=1).rate_samples
    assert drawn is not None
    # two means of 64 draws each; 6 standard errors for every one of some thousand rates
    bound = 6 * np.sqrt(2 / 64) * drawn.std(0) + 1e-4 * other
    seen = np.isfinite(other)
    assert (np.abs(rates - other) <= bound)[seen].all()


def test_a_latent_sde_fits_and_predicts_on_a_gpu() -> None:
    model = LatentSDE(training=TWO_EPOCHS, device="cuda").fit(GAPS)
    assert next(model.network_.parameters()).is_cuda
    assert np.isfinite(model.predict(GAPS).rates[GAPS.valid]).all()


def test_a_model_fitted_on_a_gpu_is_streamed_on_the_cpu() -> None:
    from tests.models import small_ndt
    from tests.models.streaming.equality import streamed_trials

    trials = streamed_trials()
    model = small_ndt.small(causal=True, device="cuda").fit(trials)
    stream, one = model.stream(), trials[2:3]
    streamed = np.stack([stream.step(counts).rates.copy() for counts in one.spikes[0]])
    np.testing.assert_allclose(streamed, model.predict(one).rates[0], rtol=1e-4)
    assert next(model.network_.parameters()).is_cuda
