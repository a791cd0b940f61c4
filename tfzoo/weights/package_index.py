"""Finds a wheel or a source distribution in the package index that pip is configured for.

Nothing of a package is run: it is looked up here, downloaded, and read as an archive.
"""

import ast
import importlib.util
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit
from urllib.request import url2pathname

from packaging.utils import (
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from tfzoo.errors import HandleError
from tfzoo.weights.download import Page, fetch_page, file_name, redacted

_PYPI = "https://pypi.org/simple"
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_PURE, _PLATFORM, _SOURCE = range(3)


@dataclass(frozen=True)
class PipSettings:
    """Where pip looks for packages: URLs or local folders, and the certificates it trusts."""

    indexes: tuple[str, ...]
    find_links: tuple[str, ...]
    certificate: str | None


@dataclass(frozen=True)
class PackageFile:
    """A wheel or source distribution: its URL (http, https or file) and published SHA-256."""

    url: str
    sha256: str | None

    @property
    def name(self) -> str:
        """The file's name, which tells package, version and kind."""
        return file_name(self.url)


def pip_settings() -> PipSettings:
    """Reads pip's configuration files and `PIP_` environment variables, by asking pip.

    Raises:
        HandleError: pip cannot read its configuration.
    """
    if importlib.util.find_spec("pip") is None:
        return PipSettings((_PYPI,), (), None)
    command = [sys.executable, "-m", "pip", "config", "list"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise HandleError(
            f"pip cannot read its configuration ({' '.join(answer.stderr.split())}); mend it until "
            "`pip config list` works."
        )
    return _parse_settings(answer.stdout)


def find_package(name: str, version: Version, settings: PipSettings) -> PackageFile:
    """The file of a package's version that is best to read: a wheel, or else the source.

    Which platform a wheel is for does not matter, as nothing of it is run. Local folders are asked
    before servers, and the search ends at the first wheel for all platforms.

    Args:
        name: the package's name in any spelling.
        version: its version.
        settings: where to look.

    Raises:
        HandleError: no file was found, or a server cannot be reached.
    """
    name = canonicalize_name(name)
    best: tuple[int, PackageFile] | None = None
    unreachable = None
    for location, is_index in _locations(settings):
        try:
            files = list(_files(location, name if is_index else None, settings.certificate))
        except HandleError as error:
            unreachable = unreachable or error
            continue
        for file in files:
            rank = _rank(file.name, name, version)
            if rank is not None and (best is None or rank < best[0]):
                best = rank, file
        if best and best[0] == _PURE:
            break
    if best:
        return best[1]
    if unreachable:
        raise unreachable
    raise HandleError(
        f"{name} {version} is in none of the places where pip looks "
        f"({', '.join(redacted(location) for location, _ in _locations(settings))}); check name "
        "and version, and `pip config list`."
    )


def local_path(location: str) -> Path | None:
    """The path of a local folder or `file:` URL, or None for what a server has.

    Example:
        >>> local_path("file:///opt/simple").as_posix(), local_path("https://pypi.org/simple")
        ('/opt/simple', None)
    """
    if location.startswith("file:"):
        return Path(url2pathname(urlsplit(location).path))
    return None if "://" in location else Path(location).expanduser().absolute()


def parse_page(page: Page) -> list[PackageFile]:
    """The files that a page of a package index links to (PEP 503 HTML or PEP 691 JSON).

    Raises:
        HandleError: the page is neither.

    Example:
        >>> page = Page("https://host/simple/x/", "text/html", '<a href="../x-1.zip#sha256=ab">')
        >>> parse_page(page)
        [PackageFile(url='https://host/simple/x-1.zip', sha256='ab')]
    """
    try:
        if "json" in page.content_type:
            links = [
                (file["url"], file.get("hashes", {}).get("sha256"))
                for file in json.loads(page.text)["files"]
            ]
        else:
            parser = _LinkParser()
            parser.feed(page.text)
            links = [(href, None) for href in parser.links]
        return [_package_file(page.url, href, sha256) for href, sha256 in links]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HandleError(
            f"{redacted(page.url)} is no page of a package index; check `pip config list`."
        ) from error


class _LinkParser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.links.append(href)


def _package_file(page_url: str, href: str, sha256: str | None) -> PackageFile:
    page, link = urlsplit(page_url), urlsplit(urljoin(page_url, href))
    if "@" in page.netloc and link.netloc == page.netloc.rpartition("@")[2]:
        link = link._replace(netloc=page.netloc)  # the same server wants the same password
    sha256 = sha256 or parse_qs(link.fragment).get("sha256", [None])[0]
    return PackageFile(link._replace(fragment="").geturl(), sha256 and sha256.lower())


def _parse_settings(listing: str) -> PipSettings:
    values = {}
    for section in ("global.", "install.", ":env:."):  # the later wins, as in `pip install`
        for line in listing.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(section):
                values[key.removeprefix(section)] = ast.literal_eval(value)
    indexes = [values.get("index-url", _PYPI), *values.get("extra-index-url", "").split()]
    if values.get("no-index", "").lower() in ("1", "true", "t", "yes", "y", "on"):
        indexes = []
    return PipSettings(
        indexes=tuple(indexes),
        find_links=tuple(values.get("find-links", "").split()),
        certificate=values.get("cert"),
    )


def _locations(settings: PipSettings) -> list[tuple[str, bool]]:
    """Every place with whether it is an index, the local ones first."""
    places = itertools.chain(
        ((location, False) for location in settings.find_links),
        ((location, True) for location in settings.indexes),
    )
    return sorted(places, key=lambda place: local_path(place[0]) is None)


def _files(
    location: str, index_of: NormalizedName | None, certificate: str | None
) -> Iterator[PackageFile]:
    """What a location offers; in an index, what its page for the package `index_of` offers."""
    path = local_path(location)
    if path:
        yield from _local_files(path / index_of if index_of else path)
        return
    url = f"{location.rstrip('/')}/{index_of}/" if index_of else location
    page = fetch_page(url, accept=_ACCEPT, certificate=certificate)
    for file in parse_page(page) if page else ():
        if not file.url.startswith("file:"):  # a server has no say over our files
            yield file


def _local_files(path: Path) -> Iterator[PackageFile]:
    page = path / "index.html" if path.is_dir() else path
    if page.is_file():
        text = page.read_text(encoding="utf-8", errors="replace")
        yield from parse_page(Page(page.as_uri(), "text/html", text))
    if path.is_dir():
        for file in sorted(path.iterdir()):
            yield PackageFile(file.as_uri(), None)


def _rank(file: str, name: NormalizedName, version: Version) -> int | None:
    """How well a file serves, 0 is best; None if it is of another package or version."""
    try:
        if file.endswith(".whl"):
            found_name, found_version, _, tags = parse_wheel_filename(file)
            rank = _PURE if any(tag.platform == "any" for tag in tags) else _PLATFORM
        else:
            found_name, found_version = parse_sdist_filename(file)
            rank = _SOURCE
    except ValueError:
        return None
    return rank if (found_name, found_version) == (name, version) else None
