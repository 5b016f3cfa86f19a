"""RNN, GRU and LSTM against torch's own networks run over the same inputs, and their size in the
paper."""

import pytest
import torch
from torch import Tensor, nn

from tests.dynamics.fixtures import rolled
from undertow.dynamics import GRU, LSTM, RNN
from undertow.dynamics.recurrent import RecurrentDynamics
from undertow.errors import ModelError

HIDDEN, INPUTS, TRIALS, BINS = 5, 2, 3, 7
SAME = [(RNN, nn.RNN), (GRU, nn.GRU), (LSTM, nn.LSTM)]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def width(cls: type[RecurrentDynamics]) -> int:
    return HIDDEN * (2 if cls is LSTM else 1)


@pytest.mark.parametrize(("cls", "reference"), SAME)
def test_a_path_is_what_the_whole_network_gives(
    cls: type[RecurrentDynamics], reference: type[nn.RNNBase]
) -> None:
    dynamics, network = (
        cls(width(cls), INPUTS).double(),
        reference(INPUTS, HIDDEN, batch_first=True).double(),
    )
    weights = {name.removesuffix("_l0"): value for name, value in network.state_dict().items()}
    dynamics.cell.load_state_dict(weights)
    x0, inputs = normal(TRIALS, width(cls)), normal(TRIALS, BINS, INPUTS, seed=1)
    path = rolled(dynamics, x0, torch.zeros(TRIALS, BINS, 1, 0).double(), 0.01, None, inputs).states
    start = tuple(part[None].contiguous() for part in x0.chunk(2, -1)) if cls is LSTM else x0[None]
    hidden, last = network(inputs, start)
    assert torch.allclose(path[:, 1:, :HIDDEN], hidden, atol=1e-12)
    if cls is LSTM:
        assert torch.allclose(path[:, -1, HIDDEN:], last[1][0], atol=1e-12)


@pytest.mark.parametrize("cls", [cls for cls, _ in SAME])
def test_without_inputs_the_biases_alone_drive_it(cls: type[RecurrentDynamics]) -> None:
    """The same weights with one input that is always zero."""
    free, fed = cls(width(cls)).double(), cls(width(cls), 1).double()
    weights = {name: value for name, value in free.cell.state_dict().items() if name != "weight_ih"}
    fed.cell.load_state_dict(weights, strict=False)
    x, h = normal(TRIALS, width(cls)), torch.tensor(1.0)
    zero = torch.zeros(TRIALS, 1).double()
    assert torch.allclose(free.step(0.0, x, h)[0], fed.step(0.0, x, h, zero)[0], atol=1e-14)


@pytest.mark.parametrize(
    ("cls", "state_dim", "printed"), [(RNN, 64, 8320), (GRU, 64, 24960), (LSTM, 128, 33280)]
)
def test_sizes_are_those_of_table_1(
    cls: type[RecurrentDynamics], state_dim: int, printed: int
) -> None:
    """64 hidden units and 64 inputs; ElGazzar & van Gerven, Table 1."""
    learned = [p for p in cls(state_dim, 64).parameters() if p.requires_grad]
    assert sum(p.numel() for p in learned) == printed


@pytest.mark.parametrize("cls", [cls for cls, _ in SAME])
def test_there_is_no_noise_and_nothing_to_refuse(cls: type[RecurrentDynamics]) -> None:
    dynamics = cls(width(cls))
    assert dynamics.noise_dim == 0
    assert dynamics.step(0.0, torch.zeros(3, width(cls)), torch.tensor(1.0))[1].shape == (0,)
    dynamics.check_stable(0.01)
    with pytest.raises(ModelError, match=r"noise has shape .*must be \(trials, 4, 0\)"):
        rolled(dynamics, torch.zeros(3, width(cls)), torch.zeros(3, 4, 1, 2), 0.01)


@pytest.mark.parametrize("cls", [cls for cls, _ in SAME])
def test_no_state_grows_by_more_than_one_a_bin(cls: type[RecurrentDynamics]) -> None:
    dynamics = cls(width(cls)).double()
    with torch.no_grad():
        for parameter in dynamics.cell.parameters():
            parameter.mul_(20)
        path = rolled(dynamics, 50 * normal(3, width(cls)), torch.zeros(3, 30, 1, 0).double(), 0.01)
    sizes = path.states.abs()
    assert (sizes[:, 1:] <= sizes[:, :-1] + 1 + 1e-12).all()


def test_decoders_see_the_hidden_units_of_an_lstm() -> None:
    x = normal(TRIALS, BINS, 2 * HIDDEN)
    assert list(LSTM(2 * HIDDEN).readout(x)) == ["h"]
    assert torch.equal(LSTM(2 * HIDDEN).readout(x)["h"], x[..., :HIDDEN])
    assert LSTM(2 * HIDDEN).units(x).shape == (TRIALS, BINS, HIDDEN, 1)
    assert torch.equal(GRU(HIDDEN).readout(x[..., :HIDDEN])["x"], x[..., :HIDDEN])


def test_an_lstm_of_odd_width_is_refused() -> None:
    with pytest.raises(
        ModelError,
        match="state_dim is 5: hidden units and memory cells together are an even number",
    ):
        LSTM(5)


@pytest.mark.parametrize("cls", [cls for cls, _ in SAME])
def test_fresh_networks_remember_how_they_began(cls: type[RecurrentDynamics]) -> None:
    """Two starts are apart after ten bins by a quarter of what they were, and more."""
    torch.manual_seed(0)
    dynamics = cls(2 * 32 if cls is LSTM else 32).double()
    x0 = 0.5 * normal(40, dynamics.state_dim)
    with torch.no_grad():
        states = rolled(dynamics, x0, torch.zeros(40, 10, 1, 0).double(), 0.01).states
    spread = states.std(0).mean(-1)
    assert spread[-1] > 0.25 * spread[0]
