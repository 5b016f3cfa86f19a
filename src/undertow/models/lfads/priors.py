"""Priors of LFADS: of the initial condition, and the AR(1) process of the inputs."""

import math

import torch
from torch import Tensor, nn

from undertow.inference import gaussian_kl
from undertow.models.lfads.options import GRUController


class InitialPrior(nn.Module):
    """Gaussian of independent coordinates, learned or N(0, I).

    Args:
        dim: coordinates.
        learned: whether means and variances are learned; they start at 0 and 1.
    """

    def __init__(self, dim: int, learned: bool) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(dim), requires_grad=learned)
        self.log_std = nn.Parameter(torch.zeros(dim), requires_grad=learned)

    def kl(self, mean: Tensor, std: Tensor) -> Tensor:
        """KL(N(mean, std²) ‖ prior) of each coordinate."""
        return gaussian_kl(mean, std, self.mean, self.log_std.exp())

    def draw(self, noise: Tensor) -> Tensor:
        """Sample of the prior made of standard normal noise, (trials, dim)."""
        return self.mean + self.log_std.exp() * noise


class InputPrior(nn.Module):
    """AR(1) process of each input: u_t = α u_{t−1} + s ξ_t with α = e^{−Δ/τ}, s² = σ² (1 − α²).

    It is stationary, u_1 ~ N(0, σ²) (Sussillo et al. 2016, Sec. 2.2). τ is in seconds, so that the
    bin width Δ changes nothing but the number of steps.

    Args:
        dim: inputs.
        bin_s: bin width in seconds.
        options: τ and σ, and whether they are learned.
    """

    def __init__(self, dim: int, bin_s: float, options: GRUController) -> None:
        super().__init__()
        self.bin_s, learned = bin_s, options.learn_prior
        timescale, std = math.log(options.correlation_s), math.log(options.prior_std)
        self.log_timescale_s = nn.Parameter(torch.full((dim,), timescale), requires_grad=learned)
        self.log_std = nn.Parameter(torch.full((dim,), std), requires_grad=learned)

    @property
    def timescale_s(self) -> Tensor:
        """Autocorrelation time τ of each input in seconds, (dim,)."""
        return self.log_timescale_s.exp()

    def steps(self, n_time: int) -> tuple[Tensor, Tensor]:
        """Return α, (dim,), and the deviation of each bin's innovation, (time, dim)."""
        decay = (-self.bin_s / self.timescale_s).exp()
        std = self.log_std.exp()
        # 1 − α² as expm1, which loses nothing where τ is long
        innovation = std * (-torch.expm1(-2 * self.bin_s / self.timescale_s)).sqrt()
        return decay, torch.cat([std[None], innovation.expand(n_time - 1, -1)])

    def kl(self, inputs: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """KL of each bin's conditional, (time, trials, dim).

        KL(N(μ_t, σ_t²) ‖ p(u_t | u_{t−1})) in closed form, given the sampled u_{t−1}: its
        expectation is the divergence of the whole path, with less noise than that of
        log q(u) − log p(u).

        Args:
            inputs, mean, std: sampled inputs, and the posterior's moments, (time, trials, dim).
        """
        decay, innovation_std = self.steps(len(inputs))
        before = torch.cat([torch.zeros_like(inputs[:1]), inputs[:-1]])
        return gaussian_kl(mean, std, decay * before, innovation_std[:, None])

    def draw(self, noise: Tensor) -> Tensor:
        """Path of the prior made of standard normal noise, (time, trials, dim)."""
        decay, innovation_std = self.steps(len(noise))
        path = [innovation_std[0] * noise[0]]
        for t in range(1, len(noise)):
            path.append(decay * path[-1] + innovation_std[t] * noise[t])
        return torch.stack(path)
