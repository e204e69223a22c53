"""The issuer of bearer tokens in a case's world: its keys, and tokens with one flaw each (V4.3)."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from functools import cached_property

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from tests.scenarios.api.credentials import Flaw, WantedToken

ISSUER = "https://issuer.dits.example"
AUDIENCE = "dits"
TOKEN_ENDPOINT = f"{ISSUER}/token"
KEY_ID = "of-the-table"
LIFETIME_S = 600
LONG_AGO_S = 3_600
"""Far beyond any leeway."""


class IssuerOfTokens:
    """Signs what a case asks for; `fetch` gives its public keys (port KeySource)."""

    @cached_property
    def _key(self) -> OKPKey:
        return OKPKey.generate_key("Ed25519", {"kid": KEY_ID})

    def fetch(self) -> bytes:
        return json.dumps(KeySet([self._key]).as_dict(private=False)).encode()

    def token(self, wanted: WantedToken, subject: str, now: datetime) -> str:
        return self.signed(self._claims(wanted, subject, int(now.timestamp())), wanted.flaw)

    def signed(self, claims: dict[str, object], flaw: Flaw = "") -> str:
        """Any claims, for a case written by hand."""
        if flaw == "unsigned":
            return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}."
        key = OKPKey.generate_key("Ed25519", {"kid": KEY_ID}) if flaw == "signature" else self._key
        return jwt.encode({"alg": "Ed25519", "kid": KEY_ID}, claims, key, algorithms=["Ed25519"])

    def _claims(self, wanted: WantedToken, subject: str, now_s: int) -> dict[str, object]:
        flaw = wanted.flaw
        return {
            "iss": f"{ISSUER}/another" if flaw == "issuer" else ISSUER,
            "aud": "somebody-else" if flaw == "audience" else AUDIENCE,
            "sub": subject,
            "scope": " ".join(wanted.scopes),
            "iat": now_s - 2 * LONG_AGO_S,
            "nbf": now_s + LONG_AGO_S if flaw == "early" else now_s - 2 * LONG_AGO_S,
            "exp": now_s - LONG_AGO_S if flaw == "expired" else now_s + LIFETIME_S,
        }


def _segment(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
