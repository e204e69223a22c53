"""A gzip'd project is unpacked only where packing gives the same bytes again."""

from __future__ import annotations

import gzip
import io
import zlib
from itertools import pairwise

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.source import BytesSource
from domain.format.packing.finding import is_worth_unpacking, packing_of
from domain.format.packing.packing import Packing
from domain.format.packing.repacking import packed
from domain.format.packing.unpacking import Budget, gunzip
from tests.domain.nle.making import premiere_xml

MANNERS = [(level, 8, zlib.Z_DEFAULT_STRATEGY) for level in range(1, 10)] + [
    (6, 9, zlib.Z_DEFAULT_STRATEGY),
    (9, 9, zlib.Z_DEFAULT_STRATEGY),
    (6, 1, zlib.Z_DEFAULT_STRATEGY),
    (9, 7, zlib.Z_DEFAULT_STRATEGY),
    (6, 8, zlib.Z_FILTERED),
    (1, 8, zlib.Z_FIXED),
    (6, 8, zlib.Z_HUFFMAN_ONLY),
    (6, 8, zlib.Z_RLE),
]
XML = premiere_xml(paths=[f"/Volumes/Film/{number * 7919 % 10007:05}.mov" for number in range(2500)])
CONTENTS = st.binary(max_size=3000) | st.integers(0, len(XML)).map(lambda size: XML[:size])


def packed_by(content: bytes, manner: tuple[int, int, int], *, at_once: int = 1 << 30) -> bytes:
    """As a program would that hands zlib so many bytes at once."""
    level, mem_level, strategy = manner
    engine = zlib.compressobj(level, zlib.DEFLATED, 31, mem_level, strategy)
    pieces = (content[start : start + at_once] for start in range(0, len(content), at_once))
    return b"".join([*map(engine.compress, pieces), engine.flush()])


def packing(content: bytes) -> Packing:
    found = packing_of(BytesSource(content))
    assert found is not None
    return found


def packed_again(file: bytes) -> bytes:
    return b"".join(packed(lambda: gunzip(BytesSource(file), Budget()), packing(file)))


FILE = gzip.compress(XML, 6, mtime=0)
PACKING = packing(FILE)


@pytest.mark.parametrize("manner", MANNERS)
def test_any_manner_of_packing_is_found(manner: tuple[int, int, int]) -> None:
    file = packed_by(XML, manner)
    assert packed_again(file) == file


@given(CONTENTS, st.sampled_from(MANNERS), st.integers(1, 100_000))
def test_packing_again_gives_the_same_bytes(
    content: bytes, manner: tuple[int, int, int], at_once: int
) -> None:
    file = packed_by(content, manner, at_once=max(at_once, len(content) // 50))
    assert packed_again(file) == file


@given(st.lists(st.integers(0, len(XML)), max_size=20).map(sorted))
def test_it_does_not_matter_how_the_unpacked_bytes_are_cut(cuts: list[int]) -> None:
    pieces = [XML[start:stop] for start, stop in pairwise([0, *cuts, len(XML)])]
    assert b"".join(packed(lambda: pieces, PACKING)) == FILE


def test_the_header_is_kept_as_it_stood() -> None:
    target = io.BytesIO()
    with gzip.GzipFile(filename="Film 1.prproj", mode="wb", fileobj=target, mtime=1_700_000_000) as file:
        file.write(XML)
    assert packed_again(target.getvalue()) == target.getvalue()


FLUSHED = zlib.compressobj(6, zlib.DEFLATED, 31)
NOT_PACKED_AGAIN = {
    "no gzip": XML,
    "nothing": b"",
    "stored": packed_by(XML, (0, 8, 0)),
    "cut short": gzip.compress(XML)[:-1],
    "two members": gzip.compress(XML) + gzip.compress(XML),
    "followed by a byte": gzip.compress(XML) + b"\0",
    "a wrong check sum": gzip.compress(XML)[:-8] + bytes(8),
    "flushed in the middle": FLUSHED.compress(XML[:50_000])
    + FLUSHED.flush(zlib.Z_FULL_FLUSH)
    + FLUSHED.compress(XML[50_000:])
    + FLUSHED.flush(),
    "a bomb": gzip.compress(bytes(17 * 1024 * 1024)),
}


@pytest.mark.parametrize("content", NOT_PACKED_AGAIN.values(), ids=NOT_PACKED_AGAIN)
def test_what_cannot_be_packed_again_is_left_alone(content: bytes) -> None:
    assert packing_of(BytesSource(content)) is None


@given(st.integers(0, 3000), st.integers(0, 255))
def test_a_changed_byte_is_packed_again_or_left_alone(place: int, value: int) -> None:
    file = bytearray(gzip.compress(XML[:30_000], 6, mtime=0))
    file[place % len(file)] = value
    assert packing_of(BytesSource(bytes(file))) is None or packed_again(bytes(file)) == file


LONG = XML + blake3(b"chance").digest(length=50_000).hex().encode()
WORTH = {
    "a project": (gzip.compress(LONG), True),
    "in another encoding": (gzip.compress(LONG.decode().encode("utf-16")), True),
    "with a byte order mark": (gzip.compress(b"\xef\xbb\xbf" + LONG), True),
    "something small": (gzip.compress(XML[:2000]), False),
    "no markup": (gzip.compress(LONG[1:]), False),
    "not packed": (XML, False),
    "damaged at once": (gzip.compress(XML)[:10] + b"\xff" * 70_000, False),
}


@pytest.mark.parametrize(("content", "is_worth"), WORTH.values(), ids=WORTH)
def test_gzipped_markup_is_worth_unpacking(content: bytes, is_worth: bool) -> None:
    assert is_worth_unpacking(BytesSource(content)) is is_worth
