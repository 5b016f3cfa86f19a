"""Where paths start: components of smoothed counts, standardised."""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from undertow.models.em import Given
from undertow.models.em.starting import starting_paths


def given(seen: torch.Tensor | None = None) -> Given:
    """20 trials × 15 bins × 6 neurons that share one slow wave; the last trial is shorter."""
    generator = torch.Generator().manual_seed(0)
    phase = torch.rand(20, 1, generator=generator) * 6
    wave = torch.sin(torch.arange(15) / 3 + phase)[..., None]
    counts = torch.poisson((wave * torch.linspace(-1, 1, 6) + 1).exp(), generator=generator)
    inside = torch.ones(20, 15, dtype=torch.bool)
    inside[19, 9:] = False
    shown = torch.ones_like(counts) if seen is None else seen
    shown = shown * inside[..., None]
    return Given((counts * shown).double(), shown.double(), inside, None)


def test_they_are_standardised_components_of_smoothed_roots() -> None:
    data = given()
    paths = starting_paths(data, 2, 1.5, seed=0)
    inside = data.inside.numpy()
    flat = paths.numpy()[inside]
    np.testing.assert_allclose(flat.mean(0), 0, atol=1e-9)
    cov = np.cov(flat.T)
    np.testing.assert_allclose(cov, np.eye(2), atol=1e-9)
    assert not paths[~data.inside].any()
    mean = data.counts.sum((0, 1)) / data.seen.sum((0, 1))
    root = torch.where(data.seen > 0, data.counts, mean).sqrt().numpy()
    smooth = gaussian_filter1d(root, 1.5, axis=1, mode="nearest")[inside]
    leading = np.linalg.svd(smooth - smooth.mean(0), full_matrices=False)[0][:, 0]
    assert abs(np.corrcoef(leading, flat[:, 0])[0, 1]) > 1 - 1e-9


def test_entries_that_were_not_seen_have_no_say() -> None:
    seen = torch.ones(20, 15, 6)
    seen[3, 4:8, 2], seen[:, :, 5] = 0.0, 0.0
    data = given(seen)
    other = Given(data.counts + 50 * (1 - data.seen), data.seen, data.inside, None)
    hidden = Given(other.counts * other.seen, other.seen, other.inside, None)
    a, b = (starting_paths(each, 2, 1.5, seed=0) for each in (data, hidden))
    assert torch.equal(a, b)
    assert torch.isfinite(a).all()


def test_dimensions_beyond_the_components_start_as_weak_noise_of_the_seed() -> None:
    data = given()
    paths = [starting_paths(data, 9, 1.5, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(paths[0], paths[1])
    assert torch.equal(paths[0][..., :6], paths[2][..., :6])
    extra = paths[0][..., 6:][data.inside]
    assert not torch.equal(extra, paths[2][..., 6:][data.inside])
    assert abs(float(extra.std()) - 0.1) < 0.02


def test_neurons_that_never_fire_do_no_harm() -> None:
    data = given()
    silent = Given(data.counts * 0, data.seen, data.inside, None)
    paths = starting_paths(silent, 2, 1.5, seed=0)
    assert torch.isfinite(paths).all()
