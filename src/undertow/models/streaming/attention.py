"""`Memory`: keys and values of earlier bins that attention looks back at."""

import numpy as np


class Memory:
    """The last bins that one layer of attention may look at, in a ring that is overwritten.

    Args:
        keys, values: arrays that a program reads, (trials, heads, bins, width).
        reach: zero for what may be looked at, −∞ for the rest, (trials, heads, bins).
    """

    def __init__(self, keys: np.ndarray, values: np.ndarray, reach: np.ndarray) -> None:
        self.keys, self.values, self.reach = keys, values, reach
        self.place = np.zeros(1, np.int64)
        # made beforehand: the views of each place
        self._slots = [(keys[:, :, k], values[:, :, k]) for k in range(reach.shape[-1])]
        self.reset()

    def reset(self) -> None:
        """Forget all bins."""
        self.keys[...], self.values[...], self.reach[...] = 0.0, 0.0, -np.inf
        self.place[0] = 0

    def keep(self, key: np.ndarray, value: np.ndarray, valid: bool) -> None:
        """Remember a bin in place of the oldest; one that does not exist is not looked at."""
        size = len(self._slots)
        if size:
            slot = int(self.place[0])
            of_key, of_value = self._slots[slot]
            np.copyto(of_key, key)
            np.copyto(of_value, value)
            self.reach[..., slot] = 0.0 if valid else -np.inf
            self.place[0] = (slot + 1) % size

    def state(self, name: str) -> dict[str, np.ndarray]:
        """The arrays that the next bins depend on."""
        found = {"keys": self.keys, "values": self.values, "reach": self.reach}
        return {f"{name}.{k}": v for k, v in {**found, "place": self.place}.items()}
