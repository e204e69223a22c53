"""The id that ties a request to its log lines, its events and its answer (R33, V10.1)."""

from __future__ import annotations

import re

from domain.ports import Ids

PATTERN = re.compile(r"[A-Za-z0-9._~-]{1,128}")
KEY_PREFIX = "dits_"
"""Of an API key: one that was put into the wrong header is not said again (I9)."""


def correlation_id(given: str | None, ids: Ids) -> str:
    """The client's, if it is harmless; else a fresh UUIDv4."""
    if given is not None and PATTERN.fullmatch(given) and not given.startswith(KEY_PREFIX):
        return given
    raw = bytearray(ids.token(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
