"""What a piece of work uses: processor time, and the most memory held at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK, RESET_PEAK = "VmHWM:", "5"
"""The line that holds the peak of resident memory, and what sets it back to what is held now."""


@dataclass
class Usage:
    """What a piece of work used, once it has ended.

    Attributes:
        cpu_s: seconds of the processor, of all threads of this process; NaN for a fit that another
            process began.
        peak_bytes: the most resident memory of the process while it ran, Python and libraries
            included; None where the system does not say (it is asked for on Linux alone).
    """

    cpu_s: float = float("nan")
    peak_bytes: int | None = None


@contextmanager
def measured() -> Iterator[Usage]:
    """Measure what runs inside."""
    usage, started = Usage(), time.process_time()
    known = _reset_peak()
    try:
        yield usage
    finally:
        usage.cpu_s = time.process_time() - started
        usage.peak_bytes = _peak_bytes() if known else None


def _reset_peak() -> bool:
    try:
        RESET.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def _peak_bytes() -> int | None:
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith(PEAK)), None)
    return None if found is None else 1024 * int(found)
