"""The issuer's keys: fetched when needed, kept while it is away, and never more than asked for (V4.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from domain.errors import UnavailableError
from gateway.issuer_keys import (
    ALGORITHMS,
    FIRST_REFETCH_MS,
    KEYS_MAX,
    LIFETIME_MS,
    REFETCH_MS,
    WAITING_MAX,
    IssuerKeys,
    ring_of,
)
from tests.fakes import FakeClock
from tests.gateway.conftest import Lines
from tests.issuer import FakeIssuer, encoded, signing_key

LIFETIME, PAUSE = timedelta(milliseconds=LIFETIME_MS), timedelta(milliseconds=REFETCH_MS)
TICK = timedelta(milliseconds=1)


@pytest.fixture
def issuer(clock: FakeClock) -> FakeIssuer:
    return FakeIssuer(clock)


@pytest.fixture
def keys(issuer: FakeIssuer) -> IssuerKeys:
    return IssuerKeys(issuer, issuer.clock)


def knows(keys: IssuerKeys, key_id: str) -> bool:
    return keys.find("Ed25519", key_id) is not None


# ------------------------------------------------------------------ when it asks
def test_the_issuer_is_asked_once_for_many_tokens(keys: IssuerKeys, issuer: FakeIssuer) -> None:
    assert issuer.fetched == 0
    assert all(knows(keys, "first") for _ in range(9))
    assert issuer.fetched == 1


def test_an_unknown_key_is_asked_for_at_most_every_half_minute(keys: IssuerKeys, issuer: FakeIssuer) -> None:
    knows(keys, "first")
    issuer.clock.advance(PAUSE - TICK)
    assert not any(knows(keys, f"made up {number}") for number in range(9))
    assert issuer.fetched == 1
    issuer.clock.advance(TICK)
    assert not any(knows(keys, f"made up {number}") for number in range(9))
    assert issuer.fetched == 2


def test_a_rotation_is_followed_with_the_first_token_of_the_new_key(
    keys: IssuerKeys, issuer: FakeIssuer
) -> None:
    knows(keys, "first")
    issuer.rotate("second")
    issuer.clock.advance(PAUSE)
    assert knows(keys, "second")
    assert not knows(keys, "first")


def test_keys_are_asked_for_again_after_their_lifetime(keys: IssuerKeys, issuer: FakeIssuer) -> None:
    knows(keys, "first")
    issuer.rotate("second")
    issuer.clock.advance(LIFETIME - TICK)
    assert knows(keys, "first")
    issuer.clock.advance(TICK)
    assert not knows(keys, "first")


# ------------------------------------------------------------------ when the issuer is away
def test_known_keys_serve_while_the_issuer_is_away(
    keys: IssuerKeys, issuer: FakeIssuer, logged: Lines
) -> None:
    knows(keys, "first")
    issuer.is_away = True
    issuer.clock.advance(2 * LIFETIME)
    assert all(knows(keys, "first") for _ in range(9))
    assert not knows(keys, "second")
    assert issuer.fetched == 2
    (line,) = [line for line in logged if line["event"] == "oauth_keys_unavailable"]
    assert (line["log_level"], line["keys_kept"]) == ("warning", 1)


def test_what_is_verified_by_old_keys_is_verified_again_soon(keys: IssuerKeys, issuer: FakeIssuer) -> None:
    knows(keys, "first")
    assert keys.good_until_ms == issuer.clock.monotonic_ms() + LIFETIME_MS
    issuer.is_away = True
    issuer.clock.advance(LIFETIME)
    knows(keys, "first")
    assert keys.good_until_ms == issuer.clock.monotonic_ms() + REFETCH_MS


def test_an_issuer_that_was_never_there_is_tried_every_second(keys: IssuerKeys, issuer: FakeIssuer) -> None:
    issuer.is_away = True
    for _ in range(3):
        with pytest.raises(UnavailableError):
            knows(keys, "first")
    assert issuer.fetched == 1
    issuer.is_away = False
    issuer.clock.advance(timedelta(milliseconds=FIRST_REFETCH_MS))
    assert knows(keys, "first")


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"{}", b'{"keys": 7}', b"\xff", b"[" * 9_999])
def test_an_answer_that_is_no_jwks_takes_no_key_away(
    keys: IssuerKeys, issuer: FakeIssuer, answer: bytes
) -> None:
    knows(keys, "first")
    issuer.answer = answer
    issuer.clock.advance(LIFETIME)
    assert knows(keys, "first")


def test_an_issuer_may_withdraw_all_its_keys(keys: IssuerKeys, issuer: FakeIssuer) -> None:
    knows(keys, "first")
    issuer.keys = []
    issuer.clock.advance(LIFETIME)
    assert not knows(keys, "first")


# ------------------------------------------------------------------ many at once
class SlowSource:
    """Answers when it is told to."""

    def __init__(self, jwks: bytes) -> None:
        self.jwks, self.fetched = jwks, 0
        self.asked, self.may_answer = Event(), Event()

    def fetch(self) -> bytes:
        self.fetched += 1
        self.asked.set()
        assert self.may_answer.wait(10)
        return self.jwks


def test_many_wait_for_one_fetch_and_more_are_told_to_come_back(issuer: FakeIssuer) -> None:
    source = SlowSource(issuer.jwks())
    keys = IssuerKeys(source, issuer.clock)
    with ThreadPoolExecutor(WAITING_MAX + 1) as pool:
        asking = [pool.submit(knows, keys, "first") for _ in range(WAITING_MAX + 1)]
        told, waiting = wait(asking, timeout=10, return_when=FIRST_COMPLETED)
        source.may_answer.set()
        assert [type(each.exception()) for each in told] == [UnavailableError]
        assert all(each.result(10) for each in waiting)
    assert source.fetched == 1


def test_nobody_whose_key_is_known_waits_for_a_slow_issuer(issuer: FakeIssuer) -> None:
    source = SlowSource(issuer.jwks())
    source.may_answer.set()
    keys = IssuerKeys(source, issuer.clock)
    knows(keys, "first")
    source.asked.clear()
    source.may_answer.clear()
    issuer.clock.advance(LIFETIME)
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(knows, keys, "first")
        assert source.asked.wait(10)
        assert all(knows(keys, "first") for _ in range(9))
        source.may_answer.set()
        assert fetching.result(10)


# ------------------------------------------------------------------ what is a key
def jwks(*members: object) -> bytes:
    return json.dumps({"keys": members}).encode()


def public(key: RSAKey | ECKey | OKPKey | OctKey, **more: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": "k", **more}


ED = signing_key("Ed25519", "first")
assert isinstance(ED, OKPKey)


@pytest.mark.parametrize(
    "member",
    [
        public(OctKey.generate_key(256)),
        {"kty": "RSA", "kid": "k", "n": encoded(b"\x81" * 128), "e": "AQAB"},
        {"kty": "RSA", "kid": "k", "n": encoded(b"\x81" * 2_048), "e": "AQAB"},
        public(ECKey.generate_key("P-384")),
        public(OKPKey.generate_key("X25519")),
        public(OKPKey.generate_key("Ed448")),
        public(ED, use="enc"),
        public(ED, alg="RS256"),
        public(ED, kid=7),
        public(ED, kid="k" * 257),
        public(ED, x="AAAA"),
        public(ED, crv="Ed25520"),
        {"kty": "OKP"},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "AKP", "kid": "k"},
        [],
        None,
        "key",
    ],
    ids=str,
)
def test_what_cannot_be_used_is_passed_over(member: object) -> None:
    assert [key.key_id for key in ring_of(jwks(member, public(ED, kid="good"))).keys] == ["good"]


def test_a_key_without_a_name_serves_only_when_it_is_alone() -> None:
    nameless = {name: part for name, part in public(ED).items() if name != "kid"}
    other = public(OKPKey.generate_key("Ed25519"))
    assert ring_of(jwks(nameless)).find("Ed25519", None) is not None
    assert ring_of(jwks(nameless)).find("Ed25519", "k") is None
    assert ring_of(jwks(nameless, other)).find("Ed25519", None) is None


def test_keys_of_different_kinds_may_share_a_name() -> None:
    ring = ring_of(jwks(public(ED), public(ECKey.generate_key("P-256"))))
    assert ring.find("Ed25519", "k") != ring.find("ES256", "k") is not None
    assert ring.find("RS256", "k") is None


def test_a_ring_holds_so_many_keys() -> None:
    assert len(ring_of(jwks(*[public(ED, kid=str(n)) for n in range(999)])).keys) == KEYS_MAX


def test_no_private_part_is_taken_over() -> None:
    (key,) = ring_of(jwks({**ED.as_dict(private=True), "kid": "k"})).keys
    assert not key.key.is_private


PARTS = st.text("AQ-_=9z", max_size=60) | st.integers() | st.none()
NAMES = st.sampled_from(["kty", "n", "e", "crv", "x", "y", "d", "k", "kid", "use", "alg"])
KINDS = st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "AQAB"])


@settings(max_examples=300)
@given(st.lists(st.dictionaries(NAMES, PARTS | KINDS, max_size=6), max_size=3))
def test_whatever_stands_in_a_jwks_makes_keys_or_none(members: list[Mapping[str, object]]) -> None:
    for key in ring_of(jwks(*members)).keys:
        assert key.algorithm in ALGORITHMS.values()
        assert not key.verifies(b"signed", b"no signature")
