"""Boxes: sizes of three kinds, sizes that lie, and nesting without end (S4.1)."""

from __future__ import annotations

import pytest

from domain.format.errors import FormatError
from domain.format.media.boxes import (
    DEPTH_MAX,
    READ_AHEAD_BYTES,
    SIBLINGS_MAX,
    Budget,
    ReadAhead,
    content_of,
    mismatch,
    printable,
    tree_of,
    walk,
)
from domain.format.media.movie import Box
from domain.format.media.source import BytesSource
from tests.media import making


def boxes(content: bytes) -> list[Box]:
    return list(walk(BytesSource(content)))


def test_boxes_of_all_three_kinds_of_size_follow_each_other() -> None:
    content = (
        making.box("ftyp", b"12345678") + making.wide_box("mdat", b"abc") + making.endless_box("free", b"z")
    )
    found = [
        (box.kind, box.offset, box.header_bytes, box.declared_bytes, box.actual_bytes)
        for box in boxes(content)
    ]
    assert found == [("ftyp", 0, 8, 16, 16), ("mdat", 16, 16, 19, 19), ("free", 35, 8, 9, 9)]


def test_a_uuid_box_has_its_name_in_the_header() -> None:
    (box,) = boxes(making.box("uuid", bytes(16), b"content"))
    assert (box.header_bytes, box.content_offset, box.end) == (24, 24, 31)


@pytest.mark.parametrize("declared", [2, 7, 31, 33, 2**31, 2**32 - 1])
def test_a_box_whose_size_lies_ends_its_level(declared: int) -> None:
    content = making.claiming(declared, making.box("moov", bytes(24)))
    found = boxes(content + making.box("mdat") if declared < 8 else content)
    assert found[0].declared_bytes == declared
    assert (found[0].declared_bytes == found[0].actual_bytes) is (declared == 31)


def test_what_is_cut_off_is_told_in_bytes() -> None:
    (box,) = boxes(making.box("mdat", bytes(100))[:60])
    assert mismatch(box) == "Box mdat size mismatch: declared 108, actual 60"


def test_a_64_bit_size_that_is_cut_off_is_no_crash() -> None:
    (box,) = boxes(making.wide_box("mdat", b"abc")[:12])
    assert (box.declared_bytes, box.actual_bytes) == (16, 12)
    assert content_of(BytesSource(b""), box, 100) == b""


def test_a_64_bit_size_beyond_any_file_is_cut_to_the_file() -> None:
    content = b"\0\0\0\1mdat" + b"\xff" * 8 + b"abc"
    assert [(box.declared_bytes, box.actual_bytes) for box in boxes(content)] == [(2**64 - 1, 19)]


def test_padding_of_zeros_is_no_box() -> None:
    assert [box.kind for box in boxes(making.box("free") + bytes(100))] == ["free"]


def test_quicktimes_terminator_of_four_bytes_is_no_box() -> None:
    content = making.box("udta", making.box("name", b"x"), bytes(4))
    assert [box.kind for box in walk(BytesSource(content), 8, len(content), 1)] == ["name"]


def test_s4_1_a_nesting_bomb_is_refused_and_no_crash() -> None:
    content = b""
    for _ in range(10_000):
        content = making.box("moov", content)
    source = BytesSource(content)
    with pytest.raises(FormatError, match=f"deeper than {DEPTH_MAX}"):
        tree_of(source, next(walk(source)), Budget())


def test_boxes_without_end_are_refused() -> None:
    with pytest.raises(FormatError, match="boxes in a row"):
        boxes(making.box("free") * (SIBLINGS_MAX + 1))


def test_a_tree_is_asked_by_path() -> None:
    source = BytesSource(making.movie(making.clip(), making.song()))
    tree = tree_of(source, list(walk(source))[-1], Budget())
    assert [len(tree.all_of("trak")), tree.find("trak", "mdia", "minf", "stbl", "stsz") is None] == [2, False]
    assert tree.find("trak", "nope", "stbl") is None


def test_a_budget_that_is_spent_is_an_error() -> None:
    budget = Budget()
    budget.take("tracks", 128)
    with pytest.raises(FormatError, match="more than 128 tracks"):
        budget.take("tracks", 1)


def test_reading_ahead_changes_nothing_but_the_number_of_reads() -> None:
    content = bytes(i % 251 for i in range(3 * READ_AHEAD_BYTES))
    ahead = ReadAhead(BytesSource(content))
    spans = [(0, 8), (4000, 200), (8, 8), (9000, 5000), (12_280, 32), (0, 12_288), (99_999, 4)]
    assert [ahead.read(*span) for span in spans] == [content[at:][:size] for at, size in spans]


def test_a_kind_is_escaped_in_a_message() -> None:
    assert [printable("\xa9nam"), printable("a\n\0b")] == ["\\xa9nam", "a\\n\\x00b"]
