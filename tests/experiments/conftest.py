"""A Ray of its own for the tests of a module."""

import os
from collections.abc import Iterator

import pytest

from undertow.experiments.workers.ray_guard import MARK, mark_of, marked
from undertow.experiments.workers.ray_session import ENVIRONMENT, LOOPBACK, ray_session


@pytest.fixture(scope="module")
def own_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Ray with two processors that these tests share, and the mark of its processes.

    Nothing of it is left in the end.
    """
    folder = tmp_path_factory.mktemp("ray")
    ours = (*ENVIRONMENT, *LOOPBACK, "RAY_AUTH_TOKEN", "RAY_AUTH_MODE", MARK)
    before = {name: os.environ.get(name) for name in ours}
    with ray_session(None, 2, folder, 0, 0) as storage:
        yield mark_of(folder)
    assert not marked(mark_of(folder))
    assert not storage.parent.exists()
    assert {name: os.environ.get(name) for name in ours} == before
