"""The contract of `Estimator`, over everything that models and baselines export."""

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

import undertow.baselines
import undertow.models
from tests.conftest import make_small_trials
from tests.families import exported
from tests.quick import quick
from undertow.data import TrialSet, split_trials
from undertow.errors import ModelError
from undertow.evaluation import scorer
from undertow.models import Estimator

FAMILY = exported(undertow.models, Estimator) + exported(undertow.baselines, Estimator)
FORWARD = 3
MOST_ARGUMENTS, BY_PLACE = 16, 3

pytestmark = pytest.mark.filterwarnings("ignore::undertow.training.TrainingWarning")
every = pytest.mark.parametrize("cls", FAMILY, ids=lambda cls: cls.__name__)


def make_trials() -> TrialSet:
    """With forward bins, held-out neurons, named neurons, a missing bin and trials of different
    length."""
    trials = make_small_trials().hold_out(2, seed=0)
    spikes = np.array(trials.spikes)
    spikes[0, 4] = np.nan
    lengths = np.full(trials.n_trials, trials.n_time)
    lengths[[3, 9]] = [12, 19]
    ids = [f"unit{k}" for k in range(trials.n_neurons)]
    return trials.replace(spikes=spikes, lengths=lengths, neuron_ids=ids, forward_bins=FORWARD)


TRIALS = make_trials()
SPLITS = split_trials(TRIALS)
_fitted: dict[type[Estimator], Estimator] = {}


def fit_quietly(
    model: Estimator, train: TrialSet = SPLITS.train, validation: TrialSet = SPLITS.validation
) -> Estimator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(train, validation=validation)


def fitted(cls: type[Estimator]) -> Estimator:
    """One fit per class, shared: nothing here may change it."""
    if cls not in _fitted:
        _fitted[cls] = fit_quietly(quick(cls))
    return _fitted[cls]


def test_constructors_take_few_arguments_and_those_after_the_third_by_name() -> None:
    arguments = {cls.__name__: list(inspect.signature(cls).parameters.values()) for cls in FAMILY}
    many = {name: len(given) for name, given in arguments.items() if len(given) > MOST_ARGUMENTS}
    assert not many
    assert not [
        f"{name}({argument.name}=…)"
        for name, given in arguments.items()
        for argument in given[BY_PLACE:]
        if argument.kind is not argument.KEYWORD_ONLY
    ]


def test_every_model_has_a_name_of_its_own() -> None:
    names = [cls.cli_name for cls in FAMILY]
    assert len(set(names)) == len(names) >= 2
    assert all(name == name.lower() and " " not in name for name in names)


@every
def test_constructs_with_defaults_and_stores_its_arguments_untouched(cls: type[Estimator]) -> None:
    model = cls()
    for name, parameter in inspect.signature(cls).parameters.items():
        assert (
            getattr(model, name) is parameter.default or getattr(model, name) == parameter.default
        )
    assert set(model.get_params(deep=False)) == set(inspect.signature(cls).parameters)
    assert repr(model) == f"{cls.__name__}()"


@every
def test_params_are_set_by_name_and_unknown_ones_refused(cls: type[Estimator]) -> None:
    model = cls()
    assert model.set_params(seed=5) is model
    assert model.get_params()["seed"] == 5
    assert repr(model) == f"{cls.__name__}(seed=5)"
    with pytest.raises(ModelError, match=f"{cls.__name__} has no parameter 'sede': .*seed"):
        model.set_params(sede=5)


@every
def test_clones_are_equal_and_unfitted(cls: type[Estimator]) -> None:
    model = fitted(cls)
    copy = clone(model)
    # as text: a member within a model is cloned too, and models are not equal by what they hold
    assert {k: repr(v) for k, v in copy.get_params().items()} == {
        k: repr(v) for k, v in model.get_params().items()
    }
    with pytest.raises(ModelError, match="not fitted: call fit"):
        copy.predict(SPLITS.test)


