"""A page or file of the web, with every way it can fail said in one sentence."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from undertow.errors import DataError

if TYPE_CHECKING:
    from http.client import HTTPResponse

TIMEOUT_S = 30.0
HEADERS: Mapping[str, str] = {"User-Agent": "undertow"}


@contextmanager
def opened(url: str, headers: Mapping[str, str] = HEADERS) -> "Iterator[HTTPResponse]":
    """The answer to a GET, redirects followed.

    Raises:
        DataError: for an address that is not http(s), an HTTP error, or no answer.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    if urlsplit(url).scheme not in ("http", "https"):
        raise DataError(
            f"{url} is not an http:// or https:// address: give the address of the interface."
        )
    try:
        response = urlopen(Request(url, headers={**HEADERS, **headers}), timeout=TIMEOUT_S)
    except HTTPError as error:
        error.close()
        hint = "check the version and the address" if error.code == 404 else "try again later"
        raise DataError(f"{url} answered {error.code} ({error.reason}): {hint}.") from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        reason = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise DataError(
            f"{urlsplit(url).netloc} cannot be reached ({reason}): check the network, then run the "
            "same command again."
        ) from None
    with response:
        yield response


def read_json_page(url: str) -> dict[str, Any]:
    """The JSON object at an address.

    Raises:
        DataError: as `opened`, when the answer breaks off, or is not a JSON object.
    """
    from http.client import HTTPException

    with opened(url) as response:
        try:
            content = json.loads(response.read())
        except (HTTPException, OSError) as error:
            raise DataError(
                f"the answer of {url} broke off ({error}): run the same command again."
            ) from None
        except ValueError:
            content = None
    if not isinstance(content, dict):
        raise DataError(
            f"{url} answered with something else than a JSON object: check the address."
        )
    return content
