"""Examines a file: is it a project, of which program and version, and which media does it refer to (S4.5).

Promises: reads and nothing else; never fails because of what a file holds; the same answer for the same
bytes and this version of the package, so that a file can be examined again when the table has grown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.format.errors import FormatError
from domain.format.media.source import Source
from domain.nle import aftereffects, fcpx, premiere, resolve
from domain.nle.detecting import detect
from domain.nle.project import Findings, Nle, NleProject

_READERS: Mapping[Nle, Callable[[Source, Findings], None]] = {
    "premiere": premiere.read,
    "resolve": resolve.read,
    "fcpx": fcpx.read,
    "aftereffects": aftereffects.read,
}


def examine(source: Source) -> NleProject | None:
    """None if it is no project file."""
    nle = detect(source)
    if nle is None:
        return None
    findings = Findings(nle)
    try:
        _READERS[nle](source, findings)
    except FormatError as error:
        return findings.as_project(trouble=str(error.facts["reason"]))
    return findings.as_project()
