"""Mutations of tar and zip archives: hostile members, lying headers, bombs of a moderate size."""

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.fuzz import raw
from tests.fuzz.dice import Dice

_BOMB = 2**25
Members = list[tuple[tarfile.TarInfo, bytes]]


def mutated_tar(data: bytes, dice: Dice) -> bytes:
    """A tar archive with other members, or with other bytes in their headers."""
    return dice.apply([_with_other_members, _with_other_members, _with_other_headers], data)


def mutated_tar_gz(data: bytes, dice: Dice) -> bytes:
    """A compressed tar archive, mutated inside or in its compression."""
    plain = mutated_tar(gzip.decompress(data), dice)
    return dice.apply(_COMPRESSIONS, plain)


def mutated_zip(data: bytes, dice: Dice) -> bytes:
    """A zip archive with other members, or with other fields in its directories."""
    return dice.apply([_zip_with_other_members, _zip_with_other_fields], data)


def _names(known: list[str], dice: Dice) -> str:
    """A name that must not be written to, is strange, or is taken."""
    up = "../" * dice.randint(1, 4)
    name = dice.choice(known)
    outside = [f"{up}evil", f"a/{up}../evil", f"{Path.home()}/evil", f"{up}canary.txt", "..", "/"]
    other_systems = ["C:\\evil", "C:evil", "..\\evil", "\\\\host\\evil", "a:b", "con", "evil."]
    strange = ["", ".", "./.", "~", "$HOME", "a\nb", "a\0b", "\x1b[2J", "\udcff", "source.json"]
    strange += ["é" * 140, "n" * 300, "a" * 5000, "a/" * 400 + "b", "files/x"]
    taken = [name, f"./{name}", f"{name}/", f"{name}/below", name.upper(), f"x/../{name}"]
    return dice.choice(dice.choice([outside, outside, other_systems, strange, taken]))


def _with_other_members(data: bytes, dice: Dice) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as file:
        members = [(info, file.extractfile(info).read() if info.isreg() else b"") for info in file]
    for _ in range(dice.choice([1, 1, 2, 3])):
        members = dice.apply(_MEMBERS, members) if members else []
    layout = dice.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    return _written_tar(members, layout)


def _written_tar(members: Members, layout: int) -> bytes:
    """Headers as they are, whether or not the sizes in them are those of the data."""
    parts = []
    for info, data in members:
        header = info.tobuf(layout, "utf-8", "surrogateescape")
        parts += [header, data, bytes(-len(data) % 512)]
    return b"".join([*parts, bytes(1024)])


