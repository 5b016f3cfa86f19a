"""How units act on each other, and how an input drives them."""

from typing import get_args

import pytest
import torch

from tests.dynamics.variants import normal
from undertow.dynamics.coupling import Coupling, CouplingKind, InputMap
from undertow.errors import ModelError


@pytest.mark.parametrize("kind", get_args(CouplingKind))
def test_the_pull_is_that_of_the_matrix(kind: CouplingKind) -> None:
    coupling = Coupling(3, 2, kind).double()
    z, u = normal(4, 5, 2, 3), normal(4, 5, 2, seed=1)
    k = coupling.matrix(u).detach().expand(4, 5, 3, 3)
    expected = torch.einsum("tbij,tbpj->tbpi", k, z)
    if kind == "diffusive":
        expected = torch.einsum("tbij,tbpij->tbpi", k, z[..., None, :] - z[..., :, None])
    assert torch.allclose(coupling.pull(z, u), expected, atol=1e-14)


def test_only_a_scalar_coupling_shifts() -> None:
    u = normal(4, 2)
    for kind in get_args(CouplingKind):
        coupling = Coupling(3, 2, kind).double()
        shift = coupling.shift(u)
        if kind == "scalar":
            assert shift.shape == (4, 1)
            assert torch.equal(coupling.matrix(u)[:, 1, 1:2], shift)
        else:
            assert shift == 0.0


def test_without_inputs_it_is_constant_and_an_unknown_kind_is_refused() -> None:
    coupling = Coupling(3)
    assert torch.equal(coupling.matrix(torch.ones(1)), coupling.matrix())
    assert (Coupling(3, self_coupled=False).matrix().diagonal() == 0).all()
    with pytest.raises(ModelError, match="coupling is 'random': it must be one of"):
        Coupling(3, kind="random")


def test_an_input_current_is_linear_and_zero_without_an_input() -> None:
    made = InputMap(2, 3).double()
    u = normal(4, 5, 2)
    assert torch.allclose(made(u), torch.einsum("dm,tbm->tbd", made.weight, u))
    assert made(None) == 0.0
    assert InputMap(0, 3)(u) == 0.0
    assert not list(InputMap(0, 3).parameters())


@pytest.mark.parametrize("kind", get_args(CouplingKind))
def test_a_network_of_the_input_changes_the_coupling(kind: CouplingKind) -> None:
    """K(u) = K₀ + W tanh(V u + c) + d; without an input K₀, and nothing of it where there is no
    coupling."""
    coupling = Coupling(3, 2, kind, hidden=4).double()
    u = normal(5, 2)
    if kind == "none":
        assert not list(coupling.parameters())
        return
    assert coupling.slope is None
    weights = dict(coupling.network.named_parameters())
    hidden = torch.tanh(u @ weights["0.weight"].T + weights["0.bias"])
    change = hidden @ weights["2.weight"].T + weights["2.bias"]
    size = coupling.constant.shape
    expected = (coupling.constant + change.view(5, *size)).expand(5, 3, 3) * coupling.mask
    assert torch.allclose(coupling.matrix(u), expected)
    assert not torch.allclose(coupling.matrix(u)[0], coupling.matrix(u)[1])
    assert torch.equal(coupling.matrix(), coupling.constant * coupling.mask)


def test_a_coupling_that_no_input_changes_stays_constant() -> None:
    u = normal(5, 2)
    assert Coupling(3, 2, linear=False).double().matrix(u).shape == (3, 3)
    assert Coupling(3, 0, hidden=4).network is None
    with pytest.raises(ModelError, match="coupling_network is -1"):
        Coupling(3, 2, hidden=-1)
