"""Colour out of parameter sets, for files whose container says nothing (S4.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.bits import Bits
from domain.format.media.colour import Colour, colour_of
from domain.format.media.hdr import hdr_of
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from domain.format.media.vui import colour_in
from tests.media import encodes
from tests.media.encodes import HDR10_PARAMS, Picture, Recording, encode

BT709: tuple[int, int, int] = (1, 1, 1)


@lru_cache
def x264_bt709() -> bytes:
    params = "colorprim=bt709:transfer=bt709:colormatrix=bt709:log-level=-1"
    options = (("preset", "medium"), ("threads", "1"), ("x264-params", params))
    return encode(Recording(pictures=(Picture(seconds=0.4, options=options, colour=BT709),), sounds=()))


@lru_cache
def x265_with_lists_and_long_references() -> bytes:
    params = HDR10_PARAMS + ":scaling-list=default:ref=5:bframes=4:b-pyramid=1:aq-mode=1"
    options = (("preset", "medium"), ("x265-params", params))
    picture = Picture("libx265", "yuv420p10le", 0.4, options=options, colour=(9, 16, 9))
    return encode(Recording(pictures=(picture,), sounds=()))


@pytest.mark.parametrize(
    ("encoded", "colour"),
    [
        (encodes.hdr10, Colour(9, 16, 9)),
        (encodes.hlg, Colour(9, 18, 9)),
        (x265_with_lists_and_long_references, Colour(9, 16, 9)),
        (x264_bt709, Colour(1, 1, 1)),
    ],
)
def test_a_real_stream_tells_its_colour_without_the_container(
    encoded: Callable[[], bytes], colour: Colour
) -> None:
    source = BytesSource(encoded())
    read = read_movie(source)
    assert read is not None
    track = replace(read.tracks[0], entry=read.tracks[0].entry.replace(b"colr", b"none"))
    assert colour_of(track) == Colour()
    assert hdr_of(replace(read, tracks=(track,)), source).colour == colour


@given(st.binary(max_size=120), st.booleans())
def test_no_parameter_set_makes_reading_fail(raw: bytes, is_avc: bool) -> None:
    unit = (b"\x67" if is_avc else b"\x42\x01") + raw
    colour = colour_in(unit, "avc" if is_avc else "hevc")
    assert colour is None or 0 <= colour.transfer <= 255


@pytest.mark.parametrize(("bits", "value"), [("1", 0), ("010", 1), ("011", 2), ("00100", 3), ("0001000", 7)])
def test_exponential_golomb_numbers_are_read(bits: str, value: int) -> None:
    assert Bits(int(bits.ljust(8, "1"), 2).to_bytes(1, "big")).golomb() == value


def test_signed_numbers_alternate() -> None:
    reader = Bits(int("1010011001000010111111111", 2).to_bytes(4, "big")[0:])
    reader.skip(7)
    assert [reader.signed_golomb() for _ in range(4)] == [0, 1, -1, 2]


def test_behind_the_end_everything_is_zero() -> None:
    reader = Bits(b"\xff")
    reader.skip(9)
    assert (reader.take(4), reader.is_exhausted) == (0, True)