def _member(name: str, data: bytes = b"evil", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def _with_hostile_name(members: Members, dice: Dice) -> Members:
    known = [info.name for info, _ in members]
    new = _member(_names(known, dice))
    if dice.random() < 0.3:
        new = _member(_names(known, dice), b"", type=tarfile.DIRTYPE)
    members.insert(dice.randint(0, len(members)), new)
    return members


def _with_special_file(members: Members, dice: Dice) -> Members:
    """A link, device or pipe, and sometimes a member that would be written through it."""
    known = [info.name for info, _ in members]
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
    kinds += [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, b"Z"]
    name = dice.choice(["link", dice.choice(known), "link/"])
    targets = [str(Path.home()), "..", "../../..", "vocab.txt", name, _names(known, dice)]
    link = _member(name, b"", type=dice.choice(kinds), linkname=dice.choice(targets))
    through = [_member(dice.choice(["link/evil", "link/canary.txt", "link"]))]
    return [link, *(through if dice.random() < 0.7 else []), *members]


def _of_other_size(members: Members, dice: Dice) -> Members:
    info, _ = dice.choice(members)
    info.size = abs(dice.choice([info.size + dice.randint(-600, 600), dice.nasty_integer()]))
    return members


def _with_pax_headers(members: Members, dice: Dice) -> Members:
    """Extended headers, which override the name, the size and what the data mean."""
    info, _ = dice.choice(members)
    number = str(dice.nasty_integer())
    info.pax_headers = dice.choice(
        [
            {"size": number},
            {"path": _names([info.name], dice).replace("\udcff", "x")},
            {"linkpath": "/etc/passwd"},
            {"hdrcharset": "BINARY", "path": "x"},
            {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": number},
            {"GNU.sparse.major": "0", "GNU.sparse.size": number, "GNU.sparse.map": "0,1,x"},
            {"GNU.sparse.size": number, "GNU.sparse.numblocks": number},
            {"comment": "x" * dice.choice([10, 10**6])},
            {"mtime": "nan", "uid": number},
        ]
    )
    return members


def _with_lying_header(members: Members, dice: Dice) -> Members:
    """A header for headers (a long name, an extension) of a size of its own."""
    kinds = [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE]
    kinds += [tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_SPARSE]
    records = [b"x" * 100, b"30 path=../../../evil\n", b"", b"-5 a=b\n", b"99999999 a=b\n"]
    liar = _member("liar", dice.choice(records), type=dice.choice(kinds))
    if dice.random() < 0.5:
        liar[0].size = abs(dice.nasty_integer())
    count = dice.choice([1, 1, 1, 2000])
    place = dice.randint(0, len(members))
    return [*members[:place], *[liar] * count, *members[place:]]


def _with_much(members: Members, dice: Dice) -> Members:
    """A bomb: a large member, or many small ones."""
    if dice.random() < 0.5:
        return [*members, _member("zeros", bytes(_BOMB))]
    return members + [_member(f"many/{number}", b"") for number in range(500)]


def _removed(members: Members, dice: Dice) -> Members:
    return [member for member in members if dice.random() < dice.choice([0, 0.9])]


def _twice(members: Members, dice: Dice) -> Members:
    return [*members, dice.choice(members)]


_MEMBERS: list[Callable] = [_with_hostile_name] * 3
_MEMBERS += [_with_special_file, _with_special_file, _of_other_size, _with_pax_headers]
_MEMBERS += [_with_lying_header, _with_much, _removed, _twice]


def _with_other_headers(data: bytes, dice: Dice) -> bytes:
    """Bytes of headers changed, under a checksum that says that they are right."""
    with tarfile.open(fileobj=io.BytesIO(data)) as file:
        offsets = [info.offset for info in file]
    result = bytearray(data)
    for offset in dice.sample(offsets, min(len(offsets), dice.choice([1, 1, 2]))):
        header = bytearray(raw.damaged(data[offset : offset + 512], dice)[:512].ljust(512, b"\0"))
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        result[offset : offset + 512] = header
    return bytes(result)


def _gzipped(data: bytes, dice: Dice) -> bytes:
    return gzip.compress(data, compresslevel=1, mtime=0)


def _damaged_gzip(data: bytes, dice: Dice) -> bytes:
    return raw.damaged(_gzipped(data, dice), dice)


def _in_parts(data: bytes, dice: Dice) -> bytes:
    cut = dice.randint(0, len(data))
    between = dice.choice([b"", b"\0" * 512, b"x", b"\x1f\x8b"])
    return _gzipped(data[:cut], dice) + between + _gzipped(data[cut:], dice)


def _otherwise_compressed(data: bytes, dice: Dice) -> bytes:
    twice = _gzipped(_gzipped(data, dice), dice)
    return dice.choice([data, twice, bz2.compress(data), lzma.compress(data, preset=0)])


_COMPRESSIONS = [_gzipped, _gzipped, _gzipped, _damaged_gzip, _in_parts, _otherwise_compressed]


def _zip_with_other_members(data: bytes, dice: Dice) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    known = [name for name, _ in members]
    for _ in range(dice.choice([1, 1, 2])):
        members.insert(dice.randint(0, len(members)), dice.apply(_ZIP_MEMBERS, known))
    buffer = io.BytesIO()
    kind = dice.choice([zipfile.ZIP_DEFLATED] * 4 + [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2])
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", kind) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def _zip_name(known: list[str], dice: Dice) -> tuple[str, bytes]:
    name = _names(known, dice).replace("\udcff", "\xff")
    return name or " ", b"evil"


def _zip_special_file(known: list[str], dice: Dice) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(dice.choice(["link", *known]))
    kinds = [stat.S_IFLNK, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR]
    info.external_attr = (dice.choice(kinds) | 0o777) << 16
    return info, os.fsencode(dice.choice([Path.home(), "..", "../../.."]))


def _zip_bomb(known: list[str], dice: Dice) -> tuple[str, bytes]:
    return "zeros", bytes(_BOMB)


_ZIP_MEMBERS = [_zip_name, _zip_name, _zip_name, _zip_special_file, _zip_special_file, _zip_bomb]


def _zip_with_other_fields(data: bytes, dice: Dice) -> bytes:
    """Numbers in the local headers, the directory or its end changed."""
    result = bytearray(data)
    signatures = {b"PK\1\2": 46, b"PK\3\4": 30, b"PK\5\6": 22}
    for _ in range(dice.choice([1, 1, 2, 4])):
        signature = dice.choice(list(signatures))
        places = [i for i in range(len(data)) if data.startswith(signature, i)]
        width, letter = dice.choice([(2, "<H"), (4, "<I")])
        at = dice.choice(places) + dice.randrange(4, signatures[signature] - width + 1, 2)
        value = dice.choice([dice.nasty_integer(), dice.randrange(len(data))])
        struct.pack_into(letter, result, at, value % 256**width)
    return bytes(result)
