"""Reads After Effects projects: RIFX chunks (.aep), or the same chunks as XML (.aepx) (S4.5).

The chunk `head` has the program's version in bits; each `alas` has the place of one file as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from domain.format.codec import require
from domain.format.media.source import Source
from domain.nle.markup import Element, walk
from domain.nle.project import Findings
from domain.nle.windows import Window, pieces_of

ROOT = "AfterEffectsProject"
RIFX_MAGIC = b"RIFX"
RIFX_FORM = b"Egg!"
DEPTH_MAX = 128
"""Property groups nest some 30 deep."""
CHUNKS_MAX = 4_000_000
"""Some 10 seconds of looking; large projects have some hundred thousand."""
ALIAS_BYTES_MAX = 64 * 1024
_HEAD_BYTES = 8
_HEADER_BYTES = 8
_OTHERWISE_ENCODED = b"btdk"
"""A list in name only: text, in a language of its own."""
_WITH_FACTS = frozenset({"head", "fileReference", "alas"})


def read(source: Source, findings: Findings) -> None:
    """Raises FormatError."""
    if source.read(0, len(RIFX_MAGIC)) != RIFX_MAGIC:
        _read_markup(source, findings)
        return
    window = Window(source)
    for kind, offset, size_bytes in _chunks(window, source.size_bytes):
        if kind == b"head":
            _take_head(window.read(offset, min(size_bytes, _HEAD_BYTES)), findings)
        elif kind == b"alas":
            alias = window.read(offset, size_bytes) if size_bytes <= ALIAS_BYTES_MAX else b""
            _take_alias(alias, findings)
        if findings.is_of_another_version:
            return


def _read_markup(source: Source, findings: Findings) -> None:
    """Each element is a chunk of that kind; what is in it is hexadecimal, or in a readable form."""
    for node in walk(pieces_of(source), _WITH_FACTS):
        match node:
            case Element(name="head", parent="AfterEffectsProject"):
                _take_head(_content(node, 2 * _HEAD_BYTES), findings)
            case Element(name="fileReference"):
                findings.refer(node.attributes.get("fullpath", ""))
            case Element(name="alas"):
                _take_alias(_content(node, 2 * ALIAS_BYTES_MAX), findings)
            case _:
                pass
        if findings.is_of_another_version:
            return


def _chunks(window: Window, file_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, content's offset and size of every chunk that is no list. Raises FormatError."""
    stops = [_HEADER_BYTES + int.from_bytes(window.read(4, 4), "big")]
    require(stops[0] <= file_bytes, "it ends before its chunks do")
    offset, count = 12, 0
    while stops:
        if offset + _HEADER_BYTES > stops[-1]:
            offset = stops.pop()
            continue
        count += 1
        require(count <= CHUNKS_MAX, f"it has over {CHUNKS_MAX} chunks")
        kind, size_bytes, form = _header(window, offset)
        end = offset + _HEADER_BYTES + size_bytes
        require(end <= stops[-1], "a chunk is longer than the list that it is in")
        if kind == b"LIST" and size_bytes >= 4 and form != _OTHERWISE_ENCODED:
            require(len(stops) < DEPTH_MAX, f"its chunks nest over {DEPTH_MAX} deep")
            stops.append(min(end + size_bytes % 2, stops[-1]))
            offset += _HEADER_BYTES + 4
        else:
            yield kind, offset + _HEADER_BYTES, size_bytes
            offset = min(end + size_bytes % 2, stops[-1])


def _header(window: Window, offset: int) -> tuple[bytes, int, bytes]:
    header = window.read(offset, _HEADER_BYTES + 4)
    return header[:4], int.from_bytes(header[4:8], "big"), header[8:]


def _take_head(head: bytes, findings: Findings) -> None:
    """Bits of the second word: 1 reserved, 5 major (upper), 4 system, 3 major (lower), 4 minor, 4 patch."""
    if len(head) < _HEAD_BYTES:
        return
    word = int.from_bytes(head[4:8], "big")
    major = (word >> 26 & 0x1F) << 3 | word >> 19 & 0x7
    findings.tell_version(f"{major}.{word >> 15 & 0xF}.{word >> 11 & 0xF}")


def _take_alias(alias: bytes, findings: Findings) -> None:
    try:
        told = cast("object", json.loads(alias))
    except (ValueError, RecursionError):
        told = None
    place = cast("dict[str, object]", told).get("fullpath") if isinstance(told, dict) else None
    if isinstance(place, str):
        findings.refer(place)
    else:
        findings.is_complete = False


def _content(node: Element, digits_max: int) -> bytes:
    try:
        return bytes.fromhex(node.attributes.get("bdata", "")[:digits_max])
    except ValueError:
        return b""
