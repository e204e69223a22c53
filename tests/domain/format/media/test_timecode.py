"""Timecode tracks: labels, dropped labels, and tracks that are none."""

from __future__ import annotations

from fractions import Fraction
from struct import pack

import pytest

from domain.format.media.movie import Samples, Spell, Track
from domain.format.media.source import BytesSource
from domain.format.media.timecode import Timecode, timecode_in, timecode_of
from tests.domain.format.media.by_hand import movie, samples
from tests.media.making import box

NTSC = Fraction(30_000, 1001)


def timecode_track(flags: int = 0, nominal: int = 25, held: Samples | None = None) -> Track:
    entry = box("tmcd", bytes(6), pack(">HIIIIBB", 1, 0, flags, 2500, 100, nominal, 0))
    return Track(3, "tmcd", 25, 1, "tmcd", entry, samples=held or samples(Spell(1, 1), size_bytes=4))


@pytest.mark.parametrize(
    ("frames", "label"),
    [
        (0, "00:00:00;00"),
        (1_799, "00:00:59;29"),
        (1_800, "00:01:00;02"),
        (3_597, "00:01:59;29"),
        (3_598, "00:02:00;02"),
        (17_982, "00:10:00;00"),
        (107_892, "01:00:00;00"),
    ],
)
def test_dropped_labels_are_left_out_but_in_every_tenth_minute(frames: int, label: str) -> None:
    assert Timecode(frames, 30, NTSC, is_drop=True).label == label


def test_at_sixty_four_labels_are_dropped() -> None:
    assert Timecode(3_600, 60, NTSC * 2, is_drop=True).label == "00:01:00;04"


def test_a_label_counts_frames_from_midnight() -> None:
    assert Timecode(25 * 3600 + 7, 25, Fraction(25)).label == "01:00:00:07"


def test_a_timecode_is_read_from_its_first_sample() -> None:
    source = BytesSource(pack(">I", 90_000))
    assert timecode_of(timecode_track(), source) == Timecode(90_000, 25, Fraction(25))
    assert timecode_in(movie(timecode_track()), source) == Timecode(90_000, 25, Fraction(25))


@pytest.mark.parametrize(
    ("track", "content"),
    [
        (timecode_track(flags=8), bytes(4)),
        (timecode_track(nominal=0), bytes(4)),
        (timecode_track(), bytes(3)),
        (timecode_track(), b"\xff" * 4),
        (timecode_track(held=Samples()), bytes(4)),
    ],
    ids=["a counter", "no rate", "cut short", "before midnight", "no sample"],
)
def test_what_makes_no_sense_is_no_timecode(track: Track, content: bytes) -> None:
    assert timecode_of(track, BytesSource(content)) is None
