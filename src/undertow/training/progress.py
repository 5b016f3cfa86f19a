"""`Progress`: one line per validation with the score and the time left."""

import sys
import time
from typing import TextIO


class Progress:
    """Reporter of training progress: in place on a terminal, as plain lines elsewhere.

    Args:
        stream: where to print; standard error by default.
        every_s: least seconds between two plain lines.
    """

    def __init__(self, stream: TextIO | None = None, every_s: float = 5.0) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.live = self.stream.isatty()
        self.every_s, self.printed_at = every_s, 0.0

    def __call__(self, row: dict[str, float], progress: float, seconds_left: float) -> None:
        now, done = time.monotonic(), progress >= 1
        if not (self.live or done or now - self.printed_at > self.every_s):
            return
        self.printed_at = now
        validation = "again, on all training trials"
        if "validation_score" in row:
            validation = f"validation {row['validation_score']:.4f} (best {row['best_score']:.4f})"
        line = (
            f"epoch {int(row['epoch']):5d}  {100 * min(progress, 1):3.0f} %  loss "
            f"{row['loss']:.4g}  {validation}  {clock(seconds_left)} left"
        )
        self.stream.write(f"\r{line}\x1b[K" + ("\n" if done else "") if self.live else line + "\n")
        self.stream.flush()


def clock(seconds: float) -> str:
    """Format seconds as m:ss or h:mm:ss."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
