"""stub"""

from typing import Any

from undertow.data.trialset import TrialSet


def as_trials(data: Any, bin_s: float | None = None) -> TrialSet:
    """stub"""
    return data if isinstance(data, TrialSet) else TrialSet(data, bin_s)  # type: ignore[arg-type]
