"""`Search`: how settings are searched, and where the trainings run."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from undertow import checks
from undertow.errors import ModelError
from undertow.options import Options

SearchKind = Literal["random", "asha", "pbt"]
SLICES: dict[str, int] = {"random": 1, "asha": 27, "pbt": 20}
"""Parts of equal length that a training is cut into, after each of which trials are compared."""
MOST_SAMPLES, MOST_SLICES, MOST_WORKERS = 10_000, 10_000, 10_000
LEAST_POPULATION = 4
"""Of 'pbt': the best quarter is copied by the worst, and both must be different."""


@dataclass(frozen=True)
class Search(Options):
    """Options of a search over settings.

    Attributes:
        kind: 'random': independent samples, each trained to its end; 'asha': asynchronous
            successive halving (Li et al. 2020): after 1, 3, 9, … slices only the better third of
            the samples goes on; 'pbt': population-based training (Jaderberg et al. 2017): after
            each slice the worst quarter of the samples copies weights of the best and goes on under
            settings near theirs.
        samples: settings that are tried, at most 10,000; the first are the model's as it is. None
            are tried twice: there are fewer where there is not more to choose from.
        seed: of the settings drawn: the same seed gives the same settings, whatever the engine.
        engine: 'ray' (Ray Tune, an extra: `pip install undertow[tune]`), 'local' (processes of this
            machine; of 'random' alone), 'batched' (all samples of 'random' at once, as one model
            in this process, see `undertow.models.fit_many`), or 'auto': 'ray' for 'asha', 'pbt' or
            an address.
        workers: trainings at a time, one thread each; 1 by default, on a cluster as many as it has
            processors for.
        address: of a running Ray cluster to use: 'auto', 'HOST:PORT' or 'ray://HOST:PORT'; None
            starts Ray on this machine, for this search alone, and ends it afterwards.
        slices: parts of a training after which trials are compared; 27 for 'asha', 20 for 'pbt' by
            default.
    """

    argument: ClassVar[str] = "search"
    kind: SearchKind = "random"
    samples: int = 20
    seed: int = 0
    engine: Literal["auto", "local", "ray", "batched"] = "auto"
    workers: int | None = None
    address: str | None = None
    slices: int | None = None

    def check(self) -> None:
        checks.whole(self.of("samples"), self.samples, 1, MOST_SAMPLES)
        checks.seed(self.of("seed"), self.seed)
        for name, most in (("workers", MOST_WORKERS), ("slices", MOST_SLICES)):
            if getattr(self, name) is not None:
                checks.whole(self.of(name), getattr(self, name), 1, most)
        if self.kind == "random" and self.slices not in (None, 1):
            raise ModelError("search.slices is of asha and pbt: random trains each sample whole.")
        if self.kind == "pbt" and self.samples < LEAST_POPULATION:
            raise ModelError(
                f"search.samples is {self.samples}: a population of pbt has at least "
                f"{LEAST_POPULATION}."
            )
        if self.engine == "batched" and self.workers not in (None, 1):
            raise ModelError(
                f"search.workers is {self.workers}: engine 'batched' trains all samples at once in "
                "one process; leave it None."
            )
        if self.engine in ("local", "batched") and (
            self.kind != "random" or self.address is not None
        ):
            asked = "an address is" if self.kind == "random" else f"{self.kind} is"
            raise ModelError(f"{asked} of Ray: use engine 'ray', or search at random here.")

    @property
    def on_ray(self) -> bool:
        """Whether trials run on Ray."""
        if self.engine == "auto":
            return self.kind != "random" or self.address is not None
        return self.engine == "ray"

    @property
    def parts(self) -> int:
        """Slices of a training."""
        return SLICES[self.kind] if self.slices is None else self.slices
