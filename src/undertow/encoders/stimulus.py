"""Encoder of the stimulus, which drives the latent dynamics from outside."""

import torch
from torch import Tensor, nn

from undertow.checks import number


class StimulusEncoder(nn.Module):
    """Encoded stimulus u = η(v): what drives the dynamics.

    It is the stimulus itself where that is no wider than the state, else a small network down to
    the state's width (ElGazzar & van Gerven, supplement 2). A missing value is replaced by the
    channel's last known one, zero before the first.

    Args:
        n_inputs: stimulus channels; 0 where there is no stimulus.
        state_dim: width of the latent state.
        time: append the time since the window's start as one more channel, as a share of
            `duration_s`, so that it runs from 0 to 1 whatever the bin width. With no stimulus it is
            u(t) = t.
        duration_s: length in seconds of the trials fitted; a longer trial goes on beyond 1.
        hidden_dim: tanh units of the network.

    Attributes:
        output_dim: width of u.

    Raises:
        ModelError: for a duration that is not above zero.
    """

    def __init__(
        self,
        n_inputs: int,
        state_dim: int,
        time: bool = False,
        duration_s: float = 1.0,
        hidden_dim: int = 64,
    ) -> None:
        super().__init__()
        number("duration_s", duration_s, 0.0, above=True, unit="seconds")
        self.time, self.duration_s = time, duration_s
        self.network: nn.Module = nn.Identity()
        if n_inputs > state_dim:
            widen, narrow = nn.Linear(n_inputs, hidden_dim), nn.Linear(hidden_dim, state_dim)
            self.network = nn.Sequential(widen, nn.Tanh(), narrow)
        self.output_dim = min(n_inputs, state_dim) + time

    def forward(self, stimulus: Tensor, time_s: Tensor) -> Tensor:
        """Encode a stimulus.

        Args:
            stimulus: (trials, time, n_inputs), NaN where missing.
            time_s: seconds from the window's start, (time,) or (trials or 1, time); NaN past a
                trial's end.

        Returns:
            u, (trials, time, output_dim).
        """
        encoded: Tensor = self.network(filled(stimulus))
        if not self.time:
            return encoded
        share = (time_s / self.duration_s).to(encoded.dtype).expand(stimulus.shape[:2])
        return torch.cat([encoded, filled(share[..., None])], -1)


def filled(stimulus: Tensor) -> Tensor:
    """Replace NaN by the channel's last known value, zero before the first.

    Shapes are (trials, time, channels).
    """
    bins = torch.arange(stimulus.shape[1], device=stimulus.device)[:, None]
    last = torch.where(stimulus.isnan(), -1, bins).cummax(1).values
    return torch.where(last < 0, 0.0, stimulus.gather(1, last.clamp(min=0)))
