"""An OAuth issuer: keys that rotate, tokens that are right but for what a test changes, and a JWKS that may
be away, in memory or on a socket of 127.0.0.1."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from joserfc.jwk import ECKey, Key, KeyParameters, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from domain.errors import UnavailableError
from gateway.issuer_keys import IssuerKeys
from gateway.oauth import Issuer, Tokens
from tests.fakes import FakeClock

ISSUER = Issuer("https://issuer.example", "dits", "https://issuer.example/token")
HOUR_S = 3_600


@cache
def signing_key(algorithm: str, key_id: str) -> Key:
    """The same for the whole run: an RSA key takes a while to make."""
    named: KeyParameters = {"kid": key_id}
    match algorithm:
        case "RS256":
            return RSAKey.generate_key(2_048, named)
        case "ES256":
            return ECKey.generate_key("P-256", named)
        case _:
            return OKPKey.generate_key("Ed25519", named)


def segment(value: object) -> str:
    return encoded(json.dumps(value).encode())


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(header: Mapping[str, Any], claims: object, key: Key, algorithm: str) -> str:
    """Any header over any claims, by this key and algorithm."""
    text = f"{segment(dict(header))}.{segment(claims)}"
    return f"{text}.{encoded(JWSRegistry.algorithms[algorithm].sign(text.encode(), key))}"


@dataclass(slots=True)
class FakeIssuer:
    """In memory; `fetch` is its JWKS (port KeySource), `fetched` how often it was asked."""

    clock: FakeClock
    keys: list[Key] = field(default_factory=lambda: [signing_key("Ed25519", "first")])
    is_away: bool = False
    fetched: int = 0
    answer: bytes | None = None
    """Said instead of its keys."""

    def fetch(self) -> bytes:
        self.fetched += 1
        if self.is_away:
            raise UnavailableError(dependency="the OAuth issuer")
        return self.jwks() if self.answer is None else self.answer

    def jwks(self) -> bytes:
        told: Any = KeySet(self.keys).as_dict(private=False) if self.keys else {"keys": []}
        return json.dumps(told).encode()

    def claims(self, **changed: object) -> dict[str, object]:
        """Good ones, but for what is changed; None leaves a claim out."""
        now_s = int(self.clock.now().timestamp())
        claims: dict[str, object] = {
            "iss": ISSUER.issuer,
            "aud": ISSUER.audience,
            "sub": "ann",
            "iat": now_s,
            "exp": now_s + HOUR_S,
            **changed,
        }
        return {name: claim for name, claim in claims.items() if claim is not None}

    def token(self, algorithm: str = "Ed25519", key_id: str = "first", **changed: object) -> str:
        header = {"alg": algorithm, "kid": key_id, "typ": "at+jwt"}
        key = signing_key("Ed25519" if algorithm == "EdDSA" else algorithm, key_id)
        return signed(header, self.claims(**changed), key, "Ed25519" if algorithm == "EdDSA" else algorithm)

    def rotate(self, key_id: str) -> None:
        """The old key is gone."""
        self.keys = [signing_key("Ed25519", key_id)]

    def tokens(self) -> Tokens:
        return Tokens(ISSUER, IssuerKeys(self, self.clock), self.clock)


def hmac_with_public_key(issuer: FakeIssuer, public_key: bytes) -> str:
    """The classic confusion: a public key used as the secret of HS256 (RFC 8725 2.1)."""
    text = f"{segment({'alg': 'HS256', 'kid': 'first'})}.{segment(issuer.claims())}"
    return f"{text}.{encoded(hmac.digest(public_key, text.encode(), 'sha256'))}"


@dataclass(slots=True)
class ServedJwks:
    """What the server says; tests change it while it runs."""

    body: bytes = b'{"keys": []}'
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    drip_s: float = 0.0
    """A pause between single bytes."""
    paths: list[str] = field(default_factory=list[str])
    heard: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    """Headers of each request."""
    port: int = 0
    stopping: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"


@contextmanager
def served_jwks() -> Generator[ServedJwks]:
    """A real server, on a free port."""
    said = ServedJwks()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.paths.append(self.path)
            said.heard.append(dict(self.headers.items()))
            self.send_response(said.status)
            for name, text in {"Content-Length": str(len(said.body)), **said.headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self._write()

        def _write(self) -> None:
            step = 1 if said.drip_s else max(1, len(said.body))
            try:
                for start in range(0, len(said.body), step):
                    self.wfile.write(said.body[start : start + step])
                    if said.stopping.wait(said.drip_s):
                        return
            except OSError:
                return  # The client has heard enough.

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's word
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    said.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield said
    finally:
        said.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
