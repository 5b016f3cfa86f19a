"""Predictions stream over trials, and samples that could not fit are refused before any work."""

import numpy as np
import pytest

from tests.models.small import UNUSED, small, trials_with_gaps
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import LangevinFlow
from undertow.models.sample_sums import check_samples

pytestmark = pytest.mark.filterwarnings(UNUSED)


@pytest.fixture(scope="module")
def trials() -> TrialSet:
    return trials_with_gaps()


@pytest.fixture(scope="module")
def fitted(trials: TrialSet) -> LangevinFlow:
    return small().fit(trials)


def test_samples_that_cannot_fit_are_refused_with_the_number(
    fitted: LangevinFlow, trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertow.memory.machine_memory", lambda: 10**6)
    with pytest.raises(ModelError, match=r"20000 samples .* would take 115 MB .* fewer samples"):
        fitted.predict(trials, samples=20_000)
    monkeypatch.setattr("undertow.memory.machine_memory", lambda: 10**9)
    check_samples(trials, 20_000)


@pytest.mark.parametrize("potential", ["coupled-oscillators", "input-driven"])
def test_rates_decoded_some_trials_at_a_time_are_the_same(
    trials: TrialSet, monkeypatch: pytest.MonkeyPatch, potential: str
) -> None:
    fitted = small(dynamics__potential=potential).fit(trials)
    whole = fitted.predict(trials, samples=3)
    exchanged = fitted.predict_exchanged(trials)
    for name in ("DECODED_BYTES", "ENCODED_BYTES"):
        monkeypatch.setattr(f"undertow.models.langevin_flow.prediction.{name}", 1)
    parts = fitted.predict(trials, samples=3)
    for name in ("rates", "rate_samples"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-5)
    for name, value in whole.terms.items():
        np.testing.assert_allclose(parts.terms[name], value, rtol=1e-5)
    again = fitted.predict_exchanged(trials)
    assert exchanged is not None
    assert again is not None
    np.testing.assert_allclose(again.rates, exchanged.rates, rtol=1e-5)


def test_samples_average_to_the_rates(fitted: LangevinFlow, trials: TrialSet) -> None:
    found = fitted.predict(trials, samples=5)
    assert found.rate_samples is not None
    np.testing.assert_allclose(found.rate_samples.mean(axis=0), found.rates, rtol=1e-5)
    np.testing.assert_allclose(found.latent_samples["z"].mean(0), found.latents["z"], atol=1e-5)
