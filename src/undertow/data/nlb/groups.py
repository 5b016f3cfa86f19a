"""Names of the benchmark's groups: a set and a bin width in one word, `mc_maze` or `mc_maze_20`."""

import re

from undertow.data.nlb.sets import NLB_SETS
from undertow.errors import DataError
from undertow.names import listed

_GROUP = re.compile(rf"({'|'.join(NLB_SETS)})(_20)?")


def parse_group(group: str) -> tuple[str, int]:
    """The set and the bin width in ms that a group's name tells: ('mc_maze', 20) of 'mc_maze_20'.

    Raises:
        DataError: when the name is none of the benchmark's.
    """
    match = _GROUP.fullmatch(group)
    if match is None:
        raise DataError(
            f"{group!r} is no group of the benchmark: name it after the set ({listed(NLB_SETS)}), "
            "with '_20' after it for bins of 20 ms."
        )
    return match[1], 20 if match[2] else 5


def is_group(name: str) -> bool:
    """Whether a name is one of the benchmark's groups."""
    return _GROUP.fullmatch(name) is not None
