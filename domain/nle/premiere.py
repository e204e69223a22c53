"""Reads Premiere Pro projects: gzip'd XML, or that XML as it is, with the root PremiereData (S4.5)."""

from __future__ import annotations

from domain.format.media.source import Source
from domain.format.packing.packing import GZIP_MAGIC
from domain.format.packing.unpacking import Budget, gunzip
from domain.nle.markup import Element, Text, walk
from domain.nle.project import Findings
from domain.nle.windows import pieces_of

ROOT = "PremiereData"
_VERSIONED = frozenset({"Project"})
_PATHS = frozenset({"ActualMediaFilePath", "FilePath"})


def read(source: Source, findings: Findings) -> None:
    """The first Project under the root has the version; each Media has the paths of one file.

    Raises FormatError.
    """
    is_packed = source.read(0, len(GZIP_MAGIC)) == GZIP_MAGIC
    pieces = gunzip(source, Budget()) if is_packed else pieces_of(source)
    for node in walk(pieces, _VERSIONED, _PATHS):
        match node:
            case Element(name="Project", parent="PremiereData"):
                findings.tell_version(node.attributes.get("Version", ""))
            case Text(parent="Media"):
                findings.refer(node.text)
            case _:
                pass
        if findings.is_of_another_version:
            return
