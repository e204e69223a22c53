"""OAuth bearer tokens: a signed JWT of the configured issuer becomes a principal (RFC 6750, 7519, V4.3).

Promises: only RS256, ES256 and Ed25519 by keys that the issuer publishes (RFC 8725); issuer, audience,
subject and expiry are required; an answer says of a genuine token that it is expired and of any other only
that it is invalid; what was verified once is known by a digest until it expires or its key may be gone, and
expiry is looked at on every use. The token itself is kept nowhere (I9).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, cast

from blake3 import blake3
from joserfc.util import urlsafe_b64decode

from domain.consumer import SCOPE_PATTERN
from domain.errors import UnauthorizedError
from domain.ids import NAME_PATTERN, ConsumerId, KeyId, RepoId, derived_id, repo_id
from domain.ports import Clock
from gateway.caller import Principal
from gateway.challenges import TOKEN_EXPIRED, TOKEN_INVALID
from gateway.errors import escaped
from gateway.issuer_keys import ALGORITHMS, IssuerKeys

TOKEN_BYTES_MAX = 8_192
TOKEN_PATTERN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
LEEWAY_S = 30
"""How far two clocks may be apart."""
VERDICTS_MAX = 8_192
"""Tokens that are known at once, in each of two generations."""
SUBJECT_CHARACTERS_MAX = 255
"""OpenID Connect Core 2."""
SCOPES_MAX = 64
REPOS_MAX = 256
REPOS_CLAIM = "dits_repos"
DEFAULT_SCOPES = ("read",)
"""Of a token that names none of ours."""

Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are taken, for whom they must be, and where they are renewed."""

    issuer: str
    audience: str
    token_endpoint: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a genuine token is worth."""

    principal: Principal
    ends_at_s: float
    """Unix time of its expiry and the leeway."""
    good_until_ms: int
    """Until then its key is taken to be the issuer's."""


@dataclass(slots=True)
class Verdicts:
    """By a token's digest. Two generations, so that the bound holds and no reader waits for a lock: what is
    still used comes along into the younger one, the rest goes with the older."""

    limit: int = VERDICTS_MAX
    _young: dict[bytes, Verdict] = field(default_factory=dict[bytes, Verdict])
    _old: dict[bytes, Verdict] = field(default_factory=dict[bytes, Verdict])

    def find(self, digest: bytes) -> Verdict | None:
        verdict = self._young.get(digest)
        if verdict is None:
            verdict = self._old.get(digest)
            if verdict is not None:
                self.keep(digest, verdict)
        return verdict

    def keep(self, digest: bytes, verdict: Verdict) -> None:
        if len(self._young) >= self.limit:
            self._old, self._young = self._young, {}
        self._young[digest] = verdict

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


