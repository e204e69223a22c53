"""Tells by content which program's project a file is; its name is never asked (S4.5: renamed extension)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from domain.format.errors import FormatError
from domain.format.media.source import Source
from domain.format.packing.packing import GZIP_MAGIC
from domain.format.packing.unpacking import Budget, gunzip
from domain.nle import aftereffects, fcpx, premiere, resolve
from domain.nle.archive import ZIP_MAGIC, members_of, unpacked
from domain.nle.markup import Doctype, Element, walk
from domain.nle.project import Nle

HEAD_BYTES = 64 * 1024
"""The root of a document begins within these."""
_ROOTS: Mapping[str, Nle] = {
    premiere.ROOT: "premiere",
    fcpx.ROOT: "fcpx",
    aftereffects.ROOT: "aftereffects",
}
_MARKUP = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0<")


def may_be_project(head: bytes) -> bool:
    """A cheap look at the first bytes, 16 will do: False is certain, True is worth `detect`."""
    packed = head.startswith((GZIP_MAGIC, ZIP_MAGIC, aftereffects.RIFX_MAGIC))
    return packed or head.lstrip(b" \t\r\n").startswith(_MARKUP) or not head.strip(b" \t\r\n")


def detect(source: Source) -> Nle | None:
    """By its signature, or by the root of its document; an archive by the document in it."""
    head = source.read(0, HEAD_BYTES)
    if head.startswith(aftereffects.RIFX_MAGIC):
        return "aftereffects" if head[8:12] == aftereffects.RIFX_FORM else None
    if head.startswith(GZIP_MAGIC):
        is_premiere = _root_of(islice(gunzip(source, Budget()), 1)) == premiere.ROOT
        return "premiere" if is_premiere else None
    if head.startswith(ZIP_MAGIC):
        return "resolve" if _root_within(source) == resolve.ROOT else None
    return _ROOTS.get(_root_of([head]))


def _root_within(source: Source) -> str:
    try:
        member = members_of(source).get(resolve.MEMBER)
    except FormatError:
        return ""
    return "" if member is None else _root_of(islice(unpacked(source, member, Budget()), 1))


def _root_of(pieces: Iterable[bytes]) -> str:
    """The name of the document's root, as far as these pieces tell it; empty if they do not."""
    try:
        for node in walk(pieces):
            if isinstance(node, Doctype | Element):
                return node.name
    except FormatError:
        return ""
    return ""
