"""Linear maps x W + b with constant weights, and what can be computed together with them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx

aten = torch.ops.aten


def is_map(node: fx.Node, varying: set[fx.Node]) -> bool:
    """Whether a node is a linear map of constant weight and bias, without factors."""
    if node.op != "call_function" or node.target is not aten.addmm.default or node.kwargs:
        return False
    bias, _, weight = node.args
    return bias not in varying and weight not in varying


def shared_maps(graph: fx.Graph, varying: set[fx.Node]) -> dict[fx.Node, list[fx.Node]]:
    """Find linear maps of the same single row, which one product can compute.

    Args:
        graph: traced function.
        varying: nodes that its inputs change; all others are constant.

    Returns:
        the first map of each row → all maps of it, in order. The row is there before the first, so
        that all can be computed with it.
    """
    groups: dict[fx.Node, list[fx.Node]] = {}
    for node in graph.nodes:
        if is_map(node, varying) and _shape(node)[0] == 1:
            groups.setdefault(node.args[1], []).append(node)
    return {maps[0]: maps for maps in groups.values() if len(maps) > 1}


def fold_norms(graph: fx.Graph, values: dict[fx.Node, Any], varying: set[fx.Node]) -> None:
    """Let linear maps take over the weight and bias of layer norms that they alone read.

    Args:
        graph, varying: as in `shared_maps`; the norms in it lose their weight and bias.
        values: of constant nodes; those of the maps' weights and biases change.
    """
    for norm in graph.find_nodes(op="call_function", target=aten.native_layer_norm.default):
        results = list(norm.users)
        _, shape, weight, bias, _ = norm.args
        # the first of three results is the only one that is ever read
        if len(results) != 1 or weight is None or bias is None or len(shape) != 1:
            continue
        maps = list(results[0].users)
        if not all(is_map(each, varying) and _owns(each) for each in maps):
            continue
        scale, shift = values[weight], values[bias]
        for each in maps:
            offset, _, matrix = each.args
            values[offset] = values[offset] + shift @ values[matrix]
            values[matrix] = (scale[:, None] * values[matrix]).contiguous()
        norm.args = (*norm.args[:2], None, None, norm.args[4])


def side_by_side(maps: list[fx.Node], values: Mapping[fx.Node, Any]) -> tuple[Tensor, Tensor]:
    """Bias and weight of one map that has the outputs of several, side by side."""
    bias = torch.cat([values[node.args[0]].flatten() for node in maps])  # type: ignore[index]
    return bias, torch.cat([values[node.args[2]] for node in maps], 1)  # type: ignore[index]


def row(size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Make a row of zeros, (1, size), with a one behind it in memory.

    A linear map of it needs no more than one product: the bias is a further row of the weights.
    """
    longer = torch.zeros(size + 1, dtype=dtype)
    longer[-1] = 1.0
    return longer[:-1].view(1, size)


def with_one(x: Tensor) -> Tensor | None:
    """A contiguous row and the number behind it; None where nothing lies there."""
    size = x.numel() + 1
    room = x.untyped_storage().nbytes() // x.element_size()
    if x.shape[0] != 1 or not x.is_contiguous() or x.storage_offset() or room != size:
        return None
    return x.as_strided((size,), (1,))


def _owns(node: fx.Node) -> bool:
    """Whether a map's weight and bias belong to no other node, and it does not map itself."""
    bias, x, weight = node.args
    return all(isinstance(e, fx.Node) and len(e.users) == 1 for e in (bias, weight)) and (
        x is not weight
    )


def _shape(node: fx.Node) -> torch.Size:
    found: torch.Size = node.args[1].meta["val"].shape  # type: ignore[union-attr]
    return found
