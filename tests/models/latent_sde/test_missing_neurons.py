"""A neuron that was not recorded is told from one that was silent."""

from pathlib import Path

import numpy as np
import pytest

from tests.models.latent_sde.test_masks import FULL
from tests.models.latent_sde.test_network import equal, moved
from tests.models.small_sde import TRIALS, fit, small
from undertow.data import TrialSet, split_trials
from undertow.dynamics import NeuralSDE
from undertow.errors import ModelError
from undertow.evaluation import bits_per_spike
from undertow.models import LatentSDE, LSTMEncoding
from undertow.training import Training, read_tensors, write_tensors


def without(trials: TrialSet, neurons: list[int], value: float) -> TrialSet:
    spikes = np.array(trials.spikes)
    spikes[:, :, neurons] = value
    return trials.replace(spikes=spikes)


def differ(model: LatentSDE, trials: TrialSet) -> bool:
    missing, silent = (model.predict(without(trials, [1, 2], v)) for v in (np.nan, 0.0))
    return not np.allclose(missing.rates, silent.rates, equal_nan=True)


def test_missing_counts_in_training_make_the_encoder_tell_them_from_zeros() -> None:
    assert differ(moved(fit(TRIALS)), FULL)
    assert differ(moved(fit(FULL, encoder__neuron_dropout=0.3)), FULL)
    assert differ(moved(fit(FULL, encoder__missing="neurons")), FULL)
    assert not differ(moved(fit(TRIALS, encoder__missing="bins")), FULL)


def test_without_missing_counts_in_training_they_read_as_the_mean() -> None:
    """No channel that nothing teaches: another reading, at no cost in width."""
    plain, old = moved(fit(FULL)), moved(fit(FULL, encoder__missing="bins"))
    widths = [each.network_.encoder.contexts[0].input_size for each in (plain, old)]
    assert widths == [7, 7]
    assert differ(plain, FULL)
    assert equal(plain.predict(FULL), old.predict(FULL))


def test_files_that_do_not_say_what_was_missing_read_it_as_zero(tmp_path: Path) -> None:
    path = moved(fit(FULL)).save(tmp_path / "model.safetensors")
    tensors, header = read_tensors(path)
    del header["population"]["missing_counts"]
    write_tensors(path, tensors, header)
    assert not differ(LatentSDE.load(path), FULL)


def test_bins_and_heldout_neurons_that_are_missing_make_no_channels() -> None:
    spikes = np.array(FULL.spikes)
    spikes[3, 2] = np.nan
    assert not fit(FULL.replace(spikes=spikes)).population_.missing_counts
    spikes[4, :, 1] = np.nan
    heldout = np.arange(6) == 1
    assert not fit(FULL.replace(spikes=spikes, heldout=heldout)).population_.missing_counts
    assert fit(FULL.replace(spikes=spikes)).population_.missing_counts


def test_dropping_neurons_without_their_channels_is_refused() -> None:
    with pytest.raises(ModelError, match=r"encoder.neuron_dropout is 0.2 with .*missing='bins'"):
        LSTMEncoding(missing="bins", neuron_dropout=0.2)
    with pytest.raises(ModelError, match=r"encoder.neuron_dropout is 1"):
        small(encoder__neuron_dropout=1.0)


def rising_and_falling(seed: int = 0) -> TrialSet:
    """Fifteen neurons whose rates all follow one gain, of its own in each trial."""
    rng = np.random.default_rng(seed)
    gain = rng.normal(0, 0.8, (240, 1)) + np.cumsum(rng.normal(0, 0.1, (240, 25)), axis=1)
    rates = 20 * np.exp(np.repeat(gain[:, :, None], 15, axis=2))
    return TrialSet(rng.poisson(0.02 * rates).astype(float), 0.02)


@pytest.mark.slow
def test_a_missing_neuron_costs_less_than_a_neuron_set_to_zero() -> None:
    """Two thirds of the neurons are missing in the test trials, none in the training trials."""
    train, validation, test = split_trials(rising_and_falling())
    training = Training(steps=300, batch_size=32, learning_rate=1e-2, validate_every=None)
    model = LatentSDE(NeuralSDE(2, hidden_dim=16), training=training)
    model.set_params(encoder__hidden_dim=16, posterior__hidden_dim=16, decoder__width=16)
    model.set_params(encoder__neuron_dropout=0.5).fit(train, validation)
    gone = list(range(10))

    def score(shown: TrialSet) -> float:
        rates = model.predict(shown).rates.astype(float)
        return float(bits_per_spike(rates * test.bin_s, np.asarray(test.spikes)))

    everything, missing, silent = (
        score(t) for t in (test, without(test, gone, np.nan), without(test, gone, 0.0))
    )
    assert everything > missing > silent + 0.1, (everything, missing, silent)
