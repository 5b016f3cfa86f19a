"""Principal components against a dense eigen-decomposition."""

import numpy as np
import pytest

from undertow.analysis import principal_components
from undertow.errors import UndertowError


def test_shares_axes_and_scores_are_those_of_the_covariance_matrix() -> None:
    rng = np.random.default_rng(0)
    latents = (
        rng.normal(size=(7, 11, 5)) @ np.diag([4.0, 2.0, 1.0, 0.5, 0.1]) @ rng.normal(size=(5, 5))
        + 3.0
    )
    rows = latents.reshape(-1, 5)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    found = principal_components(latents, n=3)
    np.testing.assert_allclose(found.variance_share, values[::-1][:3] / values.sum())
    np.testing.assert_allclose(np.abs(found.axes @ vectors[:, ::-1][:, :3]), np.eye(3), atol=1e-8)
    np.testing.assert_allclose(found.scores, (latents - rows.mean(axis=0)) @ found.axes.T)
    assert (found.axes[np.arange(3), np.abs(found.axes).argmax(axis=1)] > 0).all()


def test_missing_and_invalid_bins_take_no_part() -> None:
    latents = np.random.default_rng(1).normal(size=(4, 6, 3))
    valid = np.ones((4, 6), bool)
    valid[0, 4:] = False
    padded = latents.copy()
    padded[1, 2, 0] = np.nan
    padded[0, 4:] = 1e6
    found = principal_components(padded, valid=valid)
    keep = valid & np.isfinite(padded).all(axis=2)
    rows = latents[keep]
    values = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
    np.testing.assert_allclose(found.variance_share, values / values.sum())
    assert np.isnan(found.scores[~keep]).all()
    assert np.isfinite(found.scores[keep]).all()


def test_some_trials_of_the_same_axes() -> None:
    whole = principal_components(np.random.default_rng(2).normal(size=(5, 4, 3)))
    some = whole.of_trials(np.array([3, 1]))
    np.testing.assert_array_equal(some.scores, whole.scores[[3, 1]])
    assert some.axes is whole.axes


def test_one_dimension_gives_one_component() -> None:
    assert principal_components(np.arange(6.0).reshape(2, 3, 1)).variance_share == pytest.approx(
        [1.0]
    )


@pytest.mark.parametrize(
    ("latents", "words"),
    [(np.full((2, 3, 2), 5.0), "do not vary"), (np.full((2, 3, 2), np.nan), "0 usable bin")],
)
def test_nothing_to_decompose_is_said(latents: np.ndarray, words: str) -> None:
    with pytest.raises(UndertowError, match=words):
        principal_components(latents)
