"""A prompt answer is the answer that the pipeline gives, and leaves the same behind (V6.1, V9.1d)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gateway.heads import head_of
from gateway.limiting import Standing
from tests.gateway.conftest import Lines
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


# ------------------------------------------------------------------ what it leaves behind
def burst(gateway: Served, count: int, path: str = "/versions") -> bytes:
    """Many requests on one connection, and a last one that ends it."""
    request = f"GET {path} HTTP/1.1\r\nHost: dits\r\n"
    return gateway.raw(((request + "\r\n") * (count - 1) + request + "Connection: close\r\n\r\n").encode())


def metric(gateway: Served, name: str, **labels: str) -> float:
    return gateway.parts.application.measures.registry.get_sample_value(name, labels) or 0.0


def test_a_prompt_answer_is_counted_and_logged_as_any_other(logged: Lines) -> None:
    with served() as gateway:
        burst(gateway, 5)
        said = {"method": "GET", "route": "/versions", "status": "200", "api_version": "unknown"}
        assert metric(gateway, "dits_http_requests_total", **said) == 5
    lines = [line for line in logged if line["event"] == "request"]
    assert len({line.pop("correlation_id") for line in lines}) == 5
    assert all({**line, "took_ms": 0} == {**lines[-1], "took_ms": 0} for line in lines)


def test_the_limit_counts_prompt_answers_and_is_said_once() -> None:
    with served() as gateway:
        answers = b"".join(burst(gateway, count) for count in (25, 25, 25, 26))
        assert answers.count(b"HTTP/1.1 200") == 100
        assert answers.count(b"HTTP/1.1 429") == 1
        assert metric(gateway, "dits_rate_limited_total", bucket="anonymous") == 1


@pytest.mark.parametrize(
    ("field", "status"),
    [("X-API-Key: nobody", 401), ("X-API-Version: 1.0", 400), ("X-API-Version: v1\x01", 400)],
)
def test_what_is_refused_is_refused_by_the_pipeline(gateway: Served, field: str, status: int) -> None:
    answer = asked(gateway, field, "Connection: keep-alive", close=False)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in answer


def test_a_page_that_is_known_is_not_sent_again(gateway: Served) -> None:
    etag = head(asked(gateway, close=False))[1][b"etag"].decode()
    assert asked(gateway, f"If-None-Match: {etag}", close=False).startswith(b"HTTP/1.1 304 ")


def test_a_question_with_a_body_waits_for_its_body(gateway: Served) -> None:
    answer = asked(gateway, "Content-Length: 0", "Connection: close")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_process_that_drains_closes_the_connection() -> None:
    with served() as gateway:
        gateway.parts.application.health.draining = True
        answer = asked(gateway, close=False)
    assert b"connection: close" in answer.partition(b"\r\n\r\n")[0]


def test_a_path_below_that_is_unknown_is_not_there(gateway: Served) -> None:
    assert burst(gateway, 2, "/versions/v77").count(b"HTTP/1.1 404 ") == 2
