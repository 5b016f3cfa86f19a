"""Choice of the device on which a network is trained and run."""

import torch

from undertow.errors import ModelError
from undertow.names import printable, shown


def choose_device(name: str) -> torch.device:
    """Return the device of this name; 'auto' is CUDA where there is one, else the CPU.

    Raises:
        ModelError: when the device is unknown or not there.
    """
    if not isinstance(name, str):
        raise ModelError(f"device is {shown(name)}: it must be a name such as 'auto' or 'cpu'.")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        # a name can be valid and its device absent: only an allocation tells
        torch.empty(0, device=device)
        if device.type == "meta" or (device.type == "cpu" and device.index):
            raise RuntimeError(
                "it holds no numbers" if device.type == "meta" else "there is one CPU"
            )
    except (RuntimeError, AssertionError) as error:
        why = printable(str(error).splitlines()[0])
        raise ModelError(
            f"device '{printable(name)}' cannot be used here ({why}): try 'auto' or 'cpu'."
        ) from None
    return device
