"""Heartbeats of locks (port Leases): a bucket in the server's memory, replaced by compare-and-set.

Promises: between a heartbeat and a tombstone exactly one wins; an answer that was lost is settled by looking
at the entry; entries that nobody replaces vanish after a day. Serves seed S3.4 and I7.
"""

from __future__ import annotations

from threading import Lock

from domain.errors import UnavailableError
from domain.ids import RepoId
from domain.ports import Heartbeat
from infra.eventlog.connection import DEPENDENCY, Outgoing
from infra.eventlog.jetstream_api import JetStreamApi
from infra.eventlog.settlement import EXPECTED, Verdict, judge
from infra.eventlog.stream import ensure_stream

BUCKET = "DITS_LEASES"
BYTES_MAX = 32 << 20
"""About 200,000 locks; of the server's memory store."""
ENTRY_LIFETIME = "24h"
"""Three times the longest lease; written by hand, because nats-py's `kv.update` drops it."""
BEAT = b"beat"
TOMBSTONE = b"tombstone"


class JetStreamLeases:
    """Safe for any number of threads."""

    def __init__(self, api: JetStreamApi, *, bucket: str = BUCKET, replicas: int = 1) -> None:
        self._api = api
        self._stream = f"KV_{bucket}"
        self._prefix = f"$KV.{bucket}"
        self._replicas = replicas
        self._made_in_epoch = -1

    def beat(self, repo: RepoId, token: int) -> bool:
        seen = self.look(repo, token)
        if seen.buried:
            return False
        # What came in between is a newer heartbeat of the same lock, ours or a twin's, or the tombstone.
        return self._replaced(repo, token, seen, BEAT) or not self.look(repo, token).buried

    def look(self, repo: RepoId, token: int) -> Heartbeat:
        self._make()
        entry = self._api.leader_get(self._stream, {"last_by_subj": self._subject(repo, token)})
        if entry is None:
            return Heartbeat(0, buried=False)
        return Heartbeat(entry.sequence, buried=entry.payload == TOMBSTONE)

    def bury(self, repo: RepoId, token: int, seen: Heartbeat) -> bool:
        self._make()
        return self._replaced(repo, token, seen, TOMBSTONE) or self.look(repo, token).buried

    def _replaced(self, repo: RepoId, token: int, seen: Heartbeat, entry: bytes) -> bool:
        """False if the entry is not the one that was seen."""
        headers = {EXPECTED: str(seen.revision), "Nats-TTL": ENTRY_LIFETIME}
        verdict, _ = judge(self._api.publish(Outgoing(self._subject(repo, token), entry, headers)))
        if verdict not in {Verdict.LANDED, Verdict.CONFLICT}:
            raise UnavailableError(dependency=DEPENDENCY)
        return verdict is Verdict.LANDED

    def _subject(self, repo: RepoId, token: int) -> str:
        return f"{self._prefix}.{repo}.{token}"

    def _make(self) -> None:
        """The bucket lives in memory: a server that was restarted has lost it."""
        epoch = self._api.connection.epoch
        if epoch == self._made_in_epoch:
            return
        config = {
            "name": self._stream,
            "subjects": [f"{self._prefix}.>"],
            "storage": "memory",
            "num_replicas": self._replicas,
            "max_msgs_per_subject": 1,
            "max_bytes": BYTES_MAX,
            "discard": "new",
            "allow_direct": True,
            "allow_msg_ttl": True,
        }
        ensure_stream(self._api, config)
        self._made_in_epoch = epoch


class MemoryLeases:
    """The adapter that forgets with its process."""

    def __init__(self) -> None:
        self._entries: dict[tuple[RepoId, int], Heartbeat] = {}
        self._revision = 0
        self._lock = Lock()

    def beat(self, repo: RepoId, token: int) -> bool:
        with self._lock:
            if self.look(repo, token).buried:
                return False
            self._put(repo, token, buried=False)
            return True

    def look(self, repo: RepoId, token: int) -> Heartbeat:
        return self._entries.get((repo, token), Heartbeat(0, buried=False))

    def bury(self, repo: RepoId, token: int, seen: Heartbeat) -> bool:
        with self._lock:
            here = self.look(repo, token)
            if here.revision == seen.revision and not here.buried:
                self._put(repo, token, buried=True)
            return self.look(repo, token).buried

    def _put(self, repo: RepoId, token: int, *, buried: bool) -> None:
        self._revision += 1
        self._entries[repo, token] = Heartbeat(self._revision, buried=buried)
