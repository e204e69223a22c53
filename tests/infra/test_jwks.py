"""Fetching the issuer's keys from a real server: bounded in time and size, and from nobody else (V4.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from domain.errors import UnavailableError
from gateway.issuer_keys import IssuerKeys
from gateway.oauth import Tokens
from infra.clock import SystemClock
from infra.compose import tokens
from infra.jwks import JWKS_BYTES_MAX, HttpKeySource
from infra.settings import is_safe, load_settings
from tests.fakes import FakeClock
from tests.issuer import ISSUER, FakeIssuer, ServedJwks, served_jwks


@pytest.fixture
def said() -> Iterator[ServedJwks]:
    with served_jwks() as server:
        yield server


def source(said: ServedJwks, timeout_s: float = 5.0) -> HttpKeySource:
    return HttpKeySource(said.url, SystemClock(), timeout_s=timeout_s)


def cause(said: ServedJwks, timeout_s: float = 5.0) -> str:
    with pytest.raises(UnavailableError) as refusal:
        source(said, timeout_s).fetch()
    return repr(refusal.value.__cause__)


def test_what_the_server_says_is_fetched_as_it_is(said: ServedJwks) -> None:
    said.body = json.dumps({"keys": ["x" * 100_000]}).encode()
    assert source(said).fetch() == said.body
    assert said.paths == ["/keys"]


def test_a_connection_serves_again_after_an_answer_that_was_refused(said: ServedJwks) -> None:
    one = source(said)
    said.status = 500
    with pytest.raises(UnavailableError):
        one.fetch()
    said.status = 200
    assert one.fetch() == said.body


@pytest.mark.parametrize("status", [204, 301, 302, 307, 401, 404, 429, 500, 503])
def test_only_200_is_an_answer_and_no_redirect_is_followed(said: ServedJwks, status: int) -> None:
    said.status, said.headers = status, {"Location": "/elsewhere"}
    assert f"status {status}" in cause(said)
    assert said.paths == ["/keys"]


def test_a_long_answer_is_cut_off(said: ServedJwks) -> None:
    said.body = b" " * JWKS_BYTES_MAX
    assert source(said).fetch() == said.body
    said.body += b" "
    assert "more than 262144 bytes" in cause(said)


def test_an_answer_that_drips_is_cut_off(said: ServedJwks) -> None:
    said.body, said.drip_s = b"x" * 1_000, 0.05
    began_ms = SystemClock().monotonic_ms()
    assert "more than 0.3 seconds" in cause(said, timeout_s=0.3)
    assert SystemClock().monotonic_ms() - began_ms < 3_000


def test_a_silent_server_is_left(said: ServedJwks) -> None:
    said.body, said.drip_s = b"xx", 5.0
    assert "Timeout" in cause(said, timeout_s=0.2)


def test_an_answer_that_breaks_off_is_none(said: ServedJwks) -> None:
    said.headers = {"Content-Length": "1000", "Connection": "close"}
    assert "IncompleteRead" in cause(said, timeout_s=1.0)


def test_nobody_at_the_address_is_the_issuer_away() -> None:
    with served_jwks() as gone:
        pass
    assert "NewConnectionError" in cause(gone)


# ------------------------------------------------------------------ the whole way
def test_tokens_follow_a_rotation_and_outlive_an_outage(said: ServedJwks, clock: FakeClock) -> None:
    issuer = FakeIssuer(clock)
    taken = Tokens(ISSUER, IssuerKeys(source(said), clock), clock)
    said.body = issuer.jwks()
    assert taken.verified(issuer.token()).name == "ann"
    issuer.rotate("second")
    said.body = issuer.jwks()
    clock.sleep(30)
    assert taken.verified(issuer.token(key_id="second")).name == "ann"
    said.status = 503
    clock.sleep(7_200)
    assert taken.verified(issuer.token(key_id="second", sub="bob")).name == "bob"
    assert said.paths == ["/keys"] * 3


def test_the_settings_make_a_verifier_or_none(said: ServedJwks, clock: FakeClock) -> None:
    issuer = FakeIssuer(clock)
    said.body = issuer.jwks()
    oauth = {
        "oauth_issuer": ISSUER.issuer,
        "oauth_audience": ISSUER.audience,
        "oauth_jwks_url": said.url,
        "oauth_token_endpoint": ISSUER.token_endpoint,
    }
    made = tokens(load_settings({}, given=oauth), clock)
    assert made is not None
    assert made.verified(issuer.token()).name == "ann"
    assert tokens(load_settings({}), clock) is None


# ------------------------------------------------------------------ which addresses
@pytest.mark.parametrize(
    "url",
    [
        "https://issuer.example/keys",
        "http://127.0.0.1:8080/keys",
        "http://127.9.9.9/",
        "http://[::1]:1/",
        "http://localhost/keys",
    ],
)
def test_keys_come_over_tls_or_from_this_machine(url: str) -> None:
    assert is_safe(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/keys",
        "http://10.0.0.1/",
        "http://localhost.example/",
        "http://127.0.0.1@issuer.example/",
        "http://127.0.0.1.example/",
        "ftp://127.0.0.1/",
        "file:///etc/keys",
        "https://",
        "http://[::1",
        "issuer.example",
        "",
    ],
)
def test_no_other_address_is_taken(url: str) -> None:
    assert not is_safe(url)
