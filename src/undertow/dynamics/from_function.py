"""Dynamics from a user's own drift and diffusion."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from undertow.dynamics.base import Time
from undertow.dynamics.diffusions import Diffusion, DiffusionKind
from undertow.dynamics.integrated import IntegratedSDE
from undertow.errors import ModelError

Function = Callable[..., Tensor]


def from_function(
    drift: Function,
    state_dim: int,
    input_dim: int = 0,
    diffusion: DiffusionKind | Function = "constant",
    parameters: Mapping[str, Any] | None = None,
    **options: Any,
) -> "FunctionSDE":
    """Make an SDE from two functions, its drift and its diffusion.

    It is dx = drift(x, u, …) ds + diffusion(x, u, …) dW, in internal time s = t / τ.

    Each function is called with the state x (…, state_dim), the input u (…, input_dim; None where
    none is given) and, by name, those learned parameters that its signature names. It is written in
    torch and works on any leading dimensions:

        def drift(x, u, stiffness, centre):
            return stiffness.exp() * (centre - x)

        start = {"stiffness": 1.0, "centre": torch.zeros(4)}
        dynamics = from_function(drift, state_dim=4, parameters=start)

    Args:
        drift: gives the drift per unit of internal time, (…, state_dim).
        state_dim: width of the state.
        input_dim: external inputs u.
        diffusion: 'constant', 'state', 'input', 'network' or 'full' (learned), or a function that
            gives the standard deviation of the noise per √(internal time), above zero,
            broadcastable to (…, state_dim).
        parameters: names and starting values (numbers, arrays or tensors) of what is learned
            beside.
        options: `noise`, `integrator`, `timescale_s` and `learn_timescale`; see `IntegratedSDE`.

    Raises:
        ModelError: where a function does not fit its parameters or the width of the state.
    """
    return FunctionSDE(drift, state_dim, input_dim, diffusion, parameters, **options)


class FunctionSDE(IntegratedSDE):
    """SDE made by `from_function`, which describes the arguments."""

    def __init__(
        self,
        drift: Function,
        state_dim: int,
        input_dim: int = 0,
        diffusion: DiffusionKind | Function = "constant",
        parameters: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        kind: DiffusionKind = diffusion if isinstance(diffusion, str) else "state"
        super().__init__(state_dim, input_dim, diffusion=kind, **options)
        self.learned = nn.ParameterDict(
            {k: _parameter(k, v) for k, v in (parameters or {}).items()}
        )
        self.drift_function, self.drift_names = drift, _names("drift", drift, self.learned)
        used = set(self.drift_names)
        if not isinstance(diffusion, str) and self.diffusivity is not None:
            self.diffusivity = FunctionDiffusion(self.noise_dim, input_dim, diffusion, self.learned)
            used |= set(self.diffusivity.names)
        if unused := [name for name in self.learned if name not in used]:
            raise ModelError(
                f"parameter {unused[0]!r} is named by no function: name it in a signature, or "
                "leave it out."
            )
        self._check_functions()

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return self.drift_function(x, u, **{name: self.learned[name] for name in self.drift_names})

    @torch.no_grad()
    def _check_functions(self) -> None:
        x = torch.zeros(2, 3, self.state_dim)
        u = torch.zeros(2, 3, self.input_dim) if self.input_dim else None
        found = self.drift(0.0, x, u)
        if found.shape != x.shape:
            raise ModelError(
                f"drift gives shape {tuple(found.shape)} for a state of shape {tuple(x.shape)}: it "
                "must give one number for each coordinate, whatever the leading dimensions."
            )
        if self.diffusivity is not None:
            _check_std(self.diffusivity(x, u), x)


class FunctionDiffusion(Diffusion):
    """Diffusion σ(x, u) given by a function.

    Args:
        dim: noisy coordinates.
        input_dim: external inputs.
        function: gives σ from x, u and the learned parameters it names.
        learned: all learned parameters.
    """

    def __init__(
        self, dim: int, input_dim: int, function: Function, learned: nn.ParameterDict
    ) -> None:
        super().__init__(dim, input_dim)
        self.function, self.names = function, _names("diffusion", function, learned)
        self.learned = learned

    def forward(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        return self.function(x, u, **{name: self.learned[name] for name in self.names})


def _parameter(name: str, value: Any) -> nn.Parameter:
    if not name.isidentifier():
        raise ModelError(f"parameter {name!r} is no name that a function can have for an argument.")
    return nn.Parameter(torch.as_tensor(value, dtype=torch.get_default_dtype()).clone())


def _names(role: str, function: Function, learned: nn.ParameterDict) -> list[str]:
    """Return the learned parameters that a function's signature names after x and u."""
    if isinstance(function, nn.Module) or not callable(function):
        raise ModelError(
            f"{role} is a {type(function).__name__}: give a function of (x, u, …); a network of "
            "its own goes into a subclass of IntegratedSDE."
        )
    arguments = list(inspect.signature(function).parameters.values())
    missing = [a.name for a in arguments[2:] if a.name not in learned and a.default is a.empty]
    if len(arguments) < 2 or missing:
        wanted = f"a parameter {missing[0]!r}" if missing else "x and u"
        raise ModelError(
            f"the signature of {role} must be (x, u, names of parameters): {wanted} is not given."
        )
    return [a.name for a in arguments[2:] if a.name in learned]


def _check_std(std: Tensor, x: Tensor) -> None:
    try:
        fits = torch.broadcast_shapes(std.shape, x.shape) == x.shape
    except RuntimeError:
        fits = False
    if not fits or not bool((std > 0).all()):
        raise ModelError(
            f"diffusion gives shape {tuple(std.shape)}, smallest value {float(std.min()):g}, for a "
            "state of zeros of "
            f"shape {tuple(x.shape)}: it must fit the state and be above zero everywhere."
        )
