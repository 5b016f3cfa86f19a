"""Whether a device computes what the CPU does: loss and gradients with the same noise on both."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from steps import Size, poisson_trials
from undertow import LFADS, NDT, LangevinFlow, LatentSDE
from undertow.data.batches import Batch
from undertow.models.trained import TrainedModel
from undertow.training.gradient import Noise

MODELS: dict[str, type[TrainedModel]] = {
    "langevin-flow": LangevinFlow,
    "latent-sde": LatentSDE,
    "lfads": LFADS,
    "ndt": NDT,
}


class NoiseOfCPU(TorchFunctionMode):
    """Draws from explicit generators are made on the CPU, and sent to where they are needed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if not isinstance(kwargs.get("generator"), torch.Generator):
            return function(*args, **kwargs)
        kwargs["generator"] = self.generator
        if args and isinstance(args[0], Tensor) and function.__name__.endswith("_"):
            drawn = torch.empty_like(args[0], device="cpu")
            function(drawn, *args[1:], **kwargs)
            return args[0].copy_(drawn)
        device = kwargs.pop("device", "cpu")
        return function(*args, **kwargs).to(device)


def built(model: TrainedModel, size: Size, seed: int, device: str) -> tuple[TrainedModel, Batch]:
    """An untrained network, and trials, on a device."""
    trials = poisson_trials(size, seed)
    model = model.copy(seed=seed, device=device)
    model._build(model.describe(trials), trials)
    return model, model.read(trials)


def loss_and_gradient(model: TrainedModel, batch: Batch, seed: int) -> tuple[Tensor, Tensor]:
    """Of the whole batch, with noise of the CPU."""
    noise = Noise(seed, 1, batch.device)
    model.network_.train()
    model.network_.zero_grad()
    with NoiseOfCPU(seed), noise.drawn_in(model.network_, 0) as generator:
        loss, _ = model.objective(batch, generator, 0.5)
    loss.backward()
    grads = [p.grad.flatten() for p in model.network_.parameters() if p.grad is not None]
    return loss.detach().cpu(), torch.cat(grads).cpu()


def correctness(name: str, size: Size, seed: int, device: str) -> dict[str, float]:
    """Largest differences from the CPU, relative."""
    found = [
        loss_and_gradient(*built(MODELS[name](), size, seed, each), seed)
        for each in ("cpu", device)
    ]
    (loss, gradient), (own_loss, own_gradient) = found
    return {
        "loss": float((own_loss - loss).abs() / loss.abs()),
        "gradient": float((own_gradient - gradient).abs().max() / gradient.abs().max()),
    }
