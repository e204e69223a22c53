"""Counts shared by all gateway processes (the gateway's port Counters): a counter stream (NATS ADR-49).

Promises: one message adds and its acknowledgement tells the total, so no two adders see the same one; an
addition that was not answered in time is never sent again. It lives in the server's memory: a server that was
restarted counts anew. Serves V4.5f.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from domain.errors import UnavailableError, UnfitLogError
from infra.eventlog.connection import DEPENDENCY, Outgoing
from infra.eventlog.jetstream_api import JetStreamApi
from infra.eventlog.stream import ensure_stream

STREAM = "DITS_LIMITS"
SUBJECT = "dits.limits"
"""No client of the bus may publish below it."""
LIFETIME_S = 180
"""A window of a minute, and what clocks may differ by."""
BYTES_MAX = 16 << 20
"""About 200,000 names; counter streams allow no `discard: new`, so the oldest go first."""
ANSWER_S = 0.1
"""A request waits for it; the server takes 0.2 ms when it is well."""
NEVER = -1


class JetStreamCounters:
    """Safe for any number of threads; opening it asks nothing of the server."""

    def __init__(
        self,
        api: JetStreamApi,
        *,
        stream: str = STREAM,
        subject: str = SUBJECT,
        replicas: int = 1,
        answer_s: float = ANSWER_S,
    ) -> None:
        patience = replace(api.patience, answer_s=answer_s, read_s=answer_s)
        self._api = JetStreamApi(api.connection, api.clock, patience)
        self._stream = stream
        self._subject = subject
        self._replicas = replicas
        self._answer_s = answer_s
        self._made_in_epoch = NEVER

    def add(self, name: str, count: int) -> int:
        try:
            self._make()
            reply = self._api.connection.collect((self._addition(name, count),), timeout_s=self._answer_s)[-1]
            return _total(json.loads(reply.data))
        except UnavailableError:
            self._made_in_epoch = NEVER  # the stream may be gone; it is looked for again
            raise

    def add_soon(self, name: str, count: int) -> None:
        subject, payload, headers = self._addition(name, count)
        self._api.connection.answer(subject, payload, headers or {})

    def call(self, note: str) -> None:
        self._api.connection.answer(f"{self._subject}.called", note.encode(), {})

    def hear(self, told: Callable[[str], None]) -> None:
        self._api.connection.listen(f"{self._subject}.called", lambda reply: told(reply.data.decode()))

    def _addition(self, name: str, count: int) -> Outgoing:
        return Outgoing(f"{self._subject}.at.{name}", b"", {"Nats-Incr": f"+{count}"})

    def _make(self) -> None:
        """The stream lives in memory: a server that was restarted has lost it."""
        epoch = self._api.connection.epoch
        if epoch == self._made_in_epoch:
            return
        config = {
            "name": self._stream,
            "subjects": [f"{self._subject}.at.>"],
            "storage": "memory",
            "num_replicas": self._replicas,
            "max_msgs_per_subject": 1,
            "max_age": LIFETIME_S * 10**9,
            "max_bytes": BYTES_MAX,
            "discard": "old",
            "allow_direct": True,
            "allow_msg_counter": True,
        }
        try:
            ensure_stream(self._api, config)
        except UnfitLogError as error:
            # Limits are counted by each process alone then; that is no reason to turn anybody away.
            raise UnavailableError(dependency=DEPENDENCY) from error
        self._made_in_epoch = epoch


def _total(answer: Mapping[str, Any]) -> int:
    if "error" in answer:
        raise UnavailableError(dependency=DEPENDENCY)
    return int(answer["val"])
