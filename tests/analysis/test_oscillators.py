"""Natural frequencies and coupling over time, against what the dynamics say of themselves."""

from functools import cache

import numpy as np
import pytest
import torch

from tests.models.small_sde import TRIALS, fit, with_times
from undertow.analysis import NaturalFrequencies, coupling_over_time, natural_frequencies
from undertow.dynamics import CoupledOscillators, Dynamics, NeuralSDE, SecondOrderOscillators
from undertow.errors import UndertowError
from undertow.models import Ensemble, LangevinFlow, LatentSDE


@cache
def regional() -> LatentSDE:
    """Six oscillators in three regions, their frequencies out of order."""

    def shuffle(dynamics: Dynamics) -> None:
        dynamics.omega = torch.tensor([5.0, 3.0, 9.0, 4.0, 8.0, 7.0])

    return fit(dynamics=CoupledOscillators(12, coupling="diffusive"), regions="split").altered(
        shuffle
    )


def test_frequencies_are_in_hz_sorted_within_regions() -> None:
    found = natural_frequencies(regional())
    tau_s = float(regional().dynamics_.timescale_s)
    assert found.regions == ("CA1", "MOs", "V1")
    everything = np.concatenate([found.of(name)[0] for name in found.regions])
    np.testing.assert_allclose(
        np.sort(everything), np.array([3, 4, 5, 7, 8, 9]) / (2 * np.pi * tau_s), rtol=1e-5
    )
    assert found.hz.shape == (1, 6)
    assert all((np.diff(found.of(name)[0]) > 0).all() for name in found.regions)


def test_starts_stand_beside_the_frequencies_learned_from_them() -> None:
    model = fit(dynamics=CoupledOscillators(12), regions="split", seed=3)
    found = natural_frequencies(model)
    start = CoupledOscillators(12).omega / (2 * np.pi * model.dynamics_.timescale_s)
    np.testing.assert_allclose(np.sort(found.start_hz[0]), np.sort(start.detach()), rtol=1e-5)
    assert (found.moved_hz >= 0).all()
    assert found.moved_hz.max() > 0


def frequencies(hz: dict[str, list[float]], start_hz: dict[str, list[float]]) -> NaturalFrequencies:
    """One oscillator in each region, a value for each fit."""
    stack = [np.array(list(each.values())).T for each in (hz, start_hz)]
    return NaturalFrequencies(*stack, np.array(list(hz)), np.arange(len(stack[0])))


def test_regions_are_ranked_against_their_start_only() -> None:
    slow, fast, mixed = [1.0, 1.1, 0.9], [2.0, 2.2, 1.9], [2.0, 0.5, 1.9]
    as_started = frequencies({"A": slow, "B": fast}, {"A": slow, "B": fast})
    against = frequencies({"A": slow, "B": fast}, {"A": [1, 1, 3], "B": [2, 2, 1]})
    one_grid = frequencies({"A": slow, "B": fast}, {"A": [3, 3, 3], "B": [1, 1, 1]})
    not_always = frequencies({"A": slow, "B": mixed}, {"A": [1, 1, 3], "B": [2, 2, 1]})
    assert against.ranking() == [("A", "B")]
    assert "A slower than B" in against.about_regions()
    for each in (as_started, one_grid, not_always):
        assert each.ranking() == []
        assert "No order of regions is borne out" in each.about_regions()


def test_few_seeds_do_not_rank_regions() -> None:
    two = frequencies({"A": [1, 1], "B": [2, 2]}, {"A": [1, 3], "B": [2, 1]})
    assert two.ranking() == []


