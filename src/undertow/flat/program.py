"""`Program`: a function of tensors as a list of NumPy calls on buffers that exist beforehand."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from undertow.flat.elementwise import Call
from undertow.flat.kernels import ELEMENTWISE, FILLED, KERNELS, VIEWS
from undertow.flat.linear_maps import (
    fold_norms,
    is_map,
    row,
    shared_maps,
    side_by_side,
    with_one,
)

Tensors = Mapping[str, Tensor]
STRETCHED = 2**14
"""Numbers up to which a constant is repeated for all rows: NumPy is slow at that."""
aten = torch.ops.aten


class Program:
    """A function of tensors, run without autograd and without allocating.

    The function is traced once. What depends on weights alone is computed then; views become views
    of buffers; linear maps of the same row become one product. What remains is a list of NumPy
    calls, each of which writes into a buffer of its own. Tensors it closes over are taken as they
    are when it is traced.

    An operation without a NumPy kernel (`KERNELS`) is left to torch, which allocates: `slow` names
    these.

    Args:
        function: name → tensor to name → tensor. It may branch on shapes, never on values.
        inputs: name → contiguous tensor on the CPU. Each run reads their memory, which is to be
            written into through `inputs`; programs given the same tensors share it.
        outputs: name → array that is written into; of a program whose outputs this one shares.
        carried: output → input that it is copied to at the end of a run, in place of an output.

    Attributes:
        inputs: name → array, to be written into before each `run`.
        outputs: name → array, overwritten by each `run`.
        slow: names of operations that run in torch.
    """

    def __init__(
        self,
        function: Callable[[Tensors], Tensors],
        inputs: Tensors,
        outputs: Mapping[str, np.ndarray] | None = None,
        carried: Mapping[str, str] | None = None,
    ) -> None:
        self.inputs = {name: tensor.numpy() for name, tensor in inputs.items()}
        self.outputs: dict[str, np.ndarray] = dict(outputs or {})
        self.slow: list[str] = []
        self._calls: list[Call] = []
        self._buffers: set[int] = set()
        results: list[str] = []

        def flat(*given: Tensor) -> list[Tensor]:
            found = function(dict(zip(inputs, given, strict=True)))
            results[:] = list(found)
            return list(found.values())

        with torch.no_grad():
            graph = _traced(flat, list(inputs.values()))
            self._compile(graph, list(inputs.values()), results, carried or {})

    def run(self) -> None:
        """Compute the outputs from what the inputs hold."""
        for kernel, operands in self._calls:
            kernel(*operands)

    def __len__(self) -> int:
        """Number of calls of a run."""
        return len(self._calls)

    # --- compiling ---------------------------------------------------------------------------

    def _compile(
        self,
        graph: fx.Graph,
        inputs: Sequence[Tensor],
        outputs: Sequence[str],
        carried: Mapping[str, str],
    ) -> None:
        varying = _varying(graph)
        values = _constants(graph, varying)
        placeholders = graph.find_nodes(op="placeholder")
        values |= zip(placeholders, inputs, strict=True)
        graph.eliminate_dead_code()
        fold_norms(graph, values, varying)
        shared = shared_maps(graph, varying)
        for node in graph.nodes:
            if node.op == "call_function" and node in varying and node not in values:
                if node in shared:
                    self._add_maps(shared[node], values)
                else:
                    self._add(node, values, varying)
        results: Any = next(iter(reversed(graph.nodes))).args[0]
        found = {name: values[node] for name, node in zip(outputs, results, strict=True)}
        for name, value in found.items():
            if name not in carried:
                self._give(name, value)
        self._carry([(self.inputs[carried[name]], found[name]) for name in carried])

    def _give(self, name: str, value: Tensor) -> None:
        """Make a value an output, by a copy unless it lies where nothing else is written."""
        array = value.numpy()
        owned = value.untyped_storage().data_ptr() in self._buffers
        free = owned and not any(np.shares_memory(array, each) for each in self.outputs.values())
        if name not in self.outputs and free:
            self.outputs[name] = array
            return
        held = self.outputs.setdefault(name, np.empty_like(array))
        self._calls.append((np.copyto, (held, array)))

    def _carry(self, pairs: Sequence[tuple[np.ndarray, Tensor]]) -> None:
        """End by copying values to inputs; first aside where a value lies in an input itself."""
        copies: list[Call] = []
        for target, value in pairs:
            source = value.numpy()
            if any(np.shares_memory(source, each) for each in self.inputs.values()):
                aside = np.empty_like(source)
                self._calls.append((np.copyto, (aside, source)))
                source = aside
            copies.append((np.copyto, (target, source)))
        self._calls += copies

    def _add(self, node: fx.Node, values: dict[fx.Node, Any], varying: set[fx.Node]) -> None:
        """Add what computes a node, and set the node to the buffer it computes into."""
        given: Any = fx.node.map_arg((node.args, node.kwargs), lambda each: values[each])
        args, kwargs = given
        target: Any = node.target
        result = target(*args, **kwargs)
        views = target is operator.getitem or (target in VIEWS and _is_view(result, args))
        if views or target in FILLED or result is None:  # what gives nothing is a check
            values[node] = result
            return
        if target in ELEMENTWISE:
            args = tuple(
                _stretched(each, result) if isinstance(at, fx.Node) and at not in varying else each
                for at, each in zip(node.args, args, strict=True)
            )
        several = not isinstance(result, Tensor)
        outs = tuple(self._buffer(each) for each in (result if several else [result]))
        values[node] = outs if several else outs[0]
        if is_map(node, varying):
            bias, x, weight = args
            self._add_map(outs[0], bias, x, weight)
            return
        build = KERNELS.get(target)
        # of several results only the first is ever read
        calls = None if build is None else build(outs[0].numpy(), _arrays(args), _arrays(kwargs))
        first = result[0] if several else result
        if calls is None or not _agree(calls, outs[0], first):
            self.slow.append(str(target))
            calls = [(_in_torch, (target, args, kwargs, outs))]
        self._call(calls)

    def _add_maps(self, maps: list[fx.Node], values: dict[fx.Node, Any]) -> None:
        """Add one product for linear maps of the same row: their outputs stand side by side."""
        bias, weight = side_by_side(maps, values)
        together = bias.new_empty(1, len(bias))
        self._buffers.add(together.untyped_storage().data_ptr())
        widths = [values[node.args[2]].shape[1] for node in maps]  # type: ignore[index]
        values |= zip(maps, together.split(widths, 1), strict=True)
        self._add_map(together, bias, values[maps[0].args[1]], weight)  # type: ignore[index]

    def _add_map(self, out: Tensor, bias: Tensor, x: Tensor, weight: Tensor) -> None:
        """Add x W + b; as one product where a one stands behind the row x."""
        longer = with_one(x)
        if longer is not None and float(longer[-1]) == 1 and bias.numel() == out.numel():
            whole = torch.cat([weight, bias.reshape(1, -1)]).contiguous()
            self._call([(np.dot, (longer.numpy(), whole.numpy(), out.view(-1).numpy()))])
            return
        build = KERNELS[aten.addmm.default]
        given = (_stretched(bias, out).numpy(), x.numpy(), weight.contiguous().numpy())
        self._call(build(out.numpy(), given, {}) or [])

    def _call(self, calls: Sequence[Call]) -> None:
        """Add calls, and make them: what is compiled next finds numbers, as the function would."""
        self._calls += calls
        for kernel, operands in calls:
            kernel(*operands)

    def _buffer(self, like: Tensor) -> Tensor:
        """Make a buffer of a tensor's shape; behind a single row stands a one."""
        if like.ndim == 2 and like.shape[0] == 1 and like.is_floating_point():
            found = row(like.numel(), like.dtype)
        else:
            found = torch.empty_like(like, memory_format=torch.contiguous_format)
        self._buffers.add(found.untyped_storage().data_ptr())
        return found


