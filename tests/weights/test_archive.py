import gzip
import io
import os
import random
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from tfzoo.errors import HandleError
from tfzoo.weights import archive

FILES = {
    "saved_model.pb": b"graph",
    "assets/vocab.txt": b"hello\nworld\n",
    "assets/merges.txt": b"he llo\n",
    "variables/variables.index": bytes(range(256)) * 40,
}


def tar_bytes(*members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as file:
        for info, data in members:
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def tar_member(name: str, data: bytes = b"data", kind: bytes = tarfile.REGTYPE, **fields):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def zip_bytes(*members: tuple[str | zipfile.ZipInfo, bytes], compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, data in members:
            file.writestr(name, data)
    return buffer.getvalue()


def zip_member(name: str, mode: int) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info, b"data"


def header(kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo("header")
    info.type = kind
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def good(kind: str, top: str = "") -> bytes:
    if kind == "zip":
        return zip_bytes(*((top + name, data) for name, data in FILES.items()))
    members = [tar_member("./" + top, kind=tarfile.DIRTYPE)]
    members += [tar_member("./" + top + name, data) for name, data in FILES.items()]
    return tar_bytes(*members, mode="w:gz" if kind == "tar.gz" else "w")


@pytest.fixture
def unpack(tmp_path):
    def run(data: bytes, inside: str = "") -> Path:
        (tmp_path / "archive").write_bytes(data)
        return archive.extract(tmp_path / "archive", tmp_path / "out", "model.tar.gz", inside)

    return run


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("top", ["", "uncased_L-12/"])
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_unpacks_and_strips_a_single_top_folder(unpack, tmp_path, kind, top):
    folder = unpack(good(kind, top))
    assert folder == tmp_path / "out"
    assert contents(folder) == FILES


@pytest.mark.parametrize(
    ("inside", "part", "written"),
    [
        ("assets", "assets", {"assets/vocab.txt", "assets/merges.txt"}),
        ("assets/vocab.txt", "assets/vocab.txt", {"assets/vocab.txt"}),
        ("*/vocab.*", "assets/vocab.txt", {"assets/vocab.txt"}),
        ("assets/*.txt", "assets", {"assets/vocab.txt", "assets/merges.txt"}),
        ("ass*", "assets", {"assets/vocab.txt", "assets/merges.txt"}),
        ("*", ".", set(FILES)),
    ],
)
@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_keeps_only_the_wanted_part(unpack, tmp_path, kind, inside, part, written):
    assert unpack(good(kind), inside) == tmp_path / "out" / part
    assert set(contents(tmp_path / "out")) == written


@pytest.mark.parametrize("inside", ["vocab.txt", "assets/nothing*", "../assets", "/assets"])
def test_a_part_that_is_not_there(unpack, tmp_path, inside):
    with pytest.raises(HandleError, match=r"at its top are assets, saved_model\.pb, variables"):
        unpack(good("zip"), inside)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["w", "w:gz"])
def test_many_and_large_files(unpack, kind):
    files = {f"{number}": bytes([number]) * 1000 * number for number in range(100)}
    folder = unpack(tar_bytes(*(tar_member(*item) for item in files.items()), mode=kind))
    assert contents(folder) == files


def test_modes_are_not_taken_over(unpack):
    folder = unpack(tar_bytes(tar_member("tool", mode=0o6777), tar_member("other")))
    assert not (folder / "tool").stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR)


def encrypted_zip() -> bytes:
    data = bytearray(zip_bytes(("name", b"data")))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


HOSTILE = {
    "tar absolute": tar_bytes(tar_member("/tmp/evil")),
    "tar parent": tar_bytes(tar_member("a/../../evil")),
    "tar parent folder": tar_bytes(tar_member("../evil", kind=tarfile.DIRTYPE), tar_member("a")),
    "tar backslash": tar_bytes(tar_member("..\\evil")),
    "tar drive": tar_bytes(tar_member("C:evil")),
    "tar control character": tar_bytes(tar_member("a\nb")),
    "tar long name": tar_bytes(tar_member("n" * 300)),
    "tar no name": tar_bytes(tar_member("./.")),
    "tar symlink": tar_bytes(tar_member("a", kind=tarfile.SYMTYPE, linkname="b")),
    "tar hard link": tar_bytes(
        tar_member("b"), tar_member("a", kind=tarfile.LNKTYPE, linkname="b")
    ),
    "tar pipe": tar_bytes(tar_member("a", kind=tarfile.FIFOTYPE)),
    "tar device": tar_bytes(tar_member("a", kind=tarfile.CHRTYPE, devmajor=1, devminor=5)),
    "tar sparse": tar_bytes(
        tar_member(
            "a",
            b"1\n0\n4\n".ljust(512, b"\0") + b"data",
            pax_headers={
                "GNU.sparse.major": "1",
                "GNU.sparse.minor": "0",
                "GNU.sparse.realsize": "9999",
            },
        )
    ),
    "tar twice": tar_bytes(tar_member("a/b"), tar_member("./a//b")),
    "tar file and folder": tar_bytes(tar_member("a"), tar_member("a/b")),
    "tar empty": tar_bytes(),
    "zip absolute": zip_bytes(("/tmp/evil", b"")),
    "zip parent": zip_bytes(("../evil", b"")),
    "zip backslash": zip_bytes(("..\\evil", b"")),
    "zip symlink": zip_bytes(zip_member("a", stat.S_IFLNK | 0o777)),
    "zip device": zip_bytes(zip_member("a", stat.S_IFCHR | 0o666)),
    "zip file and folder": zip_bytes(("a/b", b""), ("a", b"")),
    "zip encrypted": encrypted_zip(),
    "zip bzip2": zip_bytes(("a", b"data"), compression=zipfile.ZIP_BZIP2),
    "zip empty": zip_bytes(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refuses_hostile_archives_and_leaves_nothing(unpack, tmp_path, name):
    with pytest.raises(HandleError, match=r"^model.tar.gz is not unpacked because"):
        unpack(HOSTILE[name])
    assert os.listdir(tmp_path) == ["archive"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_refuses_a_zip_with_a_name_twice(unpack):
    with pytest.raises(HandleError, match="holds 'a' twice"):
        unpack(zip_bytes(("a", b"1"), ("a", b"2")))


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_MEMBERS"])
def test_refuses_expansion_past_the_limits(unpack, tmp_path, monkeypatch, kind, limit):
    total = sum(map(len, FILES.values())) if limit == "MAX_BYTES" else len(FILES)
    folders = 1 if kind != "zip" and limit == "MAX_MEMBERS" else 0
    monkeypatch.setattr(archive, limit, total + folders - 1)
    with pytest.raises(HandleError, match="expands to more than"):
        unpack(good(kind))
    assert os.listdir(tmp_path) == ["archive"]
    monkeypatch.setattr(archive, limit, total + folders)
    assert contents(unpack(good(kind))) == FILES


def test_a_huge_header_is_not_read_into_memory(unpack):
    size = 2**25
    bomb = gzip.compress(header(tarfile.XHDTYPE, size) + bytes(size + 10240), compresslevel=1)
    tracemalloc.start()
    with pytest.raises(HandleError, match="is damaged"):
        unpack(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < size / 8


def test_refuses_a_negative_size(unpack):
    with pytest.raises(HandleError, match="'header' has a forbidden name or size"):
        unpack(header(tarfile.REGTYPE, -512) * 2 + bytes(10240))


def test_refuses_a_bomb_before_expanding_it(unpack):
    info = tarfile.TarInfo("zeros")
    info.size = archive.MAX_BYTES + 1
    bomb = gzip.compress(info.tobuf() + bytes(2**20))
    with pytest.raises(HandleError, match="expands to more than"):
        unpack(bomb)


DAMAGED = {
    "text": b"<html>no archive</html>" * 99,
    "nothing": b"",
    "cut zip": good("zip")[:-200],
    "cut tar.gz": good("tar.gz")[:-40],
    "tar.gz without its checksum": good("tar.gz")[:-8],
    "tar.gz with another checksum": good("tar.gz")[:-8] + bytes(8),
    "tar cut between members": good("tar")[:1536],
    "tar cut inside a member": good("tar")[:4000],
    "tar without an end": good("tar")[: good("tar").rstrip(b"\0").rindex(b"\xff") + 1],
    "tar with a second broken header": good("tar").replace(b"./assets/vocab", b"./assets/vocAb"),
    "a header of 8 GiB": header(tarfile.GNUTYPE_LONGNAME, 2**33 - 1) + bytes(10240),
    "a header of negative size": header(tarfile.XHDTYPE, -512) + bytes(10240),
    "zip offsets before the start": good("zip")[:-6] + b"\xff\xff\0\0" + good("zip")[-2:],
    "a long chain of headers": header(tarfile.XHDTYPE, 0) * 5000,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_one_clear_error_and_leaves_nothing(unpack, tmp_path, name):
    with pytest.raises(HandleError, match=r"^model.tar.gz is (damaged|not unpacked)"):
        unpack(DAMAGED[name])
    assert os.listdir(tmp_path) == ["archive"]


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_a_flipped_bit_of_the_data_is_noticed(unpack, kind):
    data = bytearray(good(kind))
    data[len(data) // 3] ^= 4
    with pytest.raises(HandleError):
        unpack(bytes(data))


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_mutated_archives_unpack_or_are_refused(unpack, tmp_path, kind):
    source = random.Random(kind)
    original = good(kind)
    refused = 0
    for _ in range(150):
        data = bytearray(original)
        for _ in range(source.randint(1, 8)):
            byte = source.choice([0, 1, 46, 47, 255, source.randrange(256)])
            data[source.randrange(len(data))] = byte
        try:
            folder = unpack(bytes(data))
        except HandleError:
            refused += 1
        else:
            for path in sorted(folder.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            folder.rmdir()
        assert os.listdir(tmp_path) == ["archive"]
    assert refused > 20


def test_a_full_disk_passes_through(unpack, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(good("zip"))
    assert os.listdir(tmp_path) == ["archive"]
