"""Programs of NumPy calls compute what the functions do that they were made of."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from undertow.flat import KERNELS, Program, row

aten = torch.ops.aten
EACH: dict[str, Callable[[Tensor], Tensor]] = {
    "alpha": lambda x: torch.add(x, x.flip(0), alpha=2.5) - torch.sub(x, 1.5, alpha=2),
    "axes": lambda x: x.t().reshape(2, -1).transpose(0, 1)[1:, :1].squeeze(1),
    "broadcast": lambda x: x + x[:1] * x[:, :1] - x.mean(),
    "clamps": lambda x: x.clamp(-0.5, 0.5) + x.clamp(min=0) * x.clamp(max=0.1) + x.relu(),
    "comparisons": lambda x: torch.where((x > 0) & (x < 1), x, -x) + (x >= 0.2).to(x.dtype),
    "gelu": lambda x: F.gelu(x),
    "gelu, tanh": lambda x: F.gelu(x, approximate="tanh"),
    "in place": lambda x: (x * 2).add_(1).mul_(x),
    "layer norm": lambda x: F.layer_norm(
        x, (4,), torch.arange(4.0).to(x.dtype), torch.ones(4, dtype=x.dtype)
    ),
    "layer norm of a row": lambda x: F.layer_norm(x[:1], (4,)),
    "lerp": lambda x: torch.lerp(x, x.exp(), 0.3) + torch.lerp(x, -x, x.sigmoid()),
    "powers": lambda x: x.square() + x**3 + x.abs() ** 0.5 + (x + 3).reciprocal(),
    "sizes": lambda x: torch.cat([x, x.new_zeros(3, 2), torch.ones_like(x)], -1),
    "softmax": lambda x: x.softmax(-1) + x.softmax(0),
    "softplus": lambda x: F.softplus(40 * x),
    "splits": lambda x: torch.cat([each * k for k, each in enumerate(x.split([1, 3], -1))], -1),
    "stack": lambda x: torch.stack([x, x.sin(), x.cos()], 1).flatten(1),
    "sums": lambda x: x.sum(0) + x.sum(1).sum() + x.sum() + x.mean((0, 1)) + x.mean(-1).mean(0),
    "torch does it": lambda x: (
        x.cumsum(0) + torch.linalg.inv(x[:2, :2] + 3 * torch.eye(2, dtype=x.dtype)).sum()
    ),
}


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_program_computes_what_the_function_does(name: str, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = {"x": torch.zeros(3, 4, dtype=dtype)}
    program = Program(lambda given: {"y": EACH[name](given["x"].to(dtype))}, inputs)
    for _ in range(2):
        x = torch.randn(3, 4, generator=generator, dtype=dtype)
        program.inputs["x"][...] = x.numpy()
        program.run()
        expected = EACH[name](x)
        np.testing.assert_allclose(program.outputs["y"], expected, rtol=2e-6, atol=2e-6)
    assert bool(program.slow) == (name in ("torch does it", "gelu, tanh"))


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6))
def test_linear_maps_of_any_size(rows: int, inputs: int, outputs: int) -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(inputs, outputs), nn.Linear(inputs, 3)]
    norm = nn.LayerNorm(inputs)
    norm.weight.data.uniform_(0.5, 2.0)
    norm.bias.data.normal_()

    def network(given: dict[str, Tensor]) -> dict[str, Tensor]:
        each = [layer(norm(given["x"]).tanh()) for layer in layers]
        return {"a": each[0], "b": each[1], "c": layers[0](norm(given["x"]))}

    x = torch.randn(rows, inputs)
    program = Program(network, {"x": x})
    program.run()
    with torch.no_grad():
        expected = network({"x": x})
    for name, each in expected.items():
        np.testing.assert_allclose(program.outputs[name], each, rtol=1e-5, atol=1e-5)


def test_a_row_with_a_one_behind_it_needs_one_product() -> None:
    layer = nn.Linear(5, 2)
    plain = Program(lambda given: {"y": layer(given["x"])}, {"x": torch.zeros(1, 5)})
    longer = Program(lambda given: {"y": layer(given["x"])}, {"x": row(5)})
    assert len(longer) == len(plain) - 1
    for program in (plain, longer):
        program.inputs["x"][...] = np.arange(5.0)
        program.run()
    np.testing.assert_allclose(plain.outputs["y"], longer.outputs["y"], rtol=1e-6)


def test_maps_of_one_row_are_one_product() -> None:
    layers = [nn.Linear(5, 2) for _ in range(3)]

    def network(given: dict[str, Tensor]) -> dict[str, Tensor]:
        return {str(k): layer(given["x"]) for k, layer in enumerate(layers)}

    program = Program(network, {"x": row(5)})
    assert len(program) == 1
    program.inputs["x"][...] = np.arange(5.0)
    program.run()
    with torch.no_grad():
        expected = network({"x": torch.arange(5.0)[None]})
    for name, each in expected.items():
        np.testing.assert_allclose(program.outputs[name], each, rtol=1e-6)


def test_what_is_carried_is_there_in_the_next_run() -> None:
    inputs = {"x": torch.zeros(2), "total": torch.zeros(2), "before": torch.zeros(2)}

    def summed(given: dict[str, Tensor]) -> dict[str, Tensor]:
        total = given["total"] + given["x"]
        # an input that is carried on as it is: it must be read before it is written
        return {"now": total, "next_total": total, "next_before": given["total"]}

    carried = {"next_total": "total", "next_before": "before"}
    program = Program(summed, inputs, carried=carried)
    for x in (1.0, 2.0, 4.0):
        program.inputs["x"][...] = x
        program.run()
    assert program.outputs["now"].tolist() == [7, 7]
    assert program.inputs["before"].tolist() == [3, 3]
    assert set(program.outputs) == {"now"}


def test_two_programs_may_share_inputs_and_outputs() -> None:
    inputs = {"x": torch.zeros(2)}
    first = Program(lambda given: {"y": given["x"] + 1}, inputs)
    second = Program(lambda given: {"y": given["x"] * 3}, inputs, first.outputs)
    first.inputs["x"][...] = 2.0
    second.run()
    assert first.outputs["y"].tolist() == [6, 6]
    first.run()
    assert second.outputs["y"].tolist() == [3, 3]


def test_outputs_do_not_change_with_inputs() -> None:
    program = Program(lambda given: {"y": given["x"], "z": given["x"][:1]}, {"x": torch.ones(2)})
    program.run()
    program.inputs["x"][...] = 5.0
    assert program.outputs["y"].tolist() == [1, 1]
    assert program.outputs["z"].tolist() == [1]


def test_constants_made_in_place_are_taken_as_they_are_in_the_end() -> None:
    def network(given: dict[str, Tensor]) -> dict[str, Tensor]:
        weights = torch.zeros(3)
        weights[1:] = 2.0
        return {"y": given["x"] * weights}

    program = Program(network, {"x": torch.ones(3)})
    program.run()
    assert program.outputs["y"].tolist() == [0, 2, 2]


def test_a_function_may_differentiate_inside() -> None:
    def slope(given: dict[str, Tensor]) -> dict[str, Tensor]:
        with torch.enable_grad():
            x = given["x"].detach().requires_grad_()
            return {"y": torch.autograd.grad((x**3).sum(), x)[0]}

    program = Program(slope, {"x": torch.full((2,), 2.0)})
    program.run()
    assert program.outputs["y"].tolist() == [12, 12]


def test_a_run_allocates_no_arrays() -> None:
    import tracemalloc

    layer = nn.Sequential(nn.Linear(256, 256), nn.GELU(), nn.LayerNorm(256), nn.Linear(256, 256))
    program = Program(lambda given: {"y": layer(given["x"])}, {"x": row(256)})
    program.run()
    tracemalloc.start()
    for _ in range(100):
        program.run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 256 * 4  # not one row


def test_kernels_are_of_operations_that_exist() -> None:
    assert all(isinstance(each, torch._ops.OpOverload) for each in KERNELS)


def test_what_numpy_does_otherwise_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {aten.cos.default: KERNELS[aten.sin.default]}
    monkeypatch.setattr("undertow.flat.program.KERNELS", {**KERNELS, **wrong})
    program = Program(lambda given: {"y": given["x"].cos()}, {"x": torch.ones(2)})
    assert program.slow == ["aten.cos.default"]
    program.run()
    np.testing.assert_allclose(program.outputs["y"], torch.ones(2).cos())


def test_whole_numbers_are_divided_as_torch_does() -> None:
    program = Program(lambda given: {"y": given["x"] / 2}, {"x": torch.tensor([3, 4])})
    program.run()
    assert program.outputs["y"].tolist() == [1.5, 2.0]


def test_outputs_come_in_the_order_in_which_they_were_given() -> None:
    names = [f"y{k}" for k in range(9, 0, -1)]
    program = Program(lambda given: {n: given["x"] + 1 for n in names}, {"x": torch.ones(1)})
    assert list(program.outputs) == names
