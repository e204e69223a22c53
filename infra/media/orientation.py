"""How a picture is meant to be shown: turned, mirrored, its pixels wider than high (seed S4: media facts).

Promises: only quarter turns and mirrors, the nearest to what the file says; what is implausible is not
followed; the planes of small frames are moved byte by byte, so nothing is decoded or scaled again.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from struct import Struct
from typing import cast

from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane

ASPECT_MAX = 16
"""Of one pixel, either way: the most anamorphic lenses and discs have 2."""
SQUARE = Fraction(1)
MATRIX = Struct("=9i")
"""As FFmpeg hands it on."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """What is done to rows and columns, in this order."""

    is_transposed: bool = False
    is_mirrored: bool = False
    """Left for right."""
    is_upended: bool = False
    """Top for bottom."""

    @staticmethod
    def of(frame: VideoFrame) -> Orientation:
        """By the matrix of its track: x' = ax + cy, y' = bx + dy."""
        told = cast("SideDataContainer", frame.side_data)  # which PyAV's own hints call a dict
        try:
            matrix = bytes(told[Type.DISPLAYMATRIX])
        except KeyError:
            return Orientation()
        if len(matrix) != MATRIX.size:
            return Orientation()
        a, b, _, c, d, *_ = MATRIX.unpack(matrix)
        if abs(b) + abs(c) > abs(a) + abs(d):
            return Orientation(is_transposed=True, is_mirrored=c < 0, is_upended=b < 0)
        return Orientation(is_mirrored=a < 0, is_upended=d < 0)


def pixel_aspect(told: Fraction | None) -> Fraction:
    """Width by height of a pixel; square unless something plausible is told."""
    if not told or not Fraction(1, ASPECT_MAX) <= told <= ASPECT_MAX:
        return SQUARE
    return told


def turned(frame: VideoFrame, orientation: Orientation) -> VideoFrame:
    """Of a frame in yuvj420p with even sides."""
    if orientation == Orientation():
        return frame
    sides = (frame.height, frame.width) if orientation.is_transposed else (frame.width, frame.height)
    shown = VideoFrame(*sides, "yuvj420p")
    for plane, source in zip(shown.planes, frame.planes, strict=True):
        rows = [row.ljust(plane.line_size, b"\0") for row in _turned_rows(source, orientation)]
        plane.update(b"".join(rows).ljust(plane.buffer_size, b"\0"))
    return shown


def _turned_rows(plane: VideoPlane, orientation: Orientation) -> list[bytes]:
    content, width, line_bytes = bytes(plane), plane.width, plane.line_size
    rows = [content[at : at + width] for at in range(0, plane.height * line_bytes, line_bytes)]
    if orientation.is_transposed:
        together = b"".join(rows)
        rows = [together[column::width] for column in range(width)]
    if orientation.is_mirrored:
        rows = [row[::-1] for row in rows]
    return rows[::-1] if orientation.is_upended else rows
