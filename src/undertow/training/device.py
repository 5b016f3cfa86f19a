"""Choice of the device on which a network is trained and run."""

import torch

from undertow.errors import ModelError


def choose_device(name: str) -> torch.device:
    """Return the device of this name; 'auto' is CUDA where there is one, else the CPU.

    Raises:
        ModelError: when the device is unknown or not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        # a name can be valid and its device absent: only an allocation tells
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"device {name!r} cannot be used here ({str(error).splitlines()[0]}): "
            "try 'auto' or 'cpu'."
        ) from None
    return device
