"""`Sessions`: recordings of other neurons, days or animals, from which one model is learned."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import shown

LONGEST_NAME = 100
FORBIDDEN = frozenset('/\\:*?"<>|')
"""No part of a name: models of sessions are kept in folders of their names."""


class Sessions(Mapping[str, TrialSet]):
    """Trials by the name of their session, in order; a mapping, immutable as the trials are.

    Neurons differ from session to session, and so may the numbers of trials and bins, the regions
    recorded from and the conditions; bins are equally wide.

    Args:
        sessions: name → trials; or a list of trials, named 'session1', 'session2', ….

    Raises:
        DataError: naming the session and the rule it breaks.
    """

    def __init__(self, sessions: Mapping[str, TrialSet] | Sequence[TrialSet]) -> None:
        given: Any = sessions
        if isinstance(given, TrialSet) or not isinstance(given, Mapping | Sequence):
            raise DataError(
                f"sessions are {type(given).__name__}: give a list of TrialSets, or name → "
                "TrialSet."
            )
        if not isinstance(given, Mapping):
            given = {f"session{k + 1}": trials for k, trials in enumerate(given)}
        if not given:
            raise DataError("there are no sessions: give at least one TrialSet.")
        _check_names(list(given))
        for name, trials in given.items():
            if not isinstance(trials, TrialSet):
                raise DataError(
                    f"session {name!r} is {type(trials).__name__}: give a TrialSet, such as "
                    "undertow.data.load(path)."
                )
        self._trials = dict(given)
        self._check_alike()

    def _check_alike(self) -> None:
        (first, known), *others = self._trials.items()
        for name, trials in others:
            for what, mine, its in (
                ("bins of (s)", known.bin_s, trials.bin_s),
                ("irregular times", known.times is not None, trials.times is not None),
                ("stimulus channels", _channels(known.stimulus), _channels(trials.stimulus)),
            ):
                if mine != its:
                    raise DataError(
                        f"sessions {first!r} and {name!r} have {what}: {mine} and {its}; one model "
                        "reads them all alike: rebin the trials, or leave signals out of both."
                    )

    def __getitem__(self, name: str) -> TrialSet:
        return self._trials[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._trials)

    def __len__(self) -> int:
        return len(self._trials)

    @property
    def bin_s(self) -> float:
        """Bin width in seconds."""
        return next(iter(self._trials.values())).bin_s

    @property
    def n_trials(self) -> int:
        """Trials of all sessions together."""
        return sum(trials.n_trials for trials in self._trials.values())

    def __repr__(self) -> str:
        each = (f"{name}: {trials!r}" for name, trials in self._trials.items())
        return f"Sessions({', '.join(each)})"


def _check_names(names: list[Any]) -> None:
    """Refuse names that folders cannot have, or that folders of some systems cannot tell apart."""
    for name in names:
        if (
            not isinstance(name, str)
            or not name.strip(". ")
            or len(name) > LONGEST_NAME
            or not name.isprintable()
            or FORBIDDEN & set(name)
        ):
            raise DataError(
                f"a session is named {shown(name)}: give a name that a folder can have, of at most "
                f"{LONGEST_NAME} characters."
            )
    if len({name.casefold() for name in names}) < len(names):
        raise DataError(f"sessions are named {', '.join(names)}: each needs a name of its own.")


def _channels(signal: Any) -> int:
    return 0 if signal is None else signal.shape[2]
