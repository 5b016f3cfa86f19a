"""Which models take trials whose bins have times of their own, and what the others say."""

import numpy as np
import pytest

from tests.models.small_sde import TRIALS, fit, small, with_times
from undertow.baselines import Smoothing
from undertow.data.times import shown_bins
from undertow.errors import ModelError
from undertow.models import (
    Ensemble,
    Estimator,
    GRUEncoding,
    Langevin,
    LangevinFlow,
    TransformerDecoding,
)

IRREGULAR = with_times(TRIALS, 0.004)
TINY = LangevinFlow(
    latent_dim=4,
    dynamics=Langevin(groups=2),
    encoder=GRUEncoding(hidden_dim=4),
    decoder=TransformerDecoding(width=4, heads=2),
)


@pytest.mark.parametrize("model", [Smoothing(), TINY, Ensemble(TINY, 2)], ids=repr)
def test_models_that_step_from_bin_to_bin_refuse_them(model: Estimator) -> None:
    with pytest.raises(
        ModelError, match=r"the trials have irregular times and .* steps from bin to bin"
    ):
        model.fit(IRREGULAR)


def test_a_fitted_smoother_refuses_them_in_prediction() -> None:
    model = Smoothing().fit(TRIALS.replace(labels=None).hold_out(2))
    with pytest.raises(ModelError, match="irregular times and Smoothing steps from bin to bin"):
        model.predict(IRREGULAR.replace(labels=None).hold_out(2))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_latent_sdes_and_ensembles_of_them_take_them() -> None:
    for model in (fit(IRREGULAR), Ensemble(small(), 1).fit(IRREGULAR)):
        assert model.irregular_times
        rates = model.predict(IRREGULAR).rates
        assert np.isfinite(rates[IRREGULAR.valid]).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_encoder_reads_a_batch_once() -> None:
    model, reads = fit(IRREGULAR), list[str]()
    for name, part in (
        ("initial", model.network_.encoder.initial),
        ("context", model.network_.encoder.contexts[0]),
    ):
        part.register_forward_hook(lambda *_, name=name: reads.append(name))
    model.network_.encode(model.read(IRREGULAR))
    assert sorted(reads) == ["context", "initial"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scores_draw_the_line_where_the_encoder_does() -> None:
    model = fit(IRREGULAR)
    batch, bins = model.read(IRREGULAR), model.predict_generated(IRREGULAR).seen_bins
    t = IRREGULAR
    shown = shown_bins(t.times, t.n_time, t.start_s, t.bin_s, bins)
    assert (model.network_.before_t0(batch).numpy() == (shown & t.valid)).all()
    assert 0 < shown.mean() < 1
