"""A prepared answer in one write is the answer that the ordinary way gives (V6.1, V9.1d)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gateway.limiting import Standing
from gateway.whole import head_of
from tests.gateway.house import house
from tests.gateway.served import Served, served

VARYING = (b"x-correlation-id", b"date", b"x-ratelimit-remaining", b"x-ratelimit-reset", b"ratelimit")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Served]:
    with served() as running:
        yield running


def asked(gateway: Served, *more: str, method: str = "GET", close: bool = True) -> bytes:
    """The answer to one request for /versions; a second one ends the connection if the first goes on."""
    fields = ["Host: dits", *more]
    first = "\r\n".join([f"{method} /versions HTTP/1.1", *fields, "", ""])
    last = "\r\n".join(["GET /health/live HTTP/1.1", "Host: dits", "Connection: close", "", ""])
    return gateway.raw((first + ("" if close else last)).encode())


def head(answer: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    fields = [line.split(b": ", 1) for line in lines[1:]]
    assert len({name for name, _ in fields}) == len(fields)
    return lines[0], {name: value for name, value in fields if name not in VARYING}


def test_a_prepared_answer_has_the_head_and_the_body_of_the_ordinary_one(gateway: Served) -> None:
    whole = asked(gateway, close=False)
    ordinary = asked(gateway, "Connection: close")
    (status, fields), (plain_status, plain_fields) = head(whole), head(ordinary)
    assert (status, fields) == (plain_status, {k: v for k, v in plain_fields.items() if k != b"connection"})
    body = ordinary.partition(b"\r\n\r\n")[2]
    assert whole.partition(b"\r\n\r\n")[2].startswith(body)


def test_a_prepared_answer_has_the_names_that_an_application_says() -> None:
    async def story() -> list[str]:
        async with house() as h:
            return list((await h.ask("GET", "/versions")).headers)

    with served() as running:
        whole = head(asked(running, close=False))[1]
    names = {name.encode() for name in asyncio.run(story())} - set(VARYING)
    assert names == set(whole) - {b"date"}


def test_requests_that_come_at_once_are_answered_one_by_one(gateway: Served) -> None:
    request = b"GET /versions HTTP/1.1\r\nHost: dits\r\nX-Correlation-ID: c-%d\r\n\r\n"
    answers = gateway.raw(
        b"".join(request % number for number in range(20))
        + b"GET /versions HTTP/1.1\r\nHost: dits\r\nConnection: close\r\n\r\n"
    )
    assert answers.count(b"HTTP/1.1 200 OK") == 21
    ids = [answers.index(b"x-correlation-id: c-%d\r\n" % number) for number in range(20)]
    assert ids == sorted(ids)


def test_a_head_request_is_told_the_length_and_no_body(gateway: Served) -> None:
    answer = asked(gateway, "Connection: close", method="HEAD")
    assert b"content-length: " in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("bucket", ["anonymous", "consumer"])
def test_a_standing_travels_as_its_headers_say(bucket: str) -> None:
    standing = Standing(1000, 17, 1_795_378_680, 42, bucket, allowed=True)  # type: ignore[arg-type]
    assert standing.head() == head_of(standing.headers())
