"""`PathLaw`: the posterior over the path of each trial: law of its start, and control on a grid."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from undertow.dynamics import Dynamics
from undertow.inference.controlled_chain import ControlledChain
from undertow.inference.initial_state import InitialLaw
from undertow.inference.solving import Path, draw_noise, solve
from undertow.inference.steering import Steering
from undertow.inference.time_grid import TimeGrid


@dataclass(frozen=True)
class PathLaw:
    """Law of the path of each trial, from which any number of paths can be drawn.

    Attributes:
        initial: law of the initial state.
        grid: the steps.
        inputs: u at the start of each step, (trials, steps, inputs); None where nothing drives.
        steering: the control; None for none.
        context: what the steering reads at each step, (trials, steps, context); None for none.
        inside: steps that count, (trials, steps); None for all.
    """

    initial: InitialLaw
    grid: TimeGrid
    inputs: Tensor | None = None
    steering: Steering | None = None
    context: Tensor | None = None
    inside: Tensor | None = None

    def __len__(self) -> int:
        """Number of trials."""
        return len(self.initial.mean)

    def repeated(self, times: int) -> "PathLaw":
        """Return the law with every trial as many times in a row."""
        return replace(
            self,
            initial=self.initial.repeated(times),
            grid=self.grid.repeated(times),
            inputs=_repeated(self.inputs, times),
            context=_repeated(self.context, times),
            inside=_repeated(self.inside, times),
        )

    def draw(
        self,
        dynamics: Dynamics,
        generator: torch.Generator,
        held: Tensor | None = None,
        checkpointed: bool = False,
    ) -> tuple[Path, Tensor]:
        """Draw one path of each trial; return also log p(x) − log q(x) of it, (trials,).

        See `solve` for the arguments.
        """
        law = self.initial
        # the initial state is drawn first: a longer window then begins with the same noise
        noise = torch.empty_like(law.mean).normal_(generator=generator)
        path = solve(
            dynamics,
            law.at(noise),
            draw_noise(len(self.grid), len(self), dynamics.noise_dim, law.mean, generator),
            self.grid,
            self.inputs,
            self.steering,
            self.context,
            inside=self.inside,
            held=held,
            checkpointed=checkpointed,
        )
        # initial state and noise are independent, so that their log ratios add up
        return path, law.log_ratio(noise) + path.log_ratio

    def chain(self, dynamics: Dynamics) -> ControlledChain:
        """Return the same steps, to be taken one at a time by many particles."""
        return ControlledChain(
            dynamics, self.grid, self.inputs, self.steering, self.context, self.inside
        )


def _repeated(values: Tensor | None, times: int) -> Tensor | None:
    return None if values is None else values.repeat_interleave(times, 0)
