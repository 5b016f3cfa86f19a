"""LangevinFlow under each observation: counts more variable than Poisson, rates by softplus."""

from pathlib import Path

import numpy as np
import pytest

from tests.models.small import GAPS, UNUSED, small
from undertow.data import TrialSet
from undertow.models import LangevinFlow
from undertow.observations import NegativeBinomialObservation, PoissonObservation
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)
CLASSES = {"poisson": PoissonObservation, "negative-binomial": NegativeBinomialObservation}
every = pytest.mark.parametrize(
    ("kind", "link"), [(kind, link) for kind in CLASSES for link in ("exp", "softplus")]
)


def fit(kind: str, link: str, trials: TrialSet = GAPS, epochs: int = 2) -> LangevinFlow:
    return small(observation=kind, observation__link=link, epochs=epochs).fit(trials)


@every
def test_it_fits_predicts_and_comes_back_from_its_file(
    kind: str, link: str, tmp_path: Path
) -> None:
    model = fit(kind, link)
    prediction = model.predict(GAPS)
    assert type(model.network_.observation) is CLASSES[kind]
    assert np.isfinite(model.validation_score_)
    assert np.isfinite(prediction.rates[GAPS.valid]).all()
    assert (prediction.rates[GAPS.valid] >= 0.1).all()
    assert all(np.isfinite(term).all() for term in prediction.terms.values())
    loaded = LangevinFlow.load(model.save(tmp_path / "m.safetensors"))
    assert loaded.piece("observation") == model.piece("observation")
    assert np.array_equal(loaded.predict(GAPS).rates, prediction.rates, equal_nan=True)


@every
def test_rates_start_at_those_of_the_trials(kind: str, link: str) -> None:
    rates = fit(kind, link, epochs=1).predict(GAPS).rates[GAPS.valid].mean(0)
    assert rates == pytest.approx(GAPS.mean_rates, rel=0.4)


def test_counts_that_vary_more_than_poisson_are_likelier_under_the_negative_binomial() -> None:
    """And what it samples varies as much: its shape is learned, about 2 here."""
    rng = np.random.default_rng(0)
    trials = TrialSet(rng.negative_binomial(2.0, 0.4, (60, 10, 6)), 0.02)  # mean 3, variance 7.5
    training = Training(epochs=60, batch_size=16, learning_rate=5e-2)
    settings = {"training": training, "decoder__inputs": ("z", "v"), "kl__peak": 1.0}
    poisson, binomial = (
        small(observation=kind, **settings).fit(trials) for kind in ("poisson", "negative-binomial")
    )
    nats = [model.predict(trials).terms["log_likelihood"].mean() for model in (poisson, binomial)]
    assert nats[1] > nats[0]
    spread = [
        np.var(made.spikes) / np.mean(made.spikes)
        for made in (model.sample(400, 10) for model in (poisson, binomial))
    ]
    assert spread[0] < 1.3
    assert spread[1] == pytest.approx(2.5, rel=0.35)
