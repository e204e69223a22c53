"""Reads Final Cut Pro's interchange documents: XML with the root fcpxml (S4.5).

A bundle (.fcpxmld) is a directory: the documents in it are looked at each by itself.
"""

from __future__ import annotations

from domain.format.media.source import Source
from domain.nle.markup import Element, walk
from domain.nle.project import Findings
from domain.nle.windows import pieces_of

ROOT = "fcpxml"
_PLACES = {"asset": "src", "media-rep": "src", "locator": "url"}
"""Elements that name a file, and in which attribute: `src` moved from asset to media-rep with 1.9."""


def read(source: Source, findings: Findings) -> None:
    """Raises FormatError."""
    for node in walk(pieces_of(source), frozenset(_PLACES)):
        match node:
            case Element(parent=""):
                findings.tell_version(node.attributes.get("version", ""))
            case Element():
                findings.refer(node.attributes.get(_PLACES[node.name], ""))
            case _:
                pass
        if findings.is_of_another_version:
            return