@dataclass(slots=True)
class Tokens:
    """Used by the edge's loop (`known`) and by the core's threads (`verified`) at once."""

    issuer: Issuer
    keys: IssuerKeys
    clock: Clock
    verdicts: Verdicts = field(default_factory=Verdicts)

    def known(self, token: str) -> Principal | None:
        """Whom a token that was verified before speaks for; None is to be `verified` in a thread.

        Raises UnauthorizedError if it has expired, or cannot be a token.
        """
        if len(token) > TOKEN_BYTES_MAX:
            raise invalid_token()
        verdict = self.verdicts.find(_digest(token))
        if verdict is None:
            if not TOKEN_PATTERN.fullmatch(token):
                raise invalid_token()
            return None
        if self.clock.monotonic_ms() >= verdict.good_until_ms:
            return None
        return self._unless_expired(verdict)

    def verified(self, token: str) -> Principal:
        """May ask the issuer for its keys. Raises UnauthorizedError, UnavailableError."""
        if len(token) > TOKEN_BYTES_MAX or not TOKEN_PATTERN.fullmatch(token):
            raise invalid_token()
        claims = self._signed_claims(token)
        ends_at_s = self._checked_end(claims)
        verdict = Verdict(self._principal(claims), ends_at_s, self.keys.good_until_ms)
        self.verdicts.keep(_digest(token), verdict)
        return self._unless_expired(verdict)

    def _unless_expired(self, verdict: Verdict) -> Principal:
        if self.clock.now().timestamp() >= verdict.ends_at_s:
            refresh = {"grant_type": "refresh_token", "token_endpoint": self.issuer.token_endpoint}
            raise UnauthorizedError(reason=TOKEN_EXPIRED, refresh=refresh)
        return verdict.principal

    # ---------------------------------------------------------------- what it says
    def _signed_claims(self, token: str) -> Claims:
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        told = _object(header)
        algorithm, key_id = ALGORITHMS.get(str(told.get("alg"))), told.get("kid")
        if algorithm is None or "crit" in told or not (key_id is None or isinstance(key_id, str)):
            raise invalid_token()
        key = self.keys.find(algorithm, key_id)
        if key is None or not key.verifies(signed.encode(), _decoded(signature)):
            raise invalid_token()
        return _object(payload)

    def _checked_end(self, claims: Claims) -> float:
        """When it ends, if it is for us and has begun."""
        audience = claims.get("aud")
        audiences = cast("list[object]", audience) if isinstance(audience, list) else [audience]
        if claims.get("iss") != self.issuer.issuer or self.issuer.audience not in audiences:
            raise invalid_token()
        latest_begin_s = self.clock.now().timestamp() + LEEWAY_S
        for name in ("nbf", "iat"):
            if name in claims and _seconds(claims[name]) > latest_begin_s:
                raise invalid_token()
        return _seconds(claims.get("exp")) + LEEWAY_S

    def _principal(self, claims: Claims) -> Principal:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARACTERS_MAX:
            raise invalid_token()
        consumer = ConsumerId(derived_id("oauth consumer", self.issuer.issuer, _whole(subject)))
        return Principal(
            consumer=consumer,
            name=escaped(subject),
            key_id=KeyId(consumer),
            scopes=_scopes(claims),
            repos=_repos(claims),
            kind="token",
        )


def invalid_token() -> UnauthorizedError:
    return UnauthorizedError(reason=TOKEN_INVALID)


def _digest(token: str) -> bytes:
    """What cannot be encoded is no token, and no token's digest."""
    return blake3(token.encode(errors="replace")).digest()


def _decoded(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment.encode())
    except ValueError as error:
        raise invalid_token() from error


def _object(segment: str) -> Claims:
    try:
        told: object = json.loads(_decoded(segment), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise invalid_token() from error
    if not isinstance(told, dict):
        raise invalid_token()
    return cast("Claims", told)


def _no_number(_: str) -> NoReturn:
    """NaN and Infinity are no JSON; a token that never expires is none either."""
    raise invalid_token()


def _seconds(claim: object) -> float:
    """A NumericDate."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise invalid_token()
    try:
        seconds = float(claim)
    except OverflowError as error:
        raise invalid_token() from error
    if not math.isfinite(seconds):
        raise invalid_token()
    return seconds


def _whole(text: str) -> str:
    """JSON can spell half a character, which has no bytes to derive an id from."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid_token() from error
    return text


def _scopes(claims: Claims) -> tuple[str, ...]:
    """Those of ours; an issuer has others too."""
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise invalid_token()
    ours = [each for each in scope.split(" ") if SCOPE_PATTERN.fullmatch(each)]
    return tuple(dict.fromkeys(ours))[:SCOPES_MAX] or DEFAULT_SCOPES


def _repos(claims: Claims) -> tuple[RepoId, ...] | None:
    """Without the claim, all."""
    if REPOS_CLAIM not in claims:
        return None
    names = claims[REPOS_CLAIM]
    if not isinstance(names, list) or len(cast("list[object]", names)) > REPOS_MAX:
        raise invalid_token()
    return tuple(dict.fromkeys(_repo(name) for name in cast("list[object]", names)))


def _repo(name: object) -> RepoId:
    if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
        raise invalid_token()
    return repo_id(name)
