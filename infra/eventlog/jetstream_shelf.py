"""Snapshots on a stream of their own beside the log: one message an aggregate, replaced by the next.

Promises: what is found was folded from messages that this log holds. Losing the stream costs time only.
"""

from __future__ import annotations

from typing import cast

import msgpack

from domain.errors import UnavailableError
from infra.eventlog.appender import JetStreamLog
from infra.eventlog.connection import DEPENDENCY, Outgoing
from infra.eventlog.message import digest
from infra.eventlog.places import Place
from infra.eventlog.settlement import Verdict, judge
from infra.eventlog.snapshots import Shelved
from infra.eventlog.stream import StreamLimits, ensure_stream

SHARE_OF_LOG = 8
"""The log's byte limit is this many times the snapshots'; the oldest go first."""


class JetStreamShelf:
    """Safe for any number of threads."""

    def __init__(self, log: JetStreamLog, limits: StreamLimits) -> None:
        """Raises UnfitLogError, UnavailableError."""
        self._log = log
        self._stream = f"{log.shard.stream}_SNAPSHOTS"
        self._prefix = f"dits.snap.{log.shard.name}"
        config = {
            "name": self._stream,
            "subjects": [f"{self._prefix}.>"],
            "storage": "file",
            "num_replicas": limits.replicas,
            "max_msgs_per_subject": 1,
            "max_bytes": limits.bytes_max // SHARE_OF_LOG,
            "discard": "old",
            "allow_direct": True,
        }
        ensure_stream(log.api, config)

    def find(self, aggregate: str) -> Shelved | None:
        kept = self._log.api.get(self._stream, {"last_by_subj": f"{self._prefix}.{aggregate}"})
        if kept is None:
            return None
        incarnation, sequence, seen, version, packed = cast(
            "tuple[str, int, bytes, int, bytes]", msgpack.unpackb(kept.payload, use_list=False)
        )
        stored = self._log.reader.at(sequence) if incarnation == self._log.reader.incarnation else None
        if stored is None or digest(stored.subject, stored.payload) != seen:
            return None
        self._log.places.put(aggregate, version, Place(sequence, seen))
        return Shelved(version, packed)

    def keep(self, aggregate: str, version: int, packed: bytes) -> None:
        place = self._log.places.get(aggregate, version)
        if place is None:
            return
        parts = (self._log.reader.incarnation, place.sequence, place.digest, version, packed)
        payload = cast("bytes", msgpack.packb(parts, use_bin_type=True))
        verdict, _ = judge(self._log.api.publish(Outgoing(f"{self._prefix}.{aggregate}", payload)))
        if verdict is not Verdict.LANDED:
            raise UnavailableError(dependency=DEPENDENCY)
