"""Standard output and error whose failure ends nothing: results lie in files."""

import errno
import os
import sys
from typing import Any, TextIO

NOT_PRINTED = 3


class ForgivingStream:
    """A text stream that remembers its first failure and says no more after it.

    Attributes:
        error: why it failed; None where it did not.
    """

    def __init__(self, stream: TextIO | None) -> None:
        # closed by the parent: without a place of its own, a file opened later would take it
        self.stream = open(os.devnull, "w") if stream is None else stream  # noqa: SIM115
        self.error: OSError | None = None
        if reconfigure := getattr(self.stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # names of files may be no text

    def write(self, text: str) -> int:
        """Write, unless that failed before."""
        if self.error is None:
            try:
                return self.stream.write(text)
            except OSError as error:
                self._fail(error)
        return len(text)

    def flush(self) -> None:
        """Flush, unless writing failed before."""
        if self.error is None:
            try:
                self.stream.flush()
            except OSError as error:
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.error = error
        # what is still buffered must go somewhere when Python ends
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def install() -> tuple[ForgivingStream, ForgivingStream]:
    """Put forgiving streams in the place of standard output and error."""
    out, err = ForgivingStream(sys.stdout), ForgivingStream(sys.stderr)
    sys.stdout, sys.stderr = out, err
    return out, err


def ended(code: int, out: ForgivingStream) -> int:
    """The exit code of a command, after everything is printed.

    A reader that has read enough (`| head`) is no failure; a full disk is.
    """
    out.flush()
    if out.error is None or code or out.error.errno == errno.EPIPE:
        return code
    why = out.error.strerror or str(out.error)
    print(f"undertow: not all could be printed ({why}); files are written whole.", file=sys.stderr)
    return NOT_PRINTED