def test_coupling_is_the_matrix_at_each_bin_averaged_over_trials() -> None:
    model = regional()
    found = coupling_over_time(model, TRIALS)
    dynamics = model.dynamics_
    order = [
        int(k) for k in np.lexsort((dynamics.omega.detach().abs().numpy(), np.tile([0, 1, 2], 2)))
    ]  # dealt out in turn
    u = model.encoded_inputs(TRIALS)
    for time in (0, 9):
        rows = np.flatnonzero(TRIALS.valid[:, time])
        each = [
            dynamics.coupling_matrix(torch.tensor(u[row, time], dtype=torch.float32))
            for row in rows
        ]
        mean = torch.stack(each).mean(0).detach().numpy() / float(dynamics.timescale_s)
        np.testing.assert_allclose(
            found.mean[time], mean[np.ix_(order, order)], rtol=1e-4, atol=1e-6
        )
    assert found.unit == "1/s"
    assert found.changes
    assert found.std is None
    assert found.strength.shape == (1, 10, 6, 6)


def test_strength_between_regions_is_a_root_mean_square_over_pairs() -> None:
    found = coupling_over_time(regional(), TRIALS)
    between = found.between_regions()
    assert len(between) == 9
    block = found.mean[3][np.ix_(found.region == "V1", found.region == "CA1")]
    assert between["CA1", "V1"][0, 3] == pytest.approx(np.sqrt((block**2).mean()))
    own = found.mean[3][np.ix_(found.region == "V1", found.region == "V1")]
    assert between["V1", "V1"][0, 3] == pytest.approx(
        np.sqrt((own[~np.eye(2, dtype=bool)] ** 2).mean())
    )


def test_spread_is_over_models() -> None:
    model = regional()
    doubled = model.altered(lambda d: [p.mul_(2.0) for p in d.coupling.parameters()])
    one, both = coupling_over_time(model, TRIALS), coupling_over_time([model, doubled], TRIALS)
    np.testing.assert_allclose(both.mean, 1.5 * one.mean, rtol=1e-5)
    assert both.std is not None
    np.testing.assert_allclose(both.std, np.abs(one.mean) / 2**0.5, rtol=1e-4)
    assert natural_frequencies([model, doubled]).hz.shape == (2, 6)


def test_a_second_order_coupling_is_per_second_squared_and_constant_without_input() -> None:
    model = fit(TRIALS.replace(stimulus=None), dynamics=SecondOrderOscillators(4))
    found = coupling_over_time(model, TRIALS)
    dynamics = model.dynamics_
    expected = dynamics.coupling_matrix().detach().numpy() / float(dynamics.timescale_s) ** 2
    order = np.argsort(dynamics.omega.detach().abs().numpy())
    np.testing.assert_allclose(found.mean[0], expected[np.ix_(order, order)], rtol=1e-5)
    assert found.unit == "1/s²"
    assert not found.changes


def test_what_has_no_oscillators_or_coupling_is_refused() -> None:
    neural = fit(dynamics=NeuralSDE(4))
    with pytest.raises(UndertowError, match="NeuralSDE has no natural frequencies"):
        natural_frequencies(neural)
    with pytest.raises(UndertowError, match="NeuralSDE has no coupling matrix"):
        coupling_over_time(neural, TRIALS)
    with pytest.raises(UndertowError, match="different dynamics or regions"):
        natural_frequencies([regional(), neural])
    with pytest.raises(UndertowError, match="no model was given"):
        natural_frequencies([])
    with pytest.raises(UndertowError, match="not fitted"):
        natural_frequencies(LatentSDE())
    with pytest.raises(UndertowError, match="irregular times"):
        coupling_over_time(regional(), with_times(TRIALS))
    with pytest.raises(UndertowError, match="LangevinFlow: pass a fitted LatentSDE"):
        natural_frequencies(LangevinFlow())
    with pytest.raises(UndertowError, match="not fitted"):
        natural_frequencies(Ensemble(LatentSDE(), 2))


def test_an_ensemble_stands_for_its_members() -> None:
    model = regional()
    ensemble = Ensemble(LatentSDE(), 2)
    ensemble.members_, ensemble.neuron_ids_ = [model, model], model.neuron_ids_
    assert natural_frequencies(ensemble).hz.shape == (2, 6)
    assert coupling_over_time(ensemble, TRIALS).strength.shape == (2, 10, 6, 6)
