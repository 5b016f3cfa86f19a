"""Dynamics from a user's functions: what they are given, what is learned, what is refused."""

import inspect
import math
import runpy
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.dynamics.fixtures import scalar
from tests.dynamics.variants import normal
from undertow.dynamics import from_function
from undertow.errors import ModelError


def spring(x: Tensor, u: Tensor | None, stiffness: Tensor, centre: Tensor) -> Tensor:
    return stiffness * (centre - x)


PARAMETERS = {"stiffness": 2.0, "centre": [1.0, -1.0]}


def test_functions_are_called_with_the_parameters_they_name() -> None:
    dynamics = from_function(
        spring, 2, 0, lambda x, u, centre: 0.1 + centre.square(), PARAMETERS
    ).double()
    x = normal(3, 2)
    centre = torch.tensor([1.0, -1.0]).double()
    assert torch.allclose(dynamics.drift(0.0, x), 2 * (centre - x))
    assert torch.allclose(dynamics.diffusion(0.0, x), torch.full((3, 2), 1.1).double())
    mean, std = dynamics.step(0.0, x, scalar(0.25))
    assert torch.allclose(mean, x + 0.5 * (centre - x))
    assert torch.allclose(std.expand(3, 2), torch.full((3, 2), 0.55).double())


def test_what_is_given_is_learned() -> None:
    dynamics = from_function(spring, 2, parameters=PARAMETERS)
    learned = {name for name, parameter in dynamics.named_parameters() if parameter.requires_grad}
    assert learned == {"learned.stiffness", "learned.centre", "diffusivity.raw"}
    x, wanted = torch.zeros(1, 2), torch.tensor([[0.5, 3.0]])
    optimizer = torch.optim.Adam(dynamics.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (dynamics.drift(0.0, x) - wanted).square().sum().backward()
        optimizer.step()
    assert torch.allclose(dynamics.drift(0.0, x), wanted, atol=1e-2)


def test_an_input_is_passed_on() -> None:
    dynamics = from_function(lambda x, u: u - x, 2, input_dim=2).double()
    x, u = normal(3, 2), normal(3, 2, seed=1)
    assert torch.equal(dynamics.drift(0.0, x, u), u - x)


def test_options_reach_the_integrator() -> None:
    dynamics = from_function(lambda x, u: -x, 1, integrator="rk4", noise=False, timescale_s=0.4)
    assert (dynamics.integrator, dynamics.noise_dim) == ("rk4", 0)
    assert float(dynamics.timescale_s) == pytest.approx(0.4)
    with pytest.raises(
        ModelError, match="integrator='heun' needs noise that does not depend on the state"
    ):
        from_function(lambda x, u: -x, 1, diffusion=lambda x, u: 1 + x.square(), integrator="heun")


def test_the_example_of_its_documentation_runs(tmp_path: Path) -> None:
    lines = (inspect.getdoc(from_function) or "").split("\n")
    start = next(k for k, line in enumerate(lines) if line.startswith("    def drift"))
    stop = next(k for k, line in enumerate(lines) if line.startswith("    dynamics ="))
    example = textwrap.dedent("\n".join(lines[start : stop + 1]))
    script = tmp_path / "example.py"
    script.write_text(
        f"import torch\nfrom undertow.dynamics import from_function\n{example}\n", encoding="utf-8"
    )
    dynamics = runpy.run_path(str(script))["dynamics"]
    found = dynamics.drift(0.0, torch.full((3, 4), 2.0))
    assert torch.allclose(found, torch.full((3, 4), -2.0 * math.e))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"drift": spring}, "the signature of drift .* a parameter 'stiffness' is not given"),
        ({"drift": lambda x: -x}, "the signature of drift must be .* x and u is not given"),
        ({"drift": nn.Linear(2, 2)}, "drift is a Linear: give a function of"),
        (
            {"drift": lambda x, u: x.sum(-1)},
            r"drift gives shape \(2, 3\) for a state of shape \(2, 3, 2\)",
        ),
        ({"parameters": {"k": 1.0}}, "parameter 'k' is named by no function"),
        ({"parameters": {"no name": 1.0}}, "parameter 'no name' is no name"),
        ({"diffusion": lambda x, u: x}, r"diffusion gives shape \(2, 3, 2\), smallest value 0"),
        ({"diffusion": lambda x, u: torch.ones(5)}, r"diffusion gives shape \(5,\)"),
        ({"diffusion": "dense"}, "diffusion is 'dense'"),
        ({"state_dim": 0}, "state_dim is 0"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, Any], message: str) -> None:
    given = {"drift": lambda x, u: -x, "state_dim": 2, **arguments}
    with pytest.raises(ModelError, match=message):
        from_function(**given)
