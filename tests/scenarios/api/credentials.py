"""What a table's credentials stand for: `<a valid key>`, `Bearer <exp in the past>`, or the text as it is.

Promises: pure; a placeholder is read by its words, so another table may say the same in other ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PLACEHOLDER = re.compile(r"(Bearer )?<([^<>]+)>")
SCOPES = re.compile(r"\b(admin:[a-z-]+|admin|read|write)\b")
PINNED = re.compile(r"\b(?:pinned to|pins|pin) (v\d+(?:-[a-z]+)?)\b")
EVERYDAY_SCOPES = ("read", "write")
LIMIT = 1_000
"""Of a key, in a minute (R29)."""

Flaw = Literal["", "expired", "unsigned", "audience", "issuer", "early", "signature"]
FLAWS: tuple[tuple[str, Flaw], ...] = (
    ("alg none", "unsigned"),
    ("unsigned", "unsigned"),
    ("exp in the past", "expired"),
    ("expired", "expired"),
    ("audience", "audience"),
    ("aud", "audience"),
    ("issuer", "issuer"),
    ("iss", "issuer"),
    ("not yet valid", "early"),
    ("nbf", "early"),
    ("signature", "signature"),
    ("another key", "signature"),
    ("unknown key", "signature"),
)
"""Words of a placeholder, and what is wrong with the token then."""
KEY_HEADERS = frozenset({"x-api-key"})


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A key that the world issues."""

    scopes: tuple[str, ...] = EVERYDAY_SCOPES
    limit: int = LIMIT
    pinned: str = ""
    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class WantedToken:
    """A token that the world's issuer signs."""

    flaw: Flaw = ""
    scopes: tuple[str, ...] = EVERYDAY_SCOPES


Wanted = str | WantedKey | WantedToken


def wanted(header: str, value: str, more: Mapping[str, Any] | None = None) -> Wanted:
    """What to put into the header; `more` are the credential's other members: limit, scopes, pinned."""
    match = PLACEHOLDER.fullmatch(value.strip())
    if match is None:
        return value
    words = match[2].lower()
    if match[1] is None and header.lower() not in KEY_HEADERS and "key" not in words.split():
        return value
    more = more or {}
    scopes = tuple(more.get("scopes", ())) or _scopes(words)
    if match[1] is not None:
        flaws: list[Flaw] = [flaw for word, flaw in FLAWS if word in words]
        return WantedToken(flaws[0] if flaws else "", scopes)
    pinned = PINNED.search(words)
    return WantedKey(
        scopes,
        int(more.get("limit", LIMIT)),
        str(more.get("pinned", pinned[1] if pinned else "")),
        "revoked" in words,
    )


def _scopes(words: str) -> tuple[str, ...]:
    """Those that it names; a key for versions reads and writes as well."""
    named = tuple(dict.fromkeys(SCOPES.findall(words)))
    if not named or any(scope.startswith("admin") for scope in named):
        return tuple(dict.fromkeys((*EVERYDAY_SCOPES, *named)))
    return named
