"""Downloads over HTTP that resume, retry, show progress and are checked."""

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from tfzoo.errors import HandleError
from tfzoo.weights import cache

_Result = TypeVar("_Result")

_ATTEMPTS = 4
_BACKOFF_SECONDS = 0.5
_TIMEOUT_SECONDS = (10, 60)
_CHUNK = 2**16
_TRUST = "set REQUESTS_CA_BUNDLE (for a package index pip's `cert`) to your certificate bundle"


class Page(NamedTuple):
    """A page of text, the URL that answered after redirects, and its content type."""

    url: str
    content_type: str
    text: str


def download(url: str, target: Path, *, certificate: str | None = None) -> None:
    """Downloads a file, with a progress bar where stderr is a terminal or a notebook.

    A transfer that is cut is retried with growing pauses, from where it stopped if the server can
    tell that the file is still the same.

    Args:
        url: an http or https URL; redirects are followed.
        target: the file to write, in a folder that is created; after an error, part of it may stay.
        certificate: path of the certificate bundle to trust instead of the usual one.

    Raises:
        HandleError: the network is forbidden, the server cannot be reached or has no such file.
    """
    from tqdm.auto import tqdm

    target.parent.mkdir(parents=True, exist_ok=True)
    with tqdm(
        desc=target.name, unit="B", unit_scale=True, unit_divisor=1024, disable=None
    ) as progress:
        transfer = _Transfer(url, target, certificate, progress)
        if _retrying(transfer.run, url) is None:
            raise HandleError(f"{redacted(url)} does not exist (HTTP 404); check its spelling.")


def fetch_page(url: str, *, accept: str, certificate: str | None = None) -> Page | None:
    """Fetches a page of text, or None where the server has no such page.

    Args:
        url: an http or https URL; redirects are followed.
        accept: the Accept header: the wanted content types.
        certificate: path of the certificate bundle to trust instead of the usual one.

    Raises:
        HandleError: the network is forbidden, or the server cannot be reached.
    """

    def run() -> Page | None:
        response = _get(url, {"Accept": accept}, certificate)
        if response is None:
            return None
        with response:
            content_type = response.headers.get("Content-Type", "")
            return Page(response.url, content_type, response.content.decode("utf-8", "replace"))

    return _retrying(run, url)


def checksum(path: Path, source: str, *expected: str | None) -> str:
    """The SHA-256 of a file, compared with those that are expected.

    Args:
        path: the file.
        source: what to call the file in messages.
        expected: hexadecimal digests that it must have; None says nothing.

    Raises:
        HandleError: the file cannot be read, or has another digest.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     checksum(Path(file.name), "an empty file")[:12]
        'e3b0c44298fc'
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise HandleError(
            f"{source} cannot be read ({error.strerror}); check the file and its permissions."
        ) from error
    for digest in expected:
        if digest and digest.lower() != found:
            raise HandleError(
                f"{source} has the SHA-256 {found} instead of {digest.lower()}, so it is "
                "damaged or not the file that was published; try again or get it elsewhere."
            )
    return found


def require_network(what: str) -> None:
    """Raises a `HandleError` when `TFZOO_OFFLINE` forbids the network."""
    if cache.offline():
        raise HandleError(
            f"{what} is not in the cache {cache.cache_folder()} and TFZOO_OFFLINE forbids the "
            "network; unset it, or copy the cache from a machine that has downloaded it."
        )


def redacted(url: str) -> str:
    """The URL without user name and password.

    Example:
        >>> redacted("https://user:secret@example.com/simple/")
        'https://example.com/simple/'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def file_name(url: str) -> str:
    """The last component of the URL's path, as a name that is harmless on any disk.

    Example:
        >>> file_name("https://example.com/data/spam%20ham.csv?download=1")
        'spam_ham.csv'
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return re.sub(r"[^A-Za-z0-9._+!-]+", "_", name).lstrip(".")[-120:] or "download"


def reason(error: Exception) -> str:
    """What an error of a download says, on one line.

    Example:
        >>> reason(ValueError("no such model\\nsee the documentation"))
        'no such model'
    """
    import requests

    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached"
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


class _Transfer:
    """One file on its way; `run` is called again after a cut."""

    def __init__(self, url: str, target: Path, certificate: str | None, progress):
        self._url = url
        self._target = target
        self._certificate = certificate
        self._progress = progress
        self._validator = None

    def run(self) -> Path | None:
        headers = {"Accept-Encoding": "identity"}
        start = self._target.stat().st_size if self._validator else 0
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": self._validator}
        response = _get(self._url, headers, self._certificate)
        if response is None:
            return None
        with response:
            if response.status_code != 206:
                start = 0
            self._validator = response.headers.get("ETag") or response.headers.get("Last-Modified")
            self._receive(response, start)
        return self._target

    def _receive(self, response, start: int) -> None:
        remaining = response.raw.length_remaining
        self._progress.reset(None if remaining is None else start + remaining)
        self._progress.update(start)
        with self._target.open("ab" if start else "wb") as file:
            # Raw: a server that calls a .tar.gz "gzip-encoded" must not have it decoded.
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                file.write(chunk)
                self._progress.update(len(chunk))
        if response.raw.length_remaining:
            raise _TransferError("the connection was cut")


class _TransferError(Exception):
    """A transfer that may succeed when it is tried again."""


def _get(url: str, headers: dict[str, str], certificate: str | None):
    """The open response, or None for 404 and 410."""
    import requests

    try:
        response = requests.get(
            url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS, verify=certificate
        )
    except requests.RequestException:
        raise
    except OSError as error:  # what requests raises for a certificate bundle that is not there
        raise HandleError(f"{redacted(url)} cannot be requested ({error}); {_TRUST}.") from error
    status = response.status_code
    if status in (200, 206):
        return response
    response.close()
    if status in (404, 410):
        return None
    if status in (408, 429) or status >= 500:
        raise _TransferError(f"the server answered HTTP {status}")
    raise HandleError(
        f"{redacted(url)} was refused by the server (HTTP {status}); check the URL, and whether it "
        "needs a login."
    )


def _retrying(action: Callable[[], _Result], url: str) -> _Result:
    import requests
    from urllib3.exceptions import HTTPError

    transient = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    )
    require_network(redacted(url))
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_BACKOFF_SECONDS * 2 ** (attempt - 1))
        try:
            return action()
        except requests.exceptions.SSLError as error:
            raise HandleError(
                f"{redacted(url)} has a certificate that is not trusted; {_TRUST}."
            ) from error
        except (*transient, HTTPError, _TransferError) as error:
            failure = error
        except requests.RequestException as error:
            raise HandleError(
                f"{redacted(url)} cannot be requested ({reason(error)}); check its spelling."
            ) from error
    raise HandleError(
        f"{redacted(url)} could not be downloaded in {_ATTEMPTS} attempts ({reason(failure)}); "
        "check the connection and try again."
    ) from failure
