"""How a coded picture is turned and stretched before it is shown.

Promises: one shape, one encoding, none for a picture that is shown as it is coded; what makes no sense is
left to a later reader, never refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..codec import Body, number
from ..errors import FormatError
from .compact import compact_fraction, read_fraction
from .configuration import configuration
from .movie import Track

TURNS = ((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0))
"""Signs of a, b, c, d in the matrix of tkhd, by quarter turns clockwise."""
MATRIX_AT = (40, 52)
"""In tkhd, by its version."""
TKHD_BYTES = 52 + 36
SQUARE = Fraction(1)


@dataclass(frozen=True, slots=True)
class Shape:
    quarter_turns: int = 0
    """Clockwise, 0 to 3."""
    pixel_aspect: Fraction = SQUARE
    """Width of a pixel by its height."""

    def encode(self) -> bytes:
        """Empty for a picture that is shown as it is coded."""
        return b"" if self == Shape() else number(self.quarter_turns, 1) + compact_fraction(self.pixel_aspect)

    @classmethod
    def in_front_of(cls, row: bytes) -> Shape:
        """What follows it in a row belongs to a later writer, and so may all of it."""
        body = Body(row)
        try:
            found = cls(body.number(1), read_fraction(body))
        except FormatError:
            return cls()
        is_one = (
            found.quarter_turns < len(TURNS) and found.pixel_aspect > 0 and row.startswith(found.encode())
        )
        return found if is_one else cls()

    def as_fields(self) -> dict[str, object]:
        """Those that say something."""
        aspect = f"{self.pixel_aspect.numerator}:{self.pixel_aspect.denominator}"
        turned: dict[str, object] = {"rotation": 90 * self.quarter_turns} if self.quarter_turns else {}
        return turned | ({"pixel_aspect": aspect} if self.pixel_aspect != SQUARE else {})


def shape_of(track: Track) -> Shape:
    """Of a picture track."""
    pasp = configuration(track, "pasp")
    width, height = int.from_bytes(pasp[:4], "big"), int.from_bytes(pasp[4:8], "big")
    return Shape(track.quarter_turns, Fraction(width, height) if width and height else SQUARE)


def quarter_turns(tkhd: bytes) -> int:
    """Of a box's content; 0 for anything but quarter turns."""
    at = MATRIX_AT[tkhd[:1] == b"\1"]
    cells = (int.from_bytes(tkhd[at + 4 * place :][:4], "big", signed=True) for place in (0, 1, 3, 4))
    signs = tuple((cell > 0) - (cell < 0) for cell in cells)
    return TURNS.index(signs) if signs in TURNS else 0
