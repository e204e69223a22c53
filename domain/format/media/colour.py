"""What the numbers of a picture mean as light: primaries, transfer and matrix as ITU-T H.273 numbers them.

Promises: what the container says of it (colr, vpcC); unknown is UNSPECIFIED. Serves S4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from .configuration import configuration, configurations
from .movie import Track

UNSPECIFIED = 2
PQ, HLG = 16, 18
"""Transfer characteristics: SMPTE ST 2084, and ARIB STD-B67."""


@dataclass(frozen=True, slots=True)
class Colour:
    """Code points of H.273; 2 is unspecified."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    is_full_range: bool = False


def colour_of(track: Track) -> Colour:
    """As the sample entry says, in colr or in VP9's configuration."""
    for each in configurations(track):
        if each.kind == "colr" and each.content[:4] in {b"nclx", b"nclc"} and len(each.content) >= 10:
            codes = (int.from_bytes(each.content[at : at + 2], "big") & 0xFF for at in (4, 6, 8))
            is_full = each.content[:4] == b"nclx" and each.content[10:11] >= b"\x80"
            primaries, transfer, matrix = codes
            return Colour(primaries, transfer, matrix, is_full)
    record = configuration(track, "vpcC")
    if len(record) >= 10:
        return Colour(record[7], record[8], record[9], bool(record[6] & 1))
    return Colour()
