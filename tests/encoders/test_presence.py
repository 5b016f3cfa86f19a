"""Missing counts beside their channels."""

import pytest
import torch

from undertow.encoders import Presence
from undertow.errors import ModelError


def test_a_missing_count_reads_as_the_mean_and_is_marked() -> None:
    presence = Presence(torch.tensor([0.5, 2.0]))
    counts = torch.tensor([[[3.0, 0.0], [1.0, 9.0]]])
    known = torch.tensor([[[True, True], [False, True]]])
    assert presence(counts, known).tolist() == [[[3, 0, 1, 1], [0.5, 9, 0, 1]]]
    plain = Presence(torch.tensor([0.5, 2.0]), channels=False)
    assert plain(counts, known).tolist() == [[[3, 0], [0.5, 9]]]
    assert (presence.n_outputs, plain.n_outputs) == (4, 2)
    hidden = presence(counts, known, torch.tensor([[True, False]]))
    assert hidden.tolist() == [[[3, 2, 1, 0], [0.5, 2, 0, 0]]]


def test_a_share_of_the_neurons_is_hidden_in_each_trial() -> None:
    assert Presence(torch.ones(4)).draw(3, torch.Generator()) is None
    shown = Presence(torch.ones(50), 0.25).draw(400, torch.Generator().manual_seed(0))
    assert shown is not None
    assert shown.shape == (400, 50)
    # three standard deviations of 20,000 draws
    assert float(shown.double().mean()) == pytest.approx(0.75, abs=3 * (0.1875 / 20_000) ** 0.5)
    assert shown.any(0).all()
    with pytest.raises(ModelError, match="neuron_dropout is 1"):
        Presence(torch.ones(2), 1.0)
