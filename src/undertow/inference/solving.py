"""Running dynamics along a grid, with or without a posterior's control, and its Girsanov cost."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.inference.steering import Steering
from undertow.inference.stepping import Stepper, steps_at_once
from undertow.inference.time_grid import TimeGrid


@dataclass(frozen=True)
class Path:
    """Path of the state, what drove it, and what that costs in divergence.

    Attributes:
        states: at the observations, (trials, times, state_dim); the first entry is the initial one.
        kl_path: ½∫|Δ|² ds per noisy coordinate, (trials, noise_dim): on the solver's grid exactly
            the divergence of the controlled chain from the free one, given the path (ElGazzar & van
            Gerven eq. 5).
        noise: the posterior's own standard normal draws, (trials, steps, noise_dim).
        control: Δ of each step, (trials, steps, noise_dim); None for a path of the prior.
        h: the steps in internal time, a scalar or (trials or 1, steps).
        mean, std: with `laws`, the law of the noisy coordinates at each observation after the
            first, given the state one step before, (trials, times − 1, noise_dim), the std
            broadcastable to it; where the dynamics are `correlated`, `std` is the factor of their
            covariance.
    """

    states: Tensor
    kl_path: Tensor
    noise: Tensor
    control: Tensor | None
    h: Tensor
    mean: Tensor | None = None
    std: Tensor | None = None

    @property
    def log_ratio(self) -> Tensor:
        """Log density ratio log dP/dQ of the path, prior over posterior, (trials,) (eq. 17).

        It is −½∫|Δ|² ds − ∫Δ dŴ with the posterior's own noise Ŵ.
        """
        # only importance weights need it: not computed in training
        if self.control is None:
            return self.states.new_zeros(len(self.states))
        stochastic = (_per_coordinate(self.h.sqrt()) * self.control * self.noise).sum((1, 2))
        return -self.kl_path.sum(1) - stochastic

    @property
    def step_log_ratios(self) -> Tensor:
        """`log_ratio` step by step, (trials, steps), whose sum it is."""
        if self.control is None:
            return self.states.new_zeros(self.noise.shape[:2])
        return control_log_ratio(self.control, self.noise, _per_coordinate(self.h))


def control_log_ratio(control: Tensor, noise: Tensor, h: Tensor) -> Tensor:
    """Compute −½ h |Δ|² − √h Δ·η of steps under control Δ with the posterior's noise η, (…).

    It is the log density of where a step ends under the prior, less that under the posterior.

    Args:
        control, noise: (…, noise_dim).
        h: the steps, broadcastable to these.
    """
    return -(0.5 * h * control.square() + h.sqrt() * control * noise).sum(-1)


def draw_noise(
    steps: int,
    trials: int,
    noise_dim: int,
    like: Tensor,
    generator: torch.Generator,
    at_once: int = 1,
) -> Tensor:
    """Draw standard normal noise of a path, (trials, steps, noise_dim).

    It is drawn step by step, so that a longer window begins with the same noise.

    Args:
        steps, trials, noise_dim: size of the noise.
        like: a tensor that gives type and device.
        generator: source of the numbers.
        at_once: steps drawn in one call, those of a bin.
    """
    # time first: each draw then fills one contiguous block, whatever the length of the window
    noise = like.new_empty(steps, trials, noise_dim)
    for block in noise.split(at_once):
        block.normal_(generator=generator)
    return noise.transpose(0, 1)


def solve(
    dynamics: Dynamics,
    x0: Tensor,
    noise: Tensor,
    grid: TimeGrid,
    inputs: Tensor | None = None,
    steering: Steering | None = None,
    context: Tensor | None = None,
    *,
    control: Tensor | None = None,
    inside: Tensor | None = None,
    held: Tensor | None = None,
    checkpointed: bool = False,
    laws: bool = False,
) -> Path:
    """Run from `x0` along `grid`; without `steering` and `control` this is a path of the prior.

    A step of size h under control Δ moves the noisy coordinates by std · √h · Δ beyond the prior's
    mean. Steps that are linear and of equal length are taken at once where the dynamics can
    (`Dynamics.linear_states`) and nothing must be read from the state in between.

    Args:
        x0: initial state, (trials, state_dim).
        noise: standard normal, (trials, steps, noise_dim); see `draw_noise`.
        grid: the steps to take.
        inputs: u at the start of each step, held over it, (trials, steps, inputs).
        steering: the posterior's control, read from the state.
        context: what the steering reads at the start of each step, (trials, steps, context).
        control: the posterior's control, known for all steps beforehand, (trials, steps,
            noise_dim).
        inside: steps that count, (trials, steps); others are not controlled and cost nothing. None
            for all.
        held: coordinates held at zero along the path, (state_dim,) of booleans; None for none.
        checkpointed: keep states at √steps of the steps alone and run the others again for the
            gradient: less memory, the same numbers.
        laws: also give the law of the noisy coordinates at each observation, `Path.mean` and
            `Path.std`.

    Raises:
        ModelError: for noise of another shape, steering beside a control, more steps per bin than
            discrete dynamics take, or laws at observations between steps.
    """
    _check(dynamics, noise, grid, steering is not None and control is not None, laws)
    # internal time, not seconds: a learned timescale gets its gradient through the step size
    h = (grid.steps_s if grid.step_s is None else grid.step_s) / dynamics.timescale_s
    kicks = noise
    if control is not None:
        # past a trial's end nothing is observed: a push there would only cost
        control = control if inside is None else control * inside[..., None]
        # noise and push of a step are one sum, made for all steps together
        kicks = torch.addcmul(noise, _per_coordinate(h.sqrt()), control)
    # all at once only where no step reads the state: no steering, nothing held, one step size
    stepped = None
    if h.ndim == 0 and steering is None and held is None and not checkpointed:
        stepped = steps_at_once(dynamics, x0, kicks, h, inputs, laws)
    if stepped is None:
        prepared = None if steering is None else steering.prepare(context, inputs)
        kept = None if held is None else (~held).to(x0.dtype)
        starts = grid.starts_s / dynamics.timescale_s.detach()
        stepped = Stepper(
            dynamics, steering, kicks, starts, h, inputs, prepared, inside, kept, laws
        ).run(x0, checkpointed)
    control = stepped.control if control is None else control
    states = grid.at_observations(stepped.states)
    path = Path(states, _price(control, h, noise), noise, control, h)
    if stepped.std is None:
        return path
    return _with_laws(path, dynamics, stepped.std, round(grid.steps_per_bin))


def _check(dynamics: Dynamics, noise: Tensor, grid: TimeGrid, both: bool, laws: bool) -> None:
    if both:
        raise ModelError("a path takes steering or a control known beforehand: give one of them.")
    if noise.shape[1:] != (len(grid), dynamics.noise_dim):
        raise ModelError(
            f"noise has shape {tuple(noise.shape)}: it must be (trials, {len(grid)}, "
            f"{dynamics.noise_dim})."
        )
    dynamics.check_steps_per_bin(grid.steps_per_bin)
    if laws and grid.weight is not None:
        raise ModelError(
            "laws=True needs a step that ends at every observation: use at most one bin per step."
        )


def _price(control: Tensor | None, h: Tensor, noise: Tensor) -> Tensor:
    """Compute the divergence ½ Σ h Δ² of each noisy coordinate (Girsanov)."""
    if control is None:
        return noise.new_zeros(len(noise), noise.shape[-1])
    return 0.5 * (_per_coordinate(h) * control.square()).sum(1)


def _per_coordinate(h: Tensor) -> Tensor:
    """Shape steps to multiply values of each trial, step and coordinate."""
    return h if h.ndim == 0 else h[..., None]


def _with_laws(path: Path, dynamics: Dynamics, std: Tensor, every: int) -> Path:
    """Add to `path` the law of the last of the `every` steps into each observation."""
    last = slice(every - 1, None, every)
    std = std[:, last] if std.ndim > 1 else std
    # the mean from the state itself, less its noise: the path then need not keep both
    mean = path.states[:, 1:, dynamics.noisy] - dynamics.spread(std, path.noise[:, last])
    return replace(path, mean=mean, std=std)
