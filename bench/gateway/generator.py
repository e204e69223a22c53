"""The open-loop load generator: one process, one thread, one selector, many keep-alive connections.

Promises: request i is due at start + i / rate, whatever became of the ones before it, and its latency counts
from then; at most one request is under way on a connection, so a stalled server makes requests wait here, and
their waiting counts. It reads a `Spec` as JSON from stdin, writes an `Outcome` as JSON to stdout, and knows
nothing of Dits. Why no ready-made one: docs/decisions/0099-ten-thousand-requests.md.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from itertools import cycle

NAP_S = 0.0001
"""Between two looks while nothing is due: a selector's own timeout counts in milliseconds."""
ANSWER_S_MAX = 5.0
"""After the last request was due; what is unanswered then is an error."""
RECEIVE_BYTES = 256 * 1024
BODIES_KEPT = 500
BEGAN = "began"
"""Said when all connections stand and the first request is due."""
HEAD_END, LENGTH = b"\r\n\r\n", b"content-length:"


@dataclass(frozen=True, slots=True)
class Spec:
    """What to send, where, and how often."""

    ports: tuple[int, ...]
    """Requests go to them in turn."""
    request: str
    """Head and all, as Latin-1."""
    rate: float
    seconds: float
    connections: int = 64
    expected_status: int = 200
    varied: bool = False
    """Each connection's head differs from its last one."""
    watches: bool = False
    """Keep every new body, with the time at which it was first seen."""
    core: int | None = None
    """The processor to stay on."""


@dataclass(slots=True)
class Seen:
    """A body that differs from the one before on the same port."""

    port: int
    at: float
    """Unix time."""
    body: str


