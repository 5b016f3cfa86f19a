"""`Workers`: where the fits of a grid run, and how many at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

from undertow import checks
from undertow.data import TrialSet
from undertow.errors import ModelError, UndertowError
from undertow.experiments.workers.processes import in_processes
from undertow.models.base import Estimator
from undertow.options import Options

MOST = 10_000
Work = Callable[..., Any]
NO_RAY = (
    "Ray is not installed, and engine 'ray' runs on it: `pip install 'undertow[tune]'` brings it, "
    "or take the processes of this machine with engine 'local'."
)


@dataclass(frozen=True)
class Workers(Options):
    """Where fits run: in processes of this machine, or as tasks of Ray.

    On a cluster every machine must see the folder of the results under the same path: each fit
    writes its own files there.

    Attributes:
        number: fits at a time, one thread each; None for one on this machine, and for as many as
            there is room for on a cluster. One on this machine runs in the process itself.
        engine: 'local' (processes of this machine), 'ray' (an extra: `pip install
            undertow[tune]`), or 'auto': 'ray' where there is an address.
        address: of a running Ray cluster to use: 'auto', 'HOST:PORT' or 'ray://HOST:PORT'; None
            starts Ray on this machine, for this grid alone, and ends it afterwards.
    """

    argument: ClassVar[str] = "workers"
    number: int | None = None
    engine: Literal["auto", "local", "ray"] = "auto"
    address: str | None = None

    def check(self) -> None:
        if self.number is not None:
            checks.whole("workers", self.number, 1, MOST)
        if self.engine == "local" and self.address is not None:
            raise ModelError("an address is of Ray: use engine 'ray', or leave the address out.")

    @classmethod
    def resolved(cls, workers: "int | Workers") -> "Workers":
        """The workers that are meant by a number of processes.

        Raises:
            ModelError: for a number that cannot be.
            UndertowError: without Ray, where it is needed.
        """
        found = workers if isinstance(workers, Workers) else cls(workers)
        if found.on_ray and find_spec("ray") is None:
            raise UndertowError(NO_RAY)
        return found

    @property
    def on_ray(self) -> bool:
        """Whether fits run on Ray."""
        return self.engine == "ray" or self.address is not None

    @property
    def here(self) -> bool:
        """Whether fits run in this process."""
        return not self.on_ray and self.number in (None, 1)

    @contextmanager
    def ready(
        self, folder: Path, trials: Sequence[TrialSet], models: Sequence[Estimator]
    ) -> Iterator[None]:
        """Connect to Ray in the block, where fits run there; several grids in it share that.

        Args:
            folder: of the results.
            trials: all that are learned from.
            models: those fitted.

        Raises:
            UndertowError: where no cluster answers, or Ray does not start.
        """
        if not self.on_ray:
            yield
            return
        from undertow.experiments.workers.ray_session import gpus_of, ray_session

        data_bytes = sum(each.spikes.nbytes for each in trials)
        gpus = max(map(gpus_of, models), default=0)
        with ray_session(self.address, self.number or 1, folder, data_bytes, gpus):
            yield

    def results(
        self, work: Work, jobs: Sequence[tuple[Any, Any]], models: Sequence[Estimator]
    ) -> Iterator[Any]:
        """The result of `work(*job)` of each job, in the order in which they end.

        Where the loop over them is left early (Ctrl-C, an error), jobs that have not begun never
        do, and those that run see a `KeyboardInterrupt`, so that a fit can save its state.

        Args:
            work: a function of a module.
            jobs: of two arguments each; the second may be large, and is sent to Ray once where
                several jobs share it.
            models: those fitted, which say what a job needs.
        """
        if self.here:
            yield from (work(*job) for job in jobs)
        elif self.on_ray:
            from undertow.experiments.workers.ray_jobs import on_ray

            yield from on_ray(work, jobs, self.number, models)
        else:
            yield from in_processes(partial(_spread, work), jobs, self.number or 1)


def _spread(work: Work, job: tuple[Any, Any]) -> Any:
    return work(*job)
