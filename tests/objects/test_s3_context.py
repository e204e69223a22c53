"""Requests to a bucket say which request and which trace caused them (V10.1d)."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from domain.format.chunking import OPAQUE
from domain.format.digest import digest_of
from domain.ports import ObjectName
from infra.objects.pipeline import StorePipeline
from infra.objects.s3 import S3Account, S3Store

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
under_way = contextvars.ContextVar[str]("under_way", default="")


def context() -> dict[str, str]:
    return {"traceparent": under_way.get(), "X-Correlation-ID": "corr-1"} if under_way.get() else {}


class _Bucket(ThreadingHTTPServer):
    """Takes every put and keeps its headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Put)
        self.seen: list[tuple[str | None, str | None]] = []


class _Put(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        assert isinstance(self.server, _Bucket)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.headers["traceparent"], self.headers["X-Correlation-ID"]))
        self.send_response(200)
        self.send_header("ETag", '"0"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Silent."""


@pytest.fixture
def bucket() -> Iterator[_Bucket]:
    server = _Bucket()
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def s3(bucket: _Bucket) -> Iterator[S3Store]:
    account = S3Account(f"http://127.0.0.1:{bucket.server_address[1]}", "films", "us-east-1", "key", "secret")
    store = S3Store("hot", account, timeout_s=5, connections=4, context=context)
    yield store
    store.close()


@pytest.fixture
def traced() -> Iterator[None]:
    token = under_way.set(TRACE)
    yield
    under_way.reset(token)


@pytest.mark.usefixtures("traced")
def test_every_put_of_a_batch_says_what_caused_it(s3: S3Store, bucket: _Bucket) -> None:
    contents = [bytes([number]) * 100 for number in range(8)]
    s3.put([(ObjectName("chunks", digest_of(content)), content) for content in contents])
    assert bucket.seen == [(TRACE, "corr-1")] * 8


@pytest.mark.usefixtures("traced")
def test_a_stream_that_is_stored_by_threads_says_it_too(s3: S3Store, bucket: _Bucket) -> None:
    pipeline = StorePipeline(s3, threads=2)
    list(pipeline.store([bytes(range(256)) * 4_096], OPAQUE))
    pipeline.close()
    assert set(bucket.seen) == {(TRACE, "corr-1")}


def test_outside_a_request_nothing_is_said(s3: S3Store, bucket: _Bucket) -> None:
    s3.put([(ObjectName("chunks", digest_of(b"x")), b"x")])
    assert bucket.seen == [(None, None)]
