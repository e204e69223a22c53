"""What only a real connection shows: broken answers, clients that go away, streams, a server that stops."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field, replace
from threading import Event

import httpx
import pytest

from gateway.core import Core
from gateway.operation import Answer, Call, Nothing, Operation, Sink, Waits
from gateway.operations import OPERATIONS
from tests.gateway.conftest import QUICK
from tests.gateway.served import Served, read_all, served


@dataclass(slots=True)
class Bucket:
    """A sink that a test can look into."""

    blocks: list[int] = field(default_factory=list[int])
    ended: Event = field(default_factory=Event)
    broken: Event = field(default_factory=Event)

    def write(self, block: bytes) -> None:
        self.blocks.append(len(block))

    def end(self) -> Answer:
        self.ended.set()
        return Answer(status=204)

    def interrupted(self) -> None:
        self.broken.set()


@dataclass(slots=True)
class Odd:
    """Operations that misbehave on purpose, and what became of them."""

    bucket: Bucket = field(default_factory=Bucket)
    closed: Event = field(default_factory=Event)

    def pour(self, _core: Core, _call: Call[Nothing]) -> Sink:
        return self.bucket

    def break_off(self, _core: Core, _call: Call[Nothing]) -> Answer:
        def blocks() -> Generator[bytes]:
            yield b"first"
            raise RuntimeError("secret")

        return Answer(body=blocks())

    def endless(self, _core: Core, _call: Call[Nothing]) -> Answer:
        def blocks() -> Generator[bytes]:
            try:
                while True:
                    yield b"x" * 65_536
            finally:
                self.closed.set()

        return Answer(body=blocks())

    def live(self, _core: Core, _call: Call[Nothing]) -> Answer:
        async def blocks(waits: Waits) -> AsyncGenerator[bytes]:
            try:
                yield b"hello"
                await waits.following.moved(10**9, 60)
                yield b"never"
            finally:
                self.closed.set()

        return Answer(body=blocks)

    def slow(self, _core: Core, _call: Call[Nothing]) -> Answer:
        time.sleep(0.5)
        return Answer(Nothing())

    def operations(self) -> tuple[Operation[Nothing], ...]:
        return (
            *OPERATIONS,
            Operation(
                "t.pour", "PUT", "/t/pour", "write", Nothing, self.pour, "", success=204, takes="stream"
            ),
            Operation("t.break", "GET", "/t/break", None, Nothing, self.break_off, ""),
            Operation("t.endless", "GET", "/t/endless", None, Nothing, self.endless, ""),
            Operation("t.live", "GET", "/t/live", None, Nothing, self.live, ""),
            Operation("t.slow", "GET", "/t/slow", None, Nothing, self.slow, ""),
        )


@pytest.fixture
def odd() -> Odd:
    return Odd()


@pytest.fixture
def running(odd: Odd) -> Generator[Served]:
    with served(operations=odd.operations(), limits=replace(QUICK, block_bytes=1_000)) as s:
        yield s


def head(s: Served, method: str, path: str, *more: str) -> bytes:
    key = s.parts.key("ann", "write")
    lines = [f"{method} {path} HTTP/1.1", "Host: dits", f"X-API-Key: {key}", *more, "", ""]
    return "\r\n".join(lines).encode()


def soon(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def test_an_answer_that_breaks_off_closes_the_connection(running: Served) -> None:
    answer = running.raw(head(running, "GET", "/t/break"))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"first" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert b"secret" not in answer


def test_an_iterator_is_closed_when_its_reader_goes_away(running: Served, odd: Odd) -> None:
    with running.connect() as connection:
        connection.sendall(head(running, "GET", "/t/endless"))
        assert len(connection.recv(1_000)) > 0
    assert odd.closed.wait(5)


def test_a_live_body_ends_when_its_reader_goes_away(running: Served, odd: Odd) -> None:
    with running.connect() as connection:
        connection.sendall(head(running, "GET", "/t/live"))
        received = b""
        while b"hello" not in received:
            received += connection.recv(1_000)
    assert odd.closed.wait(5)


def test_a_live_body_ends_whole_when_the_server_stops(odd: Odd) -> None:
    with served(operations=odd.operations()) as s, s.connect() as connection:
        connection.sendall(head(s, "GET", "/t/live"))
        received = b""
        while b"hello" not in received:
            received += connection.recv(1_000)
        s.server.stop()
        assert (received + read_all(connection)).endswith(b"0\r\n\r\n")


def test_a_streamed_body_comes_in_blocks_and_ends(running: Served, odd: Odd) -> None:
    request = head(running, "PUT", "/t/pour", "Content-Length: 2500", "Connection: close")
    answer = running.raw(request + b"x" * 2_500)
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert sum(odd.bucket.blocks) == 2_500
    assert odd.bucket.ended.is_set()
    assert not odd.bucket.broken.is_set()


def test_a_sink_is_told_when_its_client_goes_away(running: Served, odd: Odd) -> None:
    with running.connect() as connection:
        connection.sendall(head(running, "PUT", "/t/pour", "Content-Length: 2500") + b"x" * 1_500)
        assert soon(lambda: sum(odd.bucket.blocks) > 0)
    assert odd.bucket.broken.wait(5)
    assert not odd.bucket.ended.is_set()


def test_a_sink_is_told_when_its_client_falls_silent(odd: Odd) -> None:
    limits = replace(QUICK, body_timeout_s=0.2)
    with served(operations=odd.operations(), limits=limits) as s:
        answer = s.raw(head(s, "PUT", "/t/pour", "Content-Length: 2500") + b"x")
        assert answer.startswith(b"HTTP/1.1 408 ")
    assert odd.bucket.broken.is_set()


def test_a_body_too_large_is_refused_before_it_is_read(running: Served) -> None:
    answer = running.raw(head(running, "POST", "/repos", "Content-Length: 99999999"))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"BODY_TOO_LARGE" in answer


def test_a_body_is_not_read_for_who_may_not_send_it(running: Served) -> None:
    request = b"PUT /t/pour HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: 99999\r\n\r\n"
    assert running.raw(request).startswith(b"HTTP/1.1 401 ")


def test_garbage_instead_of_http_does_no_harm(running: Served) -> None:
    assert b"400" in running.raw(b"\x00\x01garbage\r\n\r\n")[:20]
    assert httpx.get(f"http://127.0.0.1:{running.port}/health/live").status_code == 200


def test_no_answer_tells_the_servers_name(running: Served) -> None:
    assert "server" not in httpx.get(f"http://127.0.0.1:{running.port}/health/live").headers


def test_a_request_in_progress_is_finished_before_the_server_stops(odd: Odd) -> None:
    with served(operations=odd.operations()) as s, s.connect() as connection:
        connection.sendall(head(s, "GET", "/t/slow"))
        time.sleep(0.2)
        s.server.stop()
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_readiness_says_no_before_the_server_stops() -> None:
    with served(lame_duck_s=1.0) as s:
        url = f"http://127.0.0.1:{s.port}/health/ready"
        assert soon(lambda: httpx.get(url).status_code == 200)
        s.server.stop()
        assert httpx.get(url).status_code == 503
        assert httpx.get(url.replace("ready", "live")).status_code == 200


def test_too_many_requests_at_once_are_told_to_come_back(odd: Odd) -> None:
    limits = replace(QUICK, requests_max=1)
    with served(operations=odd.operations(), limits=limits) as s, s.connect() as connection:
        connection.sendall(head(s, "GET", "/t/slow"))
        time.sleep(0.2)
        answer = s.raw(head(s, "GET", "/repos", "Connection: close"))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 60\r\n" in answer.lower()
        assert read_all_once(connection).startswith(b"HTTP/1.1 200 ")


def read_all_once(connection: socket.socket) -> bytes:
    return connection.recv(65_536)
