"""The base of every error Dits raises on purpose, and the errors of the stored formats.

Promises: the first line of a class's docstring is its message (a template over its facts), ``code`` is a
public contract, ``kind`` says what a caller can do about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

Kind = Literal[
    "invalid",  # the request is wrong: mend it
    "unauthorized",  # say who you are
    "forbidden",  # you may not
    "missing",  # it is not there
    "conflict",  # the world moved: look again
    "gone",  # it was there and will not come back
    "too_large",  # send less
    "unprocessable",  # well-formed, but it contradicts itself or what is stored
    "throttled",  # later
    "unavailable",  # not your fault: retry the same request
    "full",  # no space
    "corrupt",  # stored bytes are wrong; an operator is needed
    "bug",  # ours
]
Fact = str | int | bool | tuple[str, ...] | Mapping[str, str] | tuple[Mapping[str, str], ...]
"""What an error knows: said in its message if the docstring names it, and in the body's `details`."""


class DitsError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"
    kind: ClassVar[Kind] = "bug"

    def __init__(self, **facts: Fact) -> None:
        self.facts: dict[str, Fact] = facts
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The docstring's first line with the facts filled in."""
        template = (type(self).__doc__ or "").strip().split("\n")[0]
        return template.format_map({name: _worded(fact) for name, fact in self.facts.items()})


def _worded(fact: Fact) -> Fact:
    return "; ".join(map(str, fact)) if isinstance(fact, tuple) else fact


class FormatError(DitsError):
    """Stored bytes do not follow their format: {reason}"""

    code = "FORMAT_INVALID"
    kind: ClassVar[Kind] = "unprocessable"


class ManifestCorruptionError(FormatError):
    """Checksum mismatch - partial write detected"""

    code = "MANIFEST_CORRUPTED"
    kind = "corrupt"
