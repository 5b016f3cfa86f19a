"""A race of recipes: what is compared, what it costs, when another recipe is taken."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.small import GAPS, UNUSED, small
from undertow.data import split_validation
from undertow.errors import ModelError
from undertow.models import NDT, LangevinFlow
from undertow.models.racing import FEW_TRIALS, FIRST, paired, race, race_cost
from undertow.training import Training, kept_row, silent

pytestmark = pytest.mark.filterwarnings(UNUSED)
EPOCHS = 20
RECIPES = ("default", "light", "no-latents")
PARTS = split_validation(GAPS)


def racing(recipes: tuple[str, ...] = RECIPES, **settings: Any) -> LangevinFlow:
    training = Training(
        epochs=EPOCHS, batch_size=16, validate_every=1, learning_rate=1e-2, recipes=recipes
    )
    return small(training=training, pool="regression", **settings)


def scores_of(folder: Path, recipe: str, split: int = 0) -> dict[str, np.ndarray]:
    """Share of the training → score of each validation trial."""
    files = (folder / "race" / recipe / f"split{split}").glob("scores_at_*.json")
    return {path.stem.removeprefix("scores_at_"): np.array(json.loads(path.read_text()))
            for path in files}  # fmt: skip


def test_all_begin_and_the_first_and_the_best_of_the_others_end(tmp_path: Path) -> None:
    model = racing().fit(*PARTS, checkpoint=tmp_path)
    assert len(GAPS) < FEW_TRIALS
    early, late = f"{FIRST / 2:.4f}", f"{1.0:.4f}"
    begun = {name: [scores_of(tmp_path, name, k) for k in (0, 1)] for name in RECIPES}
    for found in begun.values():
        assert all(early in each for each in found)
    sums = {k: sum(each[early].sum() for each in v) for k, v in begun.items() if k != "default"}
    rival = max(sums, key=lambda name: sums[name])
    assert {name for name in RECIPES if late in begun[name][0]} == {"default", rival}
    assert not any(late in found[1] for found in begun.values())
    difference = begun[rival][0][late] - begun["default"][0][late]
    ahead, error = paired(difference)
    chosen = rival if ahead > error else "default"
    assert model.notes_[0].startswith(f"recipe: {chosen}; ")
    assert f"{abs(ahead):.4f} ± {error:.4f}" in model.notes_[0]


def test_the_model_has_the_settings_of_the_winner_and_goes_on_from_its_state(
    tmp_path: Path,
) -> None:
    model = racing(("no-latents",)).fit(*PARTS, checkpoint=tmp_path / "one")
    assert model.dynamics is None
    assert model.training.recipes == ()
    alone = model.copy().fit(*PARTS)
    assert [row["validation_score"] for row in alone.history_] == [
        row["validation_score"] for row in model.history_
    ]
    assert np.array_equal(model.predict(GAPS).rates, alone.predict(GAPS).rates, equal_nan=True)


def test_a_recipe_that_learns_nothing_does_not_win(monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = {"default": {}, "still": {"training__learning_rate": 1e-9}}
    monkeypatch.setattr(LangevinFlow, "recipes", recipes)
    assert racing(("default", "still")).fit(*PARTS).training.learning_rate == 1e-2
    # as the first it is taken unless another is clearly ahead
    few = racing(("still", "default"))
    told = few.copy().fit(*PARTS).notes_[0]
    assert "default ahead of still by" in told


def test_a_race_without_a_folder_leaves_nothing_and_gives_the_same(tmp_path: Path) -> None:
    kept, gone = racing().fit(*PARTS, checkpoint=tmp_path), racing().fit(*PARTS)
    assert kept.notes_ == gone.notes_
    assert np.array_equal(kept.predict(GAPS).rates, gone.predict(GAPS).rates, equal_nan=True)


def test_a_race_cut_short_goes_on(tmp_path: Path) -> None:
    class StoppedError(Exception):
        """After a few validations."""

    calls = 0

    def stop(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 9:
            raise StoppedError

    with pytest.raises(StoppedError):
        racing().fit(*PARTS, checkpoint=tmp_path, progress=stop)
    resumed = racing().fit(*PARTS, checkpoint=tmp_path, resume=True)
    whole = racing().fit(*PARTS)
    assert resumed.notes_ == whole.notes_
    assert np.array_equal(resumed.predict(GAPS).rates, whole.predict(GAPS).rates, equal_nan=True)
    # without resume everything is run again
    again = racing().fit(*PARTS, checkpoint=tmp_path)
    assert again.notes_ == whole.notes_


def test_a_refit_follows_a_race(tmp_path: Path) -> None:
    model = racing()
    model.set_params(training=replace(model.training, refit=True)).fit(*PARTS, checkpoint=tmp_path)
    assert (tmp_path / "refit").exists()
    assert kept_row(model.history_)["epoch"] <= EPOCHS


def test_a_race_finds_nothing_of_an_earlier_fit_in_its_folder(tmp_path: Path) -> None:
    def refitted(seed: int, folder: Path) -> np.ndarray:
        model = racing(("default", "no-latents"), seed=seed)
        model.set_params(training=replace(model.training, refit=True))
        return model.fit(*PARTS, checkpoint=folder).predict(GAPS).rates

    refitted(1, tmp_path / "used")
    rates = [refitted(0, tmp_path / name) for name in ("used", "fresh")]
    assert np.array_equal(*rates, equal_nan=True)


def test_a_race_does_not_go_on_from_the_scores_of_other_trials(tmp_path: Path) -> None:
    racing().fit(*PARTS, checkpoint=tmp_path)
    trials, validation = PARTS
    with pytest.raises(ModelError, match=rf"scores of {len(validation)} trials where there are 2"):
        racing().fit(trials, validation[:2], checkpoint=tmp_path, resume=True)


def test_what_a_race_costs_beside_the_training_that_goes_on_from_it() -> None:
    assert race_cost(0) == race_cost(1) == 0
    # six beginnings, two ends, less the end that the training goes on from
    assert race_cost(6) == pytest.approx(6 * FIRST + 2 * (1 - FIRST) - 1)
    assert race_cost(6) < 1.5


def test_a_paired_difference_and_its_error() -> None:
    rng = np.random.default_rng(0)
    sums = [paired(rng.normal(0.01, 0.1, 50)) for _ in range(2000)]
    totals, errors = np.array(sums).T
    # 2,000 draws know a standard deviation to 1.6 %
    assert totals.std() == pytest.approx(errors.mean(), rel=0.06)
    assert paired(np.array([0.3]))[1] == float("inf")


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (racing(("fastest",)), "'fastest'"),
        (NDT(training=Training(recipes=("light",))), "NDT has none to race"),
    ],
)
def test_recipes_nobody_knows(model: Any, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        model.fit(GAPS)


@pytest.mark.parametrize("changes", [{"max_seconds": 5.0}, {"keep": "last"}])
def test_a_race_is_by_epochs_and_by_validation(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="raced by epochs and by validation"):
        Training(recipes=("default",), **changes)


def test_a_single_recipe_is_taken(tmp_path: Path) -> None:
    model = small(training=Training(epochs=EPOCHS, recipes=("light",)))
    outcome = race(model, {"light": {"dropout": 0.1}}, *PARTS, tmp_path, silent)
    assert outcome.recipe == "light"
    assert outcome.sentence == "recipe: light, the only one."


def test_recipes_that_the_settings_do_not_allow_are_left_out() -> None:
    model = racing(("default", "first-order", "heavy"), dynamics=None).fit(*PARTS)
    assert model.notes_[0].endswith("; not with these settings: first-order.")
    only = racing(("default", "first-order"), dynamics=None).fit(*PARTS)
    assert only.notes_[0] == (
        "recipe: default, the only one; not with these settings: first-order."
    )
    with pytest.raises(ModelError, match="no parameter 'order'"):
        racing(("first-order", "default"), dynamics=None).fit(*PARTS)
