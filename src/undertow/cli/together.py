"""`undertow fit` in several processes that train one model: those of `torchrun`, those of Ray."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.cli.options import Spreading
from undertow.cli.plan import Plan
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.experiments import Workers
    from undertow.models import Estimator

SHARDS = "training.shards"


@dataclass(frozen=True)
class Crew:
    """The processes of a fit.

    Attributes:
        rank: which of those that `torchrun` started this one is.
        count: how many train the model.
        workers: those of Ray, where it starts them; for folds, where these are fitted.
    """

    rank: int = 0
    count: int = 1
    workers: "Workers | None" = None

    @classmethod
    def of(cls, plan: Plan, spread: Spreading, recordings: int) -> "Crew":
        """The processes that the options and the environment say.

        Raises:
            UndertowError: for options that say nothing of one fit, or what only one process does.
        """
        from undertow.training import launched

        rank, count = launched()
        workers, several = spread.chosen(), plan.folds is not None and recordings == 1
        if not several:
            _refuse_of_several(spread)
        if count > 1 and (several or workers.on_ray):
            raise UndertowError(
                f"torchrun has started {count} processes, and they train one model: fold by fold, "
                "or on Ray, start undertow alone, with --workers or --address."
            )
        if workers.on_ray and not several:
            return cls(0, workers.number or 1, workers).checked(plan, recordings)
        return cls(rank, count).checked(plan, recordings) if not several else cls(workers=workers)

    def checked(self, plan: Plan, recordings: int) -> "Crew":
        """Refuse what several processes cannot do together.

        Raises:
            UndertowError: naming it.
        """
        asked = {"several recordings": recordings > 1, "--budget": plan.budget is not None}
        for what, given in asked.items():
            if given and (self.count > 1 or self.workers is not None):
                raise UndertowError(
                    f"{self.count} processes train one model, of one recording and without a "
                    f"budget: leave out {what}, or take one process."
                )
        return self

    @property
    def together(self) -> bool:
        """Whether several train one model."""
        return self.count > 1

    def shared(self, plan: Plan) -> Plan:
        """The plan with a shard of every minibatch for each process, where none are set."""
        if not self.together or SHARDS in plan.set:
            return plan
        return replace(plan, set={**plan.set, SHARDS: self.count})

    def check_model(self, model: "Estimator") -> None:
        """Refuse a model that processes cannot train together.

        Raises:
            UndertowError: for one that is not trained by gradients.
        """
        from undertow.models import Ensemble, TrainedModel

        member = model.piece("member") if isinstance(model, Ensemble) else model
        if self.together and not isinstance(member, TrainedModel):
            raise UndertowError(
                f"{model.cli_name} is not trained by gradients, which {self.count} processes would "
                "share: take one process."
            )

    def help(self, plan: Plan, data: Path, model: "Estimator", resume: bool) -> None:
        """Take part in the training that the first process leads, in silence."""
        from undertow.experiments.together import help_run

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            help_run(plan.read(data), model, plan.directory(), plan.split_seed, resume)


def _refuse_of_several(spread: Spreading) -> None:
    """Refuse options of several fits where there is one.

    Raises:
        UndertowError: naming them, and what else there is.
    """
    if spread.shard is not None:
        raise UndertowError(
            "--shard is of several fits, and this is one: cross-validate with --folds N, or leave "
            "it out."
        )
    if spread.workers not in (None, 1) and not spread.chosen().on_ray:
        raise UndertowError(
            "--workers is of several fits, and this is one: cross-validate with --folds N; or let "
            "processes train one model together, by --engine ray or by `torchrun --nproc-per-node "
            "N -m undertow fit …`."
        )
