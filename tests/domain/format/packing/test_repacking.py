"""A packed file comes out as it was, or not at all, whichever zlib there is (ADR 0105)."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import replace

import pytest

from domain.format.digest import digest_of
from domain.format.errors import FormatError
from domain.format.packing import repacking
from domain.format.packing.packing import Manner, Packing
from domain.format.packing.repacking import CLASSIC, ENGINES, Engine, build_mark, packed, spelled_engine

XML = b"".join(b'<Clip ObjectID="%d"/>\n' % (number * 7919 % 10007) for number in range(3000))
FILE = gzip.compress(XML, 6, mtime=0)
PACKING = Packing(FILE[:10], Manner(6), len(FILE), digest_of(FILE))


def another_engine(manner: Manner) -> Engine:
    """As zlib-ng would: another way at the same level."""
    return repacking.zlib_engine(replace(manner, level=1))


def file_of(packing: Packing, engines: Iterable[repacking.NewEngine] | None = None) -> bytes:
    return b"".join(packed(lambda: [XML], packing, engines))


def test_a_file_comes_out_as_it_was() -> None:
    assert file_of(PACKING) == FILE


@pytest.mark.parametrize(
    "content",
    [XML[:-1], XML + b"\0", b"", XML[:500] + b"?" + XML[501:]],
    ids=["less", "more", "none", "other"],
)
def test_nothing_comes_of_other_bytes(content: bytes) -> None:
    with pytest.raises(FormatError, match="cannot be packed to the file that they were"):
        next(packed(lambda: [content], PACKING, [repacking.zlib_engine]))


@pytest.mark.parametrize(
    "wrong", [{"header": FILE[:9] + b"\0"}, {"manner": Manner(9)}, {"digest": digest_of(b"")}]
)
def test_a_packing_that_lies_gives_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        next(packed(lambda: [XML], replace(PACKING, **wrong), [repacking.zlib_engine]))  # type: ignore[arg-type]


def test_where_zlib_packs_otherwise_its_way_is_spelled_out() -> None:
    assert build_mark(another_engine) != CLASSIC
    assert file_of(PACKING, [another_engine, spelled_engine]) == FILE
    assert spelled_engine in ENGINES


def test_what_is_spelled_out_is_the_classic_way() -> None:
    assert build_mark(spelled_engine) == CLASSIC
