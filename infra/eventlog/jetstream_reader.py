"""The log's messages as JetStream holds them: direct reads in batches, and one ear for what is new.

Promises: no wildcard last-by-subject, no filter list, no consumer a reader; a page is checked for holes.
What a conflict is judged by is asked of the stream's leader, never of a replica that may lag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Condition

from infra.eventlog.connection import Reply
from infra.eventlog.jetstream_api import JetStreamApi
from infra.eventlog.message import Shard
from infra.eventlog.reader import Stored
from infra.eventlog.stream import incarnation_now, stream_answer

PAGE_MESSAGES = 256
PAGE_BYTES = 4 << 20
WAIT_SLICE_S = 1.0
"""A lost announcement delays a follower by no more than this."""


class JetStreamReader:
    """Safe for any number of threads."""

    def __init__(self, api: JetStreamApi, shard: Shard, incarnation: str) -> None:
        self._api = api
        self._shard = shard
        self._incarnation = incarnation
        self._newest = 0
        self._news = Condition()
        api.connection.listen(shard.stored_subjects, self._heard)

    @property
    def incarnation(self) -> str:
        return self._incarnation

    def current_incarnation(self) -> str:
        return incarnation_now(self._api, self._shard)

    def last_sequence(self) -> int:
        return int(stream_answer(self._api, self._shard.stream)["state"]["last_seq"])

    def at(self, sequence: int) -> Stored | None:
        return self._api.get(self._shard.stream, {"seq": sequence}) if sequence > 0 else None

    def by_sequence(self, after: int, limit: int) -> Sequence[Stored]:
        body = {"seq": after + 1, "batch": limit, "max_bytes": PAGE_BYTES}
        return self._api.get_batch(self._shard.stream, body).messages

    def of_aggregate(self, aggregate: str, after: int = 0) -> Iterator[Stored]:
        while True:
            page = self._api.get_batch(
                self._shard.stream,
                {
                    "seq": after + 1,
                    "next_by_subj": self._shard.subject(aggregate),
                    "batch": PAGE_MESSAGES,
                    "max_bytes": PAGE_BYTES,
                },
            )
            yield from page.messages
            if page.pending == 0:
                return
            after = page.messages[-1].sequence

    def wait(self, after: int, timeout_s: float) -> bool:
        clock = self._api.clock
        deadline_ms = clock.monotonic_ms() + round(timeout_s * 1000)
        while not self._is_beyond(after):
            left_s = (deadline_ms - clock.monotonic_ms()) / 1000
            if left_s <= 0:
                return False
            with self._news:
                self._news.wait_for(lambda: self._newest > after, min(left_s, WAIT_SLICE_S))
        return True

    # ---------------------------------------------------------------- asked of the leader
    def last_of(self, aggregate: str) -> Stored | None:
        """The aggregate's newest message."""
        return self._api.leader_get(self._shard.stream, {"last_by_subj": self._shard.subject(aggregate)})

    def next_of(self, aggregate: str, after: int) -> Stored | None:
        """The aggregate's first message beyond `after`."""
        body = {"seq": after + 1, "next_by_subj": self._shard.subject(aggregate)}
        return self._api.leader_get(self._shard.stream, body)

    def _is_beyond(self, after: int) -> bool:
        return self._newest > after or self.last_sequence() > after

    def _heard(self, announcement: Reply) -> None:
        sequence = int(announcement.headers.get("Nats-Sequence", "0"))
        with self._news:
            if sequence > self._newest:
                self._newest = sequence
                self._news.notify_all()
