"""Ensembles: members as fitted alone, rates averaged, one file, and resuming member by member."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import small_sde
from tests.models.small import GAPS, UNUSED, small, weights
from undertow.baselines import Smoothing
from undertow.data import join_trials, split_validation
from undertow.dynamics import DoubleWellPotential
from undertow.errors import ModelError
from undertow.models import Ensemble, LangevinFlow
from undertow.training import Interrupted

pytestmark = pytest.mark.filterwarnings(UNUSED)
TRAIN, VALIDATION = split_validation(GAPS, 0.25, seed=0)


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    return Ensemble(small(), size=3, seed=4).fit(TRAIN, VALIDATION)


def same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is not None and b is not None and np.array_equal(a, b, equal_nan=True)


def test_members_are_the_model_fitted_alone_from_each_seed(ensemble: Ensemble) -> None:
    assert [member.seed for member in ensemble.members_] == [4, 5, 6]
    own = split_validation(join_trials(TRAIN, VALIDATION), 0.25, seed=5)
    for member, split in ((0, (TRAIN, VALIDATION)), (1, own)):
        alone = small(seed=4 + member).fit(*split)
        for name, weight in weights(alone).items():
            assert weight.equal(weights(ensemble.members_[member])[name])
    assert ensemble.validation_score_ == np.mean([m.validation_score_ for m in ensemble.members_])
    assert ensemble.history_ == ensemble.members_[0].history_
    assert ensemble.member.seed == 0


def test_each_member_chooses_on_trials_of_its_own_unless_they_are_shared() -> None:
    everything = set(GAPS.trial_ids.tolist())
    chosen = []
    for k in range(3):
        learned, validation = Ensemble(small(), seed=4).member_split(TRAIN, VALIDATION, k)
        ids = [set(each.trial_ids.tolist()) for each in (learned, validation)]
        assert ids[0] | ids[1] == everything
        assert not ids[0] & ids[1]
        assert len(validation) == len(VALIDATION)
        assert set(validation.condition) == {0, 1, 2}  # stratified
        chosen.append(frozenset(ids[1]))
    assert len(set(chosen)) == 3
    shared = Ensemble(small(), seed=4, splits="shared")
    assert shared.member_split(TRAIN, VALIDATION, 2) == (TRAIN, VALIDATION)
    alone = Ensemble(small(), size=1, seed=4).fit(GAPS)
    for name, weight in weights(small(seed=4).fit(GAPS)).items():
        assert weight.equal(weights(alone.members_[0])[name])


def test_shared_splits_are_kept_in_the_file(tmp_path: Path) -> None:
    model = Ensemble(small(), size=2, splits="shared").fit(TRAIN, VALIDATION)
    alone = small(seed=1).fit(TRAIN, VALIDATION)
    for name, weight in weights(alone).items():
        assert weight.equal(weights(model.members_[1])[name])
    assert Ensemble.load(model.save(tmp_path / "model.safetensors")).splits == "shared"


def test_members_of_a_bootstrap_learn_from_trials_drawn_anew_and_choose_on_others(
    tmp_path: Path,
) -> None:
    model = Ensemble(small(), size=2, seed=4, resample="trials")
    for k in range(2):
        learned, validation = model.member_split(TRAIN, VALIDATION, k)
        plain, chosen = Ensemble(small(), size=2, seed=4).member_split(TRAIN, VALIDATION, k)
        assert chosen.trial_ids.tolist() == validation.trial_ids.tolist()
        first = {str(name).partition(" (")[0] for name in learned.trial_ids}
        assert first < {str(name) for name in plain.trial_ids}  # some are left out
        assert len(learned) == len(plain)
    model.fit(TRAIN, VALIDATION)
    alone = small(seed=5).fit(*model.member_split(TRAIN, VALIDATION, 1))
    for name, weight in weights(alone).items():
        assert weight.equal(weights(model.members_[1])[name])
    loaded = Ensemble.load(model.save(tmp_path / "model.safetensors"))
    assert loaded.resample == "trials"
    assert same(loaded.predict(GAPS).rates, model.predict(GAPS).rates)
    with pytest.raises(ModelError, match="resample"):
        Ensemble(small(), resample="bins").check_settings()


def test_rates_are_the_mean_and_latents_the_first_members(ensemble: Ensemble) -> None:
    mine, each = ensemble.predict(GAPS), [member.predict(GAPS) for member in ensemble.members_]
    assert same(mine.rates, np.mean([one.rates for one in each], axis=0))
    assert mine.latents.keys() == {"z", "v", "h"}
    assert all(same(mine.latents[name], each[0].latents[name]) for name in mine.latents)
    assert mine.groups == each[0].groups
    assert mine.rate_samples is None
    # the likelihood of one member is not the ensemble's
    assert mine.terms.keys() == {"kl_initial", "kl_path"}


@pytest.mark.parametrize("samples", [2, 3, 7])
def test_samples_are_drawn_from_the_members_in_turn(ensemble: Ensemble, samples: int) -> None:
    mine = ensemble.predict(GAPS, samples=samples, seed=1)
    first = ensemble.members_[0].predict(GAPS, samples=samples, seed=1)
    assert mine.rate_samples is not None
    assert mine.rate_samples.shape == (samples, *GAPS.spikes.shape)
    assert same(mine.rate_samples[0], first.rate_samples[0])
    second = ensemble.members_[1].predict(GAPS, samples=len(range(1, samples, 3)), seed=1)
    assert same(mine.rate_samples[1::3], second.rate_samples)
    assert all(same(mine.latent_samples[k], first.latent_samples[k]) for k in ("z", "v"))


def test_exchanged_rates_are_the_mean_too(ensemble: Ensemble) -> None:
    exchanged = ensemble.predict_exchanged(GAPS, seed=2)
    assert exchanged is not None
    each = [member.predict_exchanged(GAPS, seed=2).rates for member in ensemble.members_]
    assert same(exchanged.rates, np.mean(each, axis=0))
    assert not same(exchanged.rates, ensemble.predict(GAPS).rates)
    assert ensemble.predict_exchanged(GAPS[:1]) is None


def test_parameters_are_those_of_all_members(ensemble: Ensemble) -> None:
    one = ensemble.members_[0].parameter_counts()
    assert ensemble.parameter_counts() == {part: 3 * n for part, n in one.items()}
    assert one["all"] > one["dynamics"] > 0


def test_one_file_holds_all_members(ensemble: Ensemble, tmp_path: Path) -> None:
    path = ensemble.save(tmp_path / "model.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    loaded = Ensemble.load(path)
    assert (loaded.size, loaded.seed) == (3, 4)
    assert repr(loaded.members_) == repr(ensemble.members_)
    mine, again = ensemble.predict(GAPS, samples=4), loaded.predict(GAPS, samples=4)
    assert same(again.rates, mine.rates)
    assert same(again.rate_samples, mine.rate_samples)
    assert loaded.validation_score_ == pytest.approx(ensemble.validation_score_)


class Shallow(DoubleWellPotential):
    """A potential that no file can hold."""


def test_code_is_passed_on_to_the_members(tmp_path: Path) -> None:
    model = Ensemble(small(dynamics__potential=Shallow), size=2).fit(TRAIN, VALIDATION)
    path = model.save(tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"load\(path, dynamics__potential="):
        Ensemble.load(path)
    loaded = Ensemble.load(path, dynamics__potential=Shallow)
    assert same(loaded.predict(GAPS).rates, model.predict(GAPS).rates)


def test_an_interrupted_ensemble_goes_on_with_the_member_it_was_at(
    ensemble: Ensemble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, reached = LangevinFlow.fit, []

    def stopping(self: LangevinFlow, *args: object, **options: object) -> LangevinFlow:
        if self.seed == 5:
            raise Interrupted("stop")
        return fit(self, *args, **options)

    monkeypatch.setattr(LangevinFlow, "fit", stopping)
    with pytest.raises(Interrupted):
        Ensemble(small(), size=3, seed=4).fit(TRAIN, VALIDATION, checkpoint=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["member0"]
    monkeypatch.setattr(LangevinFlow, "fit", fit)
    resumed = Ensemble(small(), size=3, seed=4).fit(
        TRAIN,
        VALIDATION,
        checkpoint=tmp_path,
        resume=True,
        progress=lambda row, share, left: reached.append((share, left)),
    )
    assert same(resumed.predict(GAPS).rates, ensemble.predict(GAPS).rates)
    assert {p.name for p in tmp_path.iterdir()} == {"member0", "member1", "member2"}
    # nothing is left to report for the first; two epochs for each of the others
    assert [share for share, _ in reached] == pytest.approx([3 / 6, 4 / 6, 5 / 6, 1.0])
    assert reached[-1][1] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size is 0: it must be a whole number, at least 1"),
        ({"splits": "mine"}, "splits is 'mine'"),
        ({"member": "langevin-flow"}, "it must be a model with a seed, such as LangevinFlow"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Ensemble(**settings).fit(TRAIN, VALIDATION)


def test_any_model_with_a_seed_can_be_a_member(tmp_path: Path) -> None:
    plain = Smoothing(width_s=0.05, floor_hz=0.5, penalty=0.1)
    model = Ensemble(plain, size=2).fit(TRAIN, VALIDATION)
    alone = plain.copy().fit(TRAIN, VALIDATION).predict(GAPS).rates
    assert model.predict(GAPS).rates == pytest.approx(alone, nan_ok=True)
    assert model.predict_exchanged(GAPS) is None
    assert model.parameter_counts() == {}
    loaded = Ensemble.load(model.save(tmp_path / "model.safetensors"))
    assert isinstance(loaded.members_[0], Smoothing)


def test_what_members_take_is_passed_on_and_effective_samples_are_the_fewest() -> None:
    trials = small_sde.TRIALS
    both = Ensemble(small_sde.small(), size=2).fit(trials[:15], trials[15:], verbose=False)
    asked: dict[str, Any] = {"mode": "generate", "particles": 20}
    found = both.predict(trials, seed=1, **asked)
    members = [member.predict(trials, seed=1, **asked) for member in both.members_]
    np.testing.assert_allclose(found.rates, np.mean([m.rates for m in members], 0), rtol=1e-6)
    fewest = np.minimum(*(m.effective_samples for m in members))
    np.testing.assert_array_equal(found.effective_samples, fewest)


def test_an_option_that_members_do_not_take_is_refused(ensemble: Ensemble) -> None:
    with pytest.raises(ModelError, match="predict was given 'particles': LangevinFlow"):
        ensemble.predict(GAPS, particles=10)
