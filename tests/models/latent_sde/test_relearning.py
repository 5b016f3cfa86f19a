"""Learning the generative part again, with posteriors of single trials."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small_sde import TRIALS, fit, random_walk
from undertow.errors import ModelError
from undertow.models import LatentSDE
from undertow.models.latent_sde import model as latent_sde

ENCODING = ("encoder.", "initial.", "steering.")


def changed(model: LatentSDE, other: LatentSDE) -> set[str]:
    after = other.network_.state_dict()
    return {k for k, v in model.network_.state_dict().items() if not torch.equal(v, after[k])}


def test_a_copy_learns_and_the_model_stays() -> None:
    model = fit()
    before = {k: v.clone() for k, v in model.network_.state_dict().items()}
    again = model.relearned(TRIALS, steps=6)
    assert all(torch.equal(v, before[k]) for k, v in model.network_.state_dict().items())
    names = changed(model, again)
    for part in ("dynamics.", "decoder.", "observation.", "behavior.", *ENCODING):
        assert any(name.startswith(part) for name in names), part
    assert np.isfinite(again.predict(TRIALS).rates[TRIALS.valid]).all()


def test_the_same_seed_learns_the_same() -> None:
    model = fit()
    first, same, other = (model.relearned(TRIALS, 3, seed) for seed in (1, 1, 2))
    assert not changed(first, same)
    assert changed(first, other)


@pytest.mark.parametrize(
    "settings",
    [
        {"training_path": "free"},
        {"dynamics__noise": False},
        {"posterior__uncertain_dynamics": True},
        {"dynamics": "gru"},
        {"regions": "shared+split", "latent_dim": 8},
    ],
    ids=str,
)
def test_every_kind_of_path_learns_again(settings: dict[str, Any]) -> None:
    model = fit(**settings)
    again = model.relearned(TRIALS, steps=2)
    assert changed(model, again)
    assert np.isfinite(again.predict(TRIALS).rates[TRIALS.valid]).all()


def test_a_fit_may_end_with_it() -> None:
    plain, relearned = fit(), fit(posterior__relearn=3)
    assert any(name.startswith("dynamics.") for name in changed(plain, relearned))


@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_fit_that_is_repeated_on_all_trials_ends_with_it_once(
    keep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(latent_sde, "relearn", lambda network, batch, *_: seen.append(len(batch)))
    fit(posterior__relearn=3, training__refit=True, training__keep=keep)
    assert seen == [len(TRIALS)]


def test_steps_are_checked() -> None:
    with pytest.raises(ModelError, match="steps is 0: it must be a whole number, at least 1"):
        fit().relearned(TRIALS, steps=0)


@pytest.mark.slow
def test_more_noise_is_learned_where_there_was_too_little() -> None:
    """A fit whose diffusion was then cut to a tenth."""
    trials = random_walk()
    model = fit(trials, dynamics="linear-sde", latent_dim=2, epochs=60)

    def quieter(dynamics: object) -> None:
        raw = dynamics.diffusivity.raw  # type: ignore[attr-defined]
        raw.copy_(torch.full_like(raw, -3.5))

    quiet = model.altered(quieter)
    again = quiet.relearned(trials, steps=60)
    before, after = (
        float(m.predict(trials, 1, particles=100).terms["log_evidence"].mean())
        for m in (quiet, again)
    )
    assert after > before + 1.0
    stds = [m.network_.dynamics.diffusivity.raw.detach().mean() for m in (quiet, again)]  # type: ignore[union-attr,operator]
    assert float(stds[1] - stds[0]) > 0.5
