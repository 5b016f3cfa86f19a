"""Readouts drawn anew for samples that are kept: mean rates and everything else stay."""

from pathlib import Path

import numpy as np

from tests.models.small_sde import TRIALS, fit
from undertow.models import LatentSDE


def test_samples_spread_wider_and_the_mean_stays(tmp_path: Path) -> None:
    plain = fit(epochs=2)
    model = fit(epochs=2, posterior__uncertain_readouts=True)
    mine, other = model.predict(TRIALS, samples=40), plain.predict(TRIALS, samples=40)
    assert np.array_equal(mine.rates, other.rates, equal_nan=True)
    for name, latent in mine.latents.items():
        assert np.array_equal(latent, other.latents[name], equal_nan=True)
    assert np.nanmean(mine.rate_samples.var(0)) > 1.5 * np.nanmean(other.rate_samples.var(0))
    # one readout a sample, whatever the trial: their common error is of the neuron
    ratio = np.log(mine.rate_samples / other.rate_samples)
    between = np.nanmean(ratio, axis=(1, 2)).var(0)
    assert (between > 0.1 * np.nanmean(ratio.var(0), axis=(0, 1))).all()
    loaded = LatentSDE.load(model.save(tmp_path / "model.safetensors"))
    again = loaded.predict(TRIALS, samples=40)
    assert np.array_equal(again.rate_samples, mine.rate_samples, equal_nan=True)
