"""Ideas for LangevinFlow that were tried and not kept, as models of their own: `ideas.py` runs
them."""

import dataclasses

import torch
from torch import Tensor

from undertow import LangevinFlow
from undertow.data.batches import Batch
from undertow.models.base import Estimator


class WholeNeuronsHidden(LangevinFlow):
    """In half of the training trials whole neurons are hidden, as held-out ones are, in place of
    single counts (masks of neurons)."""

    cli_name = "neurons-hidden"

    def objective(
        self, batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        hidden = torch.rand(len(batch), 1, batch.inputs.shape[2], generator=generator) < 0.3
        some = torch.rand(len(batch), 1, 1, generator=generator) < 0.5
        shown = torch.where(hidden & some, 0.0, batch.inputs / torch.where(some, 0.7, 1.0))
        return super().objective(_with_inputs(batch, shown), generator, progress)


class ShiftedTrials(LangevinFlow):
    """In training all trials of a minibatch are shifted by up to two bins either way."""

    cli_name = "shifted"

    def objective(
        self, batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        by = int(torch.randint(-2, 3, (1,), generator=generator))
        if by:
            targets = torch.full_like(batch.targets, torch.nan)
            observed = batch.observed.clone()
            if by > 0:
                targets[:, by:], observed[:, :by] = batch.targets[:, :-by], False
            else:
                targets[:, :by], observed[:, by:] = batch.targets[:, -by:], False
            batch = dataclasses.replace(batch, targets=targets, observed=observed)
        return super().objective(batch, generator, progress)


def _with_inputs(batch: Batch, inputs: Tensor) -> Batch:
    return dataclasses.replace(batch, given=inputs)


TRIED: dict[str, Estimator] = {
    "neurons-hidden": WholeNeuronsHidden(),
    "shifted": ShiftedTrials(),
}
