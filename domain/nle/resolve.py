"""Reads DaVinci Resolve's exported projects: a zip archive with project.xml (S4.5).

The version stands in a comment before the root. Timelines name their clips' files; the media pool keeps
the places of its files in binary fields, which are not understood here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from domain.format.media.source import Source
from domain.format.packing.unpacking import Budget
from domain.nle.archive import members_of, unpacked
from domain.nle.markup import Comment, Element, Text, walk
from domain.nle.project import Findings

MEMBER = "project.xml"
ROOT = "SM_Project"
_VERSION = re.compile(r'\bDbAppVer="([0-9.]{1,32})"', re.ASCII)
_WITH_CLIPS = re.compile(r"(?:SeqContainer|MediaPool).*\.xml", re.DOTALL)
_PATHS = frozenset({"MediaFilePath"})


def read(source: Source, findings: Findings) -> None:
    """Raises FormatError."""
    members, budget = members_of(source), Budget()
    _read_header(unpacked(source, members[MEMBER], budget), findings)
    for name, member in members.items():
        if findings.is_of_another_version:
            return
        if _WITH_CLIPS.fullmatch(name):
            for node in walk(unpacked(source, member, budget), texts=_PATHS):
                if isinstance(node, Text):
                    findings.refer(node.text)


def _read_header(pieces: Iterable[bytes], findings: Findings) -> None:
    for node in walk(pieces):
        if isinstance(node, Element):
            return
        if isinstance(node, Comment) and (found := _VERSION.search(node.text)):
            findings.tell_version(found[1])
