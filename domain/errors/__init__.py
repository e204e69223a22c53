"""Every error that crosses a package border: its message, its public code, and what a caller can do.

HTTP statuses live in ``gateway/errors.py`` alone. A new error is one class, in ``asked`` (the caller can mend
it), ``world`` (an operator can) or ``versions`` (of the API, and of limits).
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.errors.asked import *
from domain.errors.versions import *
from domain.errors.world import *
from domain.format.errors import DitsError as DitsError
from domain.format.errors import Fact as Fact
from domain.format.errors import FormatError as FormatError
from domain.format.errors import Kind as Kind
from domain.format.errors import ManifestCorruptionError as ManifestCorruptionError


def by_code(code: str) -> type[DitsError] | None:
    """The class that carries this code: how a failure recorded in an event becomes an error again."""
    return next((cls for cls in _all(DitsError) if cls.code == code), None)


def _all(base: type[DitsError]) -> Iterator[type[DitsError]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _all(cls)
