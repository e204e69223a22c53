"""Credentials at the door: keys, tokens, both, neither, and what is said of the wrong ones (V4.1-V4.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.consumer import ApiKeyIssued, ApiKeyRevoked, ConsumerLimitSet, KeyVersionPinned
from domain.errors import UnauthorizedError
from domain.event import Event
from domain.ids import ConsumerId, KeyId
from gateway import auth
from gateway.auth import KeyDigests, key_text, known_caller
from gateway.caller import ACCESS_EVENTS, REQUESTS_PER_MINUTE, Directory, Principal
from gateway.challenges import API_KEY, BEARER, INVALID_KEY, LOGIN_NEEDED, TOKEN_EXPIRED, TOKEN_INVALID
from gateway.oauth import Tokens
from tests.fakes import FakeClock
from tests.gateway.conftest import QUICK, Lines
from tests.gateway.house import House, expect_problem, house
from tests.issuer import ISSUER, FakeIssuer

DIGESTS = KeyDigests(bytes(32))
ADA, KEY = ConsumerId("a" * 32), KeyId("k" * 32)
TEXT = key_text(ADA, bytes(32))


def directory(*events: Event) -> Directory:
    known = Directory()
    for event in events:
        known.fold(event)
    return known


def issued(text: str = TEXT, key_id: str = KEY) -> ApiKeyIssued:
    return ApiKeyIssued(
        consumer=ADA,
        name="ada",
        key_id=KeyId(key_id),
        digest=DIGESTS.of(text),
        scopes=("read",),
        repos=None,
    )


def refused(headers: Mapping[str, str], tokens: Tokens | None = None) -> str:
    with pytest.raises(UnauthorizedError) as refusal:
        known_caller(directory(issued()), DIGESTS, tokens, headers)
    return refusal.value.message


@pytest.fixture
def issuer(clock: FakeClock) -> FakeIssuer:
    return FakeIssuer(clock)


# ------------------------------------------------------------------ the directory
def test_a_principal_carries_limit_and_version() -> None:
    limit = ConsumerLimitSet(consumer=ADA, requests_per_minute=5)
    pin = KeyVersionPinned(consumer=ADA, key_id=KEY, version_id="v1")
    known = directory(issued(), limit, pin, issued("another", "another"))
    assert [(each.limit, each.pinned) for each in known.keys.values()] == [(5, "v1"), (5, "")]
    known.fold(ConsumerLimitSet(consumer=ADA, requests_per_minute=None))
    known.fold(KeyVersionPinned(consumer=ADA, key_id=KEY, version_id=None))
    assert {(each.limit, each.pinned) for each in known.keys.values()} == {(REQUESTS_PER_MINUTE, "")}


def test_a_revoked_key_stays_gone_whatever_follows() -> None:
    revoked = ApiKeyRevoked(consumer=ADA, key_id=KEY, reason="lost")
    limit = ConsumerLimitSet(consumer=ADA, requests_per_minute=5)
    pin = KeyVersionPinned(consumer=ADA, key_id=KEY, version_id="v1")
    assert directory(issued(), revoked, limit, pin).keys == {}


def test_the_first_fold_reads_what_decides_access_and_no_daily_notes() -> None:
    topics = {event.TOPIC for event in ACCESS_EVENTS}
    assert {"consumer.limit_set.v1", "consumer.key_version_pinned.v1"} < topics
    assert "consumer.version_use_noted.v1" not in topics


# ------------------------------------------------------------------ which credential counts
def test_a_key_decides_alone(issuer: FakeIssuer) -> None:
    tokens, token = issuer.tokens(), issuer.token()
    tokens.verified(token)
    both = {"x-api-key": TEXT, "authorization": f"Bearer {token}"}
    caller = known_caller(directory(issued()), DIGESTS, tokens, both)
    assert isinstance(caller, Principal)
    assert (caller.name, caller.kind) == ("ada", "key")
    assert refused({**both, "x-api-key": ""}, tokens) == INVALID_KEY
    assert refused({**both, "x-api-key": "not-a-key"}, tokens) == INVALID_KEY


@pytest.mark.parametrize("credentials", ["", "Basic YTpi", "Bearers x", "ApiKey x", "Bearer\tx", TEXT])
def test_another_scheme_is_no_login(credentials: str, issuer: FakeIssuer) -> None:
    assert refused({"authorization": credentials}, issuer.tokens()) == LOGIN_NEEDED


@pytest.mark.parametrize(
    "credentials", ["Bearer", "bearer ", "BEARER garbage", "Bearer a.b", f"Bearer {TEXT}"]
)
def test_what_follows_bearer_must_be_a_token(credentials: str, issuer: FakeIssuer) -> None:
    assert refused({"authorization": credentials}, issuer.tokens()) == TOKEN_INVALID


def test_without_an_issuer_no_token_is_valid(issuer: FakeIssuer) -> None:
    assert refused({"authorization": f"Bearer {issuer.token()}"}) == TOKEN_INVALID


def test_a_tokens_consumer_has_the_limit_of_the_directory(issuer: FakeIssuer) -> None:
    tokens, token = issuer.tokens(), issuer.token()
    ann = tokens.verified(token)
    known = directory(ConsumerLimitSet(consumer=ann.consumer, requests_per_minute=7))
    caller = known_caller(known, DIGESTS, tokens, {"authorization": f"Bearer {token}"})
    assert isinstance(caller, Principal)
    assert (caller.limit, caller.pinned, ann.limit) == (7, "", REQUESTS_PER_MINUTE)


@given(st.dictionaries(st.sampled_from(["x-api-key", "authorization"]), st.text(max_size=80)))
def test_any_headers_are_a_caller_or_a_refusal(headers: dict[str, str]) -> None:
    tokens = FakeIssuer(FakeClock()).tokens()
    with suppress(UnauthorizedError):
        caller = known_caller(directory(issued()), DIGESTS, tokens, headers)
        assert (caller is auth.ANONYMOUS) == (not headers)


def test_v4_2i_a_key_is_looked_up_by_its_digest_before_anything_else_is_looked_at() -> None:
    """Known, revoked or made up: the same digest, the same lookup; no part of a text ends it sooner."""
    seen = list[bytes]()

    class Watched(dict[bytes, Principal]):
        def get(self, key: bytes, default: object = None) -> None:  # type: ignore[override]
            seen.append(key)

    watched = Directory(keys=Watched())
    texts = (TEXT, TEXT[:-1] + "B", key_text(ConsumerId("b" * 32), bytes(32)), "not-a-key", "", "dits_")
    for text in texts:
        with suppress(UnauthorizedError):
            assert known_caller(watched, DIGESTS, None, {"x-api-key": text}) is None
    assert seen == [DIGESTS.of(text) for text in texts]


# ------------------------------------------------------------------ at the door
At = Callable[[House], Awaitable[None]]


def at_the_door(issuer: FakeIssuer, story: At) -> None:
    async def whole() -> None:
        made = house(limits=QUICK, clock=issuer.clock, tokens=issuer.tokens())
        async with asyncio.timeout(30), made as h:
            await story(h)

    asyncio.run(whole())


async def with_token(h: House, token: str, path: str = "/repos") -> httpx.Response:
    return await h.ask("GET", path, headers={"Authorization": f"Bearer {token}"})


def failures(h: House, reason: str) -> float:
    """As Prometheus reads it."""
    name = f'dits_auth_failures_total{{reason="{reason}"}} '
    text = h.application.measures.text().decode()
    return float(next(line for line in text.splitlines() if line.startswith(name)).removeprefix(name))


def test_v4_2a_a_wrong_key_learns_nothing(issuer: FakeIssuer, logged: Lines) -> None:
    async def story(h: House) -> None:
        answer = await h.ask("GET", "/repos", key="not-a-key")
        expect_problem(answer, 401, "UNAUTHORIZED")
        assert answer.json()["message"] == INVALID_KEY
        assert answer.headers["WWW-Authenticate"] == API_KEY
        assert not any(word in answer.text for word in ("length", "prefix", "format", "pattern", "not-a-key"))
        assert failures(h, "invalid_api_key") == 1

    at_the_door(issuer, story)
    (line,) = [line for line in logged if line["event"] == "auth.invalid_api_key"]
    assert line["log_level"] == "warning"
    assert "not-a-key" not in str(logged)


def test_v4_3a_an_expired_token_says_where_to_renew_it(issuer: FakeIssuer, logged: Lines) -> None:
    async def story(h: House) -> None:
        expired = issuer.token(exp=issuer.clock.now().timestamp() - 60)
        answer = await with_token(h, expired)
        expect_problem(answer, 401, "UNAUTHORIZED")
        assert answer.json()["message"] == TOKEN_EXPIRED
        challenge = f'{BEARER}, error="invalid_token", error_description="OAuth token expired"'
        assert answer.headers["WWW-Authenticate"] == challenge
        refresh = {"grant_type": "refresh_token", "token_endpoint": ISSUER.token_endpoint}
        assert answer.json()["details"]["refresh"] == refresh
        assert failures(h, "token_expired") == 1

    at_the_door(issuer, story)
    assert [x["log_level"] for x in logged if x["event"] == "auth.token_expired"] == ["info"]


@pytest.mark.parametrize("token", ["garbage", "eyJhbGciOiJub25lIn0.e30.", "a.b.c"])
def test_v4_3b_v4_3c_any_other_token_is_only_invalid(issuer: FakeIssuer, token: str, logged: Lines) -> None:
    async def story(h: House) -> None:
        answer = await with_token(h, token)
        expect_problem(answer, 401, "UNAUTHORIZED")
        assert answer.json()["message"] == TOKEN_INVALID
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert "expired" not in answer.text + str(answer.headers)
        assert failures(h, "invalid_token") == 1

    at_the_door(issuer, story)
    assert [x["log_level"] for x in logged if x["event"] == "auth.invalid_token"] == ["info"]
    assert token not in str(logged)


def test_v4_3d_a_token_is_good_for_half_a_minute_more(issuer: FakeIssuer) -> None:
    async def story(h: House) -> None:
        token = issuer.token(exp=issuer.clock.now().timestamp() + 60)
        assert (await with_token(h, token, "/whoami")).json()["name"] == "ann"
        issuer.clock.advance(timedelta(seconds=80))
        assert (await with_token(h, token)).status_code == 200
        issuer.clock.advance(timedelta(seconds=10))
        assert (await with_token(h, token)).json()["message"] == TOKEN_EXPIRED

    at_the_door(issuer, story)


def test_a_token_does_what_its_scopes_say(issuer: FakeIssuer) -> None:
    async def story(h: House) -> None:
        reader = {"Authorization": f"Bearer {issuer.token()}"}
        writer = {"Authorization": f"Bearer {issuer.token(scope='write')}"}
        body = {"name": "film", "public": False}
        expect_problem(await h.ask("POST", "/repos", body=body, headers=reader), 403, "FORBIDDEN")
        assert (await h.ask("POST", "/repos", body=body, headers=writer)).status_code == 201
        assert (await h.ask("GET", "/repos/film", headers=reader)).status_code == 200
        elsewhere = {"Authorization": f"Bearer {issuer.token(dits_repos=['news'])}"}
        expect_problem(await h.ask("GET", "/repos/film", headers=elsewhere), 404, "NOT_FOUND")

    at_the_door(issuer, story)


def test_a_token_in_the_wrong_place_is_not_said_again(issuer: FakeIssuer, logged: Lines) -> None:
    async def story(h: House) -> None:
        token = issuer.token()
        begun = token[:20]
        for path in (f"/{token}", f"/repos/{token}", f"/repos?limit={token}", f"/repos?{token}=1"):
            assert begun not in (await h.ask("GET", path)).text
        root, body = h.key("root", "admin"), {"name": token, token: 1}
        assert begun not in (await h.ask("POST", "/repos", key=root, body=body)).text

    at_the_door(issuer, story)


def test_a_new_token_is_good_also_where_keys_are_guessed(issuer: FakeIssuer) -> None:
    async def story(h: House) -> None:
        answers = [await h.ask("GET", "/repos", key="not-a-key") for _ in range(12)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
        assert (await with_token(h, issuer.token())).status_code == 200
        assert (await with_token(h, "a.b.c")).status_code == 429

    at_the_door(issuer, story)


def test_whoever_shows_nothing_is_told_of_both_ways(issuer: FakeIssuer) -> None:
    async def story(h: House) -> None:
        answer = await h.ask("POST", "/repos", body={"name": "film"})
        expect_problem(answer, 401, "UNAUTHORIZED")
        assert answer.headers.get_list("WWW-Authenticate") == [API_KEY, BEARER]

    at_the_door(issuer, story)


def test_while_the_issuer_is_away_a_new_token_waits_and_a_known_one_serves(issuer: FakeIssuer) -> None:
    async def story(h: House) -> None:
        known, new = issuer.token(), issuer.token(sub="bob")
        issuer.is_away = True
        expect_problem(await with_token(h, new), 503, "SERVICE_UNAVAILABLE")
        issuer.is_away = False
        issuer.clock.advance(timedelta(seconds=1))
        assert (await with_token(h, known)).status_code == 200
        issuer.is_away = True
        assert (await with_token(h, known)).status_code == 200
        assert (await with_token(h, new)).status_code == 200

    at_the_door(issuer, story)
