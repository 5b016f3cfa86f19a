"""Threads: one for small models, as many as there are for large ones, or as asked."""

import contextlib
from collections.abc import Iterator

import pytest
import torch

from tests.models.small import GAPS, UNUSED, small
from undertow.errors import ModelError
from undertow.training import threads, threads_for, use_threads
from undertow.training.threads import SMALL


@pytest.fixture(autouse=True)
def two() -> Iterator[None]:
    """Two threads in torch, and put back afterwards; nothing asked for."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    use_threads(None)
    torch.set_num_threads(before)


def test_small_models_take_one_thread_and_large_ones_all() -> None:
    assert threads_for(1000, SMALL // 1000 - 1) == 1
    assert threads_for(1000, SMALL // 1000) == 2


def test_as_many_as_asked_for_until_the_choice_is_given_back() -> None:
    use_threads(3)
    assert torch.get_num_threads() == threads_for(1, 1) == threads_for(SMALL, 1) == 3
    use_threads(None)
    assert threads_for(1, 1) == 1


@pytest.mark.parametrize("n", [0, -1, 1.5, 10**6])
def test_numbers_that_cannot_be(n: int) -> None:
    with pytest.raises(ModelError, match="threads is"):
        use_threads(n)
    assert threads_for(1, 1) == 1


def test_the_number_before_comes_back_also_after_an_error() -> None:
    with contextlib.suppress(ZeroDivisionError), threads(1):
        assert torch.get_num_threads() == 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


@pytest.mark.filterwarnings(UNUSED)
def test_a_fit_and_a_prediction_of_a_small_model_run_on_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, seen = small(), []
    read = type(model).read

    def noting(self: object, trials: object) -> object:
        seen.append(torch.get_num_threads())
        return read(self, trials)  # type: ignore[arg-type]

    objective = type(model).objective

    def noting_loss(self: object, *parts: object) -> object:
        seen.append(torch.get_num_threads())
        return objective(self, *parts)  # type: ignore[arg-type]

    monkeypatch.setattr(type(model), "objective", noting_loss)
    model.fit(GAPS, verbose=False)
    assert set(seen) == {1}
    seen.clear()
    monkeypatch.setattr(type(model), "read", noting)
    model.predict(GAPS)
    assert set(seen) == {1}
    assert torch.get_num_threads() == 2
