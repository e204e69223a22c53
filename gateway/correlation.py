"""The id that ties a request to its log lines, its events and its answer (R33, V10.1)."""

from __future__ import annotations

import re
from contextvars import ContextVar
from functools import cache

import structlog

from domain.ports import Ids

PATTERN = re.compile(r"[A-Za-z0-9._~-]{1,128}")
KEY_PREFIX = "dits_"
"""Of an API key: one that was put into the wrong header is not said again (I9)."""
VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""Of RFC 9562, section 4.1: two bits of this digit are given, the others stay as they were drawn."""
BLOCK_BYTES = 4_096


class DrawnAhead:
    """`ids`, drawn in blocks, for one event loop: a draw costs more than all else that makes an id."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._block = b""
        self._used = 0

    def token(self, size_bytes: int) -> bytes:
        end = self._used + size_bytes
        if end > len(self._block):
            self._block, end = self._ids.token(max(BLOCK_BYTES, size_bytes)), size_bytes
        self._used = end
        return self._block[end - size_bytes : end]

    def jitter(self) -> float:
        return self._ids.jitter()


def correlation_id(given: str | None, ids: Ids) -> str:
    """The client's, if it is harmless; else a fresh UUIDv4."""
    if given is not None and PATTERN.fullmatch(given) and not given.startswith(KEY_PREFIX):
        return given
    text = ids.token(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{VARIANT[text[16]]}{text[17:20]}-{text[20:]}"


@cache
def bound() -> ContextVar[str]:
    """What log lines and messages take the id from: structlog's own variable, whose `set` and `reset` take a
    fifth of the time of structlog's functions for it."""
    made = structlog.contextvars.bind_contextvars(correlation_id="")["correlation_id"]
    made.var.reset(made)
    return made.var
