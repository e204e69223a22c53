"""Packed bytes from strangers: what would grow without end, or is not what it promises, is refused (S4.5)."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.errors import FormatError
from domain.format.media.source import BytesSource
from domain.format.packing.packing import UNPACKED_BYTES_MAX
from domain.format.packing.unpacking import RATIO_FREE_BYTES, RATIO_MAX, Budget, gunzip
from domain.nle import archive
from tests.domain.nle.making import examined, premiere, resolve, resolve_members, zipped

BOMB_BYTES = RATIO_FREE_BYTES + 4 * 1024 * 1024


def gunzipped(content: bytes) -> bytes:
    return b"".join(gunzip(BytesSource(content), Budget()))


def unzipped(content: bytes) -> dict[str, bytes]:
    source, budget = BytesSource(content), Budget()
    members = archive.members_of(source)
    return {name: b"".join(archive.unpacked(source, member, budget)) for name, member in members.items()}


def named_gzip(content: bytes) -> bytes:
    target = io.BytesIO()
    with gzip.GzipFile(filename="Film.prproj", mode="wb", fileobj=target, mtime=1) as file:
        file.write(content)
    return target.getvalue()


@given(st.binary(max_size=5000), st.integers(0, 9))
def test_what_gzip_packed_comes_out_again(content: bytes, level: int) -> None:
    assert gunzipped(gzip.compress(content, level)) == content
    assert gunzipped(named_gzip(content)) == content


def test_pieces_that_end_with_the_input_are_whole() -> None:
    content = bytes(3 * 256 * 1024)
    assert gunzipped(gzip.compress(content)) == content
    assert unzipped(zipped({"a": content.decode()})) == {"a": content}


@pytest.mark.parametrize(
    "content",
    [
        b"\x1f\x8b\x08",
        b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 9000,
        b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\xff",
        b"\x1f\x8b\x08\x80" + gzip.compress(b"a")[4:],
        gzip.compress(b"a")[:-1],
        gzip.compress(b"a") + b"\0",
        gzip.compress(b"a") + gzip.compress(b"b"),
        gzip.compress(b"a")[:-8] + bytes(8),
        gzip.compress(b"a")[:10] + b"\xff" * 40,
    ],
)
def test_damaged_gzip_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        gunzipped(content)


def test_a_gzip_bomb_is_given_up_soon() -> None:
    budget = Budget()
    with pytest.raises(FormatError, match=f"over {RATIO_MAX} times"):
        list(gunzip(BytesSource(gzip.compress(bytes(BOMB_BYTES))), budget))
    assert budget.unpacked_bytes <= RATIO_FREE_BYTES + 256 * 1024


def test_no_file_unpacks_to_more_than_the_limit() -> None:
    budget = Budget(packed_bytes=UNPACKED_BYTES_MAX)
    budget.spend(UNPACKED_BYTES_MAX)
    with pytest.raises(FormatError, match="it unpacks to over"):
        budget.spend(1)


def test_a_bomb_in_a_project_leaves_it_opaque_and_named() -> None:
    project = examined(premiere(more=f"<Keyframes>{'0' * BOMB_BYTES}</Keyframes>"))
    assert (project.nle, project.version, project.is_opaque) == ("premiere", "24.0", True)
    assert project.trouble == f"it unpacks to over {RATIO_MAX} times its size"


def test_members_of_an_archive_share_one_budget() -> None:
    part = f"<a>{'0' * (RATIO_FREE_BYTES // 2)}</a>"
    parts = {f"SeqContainer/{number}.xml": part for number in range(3)}
    assert (
        examined(zipped(resolve_members() | parts)).trouble
        == f"it unpacks to over {RATIO_MAX} times its size"
    )


@given(st.dictionaries(st.text("ab/.", min_size=1, max_size=8), st.text(max_size=300), max_size=4))
def test_what_zip_packed_comes_out_again(members: dict[str, str]) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert unzipped(zipped(members, method)) == {name: text.encode() for name, text in members.items()}


def end_of(content: bytes, **fields: int) -> bytes:
    """The archive with some fields of its last record replaced."""
    names = ("disk", "first_disk", "here", "count", "size", "offset", "comment")
    place = content.rfind(b"PK\5\6")
    values = dict(zip(names, struct.unpack_from("<4H2LH", content, place + 4), strict=True))
    return content[: place + 4] + struct.pack("<4H2LH", *(values | fields).values())


def entry_of(content: bytes, offset: int, value: int, size_bytes: int) -> bytes:
    """The archive with a field of its first directory entry replaced."""
    place = content.find(b"PK\1\2") + offset
    return content[:place] + value.to_bytes(size_bytes, "little") + content[place + size_bytes :]


@pytest.mark.parametrize(
    "content",
    [
        b"PK\3\4",
        end_of(resolve(), disk=1),
        end_of(resolve(), here=60_000, count=60_000),
        end_of(resolve(), size=0xFFFFFFFF),
        end_of(resolve(), offset=0xFFFFFFFF),
        end_of(resolve(), here=9, count=9),
        entry_of(resolve(), 8, 1, 2),
        entry_of(resolve(), 10, 12, 2),
        entry_of(resolve(), 16, 1, 4),
        entry_of(resolve(), 20, 1, 4),
        entry_of(resolve(), 20, 0xFFFFFFF0, 4),
        entry_of(resolve(), 24, 1, 4),
        entry_of(resolve(), 28, 0, 2),
        entry_of(resolve(), 42, 1, 4),
    ],
)
def test_a_damaged_archive_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        unzipped(content)


def test_members_that_share_bytes_are_refused() -> None:
    content = zipped({"a": "x" * 90, "b": "y" * 90}, zipfile.ZIP_STORED)
    second = content.find(b"PK\1\2", content.find(b"PK\1\2") + 4)
    shared = content[: second + 42] + bytes(4) + content[second + 46 :]
    with pytest.raises(FormatError, match="overlap"):
        archive.members_of(BytesSource(shared))


def test_a_name_given_twice_is_refused() -> None:
    twice = zipped({"a": "1", "b": "2"}).replace(b"b", b"a")
    with pytest.raises(FormatError, match="twice"):
        archive.members_of(BytesSource(twice))
