"""Commits: opening one and seeing it through, and reading what was committed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from . import operations as op
from .calls import Calls
from .errors import CommitPendingError, ProblemError
from .format.digest import digest_of
from .results import Change, Commit, File
from .wire import Call, Json, Plain

WAIT_S = 10
"""How long one request waits for the saga (`Prefer: wait`)."""
PATIENCE_S = 600.0
"""A saga that retries through a restart of all its servers is done long before."""
POLL_S = 0.5
PAGE_COMMITS = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """What is asked to become a commit: `changes` on `base`, or a whole root `tree`."""

    branch: str
    session: str
    base: str | None
    message: str
    changes: Mapping[str, str | None] | None = None
    """Path to recipe; None removes the path."""
    tree: str | None = None
    fixed_head: bool = False
    tokens: tuple[tuple[str, int], ...] = ()
    raw: tuple[str, ...] = ()
    """Paths whose content is kept as it is, also a damaged media container."""

    @property
    def key(self) -> str:
        """The same draft is the same command, also when another process sends it again after a crash (I6)."""
        return digest_of(json.dumps(self.body(), sort_keys=True).encode()).hex()[:32]

    def body(self) -> Json:
        what: Json = {"tree": self.tree}
        if self.changes is not None:
            changes = [{"path": path, "recipe": recipe} for path, recipe in sorted(self.changes.items())]
            what = {"changes": changes}
        return {
            "branch": self.branch,
            "session": self.session,
            "base": self.base,
            **what,
            "fixed_head": self.fixed_head,
            "message": self.message,
            "tokens": [{"path": path, "token": token} for path, token in self.tokens],
            **({"raw": list(self.raw)} if self.raw else {}),
        }


class Commits:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def open(self, repo: str, draft: Draft, *, patience_s: float = PATIENCE_S) -> Commit:
        """Commit and wait until it is published. Raises ProblemError with its failure, CommitPendingError."""
        headers = {"Prefer": f"wait={WAIT_S}", "Idempotency-Key": draft.key}
        asked = self._calls.ask(op.COMMITS_OPEN, {"repo": repo}, body=draft.body(), headers=headers)
        return self.settled(repo, Commit.of(asked), patience_s=patience_s)

    def settled(self, repo: str, commit: Commit, *, patience_s: float = PATIENCE_S) -> Commit:
        """The commit when its saga is over. Raises ProblemError with its failure, CommitPendingError."""
        machine = self._calls.machine
        began_s = machine.monotonic_s()
        while commit.state == "open":
            if machine.monotonic_s() - began_s > patience_s:
                raise CommitPendingError(commit=commit.commit, waited_s=int(patience_s))
            machine.sleep(POLL_S * (0.5 + machine.jitter()))
            commit = self.get(repo, commit.commit)
        if commit.failure is not None:
            failure = commit.failure
            raise ProblemError(
                status=409, code=failure.code, message=failure.message, details=failure.details
            )
        return commit

    def get(self, repo: str, commit: str) -> Commit:
        return Commit.of(self._calls.ask(op.COMMITS_GET, {"repo": repo, "commit": commit}))

    def list(self, repo: str, branch: str, *, limit: int = PAGE_COMMITS) -> Iterator[Commit]:
        """Newest first, page by page; at most `limit`."""
        if limit <= 0:
            return
        query: dict[str, Plain] = {"branch": branch, "limit": min(limit, PAGE_COMMITS)}
        yield from islice(self._calls.items(op.COMMITS_LIST, {"repo": repo}, Commit.of, query), limit)

    def changes(self, repo: str, commit: str) -> Iterator[Change]:
        """Against its first parent, in the order of paths."""
        yield from self._calls.items(op.COMMITS_CHANGES, {"repo": repo, "commit": commit}, Change.of)

    def files(self, repo: str, commit: str, *, prefix: str = "") -> Iterator[File]:
        """In the order of paths."""
        where = {"repo": repo, "commit": commit}
        yield from self._calls.items(op.FILES_LIST, where, File.of, {"prefix": prefix} if prefix else {})

    def read(self, repo: str, commit: str, path: str, *, start: int = 0) -> Iterator[bytes]:
        """The bytes of one file from `start` on, as they arrive."""
        where = {"repo": repo, "commit": commit, "path": path}
        headers = {"Range": f"bytes={start}-"} if start else {}
        stream = self._calls.open(Call(op.FILES_READ, where, headers=headers))
        try:
            yield from stream.blocks()
        finally:
            stream.close()
