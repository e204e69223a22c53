"""A loopback HTTP proxy between a client and a real server that fails on demand, or at random from a seed.

Promises: what is not told to fail passes unchanged, Host header and signature included; a fault meets exactly
one request; every fault that happened is in `happened`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Lock, Thread

LOOPBACK = "127.0.0.1"
UPSTREAM_TIMEOUT_S = 20.0
NOT_PASSED_ON = frozenset(
    {"connection", "transfer-encoding", "keep-alive", "date", "server", "content-length"}
)

Headers = list[tuple[str, str]]


class Fault(Enum):
    """What can go wrong on the way."""

    SLOW_DOWN = "503 SlowDown, request not passed on"
    FULL = "507, request not passed on"
    CUT_BEFORE = "connection cut, request not passed on"
    CUT_AFTER = "connection cut when the server had answered"
    TRUNCATED = "half of the answer's body, then a cut"
    CORRUPTED = "one bit of the answer's body flipped"
    CORRUPTED_REQUEST = "one bit of the request's body flipped"


REFUSALS = {
    Fault.SLOW_DOWN: (
        503,
        "application/xml",
        b"<Error><Code>SlowDown</Code><Message>Wait.</Message></Error>",
    ),
    Fault.FULL: (507, "text/plain", b"no space left"),
}
ON_CONTENT = frozenset({Fault.TRUNCATED, Fault.CORRUPTED})


class FaultProxy(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 and passes requests on to another one."""

    daemon_threads = True

    def __init__(self, upstream_port: int, seed: int = 0) -> None:
        super().__init__((LOOPBACK, 0), _Passage)
        self.upstream_port = upstream_port
        self.happened = list[Fault]()
        self._random = Random(seed)
        self._planned = deque[tuple[str, Fault]]()
        self._rate, self._mix = 0.0, tuple[Fault, ...]()
        self._lock = Lock()

    @property
    def port(self) -> int:
        return self.server_port

    @contextmanager
    def running(self) -> Iterator[FaultProxy]:
        thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()

    def fail_next(self, fault: Fault, method: str = "PUT", times: int = 1) -> None:
        """The next requests of this method meet the fault."""
        with self._lock:
            self._planned.extend([(method, fault)] * times)

    def fail_at_random(self, rate: float, *mix: Fault) -> None:
        """From now on each request meets one of these with this probability."""
        with self._lock:
            self._rate, self._mix = rate, mix

    def heal(self) -> None:
        with self._lock:
            self._planned.clear()
            self._rate = 0.0
            self.happened.clear()

    def choose(self, method: str) -> Fault | None:
        with self._lock:
            fault = self._planned_for(method)
            if fault is None and self._random.random() < self._rate:
                fault = self._random.choice(self._mix)
            if fault is None or (fault in ON_CONTENT and method != "GET"):
                return None
            self.happened.append(fault)
            return fault

    def flipped(self, content: bytes) -> bytes:
        """The content with one bit wrong."""
        with self._lock:
            at = self._random.randrange(max(1, len(content)))
        return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] if content else content

    def _planned_for(self, method: str) -> Fault | None:
        if self._planned and self._planned[0][0] == method:
            return self._planned.popleft()[1]
        return None


class _Passage(BaseHTTPRequestHandler):
    """One connection of the client; each of its requests is passed on by a connection of its own."""

    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def do_any(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.choose(self.command)
        if fault in REFUSALS:
            status, media_type, body = REFUSALS[fault]
            self._answer(status, [("Content-Type", media_type)], body)
        elif fault is Fault.CUT_BEFORE:
            self.close_connection = True
        else:
            self._pass_on(content, fault)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_any  # noqa: N815 -- http.server's names

    def _pass_on(self, content: bytes, fault: Fault | None) -> None:
        if fault is Fault.CORRUPTED_REQUEST:
            content = self.server.flipped(content)
        status, headers, body = self._upstream(content)
        if fault in {Fault.CUT_AFTER, Fault.TRUNCATED}:
            self.close_connection = True
        if fault is Fault.TRUNCATED:
            self._answer(status, headers, body, sent_bytes=len(body) // 2)
        elif fault is not Fault.CUT_AFTER:
            self._answer(status, headers, self.server.flipped(body) if fault is Fault.CORRUPTED else body)

    def _upstream(self, content: bytes) -> tuple[int, Headers, bytes]:
        connection = HTTPConnection(LOOPBACK, self.server.upstream_port, timeout=UPSTREAM_TIMEOUT_S)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(content or None)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: Headers, body: bytes, sent_bytes: int | None = None) -> None:
        self.send_response(status)
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        for name, value in headers:
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", lengths[0] if lengths else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:sent_bytes])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Quiet."""
