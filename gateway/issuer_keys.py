"""The public keys of the OAuth issuer, as its JWKS tells them (RFC 7517): fetched when needed, kept while it
is away.

Promises: only keys that verify RS256, ES256 or Ed25519 are taken, so no other algorithm can be talked into
them; one fetch at a time, and few wait for it; an unknown key id asks the issuer at most once in 30 seconds;
an issuer that is away costs nobody anything whose key is known (V4.3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock
from typing import Literal, Protocol, cast

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry

from domain.errors import UnavailableError
from domain.ports import Clock

ISSUER = "the OAuth issuer"
KEYS_MAX = 64
"""An issuer has a handful; what comes after these is not looked at."""
KEY_ID_CHARACTERS_MAX = 256
RSA_CHARACTERS = range(342, 1_367)
"""Of a modulus of 2,048 to 8,192 bits in base64url: RFC 7518 3.3 asks for the first, and more than the last
costs more time than it is worth."""
LIFETIME_MS = 3_600_000
"""A key that the issuer withdrew is forgotten after this at the latest."""
REFETCH_MS = 30_000
FIRST_REFETCH_MS = 1_000
"""While there is no key at all."""
WAITING_MAX = 4
"""Threads that wait for one fetch: half of the gateway's. Others are told to come back."""

Algorithm = Literal["RS256", "ES256", "Ed25519"]
ALGORITHMS: Mapping[str, Algorithm] = {
    "RS256": "RS256",
    "ES256": "ES256",
    "EdDSA": "Ed25519",
    "Ed25519": "Ed25519",
}
"""What a token's `alg` may say; EdDSA is the older name (RFC 9864)."""

PUBLIC_PARTS = frozenset({"kty", "n", "e", "crv", "x", "y"})
"""Nothing else of a key is looked at; a private part would only be in the way."""

log = structlog.get_logger("gateway.issuer_keys")


class KeySource(Protocol):
    """Where the issuer publishes its keys.

    Callers may rely on: it answers within its own time limit, with a bounded number of bytes.
    """

    def fetch(self) -> bytes:
        """The JWKS as it came. Raises UnavailableError."""
        ...


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """One key, for one algorithm."""

    algorithm: Algorithm
    key_id: str
    """Empty if the issuer gave it none."""
    key: Key

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        return JWSRegistry.algorithms[self.algorithm].verify(signed, signature, self.key)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys of one JWKS."""

    keys: tuple[IssuerKey, ...] = ()

    def find(self, algorithm: Algorithm, key_id: str | None) -> IssuerKey | None:
        """Without a key id, the only key there is for the algorithm."""
        fit = [each for each in self.keys if each.algorithm == algorithm]
        if key_id is None:
            return fit[0] if len(fit) == 1 else None
        return next((each for each in fit if each.key_id == key_id), None)


@dataclass(slots=True)
class IssuerKeys:
    """Used by many threads at once."""

    source: KeySource
    clock: Clock
    lifetime_ms: int = LIFETIME_MS
    _ring: KeyRing = field(default_factory=KeyRing)
    _fetched_at_ms: int | None = None
    _tried_at_ms: int | None = None
    _fetching: Lock = field(default_factory=Lock)
    _places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(WAITING_MAX))

    def find(self, algorithm: Algorithm, key_id: str | None) -> IssuerKey | None:
        """Raises UnavailableError if the issuer never answered, or if too many wait for its answer."""
        if self._fetched_at_ms is None:
            self._fetch_first()
        elif self._is_stale() and self._may_try():
            self._fetch_unless_others_do()
        found = self._ring.find(algorithm, key_id)
        if found is None and self._may_try():
            self._fetch_or_wait()
            found = self._ring.find(algorithm, key_id)
        return found

    @property
    def good_until_ms(self) -> int:
        """How long a check that was made just now may be relied on, in monotonic time."""
        if self._is_stale():
            return (self._tried_at_ms or 0) + REFETCH_MS
        return (self._fetched_at_ms or 0) + self.lifetime_ms

    def _is_stale(self) -> bool:
        fetched = self._fetched_at_ms
        return fetched is None or self.clock.monotonic_ms() - fetched >= self.lifetime_ms

    def _may_try(self) -> bool:
        tried = self._tried_at_ms
        pause_ms = FIRST_REFETCH_MS if self._fetched_at_ms is None else REFETCH_MS
        return tried is None or self.clock.monotonic_ms() - tried >= pause_ms

    # ---------------------------------------------------------------- fetching
    def _fetch_first(self) -> None:
        if self._may_try():
            self._fetch_or_wait()
        if self._fetched_at_ms is None:
            raise UnavailableError(dependency=ISSUER)

    def _fetch_or_wait(self) -> None:
        if not self._places.acquire(blocking=False):
            raise UnavailableError(dependency=ISSUER)
        try:
            with self._fetching:
                if self._may_try():
                    self._fetch()
        finally:
            self._places.release()

    def _fetch_unless_others_do(self) -> None:
        if self._fetching.acquire(blocking=False):
            try:
                self._fetch()
            finally:
                self._fetching.release()

    def _fetch(self) -> None:
        try:
            ring = ring_of(self.source.fetch())
        except UnavailableError as error:
            log.warning("oauth_keys_unavailable", keys_kept=len(self._ring.keys), reason=_why(error))
        else:
            self._ring, self._fetched_at_ms = ring, self.clock.monotonic_ms()
        self._tried_at_ms = self.clock.monotonic_ms()


def _why(error: UnavailableError) -> str:
    """A library's words may hold the address, and that a secret."""
    cause = error.__cause__
    return str(cause) if type(cause) is ValueError else type(cause or error).__name__


# ------------------------------------------------------------------ the JWKS
def ring_of(jwks: bytes) -> KeyRing:
    """What cannot be used is passed over (RFC 7517 5). Raises UnavailableError if it is no JWKS at all."""
    try:
        told: object = json.loads(jwks)
    except (ValueError, RecursionError) as error:
        raise UnavailableError(dependency=ISSUER) from error
    members = cast("dict[str, object]", told).get("keys") if isinstance(told, dict) else None
    if not isinstance(members, list):
        raise UnavailableError(dependency=ISSUER)
    found = (_issuer_key(member) for member in cast("list[object]", members)[:KEYS_MAX])
    return KeyRing(tuple(key for key in found if key is not None))


def _issuer_key(member: object) -> IssuerKey | None:
    if not isinstance(member, dict):
        return None
    told = cast("dict[str, object]", member)
    key_id = told.get("kid", "")
    if not isinstance(key_id, str) or len(key_id) > KEY_ID_CHARACTERS_MAX or told.get("use", "sig") != "sig":
        return None
    if told.get("kty") == "RSA" and len(str(told.get("n"))) not in RSA_CHARACTERS:
        return None
    parts = {name: part for name, part in told.items() if name in PUBLIC_PARTS and isinstance(part, str)}
    try:
        key = import_key(cast("dict[str, str | list[str]]", parts))
        algorithm = _algorithm(key)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if algorithm is None or ALGORITHMS.get(str(told.get("alg", algorithm))) != algorithm:
        return None
    return IssuerKey(algorithm, key_id, key)


def _algorithm(key: Key) -> Algorithm | None:
    """The one thing a key may be used for."""
    match key:
        case RSAKey():
            return "RS256"
        case ECKey() if key.curve_name == "P-256":
            return "ES256"
        case OKPKey() if key.curve_name == "Ed25519":
            return "Ed25519"
        case _:
            return None
