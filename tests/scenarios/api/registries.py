"""Registry expressions (R48): which file of versions a case starts from, and what is written over it then.

Promises: pure; text that is no expression is refused, so that its case is known to be written by hand.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Content = Mapping[str, Any]
"""What the operator's file says."""

BROKEN = "default_version: v2\nversions:\n  v1: {status: deprecated\n  v2: [current\n"
FILE_MISSING = "file missing"
COUNTED = re.compile(r"n\((\d+)\)(?: as file)?")
THEN = re.compile(r",?\s+then\s+")
AFTER = re.compile(r"(\S+) after (\S+)")
MODIFIER = re.compile(r" (\+ id|\+|without|with) ")
IDENTIFIED = re.compile(r"(\S+)(?: \(\d+\))?")
ASSIGNED = re.compile(r"([\w.-]+):\s*(.+)", re.DOTALL)
LONG_AGO = "2001-01-01T00:00:00Z"
NOT_SO_LONG_AGO = "2002-01-01T00:00:00Z"
"""Before every clock a table may set."""
OF_OLD = {"status": "deprecated", "released_at": LONG_AGO, "deprecated_at": NOT_SO_LONG_AGO}
OF_THE_FILE = frozenset({"default_version", "versions"})


class NoExpressionError(Exception):
    """The text is no registry expression."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a case's registry is: a file (None: there is none), then what is written in its place."""

    content: Content | None
    then: tuple[str, ...] = ()
    """Texts of files."""
    after: str | None = None
    """The case whose world it stands on."""

    @property
    def file(self) -> str | None:
        return None if self.content is None else file_text(self.content)


def parsed(text: str, fixtures: Mapping[str, Content]) -> Start:
    """Raises NoExpressionError."""
    first, *steps = THEN.split(text.strip())
    if (match := AFTER.fullmatch(first)) and match[1] in fixtures and not steps:
        return Start(fixtures[match[1]], after=match[2])
    content = None if first == FILE_MISSING else _content(first, fixtures)
    return Start(content, tuple(_step(step, fixtures) for step in steps))


def counted(count: int) -> Content:
    """v1 to v(count-1) deprecated, the last one current."""
    current = {"status": "current", "released_at": NOT_SO_LONG_AGO}
    old = {f"v{number}": dict(OF_OLD) for number in range(1, count)}
    return {"versions": {**old, f"v{count}": current} if count else {}}


def file_text(content: Content) -> str:
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)


def _step(text: str, fixtures: Mapping[str, Content]) -> str:
    if text == "write broken YAML":
        return BROKEN
    verb, _, name = text.partition(" ")
    if verb not in ("reload", "write"):
        raise NoExpressionError(text)
    return file_text(_content(name, fixtures))


def _content(text: str, fixtures: Mapping[str, Content]) -> Content:
    name, *rest = MODIFIER.split(text)
    if match := COUNTED.fullmatch(name):
        content = counted(int(match[1]))
    elif name in fixtures and isinstance(fixtures[name], dict):
        content = fixtures[name]
    else:
        raise NoExpressionError(text)
    made = copy.deepcopy(dict(content))
    for word, value in zip(rest[::2], rest[1::2], strict=True):
        _modify(made, word, value.strip())
    return made


def _modify(content: dict[str, Any], word: str, value: str) -> None:
    if word == "+ id":
        match = IDENTIFIED.fullmatch(value)
        if match is None:
            raise NoExpressionError(value)
        content.setdefault("versions", {})[match[1]] = dict(OF_OLD)
        return
    match = ASSIGNED.fullmatch(value)
    if word == "without":
        for place, name in _places(content, value):
            place.pop(name, None)
    elif match is None:
        raise NoExpressionError(value)
    else:
        new = yaml.load(match[2], yaml.BaseLoader)
        for place, name in _places(content, match[1], adding=True):
            place[name] = new


def _places(content: dict[str, Any], field: str, *, adding: bool = False) -> list[tuple[dict[str, Any], str]]:
    """Where the field stands: of the file, a version, `v1.sunset_at`, or of those versions that have it.

    To be added, it is the current version's.
    """
    versions: dict[str, Any] = content.get("versions") or {}
    version, dot, name = field.removeprefix("versions.").partition(".")
    if dot and version in versions:
        return [(versions[version], name)]
    if field in OF_THE_FILE or field in content:
        return [(content, field)]
    if version in versions:
        return [(versions, version)]
    entries = [entry for entry in versions.values() if isinstance(entry, dict)]
    holding = [entry for entry in entries if field in entry]
    if adding and len(entries) > 1:
        holding = [entry for entry in entries if entry.get("status") == "current"] or entries
    return [(entry, field) for entry in (holding or (entries if adding else []))]
