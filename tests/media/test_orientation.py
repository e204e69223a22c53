"""Pictures stand as a player shows them: turned, mirrored, their pixels not square (seed S4: media facts)."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from struct import pack

import pytest
from av.video.frame import VideoFrame

from domain.ports import Unplayable
from infra.media.drawing import draw
from infra.media.orientation import Orientation, pixel_aspect, turned
from tests.media import encodes
from tests.media.making import UNITY

FILM = encodes.Recording(pictures=(encodes.Picture(seconds=0.4),), sounds=())
QUARTER = pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
"""Clockwise, as a telephone that is held upright writes it."""
HALF = pack(">9i", -0x10000, 0, 0, 0, -0x10000, 0, 0, 0, 0x40000000)


def placed(matrix: bytes) -> bytes:
    """The film with this matrix in its track's header."""
    before, header, after = encodes.encode(FILM).partition(b"tkhd")
    return before + header + after.replace(UNITY, matrix, 1)


def sizes(content: bytes) -> list[tuple[int, int]]:
    """Of poster and sheet."""
    drawn = draw(io.BytesIO(content))
    assert not isinstance(drawn, Unplayable), drawn
    return [(each.width, each.height) for each in drawn]


def quarters(*luma: int) -> VideoFrame:
    """A frame of 8 by 4 whose quarters are so bright: the upper ones from the left, then the lower ones."""
    frame = VideoFrame(8, 4, "yuvj420p")
    for plane in frame.planes:
        half = plane.width // 2
        rows = [bytes([luma[top]]) * half + bytes([luma[top + 1]]) * half for top in (0, 2)]
        padded = [row.ljust(plane.line_size, b"\0") * (plane.height // 2) for row in rows]
        plane.update(b"".join(padded).ljust(plane.buffer_size, b"\0"))
    return frame


def corners(frame: VideoFrame, number: int) -> tuple[int, ...]:
    plane = frame.planes[number]
    last = (plane.height - 1) * plane.line_size
    content = bytes(plane)
    return content[0], content[plane.width - 1], content[last], content[last + plane.width - 1]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(
    ("orientation", "shown"),
    [
        (Orientation(), (1, 2, 3, 4)),
        (Orientation(is_mirrored=True, is_upended=True), (4, 3, 2, 1)),
        (Orientation(is_transposed=True, is_mirrored=True), (3, 1, 4, 2)),
        (Orientation(is_transposed=True, is_upended=True), (2, 4, 1, 3)),
        (Orientation(is_mirrored=True), (2, 1, 4, 3)),
    ],
)
def test_every_plane_is_turned(orientation: Orientation, shown: tuple[int, ...], number: int) -> None:
    frame = turned(quarters(1, 2, 3, 4), orientation)
    assert corners(frame, number) == shown
    assert (frame.width, frame.height) == ((4, 8) if orientation.is_transposed else (8, 4))


def test_a_film_that_was_held_upright_has_an_upright_poster() -> None:
    assert sizes(placed(UNITY)) == [(160, 90), (640, 360)]
    assert sizes(placed(QUARTER)) == [(90, 160), (360, 640)]
    assert sizes(placed(HALF)) == [(160, 90), (640, 360)]


def test_pixels_that_are_not_square_make_a_wider_poster() -> None:
    options = (*encodes.X264, ("aspect", "4:3"))
    wide = replace(FILM, pictures=(replace(FILM.pictures[0], options=options),))
    assert sizes(encodes.encode(wide)) == [(212, 90), (848, 360)]


@pytest.mark.parametrize("told", [None, Fraction(0), Fraction(1, 999), Fraction(65_535)])
def test_an_implausible_aspect_is_not_followed(told: Fraction | None) -> None:
    assert pixel_aspect(told) == 1
