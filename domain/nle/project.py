"""A project file of an editing program, as plain values (S4.5).

Promises: whatever a file holds, what is kept of it is bounded by the limits below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

from domain.nle.versions import is_supported, word_for

Nle = Literal["premiere", "resolve", "fcpx", "aftereffects"]

REFERENCES_MAX = 10_000
"""Different media of one project: a long feature film has some thousands."""
REFERENCE_CHARS_MAX = 4_096
"""A path on any system, or a URL; what is longer is no reference."""
REFERENCES_CHARS_MAX = 4 * 1024 * 1024
"""Of all references together."""
TOLD_CHARS_MAX = 32
"""Of a version, as a file tells it."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""What JSON can say and neither UTF-8 nor PostgreSQL can hold."""


@dataclass(frozen=True, slots=True)
class NleProject:
    """What one look at a project file found."""

    nle: Nle
    told_version: str
    """As the file says it, in its own numbering: 42, 19.1.3.0007, 1.10, 24.1.0; empty if it does not."""
    references: tuple[str, ...] = ()
    """Paths and URLs of media, as written in the file, each once, in its order; none if not supported."""
    is_complete: bool = False
    """Every reference of a kind that is understood is here."""
    trouble: str = ""
    """Why reading ended early; empty if it did not."""

    @property
    def version(self) -> str | None:
        """In the words of the table of supported versions; None if it is not known which one it is."""
        return word_for(self.nle, self.told_version)

    @property
    def version_told(self) -> str:
        """For readers: the table's word, or what the file says, which is then never taken for such a word."""
        return self.version or (f"file says {self.told_version}" if self.told_version else "unknown")

    @property
    def is_supported(self) -> bool:
        """S4.5: supported = version in the table."""
        return is_supported(self.nle, self.version)

    @property
    def is_opaque(self) -> bool:
        """It is kept as bytes and nothing more is known of it: another version, or it cannot be read."""
        return not self.is_supported or bool(self.trouble)

    def first_references(self, size_bytes: int) -> tuple[str, ...]:
        """As many as fit into this, in UTF-8: for an event, which has a limit of its own."""
        sizes = accumulate(len(reference.encode()) for reference in self.references)
        return tuple(told for told, size in zip(self.references, sizes, strict=True) if size <= size_bytes)


@dataclass(slots=True)
class Findings:
    """What a reader has found so far. Hand it everything; it keeps what the limits allow."""

    nle: Nle
    told_version: str = ""
    is_complete: bool = True
    is_of_another_version: bool = False
    """It is already known that nothing more of it will be understood."""
    _references: dict[str, None] = field(default_factory=dict[str, None])
    _chars: int = 0

    def tell_version(self, told: str) -> None:
        """The first one counts."""
        if not self.told_version and (printable := "".join(filter(str.isprintable, told))):
            self.told_version = printable[:TOLD_CHARS_MAX]
            word = word_for(self.nle, self.told_version)
            self.is_of_another_version = not is_supported(self.nle, word)

    def refer(self, told: str | None) -> None:
        """None: there is one, but it cannot be told; nor can what is no text."""
        if told is None or _NO_TEXT.search(told):
            self.is_complete = False
            return
        reference = told.strip()
        if not reference or reference in self._references:
            return
        chars = self._chars + len(reference)
        is_full = len(self._references) == REFERENCES_MAX or chars > REFERENCES_CHARS_MAX
        if is_full or len(reference) > REFERENCE_CHARS_MAX:
            self.is_complete = False
            return
        self._references[reference] = None
        self._chars = chars

    def as_project(self, trouble: str = "") -> NleProject:
        bare = NleProject(self.nle, self.told_version, trouble=trouble)
        if not bare.is_supported:
            return bare
        is_complete = self.is_complete and not trouble
        return NleProject(self.nle, self.told_version, tuple(self._references), is_complete, trouble)
