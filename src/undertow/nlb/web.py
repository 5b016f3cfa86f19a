"""Asking a server: answers are bounded in size and time, whatever it sends.

Every way it can fail is said in one sentence.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from undertow.errors import DataError
from undertow.names import printable

if TYPE_CHECKING:
    from http.client import HTTPMessage, HTTPResponse
    from urllib.request import Request

TIMEOUT_S, PAGE_SECONDS = 30.0, 120.0
"""Of silence, and of one whole page of JSON."""
PAGE_BYTES, CHUNK = 16 * 2**20, 1 << 16
HEADERS: Mapping[str, str] = {"User-Agent": "undertow"}
WEB = ("http", "https")


@contextmanager
def opened(url: str, headers: Mapping[str, str] = HEADERS) -> "Iterator[HTTPResponse]":
    """The answer to a GET, redirects followed to http(s) addresses only.

    Raises:
        DataError: for an address that is not http(s), an HTTP error, or no answer.
    """
    response = _ask(url, headers)
    with response:
        yield response


def _ask(url: str, headers: Mapping[str, str]) -> "HTTPResponse":
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, build_opener

    host, shown = host_of(url), printable(url, 200)
    try:
        request = Request(url, headers={**HEADERS, **headers})
        response: HTTPResponse = build_opener(_redirects()).open(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        error.close()
        hint = "check the version and the address" if error.code == 404 else "try again later"
        words = printable(str(error.reason))
        raise DataError(f"{shown} answered {error.code} ({words}): {hint}.") from None
    except (URLError, HTTPException, OSError) as error:
        reason: object = getattr(error, "reason", error)
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise DataError(
            f"{host} cannot be reached ({printable(words)}): check the network, then run the same "
            "command again."
        ) from None
    except ValueError as error:  # an address, of a redirect too, that is none
        raise DataError(
            f"{shown} leads to an address that is none ({printable(str(error))}): check it."
        ) from None
    return response


def host_of(url: str) -> str:
    """The host of an http(s) address.

    Raises:
        DataError: for any other address.
    """
    if not is_web_address(url):
        raise DataError(
            f"{printable(url)} is not an http:// or https:// address: give one that begins so."
        )
    return printable(urlsplit(url).netloc)


def is_web_address(url: str) -> bool:
    """Whether it is an http(s) address of a host that can have one."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
    except ValueError:  # such as a bracket left open, or a label of 70 letters
        return False
    return parts.scheme in WEB and bool(host)


def _redirects() -> Any:
    """A handler that follows redirects to http(s) alone, not to ftp as the library's own does."""
    from urllib.request import HTTPRedirectHandler

    class WebRedirects(HTTPRedirectHandler):
        def http_error_302(
            self, req: "Request", fp: IO[bytes], code: int, msg: str, headers: "HTTPMessage"
        ) -> Any:
            target = headers.get("location") or headers.get("uri") or ""
            try:
                if not is_web_address(urljoin(req.full_url, target)):
                    raise ValueError(f"redirected to {printable(target)}")
                return super().http_error_302(req, fp, code, msg, headers)
            except ValueError:  # of the library too; it leaves the answer open then
                fp.close()
                raise

        http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    return WebRedirects()


def read_json_page(url: str) -> dict[str, Any]:
    """The JSON object at an address.

    Raises:
        DataError: as `opened`, when the answer breaks off, is too large or too slow, or is not a
            JSON object.
    """
    answer = _whole_answer(url)
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):  # no JSON, numbers without end, endless nesting
        content = None
    if not isinstance(content, dict):
        raise DataError(
            f"{printable(url, 200)} answered with something else than a JSON object: check the "
            "address."
        )
    return content


def _whole_answer(url: str) -> bytes:
    from http.client import HTTPException

    deadline, answer = time.monotonic() + PAGE_SECONDS, bytearray()
    with opened(url) as response:
        try:
            while chunk := response.read1(CHUNK):
                answer += chunk
                if len(answer) > PAGE_BYTES or time.monotonic() > deadline:
                    raise DataError(
                        f"the answer of {printable(url, 200)} is longer than {PAGE_BYTES >> 20} MB "
                        f"or {PAGE_SECONDS:g} s: check the address."
                    )
        except (HTTPException, OSError) as error:
            raise DataError(
                f"the answer of {printable(url, 200)} broke off ({printable(str(error))}): run the "
                "same command again."
            ) from None
    return bytes(answer)
