import hashlib
import http.server
import os
import threading
import time
from collections.abc import Callable

import pytest

from tfzoo.errors import HandleError
from tfzoo.weights import download as module
from tfzoo.weights.download import checksum, download, fetch_page

BODY = os.urandom(300_000)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what the test registered for the path, and remembers every request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append(self)
        count = sum(request.path == self.path for request in self.server.requests)
        self.server.answers[self.path](self, count)

    def answer(self, status: int, body: bytes = b"", length: int | None = None, **headers: str):
        self.send_response(status)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.answers = [], {}
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_BACKOFF_SECONDS", 0.01)
    monkeypatch.setenv("TFZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def resumable(cut: int, **headers: str) -> Callable:
    """Cuts the first answer after `cut` bytes, and then resumes when asked to."""

    def answer(request: Handler, count: int):
        if count == 1:
            return request.answer(200, BODY[:cut], length=len(BODY), **headers)
        wanted = request.headers.get("Range")
        if wanted and request.headers.get("If-Range") in headers.values():
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            span = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"
            return request.answer(206, BODY[start:], Content_Range=span, **headers)
        return request.answer(200, BODY, **headers)

    return answer


def test_follows_redirects_to_a_file_in_a_new_folder(server, tmp_path):
    server.answers["/old"] = lambda request, _: request.answer(302, Location="/new")
    server.answers["/new"] = lambda request, _: request.answer(200, BODY)
    download(server.url + "/old", tmp_path / "folder" / "file")
    assert (tmp_path / "folder" / "file").read_bytes() == BODY


def test_a_slow_body(server, tmp_path):
    def answer(request, _):
        request.answer(200, BODY[:1000], length=len(BODY))
        for start in range(1000, len(BODY), 100_000):
            time.sleep(0.05)
            request.wfile.write(BODY[start : start + 100_000])

    server.answers["/file"] = answer
    download(server.url + "/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert len(server.requests) == 1


@pytest.mark.parametrize("validator", [{"ETag": '"v1"'}, {"Last_Modified": "Mon, 1 Jan 2024"}])
def test_a_cut_body_is_resumed(server, tmp_path, validator):
    server.answers["/file"] = resumable(100_000, **validator)
    download(server.url + "/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert [request.headers["Range"] for request in server.requests] == [None, "bytes=100000-"]


def test_a_cut_body_that_may_have_changed_is_fetched_again(server, tmp_path):
    server.answers["/file"] = resumable(100_000)
    download(server.url + "/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert [request.headers["Range"] for request in server.requests] == [None, None]


def test_a_file_that_changed_between_the_attempts_is_not_mixed(server, tmp_path):
    def answer(request, count):
        if count == 1:
            return request.answer(200, b"old" * 1000, length=9000, ETag='"v1"')
        return request.answer(200, BODY, ETag='"v2"')

    server.answers["/file"] = answer
    download(server.url + "/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_body_that_is_always_cut_is_an_error(server, tmp_path):
    server.answers["/file"] = lambda request, _: request.answer(200, BODY[:10], length=99)
    with pytest.raises(HandleError, match="could not be downloaded in 4 attempts"):
        download(server.url + "/file", tmp_path / "file")
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, tmp_path, status):
    server.answers["/file"] = lambda request, count: request.answer(
        200 if count == 3 else status, BODY
    )
    download(server.url + "/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


@pytest.mark.parametrize(
    ("status", "message"), [(404, "does not exist"), (410, "does not exist"), (403, "HTTP 403")]
)
def test_a_refusal_is_not_asked_again(server, tmp_path, status, message):
    server.answers["/file"] = lambda request, _: request.answer(status, b"sorry")
    with pytest.raises(HandleError, match=message):
        download(server.url + "/file", tmp_path / "file")
    assert len(server.requests) == 1
    assert not (tmp_path / "file").exists()


def test_a_body_is_stored_as_sent(server, tmp_path):
    server.answers["/file.tgz"] = lambda request, _: request.answer(
        200, BODY, Content_Encoding="x-gzip"
    )
    download(server.url + "/file.tgz", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://user:secret@127.0.0.1:1/file", "server cannot be reached"),
        ("http://127.0.0.1:x/file", "check its spelling"),
        ("ftp://127.0.0.1/file", "check its spelling"),
    ],
)
def test_what_cannot_be_reached_is_one_line_without_the_password(tmp_path, url, message):
    with pytest.raises(HandleError, match=message) as caught:
        download(url, tmp_path / "file")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_certificate_bundle(server, tmp_path):
    with pytest.raises(HandleError, match="REQUESTS_CA_BUNDLE"):
        download(
            f"https{server.url[4:]}/file", tmp_path / "file", certificate=str(tmp_path / "none")
        )


def test_offline_asks_no_server(server, tmp_path, monkeypatch):
    monkeypatch.setenv("TFZOO_OFFLINE", "1")
    with pytest.raises(HandleError, match="TFZOO_OFFLINE forbids"):
        download(server.url + "/file", tmp_path / "file")
    with pytest.raises(HandleError, match="TFZOO_OFFLINE forbids"):
        fetch_page(server.url + "/page", accept="text/html")
    assert not server.requests


def test_no_progress_where_nobody_watches(server, tmp_path, capfd):
    server.answers["/file"] = lambda request, _: request.answer(200, BODY)
    download(server.url + "/file", tmp_path / "file")
    assert capfd.readouterr() == ("", "")


def test_fetch_page(server):
    server.answers["/old/"] = lambda request, _: request.answer(301, Location="/new/")
    server.answers["/new/"] = lambda request, count: request.answer(
        503 if count == 1 else 200,
        "größe".encode(),
        length=99 if count == 2 else None,
        Content_Type="text/html",
    )
    server.answers["/none/"] = lambda request, _: request.answer(404)
    page = fetch_page(server.url + "/old/", accept="text/html")
    assert page == (server.url + "/new/", "text/html", "größe")
    assert server.requests[0].headers["Accept"] == "text/html"
    assert fetch_page(server.url + "/none/", accept="text/html") is None


def test_checksum(tmp_path):
    (tmp_path / "file").write_bytes(BODY)
    digest = hashlib.sha256(BODY).hexdigest()
    assert checksum(tmp_path / "file", "file", None, digest.upper()) == digest
    with pytest.raises(HandleError, match=r"^model has the SHA-256"):
        checksum(tmp_path / "file", "model", digest, "ab" * 32)
    with pytest.raises(HandleError, match="cannot be read"):
        checksum(tmp_path / "none", "model")
