"""Reads a stretch of the log as fast as Python can: a socket of its own, a small parser, pulls in flight.

Promises: every message from the first to the last, in order, none missing; it only reads. nats-py's fetch
reaches a fraction of this (`bench/append.py` prints both); a rebuild of projections stands on it (seed S5).
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from domain.errors import LogRegressedError, UnavailableError
from domain.ports import Ids
from infra.eventlog.connection import DEPENDENCY, INBOX_PREFIX
from infra.eventlog.jetstream_api import ApiError, JetStreamApi

PULL_MESSAGES = 4_000
PULL_BYTES = 8 << 20
"""Two pulls together stay far below the 64 MiB at which a server drops a slow reader."""
PULLS_IN_FLIGHT = 2
PULL_EXPIRES_S = 30
SILENCE_S = 10.0
"""No byte for this long: the line is dead."""
RECEIVE_BYTES = 1 << 20
IDLE_CONSUMER_S = 30
NATS_PORT = 4222
ACK_PREFIX = b"$JS.ACK."
"""Of the reply subject of a message from a stream; a status message has none."""


class RawMessage(NamedTuple):
    """One message as it came over the wire."""

    sequence: int
    subject: str
    payload: bytes
    headers: bytes
    stored_at_ns: int
    """Unix time by the server's clock."""


class BulkReader:
    """Each `read` opens a connection and a consumer of its own, so several may run side by side."""

    def __init__(self, url: str, stream: str, api: JetStreamApi, ids: Ids) -> None:
        self._urls = url.split(",")
        self._stream = stream
        self._api = api
        self._ids = ids

    def read(self, first: int, last: int) -> Iterator[Sequence[RawMessage]]:
        """From `first` to `last`, both included. Raises LogRegressedError for a hole, UnavailableError."""
        if first > last:
            return
        consumer = f"bulk-{self._ids.token(8).hex()}"
        self._create(consumer, first)
        with closing(_Wire(self._urls)) as wire:
            pulls = _Pulls(wire, self._stream, consumer)
            expected = first
            for messages in wire.batches(pulls):
                for message in messages:
                    if message.sequence != expected:
                        raise LogRegressedError(sequence=expected)
                    expected += 1
                wanted = messages[: len(messages) - max(0, expected - 1 - last)]
                if wanted:
                    yield wanted
                if expected > last:
                    return

    def _create(self, consumer: str, first: int) -> None:
        config = {
            "name": consumer,
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": first,
            "mem_storage": True,
            "inactive_threshold": IDLE_CONSUMER_S * 10**9,
        }
        body = {"stream_name": self._stream, "config": config}
        try:
            self._api.ask(f"CONSUMER.CREATE.{self._stream}.{consumer}", body)
        except ApiError as error:
            raise UnavailableError(dependency=DEPENDENCY) from error


class _Pulls:
    """Keeps two requests with the server; each ends by its count or by a status message."""

    def __init__(self, wire: _Wire, stream: str, consumer: str) -> None:
        self._wire = wire
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        limits = {"batch": PULL_MESSAGES, "max_bytes": PULL_BYTES, "expires": PULL_EXPIRES_S * 10**9}
        self._request = json.dumps(limits).encode()
        self._left: list[int] = []
        self._refill()

    def received(self, messages: int, *, ended: int) -> None:
        """So many messages came, and so many requests were ended by a status."""
        del self._left[:ended]
        while self._left and messages >= self._left[0]:
            messages -= self._left.pop(0)
        if self._left:
            self._left[0] -= messages
        self._refill()

    def _refill(self) -> None:
        while len(self._left) < PULLS_IN_FLIGHT:
            self._left.append(PULL_MESSAGES)
            self._wire.publish(self._subject, self._request)


