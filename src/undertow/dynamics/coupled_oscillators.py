"""Coupled Stuart–Landau oscillators, the dynamics of the coupled-oscillator SDE."""

from typing import Literal, Unpack, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.checks import one_of, pairs
from undertow.dynamics.base import Time
from undertow.dynamics.coupling import Coupling, CouplingKind
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.splitting import SplitSDE, logistic_gain
from undertow.dynamics.starting import LogFrequencies, starting_frequencies, still_units
from undertow.errors import StabilityError

Form = Literal["stuart-landau", "bistable"]
START_ALPHA: dict[Form, float] = {"stuart-landau": 0.5, "bistable": -0.5}
START_BEND = 0.01
"""β of units that are still: at r = 2 the hold of a whole trial of 2.5 units loses a tenth."""
LARGEST_TURN = {"euler": 1.0, "heun": 1.0, "rk4": 2.8}


class CoupledOscillators(SplitSDE, LogFrequencies):
    """Oscillators z = a + ib near a Hopf bifurcation, N of them, coupled (ElGazzar & van Gerven).

    These are eqs 8–9, with the stable sign of eq. 7:

        da = [(α − r²) a − ω b + Σ_j K_ij(u) a_j] ds + σ dW
        db = [(α − r²) b + ω a + Σ_j K_ij(u) b_j] ds + σ dW

    with r² = a² + b². Uncoupled, an oscillator with α > 0 settles on the circle r = √α and turns by
    ω per unit of internal time. The `form` 'bistable' has α + 2r² − r⁴ in place of α − r²: for −1 <
    α < 0 both rest and a cycle are stable.

    The step by `splitting` is an Euler kick by coupling and drive, then the exact turn by ωh and
    the exact flow of the radius, r² ← α r² / (r² + (α − r²) e^{−2αh}). The bistable form, dρ = 2ρ
    (α + 2ρ − ρ²) ds for ρ = r², is read as dρ = 2ρ (A − C ρ) ds with A = α + 2ρ and C = ρ held over
    the step: a flow of the same kind, with the same fixed points as the equation. At a cycle ρ the
    step has slope 1 − 2 (1 − e^{−2ρ²h}) (1 − 1/ρ), so that it is stable for any h.

    Units that are `still` do not turn, ω = 0, and have α − β r² in either form, with α = 0 and
    β = 0.01 at the start: what they are given they hold, as a gain that is constant in a trial.

    Args:
        state_dim: a and b together, an even number 2N; the state is [a, b].
        input_dim: external inputs u; they modulate the coupling.
        coupling: 'matrix', 'diffusive', 'scalar' or 'none'; see `Coupling`.
        form: 'stuart-landau' or 'bistable'.
        drive: add a learned tanh(W [x, u] + c) to the drift.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        start_cycles: the band in which natural frequencies start, in cycles per 2.5 units of
            internal time (a trial, where the timescale is a trial / 2.5), evenly spaced on a log
            scale. They are learned on that scale; give the band that matters where it is known.
        start_order: the seed that shuffles which oscillator starts where in the band; None puts the
            slowest first.
        still: units that do not turn: how many, or below 1 the share of all. They are the last
            units; regions with units of their own have the same share each, as nearly as they can.
        coupling_network: tanh units of a network through which the input changes the coupling; 0
            for a coupling that is linear in the input.
        options: noise and time; see `IntegratedSDE`.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    either_sense = False

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        coupling: CouplingKind = "matrix",
        form: Form = "stuart-landau",
        drive: bool = False,
        integrator: SplitIntegrator = "splitting",
        start_cycles: tuple[float, float] = (0.05, 3.0),
        start_order: int | None = None,
        still: float = 0,
        coupling_network: int = 0,
        **options: Unpack[NoiseOptions],
    ) -> None:
        state_dim = pairs("state_dim", state_dim, "oscillators")
        super().__init__(state_dim, input_dim, integrator, **options)
        one_of("form", form, get_args(Form))
        n = state_dim // 2
        self.form, self.n_still = form, still_units(still, n)
        turning = n - self.n_still
        start = starting_frequencies(start_cycles, turning, start_order)
        self.log_omega = nn.Parameter(start.log())
        alpha = torch.full((n,), START_ALPHA[form])
        alpha[turning:] = 0.0
        self.alpha = nn.Parameter(alpha)
        bend = torch.full((self.n_still,), START_BEND).log()
        self.log_bend = nn.Parameter(bend) if self.n_still else None
        self.coupling = Coupling(n, input_dim, coupling, hidden=coupling_network)
        self._pulls = coupling in ("matrix", "diffusive")
        self.network = nn.Linear(state_dim + input_dim, state_dim) if drive else None

    @property
    def natural_frequencies_hz(self) -> Tensor:
        """Frequencies ω / 2πτ of the oscillators in Hz, (N,); 0 for units that are still."""
        return self.omega / (2 * torch.pi * self.timescale_s)

    def coupling_matrix(self, u: Tensor | None = None) -> Tensor:
        """Coupling K(u) per unit of internal time, (…, N, N); row i acts on oscillator i."""
        return self.coupling.matrix(u)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Split the state into real parts 'a' and imaginary parts 'b'."""
        a, b = x.chunk(2, -1)
        return {"a": a, "b": b}

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        a, b = x.chunk(2, -1)
        gain, limit = self._bend(a.square() + b.square())
        growth = self.alpha + self.coupling.shift(u) + (gain - limit)
        omega = self.omega
        own = torch.cat([growth * a - omega * b, growth * b + omega * a], -1)
        return own + self._push(x, u)

    def _bend(self, r2: Tensor) -> tuple[Tensor | float, Tensor]:
        """What r² adds to the growth rate and what it takes from it, of each oscillator."""
        gain, limit = (2 * r2, r2.square()) if self.form == "bistable" else (0.0, r2)
        if self.log_bend is None:
            return gain, limit
        turning = r2.shape[-1] - self.n_still
        held = self.log_bend.exp() * r2[..., turning:]
        if isinstance(gain, Tensor):
            gain = F.pad(gain[..., :turning], (0, self.n_still))
        return gain, torch.cat([limit[..., :turning], held], -1)

    def _push(self, x: Tensor, u: Tensor | None) -> Tensor:
        """Add up the coupling (a scalar one is part of the growth rate) and the learned drive."""
        push = torch.zeros_like(x)
        if self._pulls:
            push = self.coupling.pull(x.unflatten(-1, (2, -1)), u).flatten(-2)
        return (
            push if self.network is None else push + torch.tanh(self.network(self.with_input(x, u)))
        )

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        # the kick comes first: the exact flow that follows bounds whatever it did
        a, b = (x + h * self._push(x, u)).chunk(2, -1)
        more, limit = self._bend(a.square() + b.square())
        rate = self.alpha + self.coupling.shift(u) + more
        gain, omega = logistic_gain(rate, limit, 2 * h).sqrt(), self.omega
        cos, sin = gain * torch.cos(omega * h), gain * torch.sin(omega * h)
        return torch.cat([cos * a - sin * b, sin * a + cos * b], -1)

    def check_stable(self, bin_s: float) -> None:
        """Refuse an explicit step that turns the fastest oscillator too far.

        The splitting takes any step.

        Raises:
            StabilityError: naming the frequency, the step and the remedies.
        """
        if self.integrator == "splitting":
            return
        step_s, largest = bin_s / self.steps_per_bin(bin_s), LARGEST_TURN[self.integrator]
        fastest_hz = float(self.natural_frequencies_hz.detach().abs().max())
        turn = 2 * torch.pi * fastest_hz * step_s
        if not turn < largest:
            raise StabilityError(
                f"a step of {1000 * step_s:.4g} ms with integrator={self.integrator!r} turns the "
                f"fastest oscillator ({fastest_hz:.4g} Hz) by {turn:.3g} radians, and must stay "
                f"below {largest:g}: use steps shorter than {1000 * step_s * largest / turn:.4g} "
                "ms, or integrator='splitting'."
            )