@dataclass(slots=True)
class Outcome:
    """Latencies in milliseconds."""

    planned: int = 0
    answered: int = 0
    errors: int = 0
    seconds: float = 0.0
    """From the first request's time to the last answer."""
    statuses: dict[str, int] = field(default_factory=dict[str, int])
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    max: float = 0.0
    late_p99: float = 0.0
    """How much later than due a request left: for want of a free connection, or of a faster generator."""
    busy: float = 0.0
    """Share of one processor that the generator used."""
    body_bytes: int = 0
    seen: list[Seen] = field(default_factory=list[Seen])

    @property
    def achieved(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds if self.seconds else 0.0


class Connection:
    """One socket, and the request that is under way on it."""

    __slots__ = ("due", "head_bytes", "port", "received", "sock", "status", "total_bytes")

    def __init__(self, port: int) -> None:
        self.port = port
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.due = 0.0
        self.status = 0
        self.head_bytes = self.total_bytes = 0
        self.received = bytearray()

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self.status = self.total_bytes = 0
        self.received.clear()
        self.sock.sendall(request)

    def is_whole(self, data: bytes) -> bool:
        """Is the answer, with this piece, all there?"""
        self.received += data
        if not self.total_bytes:
            end = self.received.find(HEAD_END)
            if end < 0:
                return False
            self.head_bytes = end + len(HEAD_END)
            head = bytes(self.received[:end]).lower()
            self.status = int(head[9:12])
            start = head.find(LENGTH)
            length = head[start + len(LENGTH) :].split(b"\r", 1)[0] if start >= 0 else b"0"
            self.total_bytes = self.head_bytes + int(length)
        return len(self.received) >= self.total_bytes

    def body(self) -> bytes:
        return bytes(self.received[self.head_bytes :])


def heads(spec: Spec) -> list[bytes]:
    """What is sent, in turn; as many as share no divisor with the number of connections."""
    count = spec.connections + 1 if spec.varied else 1
    marks = [f"X-Correlation-ID: bench-{number}\r\n\r\n" for number in range(count)]
    plain = spec.request.removesuffix("\r\n")
    texts = [plain + mark for mark in marks] if spec.varied else [spec.request]
    return [text.encode("latin-1") for text in texts]


class Generator:
    """Runs once."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.requests = cycle(heads(spec))
        self.selector = selectors.DefaultSelector()
        ports = cycle(spec.ports)
        self.free = deque(self.connected(next(ports)) for _ in range(spec.connections))
        self.latencies: list[float] = []
        self.lateness: list[float] = []
        self.statuses = Counter[int]()
        self.outcome = Outcome(planned=int(spec.rate * spec.seconds))
        self.bodies: dict[int, bytes] = {}

    def connected(self, port: int) -> Connection:
        connection = Connection(port)
        self.selector.register(connection.sock, selectors.EVENT_READ, connection)
        return connection

    def run(self) -> Outcome:
        gc.collect()
        gc.disable()
        worked_s = time.process_time()
        began = time.perf_counter()
        sent, planned, rate = 0, self.outcome.planned, self.spec.rate
        give_up = began + self.spec.seconds + ANSWER_S_MAX
        while self.answered() < planned:
            now = time.perf_counter()
            if now > give_up:
                break
            due = min(planned, int((now - began) * rate) + 1)
            if sent < due and self.free:
                sent = self.dispatch(sent, due, began)
            if not self.take_answers():
                self.nap(began + sent / rate if sent < planned else now + NAP_S)
        return self.told(time.perf_counter() - began, time.process_time() - worked_s)

    def answered(self) -> int:
        return len(self.latencies) + self.outcome.errors

    def dispatch(self, sent: int, due: int, began: float) -> int:
        """How many were sent, with these."""
        rate, clock = self.spec.rate, time.perf_counter
        while sent < due and self.free:
            connection = self.free.popleft()  # whoever rests longest, so every port is asked in turn
            meant_at = began + sent / rate
            sent += 1
            try:
                connection.send(next(self.requests), meant_at)
            except OSError:
                self.lost(connection)
                continue
            self.lateness.append(clock() - meant_at)
        return sent

    def take_answers(self) -> bool:
        """Was there anything to do?"""
        ready = self.selector.select(0)
        for key, _ in ready:
            self.take(key.data)
        return bool(ready)

    def take(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lost(connection)
        elif connection.is_whole(data):
            self.note(connection)

    def note(self, connection: Connection) -> None:
        self.statuses[connection.status] += 1
        if connection.status == self.spec.expected_status:
            self.latencies.append(time.perf_counter() - connection.due)
        else:
            self.outcome.errors += 1
        self.outcome.body_bytes = connection.total_bytes - connection.head_bytes
        if self.spec.watches:
            self.watch(connection.port, connection.body())
        self.free.append(connection)

    def watch(self, port: int, body: bytes) -> None:
        if self.bodies.get(port) != body and len(self.outcome.seen) < BODIES_KEPT:
            self.bodies[port] = body
            self.outcome.seen.append(Seen(port, time.time(), body.decode("latin-1")))

    def lost(self, connection: Connection) -> None:
        """The server closed it: an error if a request was under way; another one takes its place."""
        self.selector.unregister(connection.sock)
        connection.sock.close()
        if connection in self.free:
            self.free.remove(connection)
        else:
            self.outcome.errors += 1
        try:
            self.free.append(self.connected(connection.port))
        except OSError:
            self.statuses[0] += 1

    def nap(self, until: float) -> None:
        left = min(until - time.perf_counter(), NAP_S)
        if left > 0:
            time.sleep(left)

    def told(self, took_s: float, worked_s: float) -> Outcome:
        outcome = self.outcome
        outcome.answered = len(self.latencies)
        outcome.errors += outcome.planned - self.answered()
        outcome.seconds = max(took_s, self.spec.seconds)
        outcome.statuses = {str(status): count for status, count in self.statuses.items()}
        outcome.p50, outcome.p90, outcome.p99, outcome.p999, outcome.max = (
            _quantile_ms(self.latencies, share) for share in (0.5, 0.9, 0.99, 0.999, 1.0)
        )
        outcome.late_p99 = _quantile_ms(self.lateness, 0.99)
        outcome.busy = worked_s / took_s
        return outcome


def _quantile_ms(seconds: list[float], share: float) -> float:
    seconds.sort()
    last = len(seconds) - 1
    return round(seconds[min(last, int(len(seconds) * share))] * 1000, 3) if seconds else 0.0


def main() -> None:
    said = json.loads(sys.stdin.readline())
    spec = Spec(**{**said, "ports": tuple(said["ports"])})
    if spec.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {spec.core})
    generator = Generator(spec)
    print(BEGAN, flush=True)
    print(json.dumps(asdict(generator.run())), flush=True)


if __name__ == "__main__":
    main()
