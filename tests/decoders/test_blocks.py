"""Linear maps side by side, against one dense matrix with zeros between the blocks."""

import pytest
import torch
from torch import Tensor

from undertow.decoders import BlockLinear
from undertow.errors import ModelError

LAYOUTS: dict[str, tuple[list[list[int]], list[list[int]]]] = {
    "one block": ([[0, 1, 2, 3, 4, 5]], [[0, 1, 2]]),
    "in order": ([[0, 1], [2, 3, 4, 5]], [[0], [1, 2, 3]]),
    "inputs apart": ([[5, 0], [2, 4, 3]], [[0, 1], [2]]),
    "outputs mixed": ([[0, 1, 2], [3, 4, 5]], [[3, 1], [4, 0, 2]]),
    "inputs shared": ([[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], [1]], [[1], [0, 3], [2]]),
}


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_it_is_a_dense_map_with_zeros_between_blocks(
    layout: tuple[list[list[int]], list[list[int]]],
) -> None:
    reads, writes = layout
    linear, x = BlockLinear(reads, writes).double(), draw(2, 3, 6)
    with torch.no_grad():
        linear.bias += draw(len(linear.bias))
    dense = torch.zeros(len(linear.bias), 6, dtype=torch.float64)
    for block, columns, rows in zip(linear.blocks, reads, writes, strict=True):
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                dense[row, column] = block.weight[i, j]
    assert torch.allclose(linear(x), x @ dense.t() + linear.bias, atol=1e-12)
    assert torch.autograd.gradcheck(linear, x.requires_grad_())


@pytest.mark.parametrize("writes", [[[0], [0]], [[0], [2]], [[0], []], []])
def test_outputs_missing_or_twice_are_refused(writes: list[list[int]]) -> None:
    with pytest.raises(ModelError, match="write every output exactly once"):
        BlockLinear([[0], [1]], writes)
