"""Locks: who may change which path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import operations as op
from .calls import Calls
from .results import Lease, Lock
from .wire import Json

Tokens = Mapping[str, int]
"""Path to fencing token."""


class Locks:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, repo: str) -> tuple[Lock, ...]:
        return tuple(self._calls.items(op.LOCKS_LIST, {"repo": repo}, Lock.of))

    def acquire(
        self, repo: str, *paths: str, lease: Lease = "until", lease_s: int | None = None
    ) -> tuple[Lock, ...]:
        """All or none. Raises ProblemError LOCK_HELD naming holder, path and since."""
        body: Json = {"paths": list(paths), "lease": {"kind": lease, "seconds": lease_s}}
        return self._calls.ask(op.LOCKS_ACQUIRE, {"repo": repo}, body=body).each("items", Lock.of)

    def release(self, repo: str, tokens: Tokens) -> tuple[str, ...]:
        return self._calls.ask(op.LOCKS_RELEASE, {"repo": repo}, body=_shown(tokens)).texts("released")

    def force_release(self, repo: str, *paths: str, reason: str) -> tuple[str, ...]:
        """End other people's locks; needs the scope admin:locks."""
        body: Json = {"paths": list(paths), "reason": reason}
        return self._calls.ask(op.LOCKS_FORCE, {"repo": repo}, body=body).texts("released")

    def beat(self, repo: str, tokens: Tokens) -> None:
        """Keep beating leases alive. Raises ProblemError LOCK_LOST."""
        self._calls.ask(op.LOCKS_BEAT, {"repo": repo}, body=_shown(tokens))

    def own_tokens(self, repo: str, paths: Iterable[str]) -> Tokens:
        """The tokens of those of the paths that we hold ourselves."""
        asked = set(paths)
        return {
            lock.path: lock.token for lock in self.list(repo) if lock.token is not None and lock.path in asked
        }


def _shown(tokens: Tokens) -> Json:
    return {"tokens": [{"path": path, "token": token} for path, token in sorted(tokens.items())]}
