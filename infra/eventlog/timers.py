"""Deadlines that survive restarts (port Timers): JetStream scheduled messages that only wake a worker.

Promises: a key comes due at least once, never before its time by the server's clock; setting it again moves
it; keys handed out by `due` come again unless the caller asks again, so a crash loses none (NATS ADR-51).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Condition

from blake3 import blake3

from domain.errors import UnavailableError
from domain.ports import Clock
from infra.eventlog.connection import DEPENDENCY, INBOX_PREFIX, Outgoing, Reply
from infra.eventlog.jetstream_api import ApiError, JetStreamApi
from infra.eventlog.settlement import Verdict, judge
from infra.eventlog.stream import ensure_stream

STREAM = "DITS_TIMERS"
CONSUMER = "clockwork"
BYTES_MAX = 64 << 20
"""About 200,000 deadlines; the server allows no `discard: new` here, so the oldest would go first."""
DUE_LIFETIME = "168h"
"""A worker that is away longer judges everything anew when it starts."""
DUE_KEYS_MAX = 100
HAND_OUT_AGAIN_S = 30
TOKEN_CHARACTERS = 32


class JetStreamTimers:
    """One worker asks what is due; any number of threads set."""

    def __init__(self, api: JetStreamApi, *, stream: str = STREAM, replicas: int = 1) -> None:
        """Raises UnfitLogError, UnavailableError."""
        self._api = api
        self._stream = stream
        self._prefix = f"dits.timer.{stream}"
        self._handed_out: list[Reply] = []
        self._arrived: SimpleQueue[Reply] = SimpleQueue()
        self._inbox = f"{INBOX_PREFIX}.timers.{id(self)}"
        api.connection.listen(self._inbox, self._arrived.put)
        self._make(replicas)

    def set(self, key: str, after_s: float) -> None:
        at = self._api.clock.now() + timedelta(seconds=after_s)
        token = blake3(key.encode()).hexdigest()[:TOKEN_CHARACTERS]
        headers = {
            "Nats-Schedule": f"@at {at.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}",
            "Nats-Schedule-Target": f"{self._prefix}.due.{token}",
            "Nats-Schedule-TTL": DUE_LIFETIME,
        }
        verdict, _ = judge(self._api.publish(Outgoing(f"{self._prefix}.at.{token}", key.encode(), headers)))
        if verdict is not Verdict.LANDED:
            raise UnavailableError(dependency=DEPENDENCY)

    def due(self, timeout_s: float) -> Sequence[str]:
        for handed_out in self._handed_out:
            self._api.publish(Outgoing(handed_out.reply_to, b"+ACK"))
        self._handed_out = []
        reply = self._next(timeout_s)
        while reply is not None:
            self._handed_out.append(reply)
            full = len(self._handed_out) == DUE_KEYS_MAX
            reply = None if full else self._next(0)
        return tuple(reply.data.decode() for reply in self._handed_out)

    def _next(self, wait_s: float) -> Reply | None:
        """The consumer's next message; None if the time is up or the line broke: the next call goes on."""
        wait = {"expires": round(wait_s * 1e9)} if wait_s > 0 else {"no_wait": True}
        pull = json.dumps({"batch": 1, **wait}).encode()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{CONSUMER}"
        self._api.connection.tell(subject, pull, reply_to=self._inbox)
        try:
            reply = self._arrived.get(timeout=wait_s + self._api.patience.answer_s)
        except Empty:
            return None
        return reply if reply.status is None else None

    def _make(self, replicas: int) -> None:
        config = {
            "name": self._stream,
            "subjects": [f"{self._prefix}.>"],
            "storage": "file",
            "num_replicas": replicas,
            "max_msgs_per_subject": 1,
            "max_bytes": BYTES_MAX,
            "discard": "old",
            "allow_direct": True,
            "allow_msg_ttl": True,
            "allow_msg_schedules": True,
            "allow_rollup_hdrs": True,
        }
        ensure_stream(self._api, config)
        consumer = {
            "durable_name": CONSUMER,
            "ack_policy": "explicit",
            "ack_wait": HAND_OUT_AGAIN_S * 10**9,
            "filter_subject": f"{self._prefix}.due.>",
        }
        try:
            body = {"stream_name": self._stream, "config": consumer}
            self._api.ask(f"CONSUMER.DURABLE.CREATE.{self._stream}.{CONSUMER}", body)
        except ApiError as error:
            raise UnavailableError(dependency=DEPENDENCY) from error


class MemoryTimers:
    """The adapter that forgets with its process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at_ms: dict[str, int] = {}
        self._news = Condition()

    def set(self, key: str, after_s: float) -> None:
        with self._news:
            self._at_ms[key] = self._clock.monotonic_ms() + round(after_s * 1000)
            self._news.notify_all()

    def due(self, timeout_s: float) -> Sequence[str]:
        deadline_ms = self._clock.monotonic_ms() + round(timeout_s * 1000)
        with self._news:
            while not (keys := self._come()):
                now_ms = self._clock.monotonic_ms()
                if now_ms >= deadline_ms:
                    break
                next_ms = min([deadline_ms, *self._at_ms.values()])
                self._news.wait(max(next_ms - now_ms, 1) / 1000)
            for key in keys:
                del self._at_ms[key]
        return keys

    def _come(self) -> tuple[str, ...]:
        now_ms = self._clock.monotonic_ms()
        due = sorted((at_ms, key) for key, at_ms in self._at_ms.items() if at_ms <= now_ms)
        return tuple(key for _, key in due)