def _stretched(constant: Any, result: Tensor) -> Any:
    """A constant tensor of few numbers repeated to the shape of a result."""
    if not isinstance(constant, Tensor) or not constant.ndim or result.numel() > STRETCHED:
        return constant
    return constant.expand_as(result).contiguous()


def _traced(function: Callable[..., list[Tensor]], inputs: Sequence[Tensor]) -> fx.Graph:
    """The operations of a function, none of which changes in place what depends on its inputs."""
    graph = make_fx(function)(*inputs).graph
    if any(_in_place(node) for node in _varying(graph)):
        # not at first: it refuses functions that differentiate inside
        functional = torch.func.functionalize(function, remove="mutations")
        graph = make_fx(functional)(*inputs).graph
    return graph


def _varying(graph: fx.Graph) -> set[fx.Node]:
    """Nodes that depend on the inputs."""
    found: set[fx.Node] = set()
    for node in graph.nodes:
        computed = node.op == "call_function" and found.intersection(node.all_input_nodes)
        if node.op == "placeholder" or computed:
            found.add(node)
    return found


def _in_place(node: fx.Node) -> bool:
    name = getattr(node.target, "__name__", "").split(".")[0]
    return node.op == "call_function" and name.endswith("_") and not name.endswith("__")


def _constants(graph: fx.Graph, varying: set[fx.Node]) -> dict[fx.Node, Any]:
    """Values of what no input changes."""
    values: dict[fx.Node, Any] = {}
    for node in graph.nodes:
        if node.op == "get_attr":
            constant = operator.attrgetter(str(node.target))(graph.owning_module)
            values[node] = constant.detach().cpu()
        elif node.op == "call_function" and node not in varying:
            values[node] = _call(node, values)
    # last: a copy would not change with what it is a view of
    return {k: v.contiguous() if isinstance(v, Tensor) else v for k, v in values.items()}


def _call(node: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
    """What a node gives, computed by torch."""
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda each: values[each])
    target: Any = node.target
    return target(*args, **kwargs)


def _is_view(result: Any, args: Sequence[Any]) -> bool:
    """Whether results lie in the memory of the first argument."""
    if isinstance(result, Tensor):
        result = [result]
    memory = args[0].untyped_storage().data_ptr()
    return all(each.untyped_storage().data_ptr() == memory for each in result)


def _arrays(values: Any) -> Any:
    """Tensors within arguments as arrays that share their memory."""
    if isinstance(values, Tensor):
        return values.numpy()
    if isinstance(values, Mapping):
        return {name: _arrays(each) for name, each in values.items()}
    if isinstance(values, tuple | list):
        return type(values)(_arrays(each) for each in values)
    return values


def _agree(calls: Sequence[Call], out: Tensor, expected: Tensor) -> bool:
    """Whether calls write what torch has computed; a type that NumPy will not write is a no."""
    try:
        for kernel, operands in calls:
            kernel(*operands)
    except TypeError:
        return False
    return torch.allclose(out, expected, rtol=1e-3, atol=1e-5, equal_nan=True)


def _in_torch(target: Any, args: Any, kwargs: Any, outs: Sequence[Tensor]) -> None:
    """Run an operation in torch, and copy what it gives into buffers."""
    with torch.no_grad():
        result = target(*args, **kwargs)
        several = [result] if isinstance(result, Tensor) else result
        for out, each in zip(outs, several, strict=False):
            out.copy_(each)
