"""A Gaussian over the dynamics' own parameters: learned, drawn in predictions, kept in files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.small_sde import TRIALS, fit, small
from undertow.errors import ModelError
from undertow.inference import ParameterLaw
from undertow.models import LatentSDE


def law_of(model: LatentSDE) -> ParameterLaw:
    law = model.network_.parameter_law
    assert law is not None
    return law


def test_it_is_learned_beside_the_dynamics_and_its_price_is_a_share_for_each_trial() -> None:
    model = fit(epochs=3, posterior__uncertain_dynamics=True)
    law = law_of(model)
    learned = {name: p for name, p in model.dynamics_.named_parameters() if p.requires_grad}
    names = set(learned)
    assert set(law.names) == names
    assert all(float(each.detach().abs().max()) > 0 for each in law.log_std.values())
    assert law.n_trials == 17  # 85 % of 20
    price = model.history_[-1]["kl_parameters"]
    n = sum(p.numel() for p in learned.values())
    assert 0 < price < 5 * n / law.n_trials
    plain = fit(epochs=3)
    assert "kl_parameters" not in plain.history_[-1]
    assert plain.parameter_counts()["all"] == model.parameter_counts()["all"] - n


def test_paths_are_drawn_under_parameters_of_their_own_and_files_keep_them(tmp_path: Path) -> None:
    model = fit(posterior__uncertain_dynamics=True, posterior__initial_s=0.06)
    before = {k: v.clone() for k, v in model.network_.state_dict().items()}
    narrow = model.predict(TRIALS, samples=30, mode="generate").rate_samples
    with torch.no_grad():
        for each in law_of(model).log_std.values():
            each += 4.5
    wide = model.predict(TRIALS, samples=30, mode="generate").rate_samples
    assert np.nanmean(wide.var(0)) > 1.2 * np.nanmean(narrow.var(0))
    for name, value in model.network_.state_dict().items():
        if "log_std" not in name:
            assert torch.equal(value, before[name])  # draws leave nothing behind
    loaded = LatentSDE.load(model.save(tmp_path / "model.safetensors"))
    again = loaded.predict(TRIALS, samples=30, mode="generate").rate_samples
    assert np.array_equal(again, wide, equal_nan=True)


def test_repeated_steps_cannot_be_given_parameters_that_are_gone() -> None:
    with pytest.raises(ModelError, match="checkpointed=True runs steps again"):
        small(posterior__uncertain_dynamics=True, solver__checkpointed=True).fit(TRIALS)
