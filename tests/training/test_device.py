"""Where a network runs: by name, or wherever there is most."""

import pytest
import torch

from undertow.errors import ModelError
from undertow.names import printable
from undertow.training import choose_device


def test_auto_is_cuda_where_there_is_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["abacus", "cuda:77", "", "\x1b[2J"])
def test_what_is_not_there_is_refused_with_what_to_try(name: str) -> None:
    with pytest.raises(ModelError, match=r"cannot be used here .*'auto' or 'cpu'") as refused:
        choose_device(name)
    assert f"device '{printable(name)}'" in str(refused.value)
    assert str(refused.value).isprintable()
