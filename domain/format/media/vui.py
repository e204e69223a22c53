"""The colour that H.264 and HEVC tell of themselves: the VUI of a sequence parameter set.

Promises: reads one parameter set; one that ends early, or says nothing of colour, gives None; nothing raises
and nothing runs on (S4.4, for files whose container has no colr).
"""

from __future__ import annotations

from collections.abc import Iterator

from .bits import Bits
from .colour import Colour
from .configuration import configuration
from .movie import Track
from .sei import Family, unescaped, unit_type

REFERENCE_SETS_MAX = 64
HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})
"""Of H.264: their parameter sets tell the chroma format and may carry scaling lists."""


def parameter_sets(track: Track, family: Family) -> Iterator[bytes]:
    """Units in the codec's configuration: parameter sets, and SEI that an encoder put beside them."""
    record = configuration(track, "avcC" if family == "avc" else "hvcC")
    if family == "avc":
        yield from _listed(record, 6, count=(record[5:6] or b"\0")[0] & 0x1F)
        return
    position = 23
    for _ in range(record[22] if len(record) > 22 else 0):
        count = int.from_bytes(record[position + 1 : position + 3], "big")
        start = position = position + 3
        for unit in _listed(record, start, count):
            position += 2 + len(unit)
            yield unit


def _listed(record: bytes, position: int, count: int) -> Iterator[bytes]:
    for _ in range(count):
        start = position + 2
        size_bytes = int.from_bytes(record[position:start], "big")
        if not size_bytes or start + size_bytes > len(record):
            return
        yield record[start : start + size_bytes]
        position = start + size_bytes


def colour_in(unit: bytes, family: Family) -> Colour | None:
    """What a sequence parameter set says; None if the unit is another, or says nothing."""
    if unit_type(unit, family) != (7 if family == "avc" else 33):
        return None
    bits = Bits(unescaped(unit[1 if family == "avc" else 2 :]))
    (_skip_to_vui_of_avc if family == "avc" else _skip_to_vui_of_hevc)(bits)
    colour = _vui_colour(bits) if bits.flag() else None
    return None if bits.is_exhausted else colour


def _vui_colour(bits: Bits) -> Colour | None:
    if bits.flag() and bits.take(8) == 255:  # aspect ratio, by number or in full
        bits.skip(32)
    if bits.flag():  # overscan
        bits.skip(1)
    if not bits.flag():
        return None
    bits.skip(3)
    is_full = bits.flag()
    if not bits.flag():
        return None
    return Colour(bits.take(8), bits.take(8), bits.take(8), is_full)


def _skip_to_vui_of_avc(bits: Bits) -> None:
    """ITU-T H.264, 7.3.2.1.1."""
    profile = bits.take(8)
    bits.skip(16)
    bits.golomb()
    if profile in HIGH_PROFILES:
        chroma = bits.golomb()
        bits.skip(1 if chroma == 3 else 0)
        _skip_golombs(bits, 2)
        bits.skip(1)
        if bits.flag():
            for index in range(12 if chroma == 3 else 8):
                if bits.flag():
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.golomb()
    match bits.golomb():
        case 0:
            bits.golomb()
        case 1:
            bits.skip(1)
            _skip_golombs(bits, 2)
            _skip_golombs(bits, min(bits.golomb(), 255))
        case _:
            pass
    bits.golomb()
    bits.skip(1)
    _skip_golombs(bits, 2)
    bits.skip(0 if bits.flag() else 1)
    bits.skip(1)
    _skip_golombs(bits, 4 if bits.flag() else 0)


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


def _skip_to_vui_of_hevc(bits: Bits) -> None:
    """ITU-T H.265, 7.3.2.2.1."""
    bits.skip(4)
    sub_layers = bits.take(3)
    bits.skip(1)
    _skip_profiles(bits, sub_layers)
    bits.golomb()
    bits.skip(1 if bits.golomb() == 3 else 0)
    _skip_golombs(bits, 2)
    _skip_golombs(bits, 4 if bits.flag() else 0)
    _skip_golombs(bits, 2)
    order_bits = bits.golomb() + 4
    _skip_golombs(bits, 3 * (sub_layers + 1 if bits.flag() else 1))
    _skip_golombs(bits, 6)
    if bits.flag() and bits.flag():
        _skip_scaling_lists_of_hevc(bits)
    bits.skip(2)
    if bits.flag():
        bits.skip(8)
        _skip_golombs(bits, 2)
        bits.skip(1)
    _skip_reference_sets(bits)
    if bits.flag():
        for _ in range(min(bits.golomb(), 32)):
            bits.skip(order_bits + 1)
    bits.skip(2)


def _skip_profiles(bits: Bits, sub_layers: int) -> None:
    bits.skip(96)
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers)]
    bits.skip(2 * (8 - sub_layers) if sub_layers else 0)
    for has_profile, has_level in present:
        bits.skip(88 * has_profile + 8 * has_level)


def _skip_scaling_lists_of_hevc(bits: Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.flag():
                bits.golomb()
            else:
                _skip_golombs(bits, min(64, 1 << 4 + 2 * size) + (size > 1))


def _skip_reference_sets(bits: Bits) -> None:
    """Short-term reference picture sets; a set may be told by its difference to the one before."""
    pictures = 0
    for index in range(min(bits.golomb(), REFERENCE_SETS_MAX)):
        if index and bits.flag():
            bits.skip(1)
            bits.golomb()
            pictures = sum(bits.flag() or bits.flag() for _ in range(pictures + 1))
            continue
        pictures = min(bits.golomb() + bits.golomb(), 32)
        for _ in range(pictures):
            bits.golomb()
            bits.skip(1)


def _skip_golombs(bits: Bits, count: int) -> None:
    for _ in range(count):
        bits.golomb()
