"""Numbers and short texts as the facts about media write them: no longer than they must be.

Promises: one value, one encoding; whatever reads too far or is not the shortest form is a FormatError.
"""

from __future__ import annotations

from fractions import Fraction

from ..codec import Body, require, text

GROUPS_MAX = 9
NUMBER_MAX = 2**63 - 1
"""Nine groups of seven bits: what a signed 64-bit column can hold."""


def compact(value: int) -> bytes:
    """Seven bits a byte, lowest first, the highest bit set in all bytes but the last; at most NUMBER_MAX."""
    value = min(max(value, 0), NUMBER_MAX)
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def read_compact(body: Body) -> int:
    value = 0
    for place in range(GROUPS_MAX):
        group = body.number(1)
        value |= (group & 0x7F) << 7 * place
        if not group & 0x80:
            require(group != 0 or place == 0, "a number is not in its shortest form")
            return value
    require(condition=False, reason="a number has more than 63 bits")
    return value


def compact_text(value: str) -> bytes:
    """UTF-8 after its length in one byte."""
    return text(value, 1)


def compact_fraction(value: Fraction) -> bytes:
    return compact(value.numerator) + compact(value.denominator)


def read_fraction(body: Body) -> Fraction:
    numerator, denominator = read_compact(body), read_compact(body)
    require(denominator > 0, "a fraction has no denominator")
    return Fraction(numerator, denominator)
