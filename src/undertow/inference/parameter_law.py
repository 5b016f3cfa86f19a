"""`ParameterLaw`: a Gaussian over the parameters of a module, beside which they are its mean."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from undertow.inference.gaussian import gaussian_kl

START_STD, PRIOR_STD, LEAST_LOG, MOST_LOG = 0.03, 1.0, -9.0, 2.0


class ParameterLaw(nn.Module):
    """Independent normal laws q(θ) = N(m, s²) over a module's parameters, m being these themselves.

    Their prior is N(start, 1): dynamics are written in internal time, in which parameters are of
    order 1. A step of training draws θ = m + s · noise, so that gradients reach m and s (Kingma &
    Welling 2014); the bound of all trials together holds KL(q ‖ prior) once.

    Args:
        module: whose parameters, as they are now, are start and mean.

    Attributes:
        n_trials: that the parameters are learned from: each bears its share of the divergence.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.names = [name for name, p in module.named_parameters() if p.requires_grad]
        self.log_std = nn.ParameterDict()
        for name in self.names:
            start = module.get_parameter(name).detach().clone()
            # relative to its start: a decay of weights then draws it there, and not to 1
            self.log_std[_key(name)] = nn.Parameter(torch.zeros_like(start))
            self.register_buffer(f"start_{_key(name)}", start)
        self.n_trials = 1

    def std(self, name: str) -> Tensor:
        """Deviation of a parameter, shaped like it."""
        log_std = self.log_std[_key(name)] + math.log(START_STD)
        return log_std.clamp(LEAST_LOG, MOST_LOG).exp()

    def kl(self, module: nn.Module) -> Tensor:
        """Divergence of all parameters from their prior, in nats a trial; not while drawn."""
        total = next(iter(self.log_std.values())).new_zeros(())
        for name in self.names:
            mean, start = module.get_parameter(name), self.get_buffer(f"start_{_key(name)}")
            prior_std = torch.full_like(start, PRIOR_STD)
            total = total + gaussian_kl(mean, self.std(name), start, prior_std).sum()
        return total / self.n_trials

    @contextmanager
    def drawn(self, module: nn.Module, generator: torch.Generator) -> Iterator[None]:
        """Let the module have parameters drawn from the law, while the block lasts."""
        kept: list[tuple[nn.Module, str, nn.Parameter]] = []
        try:
            for name in self.names:
                path, _, own = name.rpartition(".")
                owner = module.get_submodule(path)
                mean = owner.get_parameter(own)
                kept.append((owner, own, mean))
                noise = torch.empty_like(mean).normal_(generator=generator)
                # in its place as it is: made a parameter, it would be a leaf without a gradient
                owner._parameters[own] = mean + self.std(name) * noise  # type: ignore[assignment]
            yield
        finally:
            for owner, own, mean in kept:
                owner._parameters[own] = mean


def _key(name: str) -> str:
    return name.replace(".", "__")