@every
def test_rates_are_spikes_per_second_of_every_neuron_and_bin(cls: type[Estimator]) -> None:
    prediction = fitted(cls).predict(SPLITS.test)
    inside = SPLITS.test.valid
    assert prediction.rates.shape == SPLITS.test.spikes.shape
    assert np.isfinite(prediction.rates[inside]).all()
    assert (prediction.rates[inside] >= 0).all()
    ratio = prediction.rates[inside].mean() / np.nanmean(SPLITS.train.mean_rates)
    assert 1 / 3 < ratio < 3
    assert np.allclose(
        prediction.counts[inside], prediction.rates[inside] * SPLITS.test.bin_s, equal_nan=True
    )
    assert prediction.trials is SPLITS.test


@every
def test_samples_are_drawn_where_there_is_a_posterior(cls: type[Estimator]) -> None:
    model, few = fitted(cls), SPLITS.test[:2]
    if model.has_posterior():
        assert np.shape(model.predict(few, samples=2).rate_samples) == (2, *few.spikes.shape)
    else:
        with pytest.raises(ModelError, match="has no posterior to sample from"):
            model.predict(few, samples=2)


@every
def test_predictions_repeat_themselves(cls: type[Estimator]) -> None:
    model = fitted(cls)
    assert np.array_equal(
        model.predict(SPLITS.test).rates, model.predict(SPLITS.test).rates, equal_nan=True
    )


@every
def test_same_seed_same_fit(cls: type[Estimator]) -> None:
    again = fit_quietly(clone(fitted(cls)))
    assert np.array_equal(
        again.predict(SPLITS.test).rates, fitted(cls).predict(SPLITS.test).rates, equal_nan=True
    )


@every
def test_scores_are_those_the_trials_allow(cls: type[Estimator]) -> None:
    scores = fitted(cls).score(SPLITS.test, SPLITS.train)
    assert {"co-bps", "fp-bps", "rate R2", "psth R2"} <= scores.keys()
    assert all(np.isfinite(score.value) and score.low <= score.high for score in scores.values())
    assert "psth R2" not in fitted(cls).score(SPLITS.test)


@every
def test_held_out_and_forward_spikes_leak_nowhere(cls: type[Estimator]) -> None:
    clean, spikes = fitted(cls).predict(SPLITS.test), np.array(SPLITS.test.spikes)
    for garbage in (0.0, 50.0, np.nan):
        spikes[:, :, SPLITS.test.heldout] = garbage
        spikes[:, -FORWARD:] = garbage
        dirty = fitted(cls).predict(SPLITS.test.replace(spikes=spikes))
        assert np.array_equal(clean.rates, dirty.rates, equal_nan=True), garbage
        assert all(np.array_equal(clean.latents[k], dirty.latents[k]) for k in clean.latents)


@every
@pytest.mark.parametrize("how", ["permuted", "emptied"])
def test_test_trials_change_nothing_that_is_fitted(
    cls: type[Estimator], how: str, tmp_path: Path
) -> None:
    """The saved model is the same byte for byte, whatever stands in the test trials."""
    rows = np.isin(TRIALS.trial_ids, SPLITS.test.trial_ids)
    spikes = np.array(TRIALS.spikes)
    spikes[rows] = spikes[rows][::-1, ::-1] if how == "permuted" else np.nan
    other = split_trials(TRIALS.replace(spikes=spikes))
    assert (other.test.trial_ids == SPLITS.test.trial_ids).all()
    refitted = fit_quietly(clone(fitted(cls)), other.train, other.validation)
    files = [model.save(tmp_path / name) for model, name in ((fitted(cls), "a"), (refitted, "b"))]
    a, b = (without_clock(file) for file in files)
    assert a == b


def without_clock(path: Path) -> tuple[Any, Any]:
    from undertow.training import read_tensors

    tensors, header = read_tensors(path)
    for part in (header, *header.get("members", [])):
        for row in part.get("history", []):
            row.pop("seconds", None)
    return {k: v.numpy().tobytes() for k, v in tensors.items()}, header


