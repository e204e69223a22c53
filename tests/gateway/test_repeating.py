"""A head that a connection repeats is answered without a parser, and as if it were not (V6.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import consumer as consumers
from domain.consumer import RevokeKey, SetLimit
from domain.ids import KeyId
from gateway.prompt import Heard, Prompt
from tests.gateway.conftest import Lines
from tests.gateway.house import SYSTEM, Parts
from tests.gateway.repeated import connected, gateway, told

ASK = b"GET /versions HTTP/1.1\r\nHost: dits\r\n%b\r\n"
PLAIN = ASK % b""
REQUESTS = (
    PLAIN,
    ASK % b"X-API-Version: v1\r\n",
    ASK % b"X-API-Version: v1\x01\r\n",
    ASK % b"X-Correlation-ID: mine\r\n",
    ASK % b"If-None-Match: *\r\n",
    ASK % b"X-API-Key: guess\r\n",
    ASK % b"Content-Length: 3\r\n" + b"abc",
    ASK % b"Connection: close\r\n",
    b"GET /versions/v2 HTTP/1.1\r\nHost: dits\r\n\r\n",
    b"GET /versions/v9 HTTP/1.1\r\nHost: dits\r\n\r\n",
    b"GET /versions?include_sunset=1 HTTP/1.1\r\nHost: dits\r\n\r\n",
    b"GET /v1/versions HTTP/1.1\r\nHost: dits\r\n\r\n",
    b"GET /versions%2fv2 HTTP/1.1\r\nHost: dits\r\n\r\n",
    b"HEAD /versions HTTP/1.1\r\nHost: dits\r\n\r\n",
    b"GET /versions HTTP/1.0\r\n\r\n",
    b"GET /health/live HTTP/1.1\r\nHost: dits\r\n\r\n",
)
Story = Callable[[Parts], Awaitable[None]]


def tell(story: Story) -> None:
    async def whole() -> None:
        async with gateway() as made:
            await story(made)

    asyncio.run(whole())


def key_of(made: Parts, name: str = "ann") -> tuple[bytes, str]:
    """A request with a fresh key, and the key."""
    key = made.key(name, "read")
    return ASK % f"X-API-Key: {key}\r\n".encode(), key


async def followed(made: Parts) -> None:
    while made.core.directory.position != made.core.log.end():
        await asyncio.sleep(0.005)


# ------------------------------------------------------------------ the same answer
@pytest.mark.parametrize("request_", REQUESTS)
def test_the_same_is_answered_as_without_a_memory(request_: bytes) -> None:
    async def story(made: Parts) -> None:
        usual, line = connected(made.application, repeats=False), connected(made.application)
        for _ in range(4):
            assert told(await line.exchange(request_)) == told(await usual.exchange(request_))
        assert line.wire.is_closed == usual.wire.is_closed

    tell(story)


def test_a_repeated_head_reaches_no_application() -> None:
    async def story(made: Parts) -> None:
        line = connected(made.application)
        answers = await line.say(PLAIN, PLAIN, PLAIN)
        assert line.reached == ["/versions"]
        assert len({each.headers["x-correlation-id"] for each in answers}) == 3
        assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["99", "98", "97"]

    tell(story)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_requests_in_any_pieces_are_answered_as_without_a_memory(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(REQUESTS[:3] + REQUESTS[6:]), min_size=2, max_size=8))
    sent = b"".join(each * data.draw(st.integers(1, 3)) for each in chosen)
    cuts = sorted(data.draw(st.lists(st.sampled_from(_ends(sent)) | st.integers(0, len(sent)), max_size=12)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True) if a < b]

    async def story(made: Parts) -> None:
        usual, line = connected(made.application, repeats=False), connected(made.application)
        assert told(await line.exchange(*pieces)) == told(await usual.exchange(*pieces))
        assert line.wire.is_closed == usual.wire.is_closed

    tell(story)


def _ends(sent: bytes) -> list[int]:
    """Where requests end, more or less: so whole ones come alone now and then."""
    return [place + 4 for place in range(len(sent)) if sent.startswith(b"\r\n\r\n", place)]


def test_what_comes_while_something_is_answered_waits_its_turn() -> None:
    async def story(made: Parts) -> None:
        line = connected(made.application)
        await line.say(PLAIN)
        line.protocol.data_received(b"GET /health HTTP/1.1\r\nHost: dits\r\n\r\n")
        line.protocol.data_received(PLAIN)
        await line.answered()
        first, second = await line.say()
        assert "reasons" in first.json()
        assert "versions" in second.json()

    tell(story)


# ------------------------------------------------------------------ decided each time
def test_a_key_that_was_revoked_opens_nothing_more() -> None:
    async def story(made: Parts) -> None:
        line, (request, key) = connected(made.application), key_of(made)
        await followed(made)
        assert [each.status_code for each in await line.say(request, request)] == [200, 200]
        consumer, key_id = consumers.consumer_id("ann"), KeyId(made.core.keys.of(key).hex()[:32])
        made.core.log.ask(consumers.DECIDER.ask(consumer, RevokeKey(key_id, "lost")), context=SYSTEM)
        await followed(made)
        assert (await line.say(request))[0].status_code == 401

    tell(story)


def test_a_limit_holds_for_repeated_heads() -> None:
    async def story(made: Parts) -> None:
        consumer, (request, _) = consumers.consumer_id("ann"), key_of(made)
        made.core.log.ask(consumers.DECIDER.ask(consumer, SetLimit(consumer, 5)), context=SYSTEM)
        await followed(made)
        answers = await connected(made.application).say(*[request] * 7)
        assert [each.status_code for each in answers] == [200] * 5 + [429] * 2

    tell(story)


def test_a_gateway_that_is_to_stop_closes_the_connection() -> None:
    async def story(made: Parts) -> None:
        line = connected(made.application)
        await line.say(PLAIN, PLAIN)
        made.application.health.draining = True
        (answer,) = await line.say(PLAIN)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert line.wire.is_closed

    tell(story)


# ------------------------------------------------------------------ what is noted
def test_a_repeated_head_is_logged_and_counted_as_any_other(logged: Lines) -> None:
    async def story(made: Parts) -> None:
        request, _ = key_of(made)
        await followed(made)
        logged.clear()
        await connected(made.application).say(request, request)
        first, second = [line for line in logged if line["event"] == "request"]
        own = ("correlation_id", "took_ms")
        assert {**first, **dict.fromkeys(own)} == {**second, **dict.fromkeys(own)}
        labels = {"method": "GET", "route": "/versions", "status": "200", "api_version": "unknown"}
        assert made.application.measures.registry.get_sample_value("dits_http_requests_total", labels) == 2

    tell(story)


def test_a_bug_in_the_short_cut_is_told_and_answered_the_usual_way(logged: Lines) -> None:
    class Broken(Prompt):
        def answer(self, heard: Heard) -> bytes | None:
            raise ZeroDivisionError

    async def story(made: Parts) -> None:
        line = connected(made.application, prompt=Broken)
        assert [each.status_code for each in await line.say(PLAIN, PLAIN)] == [200, 200]
        assert "request.short_cut_failed" in [each["event"] for each in logged]

    tell(story)


# ------------------------------------------------------------------ idle connections
@pytest.mark.parametrize(("pause_s", "is_closed"), [(0.3, False), (1.4, True)])
def test_only_a_connection_that_asks_nothing_more_is_closed(pause_s: float, is_closed: bool) -> None:
    async def story(made: Parts) -> None:
        line = connected(made.application, keep_alive_s=1)
        for _ in range(5):
            await line.say(PLAIN)
            await asyncio.sleep(0.3)
        assert not line.wire.is_closed
        await asyncio.sleep(pause_s)
        assert line.wire.is_closed == is_closed

    tell(story)