class _Wire:
    """The NATS protocol, as much of it as reading needs."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._socket = _connected(urls)
        self._inbox = f"{INBOX_PREFIX}.bulk.{id(self)}"
        self._send(f"SUB {self._inbox} 1\r\n".encode())

    def publish(self, subject: str, payload: bytes) -> None:
        head = f"PUB {subject} {self._inbox} {len(payload)}\r\n".encode()
        self._send(head + payload + b"\r\n")

    def batches(self, pulls: _Pulls) -> Iterator[list[RawMessage]]:
        """For ever; the caller knows when to stop. Raises UnavailableError when the line breaks."""
        rest = b""
        while True:
            try:
                received = self._socket.recv(RECEIVE_BYTES)
            except OSError as error:
                raise UnavailableError(dependency=DEPENDENCY) from error
            if not received:
                raise UnavailableError(dependency=DEPENDENCY)
            messages, ended, rest = self._parsed(rest + received if rest else received)
            pulls.received(len(messages), ended=ended)
            if messages:
                yield messages

    def close(self) -> None:
        self._socket.close()

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise UnavailableError(dependency=DEPENDENCY) from error

    def _parsed(self, data: bytes) -> tuple[list[RawMessage], int, bytes]:
        """Whole messages, the number of status messages, and the bytes that are still incomplete."""
        messages: list[RawMessage] = []
        ended, at = 0, 0
        while (eol := data.find(b"\r\n", at)) >= 0:
            line = data[at:eol]
            if line.startswith((b"HMSG ", b"MSG ")):
                words = line.split()
                body = eol + 2
                end = body + int(words[-1])
                if len(data) < end + 2:
                    break
                payload_at = body + (int(words[-2]) if words[0] == b"HMSG" else 0)
                if words[3].startswith(ACK_PREFIX):
                    messages.append(_message(words[1], words[3], data[body:payload_at], data[payload_at:end]))
                else:
                    ended += 1
                at = end + 2
                continue
            self._control(line)
            at = eol + 2
        return messages, ended, data[at:]

    def _control(self, line: bytes) -> None:
        if line == b"PING":
            self._send(b"PONG\r\n")
        elif line.startswith(b"-ERR"):
            raise UnavailableError(dependency=DEPENDENCY)


def _message(subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> RawMessage:
    """The reply subject says where it stands: ``$JS.ACK.<stream>.<consumer>.<n>.<seq>.<n>.<ns>.<n>``."""
    words = reply.split(b".")
    first = 2 if len(words) == 9 else 4
    return RawMessage(int(words[first + 3]), subject.decode(), payload, headers, int(words[first + 5]))


def _connected(urls: Sequence[str]) -> socket.socket:
    trouble: OSError | None = None
    for url in urls:
        try:
            return _logged_in(url)
        except OSError as error:
            trouble = error
    raise UnavailableError(dependency=DEPENDENCY) from trouble


def _logged_in(url: str) -> socket.socket:
    """Connected, authenticated and answered. Raises OSError."""
    parts = urlsplit(url)
    wire = socket.create_connection((parts.hostname or "", parts.port or NATS_PORT), timeout=SILENCE_S)
    try:
        info = json.loads(_line(wire).removeprefix(b"INFO "))
        if parts.scheme == "tls" or info.get("tls_required"):
            wire = ssl.create_default_context().wrap_socket(wire, server_hostname=parts.hostname)
        login = {
            "user": unquote(parts.username or ""),
            "pass": unquote(parts.password or ""),
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "name": "dits bulk reader",
            "lang": "python",
            "version": "1",
        }
        wire.sendall(b"CONNECT " + json.dumps(login).encode() + b"\r\nPING\r\n")
        if not _line(wire).startswith(b"PONG"):
            raise ConnectionRefusedError(parts.hostname)
    except BaseException:
        wire.close()
        raise
    return wire


def _line(wire: socket.socket) -> bytes:
    """One line, byte by byte: only while logging in."""
    line = bytearray()
    while not line.endswith(b"\r\n"):
        byte = wire.recv(1)
        if not byte:
            raise ConnectionAbortedError("the server hung up")
        line += byte
    return bytes(line[:-2])