@every
def test_saved_and_loaded_it_predicts_the_same(cls: type[Estimator], tmp_path: Path) -> None:
    model = fitted(cls)
    path = model.save(tmp_path / "model.safetensors")
    loaded = cls.load(path)
    assert type(loaded) is cls
    assert np.array_equal(
        loaded.predict(SPLITS.test).rates, model.predict(SPLITS.test).rates, equal_nan=True
    )
    assert (loaded.neuron_ids_ == model.neuron_ids_).all()
    assert (loaded.heldout_ == model.heldout_).all()
    assert loaded.bin_s_ == model.bin_s_
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


@every
def test_a_file_of_another_model_is_refused(cls: type[Estimator], tmp_path: Path) -> None:
    other = next(c for c in FAMILY if c is not cls)
    path = fitted(other).save(tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=other.cli_name):
        cls.load(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match="damaged"):
        other.load(path)


OTHER_TRIALS: list[tuple[Callable[[TrialSet], TrialSet], str]] = [
    (lambda t: t.select(neurons=slice(0, 9)), "missing .*unit9"),
    (lambda t: t.select(neurons=np.arange(10)[::-1]), "another order"),
    (lambda t: t.hold_out(3, seed=1), "held out in only one of model and trials"),
    (lambda t: t.replace(bin_s=0.01), r"0\.01 s, .* 0\.02 s"),
]


@every
def test_other_trials_are_refused_by_name(cls: type[Estimator]) -> None:
    for alter, message in OTHER_TRIALS:
        with pytest.raises(ModelError, match=message):
            fitted(cls).predict(alter(SPLITS.test))
        with pytest.raises(ModelError, match=message):
            fit_quietly(quick(cls), validation=alter(SPLITS.validation))


@every
def test_unfitted_it_says_what_to_do(cls: type[Estimator], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"this {cls.__name__} is not fitted: call fit"):
        cls().predict(SPLITS.test)
    with pytest.raises(ModelError, match="not fitted"):
        cls().save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@every
def test_validation_trials_are_split_off_when_not_given(cls: type[Estimator]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = quick(cls).fit(SPLITS.train)
    assert np.isfinite(model.predict(SPLITS.test).rates[SPLITS.test.valid]).all()


@every
def test_nothing_held_out_is_fine(cls: type[Estimator]) -> None:
    trials = make_small_trials(24, 8, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prediction = quick(cls).fit(trials).predict(trials)
    assert np.isfinite(prediction.rates).all()


@every
def test_scikit_learn_cross_validates_and_searches(cls: type[Estimator]) -> None:
    """As it would an estimator of its own: trials are split by index, members cloned and scored."""
    how: dict[str, Any] = {"scoring": scorer("co-bps"), "cv": 2, "error_score": "raise"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = cross_val_score(quick(cls), TRIALS, **how)
        search = GridSearchCV(quick(cls), {"seed": [0, 1]}, **how).fit(TRIALS)
    assert np.isfinite([*values, *search.cv_results_["mean_test_score"]]).all()
    assert search.best_estimator_.get_params()["seed"] == search.best_params_["seed"]
    assert search.best_estimator_.predict(TRIALS).rates.shape == TRIALS.spikes.shape


@every
def test_trials_are_predicted_whatever_their_number_and_order(cls: type[Estimator]) -> None:
    one = fitted(cls).predict(SPLITS.test[:1])
    assert one.rates.shape == (1, *SPLITS.test.spikes.shape[1:])


@every
def test_only_models_that_say_so_depend_on_the_seed(cls: type[Estimator]) -> None:
    if cls.seeded:
        return
    other = fit_quietly(clone(fitted(cls)).set_params(seed=7))
    before, after = (model.predict(SPLITS.test).rates for model in (fitted(cls), other))
    assert np.array_equal(before, after, equal_nan=True)
