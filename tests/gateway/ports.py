"""Memory adapters of the ports that only the gateway's tests need."""

from __future__ import annotations

from collections.abc import Iterable

from domain.ids import Digest, RepoId
from domain.ports import Heartbeat
from domain.position import Position


class MemoryLeases:
    """Revisions by (repository, token); buried ones stay buried."""

    def __init__(self) -> None:
        self._entries: dict[tuple[RepoId, int], Heartbeat] = {}

    def beat(self, repo: RepoId, token: int) -> bool:
        seen = self.look(repo, token)
        if seen.buried:
            return False
        self._entries[repo, token] = Heartbeat(seen.revision + 1, buried=False)
        return True

    def look(self, repo: RepoId, token: int) -> Heartbeat:
        return self._entries.get((repo, token), Heartbeat(0, buried=False))

    def bury(self, repo: RepoId, token: int, seen: Heartbeat) -> bool:
        if self.look(repo, token).revision != seen.revision:
            return seen.buried
        self._entries[repo, token] = Heartbeat(seen.revision + 1, buried=True)
        return True


class SetPresence:
    """What lives where, as a test says it."""

    def __init__(self) -> None:
        self.live: dict[str, set[Digest]] = {}

    def missing(self, repo: RepoId, names: Iterable[Digest], at_least: Position | None) -> frozenset[Digest]:
        return frozenset(names) - self.live.get(repo, set())
