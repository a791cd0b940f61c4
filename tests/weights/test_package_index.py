import json
import os
from pathlib import Path

import pytest
from packaging.version import Version

from tfzoo.errors import HandleError
from tfzoo.weights import package_index
from tfzoo.weights.download import Page
from tfzoo.weights.package_index import (
    PackageFile,
    PipSettings,
    find_package,
    local_path,
    parse_page,
    pip_settings,
)

URL = "https://host/simple/tiny-model/"


@pytest.fixture
def pip(monkeypatch, tmp_path):
    """Sets pip's environment variables, and by `file` its configuration file."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)

    def configure(file: str = "", **values: str) -> PipSettings:
        (tmp_path / "pip.conf").write_text(file)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf") if file else os.devnull)
        for name, value in values.items():
            monkeypatch.setenv(f"PIP_{name}", value)
        return pip_settings()

    return configure


@pytest.fixture
def pages(monkeypatch):
    """Pages by URL in place of the network; a `HandleError` stands for a server that is down."""
    pages, asked = {}, []

    def fetch(url, *, accept, certificate):
        asked.append(url)
        page = pages.get(url)
        if isinstance(page, HandleError):
            raise page
        return Page(url, "text/html", page) if page is not None else None

    monkeypatch.setattr(package_index, "fetch_page", fetch)
    pages["asked"] = asked
    return pages


def settings(*indexes: str, find_links: tuple[str, ...] = ()) -> PipSettings:
    return PipSettings(indexes, find_links, None)


def links(*names: str) -> str:
    return "".join(f'<a href="{name}">{name}</a>\n' for name in names)


def test_pip_settings_without_any(pip):
    assert pip() == PipSettings(("https://pypi.org/simple",), (), None)


def test_pip_settings_from_the_environment(pip):
    assert pip(
        INDEX_URL="https://mirror/simple",
        EXTRA_INDEX_URL="file:///a/simple  https://b/simple",
        FIND_LINKS="/wheels\nhttps://c/page.html",
        CERT="/certs.pem",
    ) == PipSettings(
        ("https://mirror/simple", "file:///a/simple", "https://b/simple"),
        ("/wheels", "https://c/page.html"),
        "/certs.pem",
    )


def test_pip_settings_from_a_file_and_what_wins(pip):
    file = (
        "[install]\nindex-url = https://install/simple\n"
        "[global]\nindex-url = https://global/simple\ncert = /global.pem\n"
        "find-links =\n    /a\n    /b\n[download]\nextra-index-url = https://other/simple\n"
    )
    assert pip(file, CERT="/env.pem") == PipSettings(
        ("https://install/simple",), ("/a", "/b"), "/env.pem"
    )


def test_pip_settings_without_an_index(pip):
    assert pip(NO_INDEX="1", FIND_LINKS="/wheels") == PipSettings((), ("/wheels",), None)


def test_pip_settings_that_pip_cannot_read(pip):
    with pytest.raises(HandleError, match="until `pip config list` works"):
        pip("index-url = no section\n")


def test_pip_settings_without_pip(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert pip_settings() == PipSettings(("https://pypi.org/simple",), (), None)


def test_html_page():
    text = (
        '<a name="anchor">no link</a>'
        '<a href="https://files/a-1-py3-none-any.whl#sha256=ab12" data-yanked="">a</a>'
        '<a href="../../files/a-1.tar.gz#md5=00" data-yanked="">a</a>'
    )
    assert parse_page(Page(URL, "text/html; charset=utf-8", text)) == [
        PackageFile("https://files/a-1-py3-none-any.whl", "ab12"),
        PackageFile("https://host/files/a-1.tar.gz", None),
    ]


def test_json_page():
    files = [
        {"filename": "a-1.tar.gz", "url": "/files/a-1.tar.gz", "hashes": {"sha256": "ab12"}},
        {"filename": "a-1.zip", "url": "https://files/a-1.zip", "hashes": {}},
    ]
    page = Page(URL, "application/vnd.pypi.simple.v1+json", json.dumps({"files": files}))
    assert parse_page(page) == [
        PackageFile("https://host/files/a-1.tar.gz", "ab12"),
        PackageFile("https://files/a-1.zip", None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"files": [1]}',
        '{"files": [{"url": 1}]}',
        '{"files": [{"url": "a-1.zip", "hashes": {"sha256": 1}}]}',
    ],
)
def test_a_json_page_that_is_none(text):
    with pytest.raises(HandleError, match="no page of a package index"):
        parse_page(Page(URL, "application/json", text))


def test_the_password_of_an_index_goes_to_its_own_files_only():
    page = Page(
        "https://me:secret@host/simple/a/",
        "text/html",
        links("https://host/a-1.tar.gz", "../b-1.zip", "https://other/c-1.zip"),
    )
    assert [file.url for file in parse_page(page)] == [
        "https://me:secret@host/a-1.tar.gz",
        "https://me:secret@host/simple/b-1.zip",
        "https://other/c-1.zip",
    ]


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (["tiny-model-1.0.tar.gz", "tiny_model-1.0-py3-none-any.whl"], 1),
        (["tiny_model-1.0-cp311-cp311-win_amd64.whl", "tiny_model-1.0-py3-none-any.whl"], 1),
        (["tiny-model-1.0.zip", "tiny_model-1.0-cp39-cp39-macosx_11_0_arm64.whl"], 1),
        (["Tiny.Model-1.0.0.tar.gz", "tiny_model-1.1-py3-none-any.whl"], 0),
        (["tiny-model-extras-1.0.tar.gz", "tiny_model-1.0.tar.gz"], 1),
        (["tiny-model-1.0.exe", "README", "tiny_model-1.0-py2.7.egg", "tiny_model-1.0.zip"], 3),
    ],
)
def test_the_best_file_of_the_version(pages, names, best):
    pages[URL] = links(*names)
    found = find_package("Tiny_Model", Version("1"), settings("https://host/simple/"))
    assert found.name == names[best]


def test_local_indexes_and_folders(tmp_path, pages):
    page = tmp_path / "simple" / "tiny-model" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(links("../../files/tiny_model-1-py3-none-any.whl#sha256=ab"))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "tiny_model-2-py3-none-any.whl").touch()
    (tmp_path / "links.html").write_text(links("tiny_model-3.tar.gz"))
    where = settings(
        "https://host/simple",
        (tmp_path / "nowhere").as_uri(),
        (tmp_path / "simple").as_uri(),
        find_links=(str(wheels), str(tmp_path / "links.html")),
    )
    first = find_package("tiny-model", Version("1"), where)
    assert first.sha256 == "ab"
    assert local_path(first.url) == tmp_path / "files" / "tiny_model-1-py3-none-any.whl"
    second = find_package("tiny-model", Version("2"), where)
    assert local_path(second.url) == wheels / "tiny_model-2-py3-none-any.whl"
    assert pages["asked"] == []
    third = find_package("tiny-model", Version("3"), where)
    assert local_path(third.url) == tmp_path / "tiny_model-3.tar.gz"
    assert pages["asked"] == [URL]  # there might be a wheel


def test_a_server_has_no_say_over_local_files(pages):
    pages[URL] = links("file:///etc/tiny_model-1.tar.gz")
    with pytest.raises(HandleError, match="none of the places"):
        find_package("tiny-model", Version("1"), settings("https://host/simple"))


def test_one_server_that_is_down_does_not_matter_when_another_answers(pages):
    pages[URL] = HandleError("host is down")
    pages["https://other/simple/tiny-model/"] = links("tiny_model-1.tar.gz")
    where = settings("https://host/simple", "https://other/simple")
    assert find_package("tiny-model", Version("1"), where).url.startswith("https://other/")
    with pytest.raises(HandleError, match="host is down"):
        find_package("tiny-model", Version("2"), where)


def test_not_found_names_the_places_without_passwords(pages):
    where = settings("https://me:secret@host/simple", find_links=("/nowhere",))
    with pytest.raises(HandleError, match=r"\(/nowhere, https://host/simple\)") as caught:
        find_package("tiny-model", Version("1"), where)
    assert "secret" not in str(caught.value)


def test_local_path():
    assert local_path("relative/folder") == Path.cwd() / "relative" / "folder"
    assert local_path("file:///a%20b/simple") == Path("/a b/simple")
    assert local_path("http://host/simple") is None
