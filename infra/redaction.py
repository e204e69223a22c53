"""Keeps secrets out of logs: the last look at a line before it is rendered (seed S5.5, I9).

Promises: values under a secret's name (any case, nested in mappings, lists, tuples and header pairs) and
secrets inside any text (Bearer and Basic credentials, JWTs, our own keys, passwords in URLs, signed URLs,
``name=value`` and ``name: value`` in messages of exceptions) become ``[REDACTED]``; what comes out holds only
str, int, float, bool, None, dict and list, so no later repr can show anything new.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Set
from functools import lru_cache
from typing import cast

REDACTED = "[REDACTED]"
DEPTH_MAX = 8
"""Deeper than this nothing is worth a log line; it also ends cycles."""
ITEMS_MAX = 100
TEXT_CHARACTERS_MAX = 8192
PLAIN = frozenset({int, float, bool, type(None)})
KEYS_REMEMBERED = 1024
"""Names of fields come from our code, a few from clients' headers: bounded all the same."""

SECRET_ENDINGS = (
    "authorization",
    "apikey",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secretkey",
    "privatekey",
    "pepper",
    "cookie",
    "credential",
    "credentials",
    "dsn",
    "signature",
)
SECRET_NAMES = frozenset({"token", "auth", "sig", *SECRET_ENDINGS})
TOKEN_KINDS = ("access", "refresh", "id", "auth", "api", "bearer", "security")
TOKEN_ENDINGS = tuple(f"{kind}token" for kind in TOKEN_KINDS)
OURS = frozenset({"at", "level"})
"""Written by our own processors, on every line: never looked at, which keeps a line under 2 us."""

_NAME = (
    r"[\w-]*(?:password|passwd|pwd|passphrase|secret(?:[-_]?key)?|api[-_]?key|authorization|cookie|pepper|"
    r"credential|signature|token)"
)
# RFC 6750 b64token, RFC 7617: the scheme is kept, so that a reader knows what it was.
_SCHEME = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9\-._~+/]+=*", re.IGNORECASE)
# A JWT (RFC 7519) begins with base64 of '{"', signed or not, whole or cut off.
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,4}")
# Our own keys; a metric's name has neither a digit nor a capital letter.
_OUR_KEY = re.compile(r"\bdits_(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{12,}")
_PASSWORD_IN_ADDRESS = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
# name=value and name: value, quoted or not, as in URLs, DSNs, forms and reprs.
_NAMED = re.compile(
    rf"(?<![\w-])({_NAME})(['\"]?\s*[=:]\s*(?:b(?=['\"]))?)(?!{re.escape(REDACTED)})"
    r"(?:\"[^\"]*\"?|'[^']*'?|(?:(?:bearer|basic)\s+)?[^\s'\"&,;)}\]]+\]?)",
    re.IGNORECASE,
)
_SIGNED_QUERY = re.compile(r"([?&;](?:sig|key|code|auth|AWSAccessKeyId)=)[^&\s'\"#]+", re.IGNORECASE)
_NAMED_NEEDLES = (
    "pass",
    "pwd",
    "secret",
    "key",
    "authorization",
    "cookie",
    "pepper",
    "credential",
    "signature",
    "token",
)


class Redaction:
    """The structlog processor. `count` is called with how many secrets a line held, if any."""

    def __init__(self, count: Callable[[int], object] = lambda _: None) -> None:
        self._count = count

    def __call__(
        self, _logger: object, _method: str, line: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        found = 0
        for key, value in line.items():
            if key in OURS:
                continue
            kind = type(value)
            if is_secret_name(key):
                clean: object = REDACTED
            elif kind in PLAIN:
                continue
            elif kind is str:
                text = cast("str", value)
                if text.isalnum() and len(text) <= TEXT_CHARACTERS_MAX:
                    continue  # as `redacted_text` says, without a call for each word of a line
                clean = redacted_text(text)
            else:
                clean = redacted(value)
            if clean is not value:
                line[key] = clean  # an existing key: the mapping keeps its size while we walk it
                found += REDACTED in str(clean)
        if found:
            self._count(found)
        return line


def redacted(value: object, depth: int = 0) -> object:
    """A copy that holds no secret, made of plain values only; the value itself if it is plain and clean."""
    kind = type(value)
    if kind is str:
        return redacted_text(cast("str", value))
    if kind in PLAIN:
        return value
    if isinstance(value, str):
        return redacted_text(str(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return redacted_text(bytes(value[:TEXT_CHARACTERS_MAX]).decode("latin-1"))
    if isinstance(value, BaseException):
        return redacted_text(f"{type(value).__name__}: {value}")
    if depth >= DEPTH_MAX:
        return "[DEEP]"
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[object, object]", value), depth)
    if isinstance(value, list | tuple | Set):
        return _sequence([*cast("list[object]", value)], depth)
    return redacted_text(repr(value))


def redacted_text(text: str) -> str:
    if len(text) > TEXT_CHARACTERS_MAX:
        text = text[:TEXT_CHARACTERS_MAX] + "..."
    if text.isalnum():
        return text
    low = text.lower()  # a look for what a rule needs is ten times cheaper than the rule
    if "bearer" in low or "basic" in low:
        text = _SCHEME.sub(rf"\1 {REDACTED}", text)
    if "eyj" in low:
        text = _JWT.sub(REDACTED, text)
    if "dits_" in low:
        text = _OUR_KEY.sub(REDACTED, text)
    if "=" in low or ":" in low:
        return _without_named_secrets(text, low)
    return text


def _without_named_secrets(text: str, low: str) -> str:
    if "://" in low:
        text = _PASSWORD_IN_ADDRESS.sub(rf"\1{REDACTED}@", text)
    if any(needle in low for needle in _NAMED_NEEDLES):
        text = _NAMED.sub(rf"\1\2{REDACTED}", text)
    if "=" in low and "?" in low:
        text = _SIGNED_QUERY.sub(rf"\1{REDACTED}", text)
    return text


@lru_cache(maxsize=KEYS_REMEMBERED)
def is_secret_name(name: str) -> bool:
    """``X-API-Key``, ``nats_password``, ``Authorization`` are; ``tokens_left`` is not."""
    plain = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    return plain in SECRET_NAMES or plain.endswith((*SECRET_ENDINGS, *TOKEN_ENDINGS))


def _mapping(value: Mapping[object, object], depth: int) -> dict[str, object]:
    clean: dict[str, object] = {}
    for key, inner in list(value.items())[:ITEMS_MAX]:
        name = _name(key)
        clean[redacted_text(name)] = REDACTED if is_secret_name(name) else redacted(inner, depth + 1)
    return clean


def _sequence(items: list[object], depth: int) -> list[object]:
    """Also a header pair: (b"authorization", b"...") as ASGI has it."""
    if len(items) == 2 and isinstance(items[0], str | bytes) and is_secret_name(_name(items[0])):
        return [_name(items[0]), REDACTED]
    return [redacted(item, depth + 1) for item in items[:ITEMS_MAX]]


def _name(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else str(key)
