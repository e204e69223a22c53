"""Why somebody is not let in, and how they are told to come back: one table for errors, logs and counters.

Promises: the reason is one of these few sentences, so that no answer says what was wrong with a credential
(V4.2); `WWW-Authenticate` names what this door takes (RFC 9110 11.6.1, RFC 6750 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Failure = Literal["missing", "invalid_api_key", "token_expired", "invalid_token", "scope"]
"""As `dits_auth_failures_total` counts it."""

API_KEY = 'ApiKey realm="dits", header="X-API-Key"'
BEARER = 'Bearer realm="dits"'

LOGIN_NEEDED = "Authentication required"
INVALID_KEY = "Invalid API key"
TOKEN_EXPIRED = "OAuth token expired"  # noqa: S105 -- what is said, not a secret
TOKEN_INVALID = "Invalid OAuth token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Refusal:
    """What follows from a reason."""

    failure: Failure
    challenges: tuple[str, ...]


REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        LOGIN_NEEDED: Refusal("missing", (API_KEY, BEARER)),
        INVALID_KEY: Refusal("invalid_api_key", (API_KEY,)),
        TOKEN_EXPIRED: Refusal(
            "token_expired", (f'{BEARER}, error="invalid_token", error_description="{TOKEN_EXPIRED}"',)
        ),
        TOKEN_INVALID: Refusal("invalid_token", (f'{BEARER}, error="invalid_token"',)),
    }
)


def refusal_for(reason: object) -> Refusal:
    """Of an UnauthorizedError's reason."""
    return REFUSALS[str(reason)]
