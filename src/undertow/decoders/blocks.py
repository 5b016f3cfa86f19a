"""Linear maps side by side, each with inputs and outputs of its own."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from undertow.errors import ModelError


class BlockLinear(nn.Module):
    """Blocks y[writes_k] = W_k x[reads_k] + b[writes_k], with one matrix product per block k.

    Args:
        reads: input indices of each block; blocks may share inputs.
        writes: output indices of each block; all blocks together write every output once.

    Raises:
        ModelError: for outputs that are missing or written twice, or a block that reads or writes
            nothing.
    """

    columns: Tensor | None
    order: Tensor | None

    def __init__(self, reads: Sequence[Sequence[int]], writes: Sequence[Sequence[int]]) -> None:
        super().__init__()
        written = [int(k) for block in writes for k in block]
        if (
            not written
            or sorted(written) != list(range(len(written)))
            or not all(map(len, [*reads, *writes]))
        ):
            raise ModelError(
                "blocks must each read and write something, and write every output exactly once."
            )
        self.widths = [len(block) for block in reads]
        self.blocks = nn.ModuleList(
            nn.Linear(len(r), len(w), bias=False) for r, w in zip(reads, writes, strict=True)
        )
        self.bias = nn.Parameter(torch.zeros(len(written)))
        self.register_buffer(
            "columns", _unless_in_order([k for block in reads for k in block]), persistent=False
        )
        order = torch.tensor(written).argsort().tolist()
        self.register_buffer("order", _unless_in_order(order), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, inputs) → (…, outputs)."""
        x = x[..., : sum(self.widths)] if self.columns is None else x.index_select(-1, self.columns)
        parts = [
            block(part) for block, part in zip(self.blocks, x.split(self.widths, -1), strict=True)
        ]
        y = torch.cat(parts, -1) if len(parts) > 1 else parts[0]
        if self.order is not None:
            y = y.index_select(-1, self.order)
        return y + self.bias


def _unless_in_order(index: list[int]) -> Tensor | None:
    """Return the indices as a tensor; None for 0, 1, 2, …, where nothing needs moving."""
    return None if index == list(range(len(index))) else torch.tensor(index)
