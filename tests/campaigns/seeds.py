"""Valid files that take long to make, made once for a campaign: NWB files, fitted models."""

import multiprocessing
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.campaigns.target import Target


@cache
def folder() -> Path:
    """Where they lie; of this process, and shared with those forked from it later."""
    return Path(tempfile.mkdtemp(prefix="campaign-seeds-"))


def make_all(targets: Mapping[str, Target]) -> None:
    """Make the seeds of all targets.

    In a process of its own: one that has used torch's gradients cannot be forked any more.
    """
    makers = {target.seeds for target in targets.values() if target.seeds is not None}
    folder()
    for maker in makers:
        process = multiprocessing.get_context("fork").Process(target=maker, args=(folder(),))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"the seeds of {maker.__module__} could not be made")
