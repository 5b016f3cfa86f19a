"""What every discrete dynamics shares: one step a bin, whatever its width, and inputs of the right
width."""

import pytest
import torch
from torch import Tensor

import undertow.dynamics
from tests.dynamics.fixtures import rolled
from tests.families import exported
from undertow.dynamics import GRU, LDS, LSTM, RNN, DiscreteDynamics
from undertow.errors import ModelError

FAMILY = exported(undertow.dynamics, DiscreteDynamics)
every = pytest.mark.parametrize("cls", FAMILY)
H = torch.tensor(0.1, dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(cls: type[DiscreteDynamics], input_dim: int = 0, **options: object) -> DiscreteDynamics:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return cls(6, input_dim, **options).double()  # type: ignore[arg-type]


def test_all_four_are_exported() -> None:
    assert set(FAMILY) == {LDS, RNN, GRU, LSTM}


@every
@pytest.mark.parametrize("bin_s", [0.001, 0.02, 3.0])
def test_a_bin_is_one_step_whatever_its_width(cls: type[DiscreteDynamics], bin_s: float) -> None:
    dynamics = made(cls)
    assert dynamics.steps_per_bin(bin_s) == 1
    noise = normal(3, 4, 1, dynamics.noise_dim)
    paths = [rolled(dynamics, normal(3, 6, seed=1), noise, width).states for width in (bin_s, 0.01)]
    assert torch.equal(*paths)
    steps = [dynamics.step(0.0, normal(3, 6), h) for h in (H, 2 * H, H.expand(3, 1))]
    assert all(
        torch.equal(mean, steps[0][0]) and torch.equal(std, steps[0][1]) for mean, std in steps
    )


@every
def test_more_steps_are_refused(cls: type[DiscreteDynamics]) -> None:
    dynamics = made(cls)
    with pytest.raises(
        ModelError, match=rf"{cls.__name__} got 2 steps per bin: it is discrete .* rebin"
    ):
        rolled(dynamics, normal(3, 6), normal(3, 4, 2, dynamics.noise_dim), 0.01)
    with pytest.raises(ModelError, match=r"got 0\.5 steps per bin"):
        dynamics.check_steps_per_bin(0.5)


@every
def test_the_timescale_changes_no_free_path(cls: type[DiscreteDynamics]) -> None:
    slow = made(cls, timescale_s=2.0)
    assert float(slow.timescale_s) == pytest.approx(2.0)
    assert float(made(cls).timescale_s) == 1.0
    noise = normal(3, 4, 1, slow.noise_dim)
    paths = [rolled(d, normal(3, 6), noise, 0.01).states for d in (slow, made(cls))]
    assert torch.equal(*paths)
    assert slow.remade(timescale_s=0.5).settings["timescale_s"] == 0.5


@every
@pytest.mark.parametrize("input_dim", [0, 2])
def test_leading_dimensions_are_kept(cls: type[DiscreteDynamics], input_dim: int) -> None:
    """Samples, trials and states at once give what each gives alone; one input serves all
    samples."""
    dynamics = made(cls, input_dim)
    x, u = normal(4, 3, 6), normal(3, 2, seed=1) if input_dim else None
    mean = dynamics.step(0.0, x, H, u)[0]
    assert mean.shape == x.shape
    for k in range(4):
        assert torch.allclose(mean[k], dynamics.step(0.0, x[k], H, u)[0], atol=1e-14)
    assert torch.allclose(
        mean[0, 0], dynamics.step(0.0, x[0, 0], H, None if u is None else u[0])[0], atol=1e-14
    )


@every
def test_the_input_is_read(cls: type[DiscreteDynamics]) -> None:
    dynamics = made(cls, 2)
    x, u = normal(3, 6), normal(3, 2, seed=1).requires_grad_()
    dynamics.step(0.0, x, H, u)[0].sum().backward()
    assert u.grad is not None
    assert (u.grad != 0).all()


@every
def test_without_inputs_a_given_one_changes_nothing(cls: type[DiscreteDynamics]) -> None:
    dynamics, x = made(cls), normal(3, 6)
    assert torch.equal(dynamics.step(0.0, x, H)[0], dynamics.step(0.0, x, H, normal(3, 1))[0])


@every
@pytest.mark.parametrize(("u", "found"), [(None, "none"), (normal(3, 5), "5")])
def test_inputs_of_another_width_are_refused(
    cls: type[DiscreteDynamics], u: Tensor | None, found: str
) -> None:
    with pytest.raises(ModelError, match=f"{cls.__name__} reads 2 inputs and got {found}"):
        made(cls, 2).step(0.0, normal(3, 6), H, u)


@every
@pytest.mark.parametrize("input_dim", [0, 2])
def test_every_learned_parameter_has_a_gradient(
    cls: type[DiscreteDynamics], input_dim: int
) -> None:
    dynamics = made(cls, input_dim)
    inputs = normal(3, 4, input_dim, seed=2) if input_dim else None
    path = rolled(
        dynamics, normal(3, 6), normal(3, 4, 1, dynamics.noise_dim, seed=1), 0.01, None, inputs
    )
    path.states.square().sum().backward()
    for name, parameter in dynamics.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.numel() > 0, name
            assert parameter.grad.abs().max() > 0, name


@every
def test_a_saved_state_gives_the_same_path(cls: type[DiscreteDynamics]) -> None:
    dynamics, other = made(cls), cls(6).double()
    other.load_state_dict(dynamics.state_dict())
    noise = normal(3, 4, 1, dynamics.noise_dim)
    assert torch.equal(*(rolled(d, normal(3, 6), noise, 0.01).states for d in (dynamics, other)))


@every
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"state_dim": 0}, "state_dim is 0"),
        ({"state_dim": 6, "input_dim": -1}, "input_dim is -1"),
        ({"state_dim": 6, "timescale_s": 0.0}, "timescale_s is 0.0"),
    ],
)
def test_wrong_settings_are_refused(
    cls: type[DiscreteDynamics], arguments: dict[str, float], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        cls(**arguments)  # type: ignore[arg-type]
