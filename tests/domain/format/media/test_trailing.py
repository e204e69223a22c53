"""Foreign bytes behind a whole movie, and damage that looks like them (S4.1)."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.movie import Issue
from tests.domain.format.media.columns import messages, read
from tests.media import encodes, making
from tests.media.making import box, clip, fragmented, movie, song

WHOLE = movie(clip(), song())
MUSIC_TAG = b"TAGA song, and who sang it".ljust(128, b"\0")
PANORAMA = bytes(range(200, 256)) * 10 + b"8db42d694ccc418790edff439fe026bf"
TEXT = b"<?xpacket begin?>" * 9


@pytest.mark.parametrize("tail", [MUSIC_TAG, PANORAMA, TEXT, b"\0\0\0\3abcd" + bytes(50)])
@pytest.mark.parametrize("content", [WHOLE, movie(clip(), song(), fast_start=True), encodes.mov()])
def test_foreign_bytes_behind_a_whole_movie_are_a_warning(content: bytes, tail: bytes) -> None:
    found = read(content + tail)
    assert found.issues == (Issue("warning", f"{len(tail)} bytes follow the last box"),)
    assert found.boxes == read(content).boxes


def test_foreign_bytes_that_begin_like_a_box_are_foreign_to_their_end() -> None:
    tail = pack(">I", 20) + b"\xff\1\2\3" + bytes(12) + TEXT
    assert messages(WHOLE + tail) == [f"{len(tail)} bytes follow the last box"]


def test_a_box_that_nobody_knows_stays_one_before_foreign_bytes() -> None:
    found = read(WHOLE + box("new!", b"new") + TEXT)
    assert [each.kind for each in found.boxes][-1] == "new!"


@pytest.mark.parametrize("kind", ["mdat", "moov", "free", "udta", "skip", "wide", "moof", "uuid"])
def test_s4_1_a_known_box_that_lies_is_damage(kind: str) -> None:
    liar = making.claiming(999_999, box(kind, bytes(60)))
    assert f"Box {kind} size mismatch: declared 999999, actual 68" in messages(WHOLE + liar)


@pytest.mark.parametrize("content", [fragmented(clip()), WHOLE.replace(b"moov", b"moXv"), making.ftyp()])
def test_s4_1_what_is_not_known_to_be_whole_has_no_foreign_bytes(content: bytes) -> None:
    assert any(" size mismatch: " in message for message in messages(content + TEXT))
    assert not read(content + TEXT).is_sound


def test_s4_1_media_data_whose_box_was_hit_is_not_foreign() -> None:
    content = movie(clip(), fast_start=True)
    at = read(content).boxes[-1].offset
    lost = content[:at] + box("mdat") + b"\xff" * 8 + content[at + 8 + 8 :]
    assert messages(lost)[-1] == "Track 1: 10 of 10 samples lie outside every mdat"


@given(st.binary(min_size=8, max_size=60))
def test_whatever_follows_a_whole_movie_does_not_move_its_samples(tail: bytes) -> None:
    assert read(WHOLE + tail).tracks == read(WHOLE).tracks
