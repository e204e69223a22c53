"""Where answers are kept for a day, as a courtesy (house: Idempotency): a bucket of bytes by name.

Promises: what was kept is found for 24 h unless the bucket overflows, and then the oldest go first; losing
one only means that a command is decided again.
"""

from __future__ import annotations

from dataclasses import replace

from domain.errors import UnavailableError
from infra.eventlog.connection import DEPENDENCY, Outgoing
from infra.eventlog.jetstream_api import JetStreamApi
from infra.eventlog.settlement import Verdict, judge
from infra.eventlog.stream import ensure_stream

BUCKET = "DITS_ANSWERS"
LIFETIME_S = 24 * 3600
BYTES_MAX = 64 << 20
PATIENCE_S = 1.0
"""A kept answer is a courtesy, asked for before the log itself: a request must not wait for both in full."""


class AnswerBucket:
    """Safe for any number of threads; both methods raise UnavailableError."""

    def __init__(self, api: JetStreamApi, *, bucket: str = BUCKET, replicas: int = 1) -> None:
        """Raises UnfitLogError, UnavailableError."""
        patience = replace(api.patience, read_s=min(PATIENCE_S, api.patience.read_s))
        self._api = JetStreamApi(api.connection, api.clock, patience)
        self._stream = f"KV_{bucket}"
        self._prefix = f"$KV.{bucket}"
        config = {
            "name": self._stream,
            "subjects": [f"{self._prefix}.>"],
            "storage": "file",
            "num_replicas": replicas,
            "max_msgs_per_subject": 1,
            "max_age": LIFETIME_S * 10**9,
            "max_bytes": BYTES_MAX,
            "discard": "old",
            "allow_direct": True,
        }
        ensure_stream(api, config)

    def get(self, name: str) -> bytes | None:
        """`name` is ``[a-z0-9-]``, such as a digest."""
        kept = self._api.get(self._stream, {"last_by_subj": f"{self._prefix}.{name}"})
        return None if kept is None else kept.payload

    def put(self, name: str, answer: bytes) -> None:
        verdict, _ = judge(self._api.publish(Outgoing(f"{self._prefix}.{name}", answer)))
        if verdict is not Verdict.LANDED:
            raise UnavailableError(dependency=DEPENDENCY)
