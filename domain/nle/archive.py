"""Reads the members of a zip archive (APPNOTE 6.3) that projects come in, within limits.

Only what such projects need: one disk, stored or deflated members, no encryption, no zip64.
Promises: everything else is FormatError; members that share bytes are refused (overlapping bombs), a member
that is not as long as promised or whose check sum does not fit as well; all members share one budget.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.format.codec import require
from domain.format.media.source import Source
from domain.format.packing.unpacking import FEED_BYTES, Budget, Inflation

ZIP_MAGIC = b"PK\x03\x04"
MEMBERS_MAX = 20_000
"""A project has one for each bin and each timeline."""
DIRECTORY_BYTES_MAX = 4 * 1024 * 1024
NAME_BYTES_MAX = 1024

_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_COMMENT_BYTES_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    method: int
    crc: int
    packed_bytes: int
    unpacked_bytes: int
    offset: int
    """Of its local header."""


def members_of(source: Source) -> Mapping[str, Member]:
    """All members by name. Raises FormatError."""
    directory, count = _directory(source)
    members: dict[str, Member] = {}
    offset = 0
    for _ in range(count):
        member, offset = _member(directory, offset)
        require(member.name not in members, "its archive names a member twice")
        members[member.name] = member
    _require_apart(members, source.size_bytes)
    return members


def unpacked(source: Source, member: Member, budget: Budget) -> Iterator[bytes]:
    """The pieces of one member, checked at its end. Raises FormatError."""
    start = _content_offset(source, member)
    stop = start + member.packed_bytes
    if member.method == _STORED:
        yield from _stored(source, member, start, budget)
        return
    inflation = Inflation(source, start, stop, budget)
    yield from inflation
    fits = (inflation.end, inflation.unpacked_bytes, inflation.crc) == (
        stop,
        member.unpacked_bytes,
        member.crc,
    )
    require(fits, "a member of its archive is not what its directory says")


def _stored(source: Source, member: Member, start: int, budget: Budget) -> Iterator[bytes]:
    crc, stop = 0, start + member.packed_bytes
    for offset in range(start, stop, FEED_BYTES):
        piece = source.read(offset, min(FEED_BYTES, stop - offset))
        budget.feed(len(piece))
        budget.spend(len(piece))
        crc = zlib.crc32(piece, crc)
        yield piece
    fits = member.packed_bytes == member.unpacked_bytes and crc == member.crc
    require(fits, "a member of its archive is not what its directory says")


def _directory(source: Source) -> tuple[bytes, int]:
    """The bytes of the central directory, and how many entries it has."""
    tail_offset = max(0, source.size_bytes - _END.size - _COMMENT_BYTES_MAX)
    tail = source.read(tail_offset, _END.size + _COMMENT_BYTES_MAX)
    place = tail.rfind(b"PK\x05\x06", 0, len(tail) - _END.size + 4)
    require(place >= 0, "its archive has no directory")
    _, disk, first_disk, here, count, size_bytes, offset, _ = _END.unpack_from(tail, place)
    require(disk == first_disk == 0 and here == count, "its archive is spread over disks")
    require(count <= MEMBERS_MAX, f"its archive has over {MEMBERS_MAX} members")
    require(size_bytes <= DIRECTORY_BYTES_MAX, "its archive's directory is too long")
    require(offset + size_bytes <= tail_offset + place, "its archive's directory lies outside the file")
    return source.read(offset, size_bytes), count


def _member(directory: bytes, offset: int) -> tuple[Member, int]:
    require(offset + _ENTRY.size <= len(directory), "its archive's directory is cut short")
    fields: tuple[int, ...]
    magic, *fields_found = _ENTRY.unpack_from(directory, offset)
    fields = tuple(fields_found)
    _, _, flags, method, _, _, crc, packed, size, name_bytes, extra, comment, _, _, _, place = fields
    require(magic == b"PK\x01\x02", "its archive's directory is damaged")
    require(not flags & _ENCRYPTED and method in (_STORED, _DEFLATED), "a member of its archive is encoded")
    require(0 < name_bytes <= NAME_BYTES_MAX, "a member of its archive has no usable name")
    name_offset = offset + _ENTRY.size
    end = name_offset + name_bytes + extra + comment
    require(end <= len(directory), "its archive's directory is cut short")
    name = directory[name_offset : name_offset + name_bytes].decode(errors="replace")
    return Member(name, method, crc, packed, size, place), end


def _require_apart(members: Mapping[str, Member], size_bytes: int) -> None:
    """Raises FormatError if two members share bytes, or one lies outside the file."""
    end = 0
    for member in sorted(members.values(), key=lambda member: member.offset):
        require(member.offset >= end, "members of its archive overlap")
        end = member.offset + _LOCAL.size + member.packed_bytes
        require(end <= size_bytes, "a member of its archive lies outside the file")


def _content_offset(source: Source, member: Member) -> int:
    header = source.read(member.offset, _LOCAL.size)
    require(len(header) == _LOCAL.size and header.startswith(ZIP_MAGIC), "a member has no header")
    *_, name_bytes, extra_bytes = _LOCAL.unpack(header)
    start: int = member.offset + _LOCAL.size + name_bytes + extra_bytes
    require(start + member.packed_bytes <= source.size_bytes, "a member lies outside the file")
    return start
