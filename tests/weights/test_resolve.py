import functools
import hashlib
import http.server
import io
import multiprocessing
import os
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from tfzoo.errors import HandleError
from tfzoo.weights import download
from tfzoo.weights.cache import cache_folder
from tfzoo.weights.resolve import resolve

FILES = {"saved_model.pb": b"graph", "assets/vocab.txt": b"hello\n", "assets/merges.txt": b"he llo"}


def tar_gz(files: dict[str, bytes], link: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            file.addfile(info)
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return buffer.getvalue()


def write(path: Path, data: bytes) -> str:
    """Writes a file in a new folder, and returns its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def entries() -> list[str]:
    """What is in the cache beside locks."""
    folder = cache_folder()
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("TFZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "_BACKOFF_SECONDS", 0.01)
    monkeypatch.chdir(tmp_path)


class FileHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, whatever the query says, and remembers what it was asked for."""

    def log_request(self, *_):
        self.server.requests.append(self.path)

    def log_error(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    handler = functools.partial(FileHandler, directory=str(tmp_path / "www"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.requests = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.folder = tmp_path / "www"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


# Local files and folders


def test_local_file_and_folder(tmp_path, monkeypatch):
    digest = write(tmp_path / "model" / "config.json", b"{}")
    assert resolve(tmp_path / "model") == tmp_path / "model"
    assert resolve("model/config.json", sha256=digest) == Path("model/config.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/model") == tmp_path / "model"
    assert not cache_folder().exists()


def test_local_archive_is_unpacked_once_per_content(tmp_path, monkeypatch):
    monkeypatch.setenv("TFZOO_OFFLINE", "1")
    digest = write(tmp_path / "bert.zip", zipped({f"bert/{name}": FILES[name] for name in FILES}))
    folder = resolve(tmp_path / "bert.zip", sha256=digest)
    assert contents(folder) == FILES
    modified = folder.stat().st_mtime_ns
    (tmp_path / "bert.zip").rename(tmp_path / "copy.zip")
    write(tmp_path / "bert.zip", zipped({"other": b"other"}))
    assert contents(resolve("bert.zip")) == {"other": b"other"}
    (tmp_path / "copy.zip").replace(tmp_path / "bert.zip")
    assert resolve("bert.zip") == folder
    assert folder.stat().st_mtime_ns == modified


def test_local_checksums(tmp_path):
    write(tmp_path / "model" / "vocab.txt", b"hello")
    write(tmp_path / "model.zip", zipped(FILES))
    for handle in ("model/vocab.txt", "model.zip"):
        with pytest.raises(HandleError, match="has the SHA-256"):
            resolve(handle, sha256="ab" * 32)
    with pytest.raises(HandleError, match="is a folder"):
        resolve("model", sha256="ab" * 32)


@pytest.mark.parametrize(
    "handle",
    ["", "no/such/folder", "model.tar.gz", "~nobody/x", "a\0b", "x" * 9999, "gs://bucket/model"],
)
def test_what_is_not_there_is_named(handle):
    with pytest.raises(HandleError) as caught:
        resolve(handle)
    assert repr(handle) in str(caught.value)


@pytest.mark.parametrize(
    "handle",
    [
        "https://",
        "https://[::1",
        "hf://name",
        "hf://owner/name/../../x",
        "hf://owner/name//etc",
        "pypi://name",
        "pypi://name==",
        "pypi://name==one",
        "pypi://-==1.0",
    ],
)
def test_misspelt_handles(handle):
    with pytest.raises(HandleError, match=r"must read|no handle|no URL"):
        resolve(handle)


# URLs


def test_tf_hub_module_is_downloaded_once(server):
    digest = write(server.folder / "google" / "elmo" / "3", tar_gz(FILES))
    folder = resolve(server.url + "/google/elmo/3", sha256=digest)
    assert contents(folder) == FILES
    assert resolve(server.url + "/google/elmo/3") == folder
    assert server.requests == ["/google/elmo/3?tf-hub-format=compressed"]
    assert not list(cache_folder().glob("*/download"))


def test_tf_hub_query_is_added_to_the_query(server):
    write(server.folder / "elmo", tar_gz(FILES))
    resolve(server.url + "/elmo?a=1&b=%2F#part")
    assert server.requests == ["/elmo?a=1&b=%2F&tf-hub-format=compressed"]


def test_other_urls_are_asked_for_as_they_are(server):
    write(server.folder / "spam.csv", b"ham,hello")
    write(server.folder / "source.json", b"{}")
    write(server.folder / "bert.zip", zipped({f"bert/{name}": FILES[name] for name in FILES}))
    path = resolve(server.url + "/spam.csv?download=1")
    assert (path.name, path.read_bytes()) == ("spam.csv", b"ham,hello")
    assert resolve(server.url + "/source.json").read_bytes() == b"{}"
    assert contents(resolve(server.url + "/bert.zip")) == FILES
    assert server.requests == ["/spam.csv?download=1", "/source.json", "/bert.zip"]


@pytest.mark.parametrize(
    ("data", "sha256", "message"),
    [
        (tar_gz(FILES), "ab" * 32, "has the SHA-256"),
        (tar_gz(FILES)[:-30], None, "is damaged"),
        (b"<html>Welcome</html>", None, "is no tar or zip archive"),
        (tar_gz({"a": b"", "../../evil": b""}), None, "forbidden name"),
        (tar_gz({"/evil": b""}), None, "forbidden name"),
        (tar_gz(FILES, link="/etc/passwd"), None, "is a link"),
        (None, None, "does not exist"),
    ],
    ids=["checksum", "cut", "html", "parent", "root", "link", "absent"],
)
def test_a_failed_download_leaves_nothing(server, tmp_path, data, sha256, message):
    if data:
        write(server.folder / "model" / "1", data)
    with pytest.raises(HandleError, match=message) as caught:
        resolve(server.url + "/model/1", sha256=sha256)
    assert server.url in str(caught.value)
    assert entries() == []
    assert not list(tmp_path.rglob("evil"))

    write(server.folder / "model" / "1", tar_gz(FILES))
    assert contents(resolve(server.url + "/model/1")) == FILES


def test_a_cached_copy_with_another_checksum(server):
    write(server.folder / "spam.csv", b"ham,hello")
    resolve(server.url + "/spam.csv")
    with pytest.raises(HandleError, match="cached copy"):
        resolve(server.url + "/spam.csv", sha256="ab" * 32)


def test_offline(server, monkeypatch):
    write(server.folder / "model" / "1", tar_gz(FILES))
    folder = resolve(server.url + "/model/1")
    monkeypatch.setenv("TFZOO_OFFLINE", "1")
    assert resolve(server.url + "/model/1") == folder
    with pytest.raises(HandleError, match="TFZOO_OFFLINE forbids"):
        resolve(server.url + "/model/2")
    assert len(server.requests) == 1


def test_two_processes_download_once(server):
    write(server.folder / "model" / "1", tar_gz({"weights": os.urandom(3_000_000)}))
    fork = multiprocessing.get_context("fork")
    handle = server.url + "/model/1"
    processes = [fork.Process(target=resolve, args=(handle,), daemon=True) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(server.requests) == 1
    assert resolve(handle).is_dir()


def test_a_password_stays_out_of_the_cache(server):
    write(server.folder / "spam.csv", b"ham,hello")
    path = resolve(f"http://me:secret@{server.url[7:]}/spam.csv")
    assert "secret" not in str(path)
    assert not any(b"secret" in data for data in contents(cache_folder()).values())


# Packages

WHEEL = "tiny_model-1.0-py3-none-any.whl"
WHEEL_FILES = {
    **{f"tiny_model/model/{name}": data for name, data in FILES.items()},
    "tiny_model/__init__.py": b"raise SystemExit('the package was run')",
    "tiny_model-1.0.dist-info/METADATA": b"",
}


def index(server, sha256: str, name: str = WHEEL) -> None:
    link = f'<a href="../../files/{name}#sha256={sha256}">{name}</a>'
    write(server.folder / "simple" / "tiny-model" / "index.html", link.encode())


def test_part_of_a_wheel_from_an_index(server, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", server.url + "/simple")
    digest = write(server.folder / "files" / WHEEL, zipped(WHEEL_FILES))
    index(server, digest)
    folder = resolve("pypi://Tiny_Model==1/tiny_model/model", sha256=digest)
    assert contents(folder) == FILES
    kept = {f"files/tiny_model/model/{name}" for name in FILES}
    assert set(contents(folder.parents[2])) == {"source.json", *kept}
    assert server.requests == ["/simple/tiny-model/", f"/files/{WHEEL}"]
    assert resolve("pypi://tiny-model==1/tiny_model/model/") == folder
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("inside", "result"),
    [
        ("/tiny_model/model/assets/vocab.txt", "vocab.txt"),
        ("/tiny_model/*/assets/voc*.txt", "vocab.txt"),
        ("/tiny_model/model/assets/*.txt", "assets"),
        ("", "files"),
    ],
)
def test_wheel_in_a_folder(tmp_path, monkeypatch, inside, result):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("TFZOO_OFFLINE", "1")
    write(tmp_path / "wheels" / WHEEL, zipped(WHEEL_FILES))
    path = resolve(f"pypi://tiny-model==1.0{inside}")
    assert path.name == result
    assert path.exists()
    assert (tmp_path / "wheels" / WHEEL).exists()


def test_source_distribution_from_a_file_index(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    sdist = {f"tiny-model-1.0/{name}": data for name, data in FILES.items()}
    digest = write(tmp_path / "files" / "tiny-model-1.0.tar.gz", tar_gz(sdist))
    page = f'<a href="../../files/tiny-model-1.0.tar.gz#sha256={digest}">it</a>'
    write(tmp_path / "simple" / "tiny-model" / "index.html", page.encode())
    assert contents(resolve("pypi://tiny-model==1.0")) == FILES
    assert resolve("pypi://tiny-model==1.0/saved_model.pb").read_bytes() == b"graph"
    write(tmp_path / "files" / "tiny-model-1.0.tar.gz", tar_gz({**sdist, "evil": b"evil"}))
    with pytest.raises(HandleError, match="has the SHA-256"):
        resolve("pypi://tiny-model==1.0/evil")


@pytest.mark.parametrize(
    ("handle", "published", "wanted", "message"),
    [
        ("pypi://tiny-model==1.0", "ab" * 32, None, f"{WHEEL} has the SHA-256"),
        ("pypi://tiny-model==1.0", None, "ab" * 32, f"{WHEEL} has the SHA-256"),
        ("pypi://tiny-model==1.0/nothing", None, None, "has no 'nothing'"),
        ("pypi://tiny-model==2.0", None, None, "tiny-model 2.0 is in none of the places"),
        ("pypi://other==2.0", None, None, "other 2.0 is in none of the places"),
    ],
)
def test_a_failed_package_leaves_nothing(server, monkeypatch, handle, published, wanted, message):
    monkeypatch.setenv("PIP_INDEX_URL", server.url + "/simple")
    digest = write(server.folder / "files" / WHEEL, zipped(WHEEL_FILES))
    index(server, published or digest)
    with pytest.raises(HandleError, match=message):
        resolve(handle, sha256=wanted)
    assert entries() == []


def test_offline_package_names_the_handle(monkeypatch):
    monkeypatch.setenv("TFZOO_OFFLINE", "1")
    with pytest.raises(HandleError, match=r"^pypi://tiny-model==1\.0/x is not in the cache"):
        resolve("pypi://tiny-model==1.0/x")
