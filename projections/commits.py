"""Commits: what became of each, and a branch's history by parents (house: Sessions and commits)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString, assert_never, get_args

from domain.commit.decider import Phase
from domain.commit.events import (
    CommitChecked,
    CommitCompensated,
    CommitEvent,
    CommitFailed,
    CommitOpened,
    CommitPublished,
    CommitRebased,
    CommitStepCompensated,
    CommitVerified,
    ManifestRecorded,
    Step,
)
from domain.event import Recorded
from domain.ids import BranchId, CommitId, ConsumerId, Digest, RepoId, SessionId, packed, unpacked
from projections.folding import Folded, recorded_at
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

TABLE = Table(
    "commits",
    """
    CREATE TABLE commits (
        commit_id TEXT PRIMARY KEY,
        repo TEXT NOT NULL,
        branch TEXT NOT NULL,
        branch_name TEXT NOT NULL,
        session TEXT NOT NULL,
        author TEXT NOT NULL,
        author_name TEXT NOT NULL,
        message TEXT NOT NULL,
        phase TEXT NOT NULL,
        step TEXT,
        attempt INTEGER NOT NULL,
        manifest BYTEA,
        tree BYTEA,
        parents BYTEA NOT NULL,
        parent_commit TEXT,
        code TEXT NOT NULL,
        reason TEXT NOT NULL,
        version BIGINT NOT NULL,
        opened_at TIMESTAMPTZ NOT NULL,
        ended_at TIMESTAMPTZ
    )
    """,
    (
        "CREATE INDEX commits_open ON commits (opened_at, commit_id) WHERE phase IN ('open', 'failed')",
        "CREATE INDEX commits_by_manifest ON commits (repo, manifest) WHERE phase = 'published'",
    ),
)
LOAD = """
    SELECT commit_id, repo, branch, branch_name, session, author, author_name, message, phase, step, attempt,
           manifest, tree, parents, parent_commit, code, reason, version, opened_at, ended_at
    FROM commits WHERE commit_id = ANY(%(keys)s)
"""
STORE = """
    INSERT INTO commits
        (commit_id, repo, branch, branch_name, session, author, author_name, message, phase, step, attempt,
         manifest, tree, parents, parent_commit, code, reason, version, opened_at, ended_at)
    VALUES (%(commit)s, %(repo)s, %(branch)s, %(branch_name)s, %(session)s, %(author)s, %(author_name)s,
            %(message)s, %(phase)s, %(step)s, %(attempt)s, %(manifest)s, %(tree)s, %(parents)s,
            %(parent_commit)s, %(code)s, %(reason)s, %(version)s, %(opened_at)s, %(ended_at)s)
    ON CONFLICT (commit_id) DO UPDATE
    SET phase = EXCLUDED.phase, step = EXCLUDED.step, attempt = EXCLUDED.attempt,
        manifest = EXCLUDED.manifest, tree = EXCLUDED.tree, parents = EXCLUDED.parents,
        parent_commit = EXCLUDED.parent_commit, code = EXCLUDED.code, reason = EXCLUDED.reason,
        version = EXCLUDED.version, ended_at = EXCLUDED.ended_at
"""
ERASE = "DELETE FROM commits WHERE commit_id = ANY(%(keys)s)"
ONE: LiteralString = """
    SELECT commit_id, repo, branch, branch_name, session, author, author_name, message, phase, step, attempt,
           manifest, tree, parents, parent_commit, code, reason, version, opened_at, ended_at
    FROM commits WHERE commit_id = %(commit)s AND repo = %(repo)s
"""
BY_MANIFEST: LiteralString = """
    SELECT commit_id, repo, branch, branch_name, session, author, author_name, message, phase, step, attempt,
           manifest, tree, parents, parent_commit, code, reason, version, opened_at, ended_at
    FROM commits WHERE repo = %(repo)s AND manifest = %(manifest)s AND phase = 'published'
    ORDER BY commit_id LIMIT 1
"""
LOG: LiteralString = """
    WITH RECURSIVE line (commit_id, depth) AS (
        SELECT commit_id, 1 FROM commits WHERE commit_id = %(head)s AND repo = %(repo)s
        UNION ALL
        SELECT commits.parent_commit, line.depth + 1
        FROM line JOIN commits USING (commit_id)
        WHERE commits.parent_commit IS NOT NULL AND line.depth < %(limit)s
    )
    SELECT commit_id, repo, branch, branch_name, session, author, author_name, message, phase, step, attempt,
           manifest, tree, parents, parent_commit, code, reason, version, opened_at, ended_at
    FROM line JOIN commits USING (commit_id)
    ORDER BY line.depth
"""
OPEN: LiteralString = """
    SELECT commit_id, repo, branch, branch_name, session, author, author_name, message, phase, step, attempt,
           manifest, tree, parents, parent_commit, code, reason, version, opened_at, ended_at
    FROM commits WHERE phase IN ('open', 'failed')
    ORDER BY opened_at, commit_id LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class CommitRow:
    """A commit as it stands. `failed` is still being compensated; `compensated` is its end."""

    commit: CommitId
    repo: RepoId
    branch: BranchId
    branch_name: str
    session: SessionId
    author: ConsumerId
    author_name: str
    message: str
    phase: Phase
    step: Step | None
    """The newest step that stands."""
    attempt: int
    """How often it was rebased."""
    manifest: Digest | None
    tree: Digest | None
    parents: bytes
    """Parent manifests, packed."""
    parent_commit: CommitId | None
    """The head that it was built on."""
    code: str
    """Why it failed; empty if it did not."""
    reason: str
    version: int
    """Of the commit's aggregate."""
    opened_at: datetime
    ended_at: datetime | None
    """When it was published, or failed."""

    @property
    def parent_manifests(self) -> tuple[Digest, ...]:
        return unpacked(self.parents)


def touched(recorded: Recorded) -> Iterable[str]:
    return (recorded.aggregate.id,) if isinstance(recorded.event, CommitEvent) else ()


def fold(before: CommitRow | None, _: str, recorded: Recorded) -> CommitRow | None:
    event = recorded.event
    assert isinstance(event, CommitEvent)
    if isinstance(event, CommitOpened):
        return _opened(event, recorded)
    assert before is not None, event
    return replace(_moved(before, event, recorded), version=recorded.version)


def _opened(event: CommitOpened, recorded: Recorded) -> CommitRow:
    return CommitRow(
        commit=event.commit,
        repo=event.repo,
        branch=event.branch,
        branch_name=event.branch_name,
        session=event.session,
        author=event.author,
        author_name=event.author_name,
        message=event.message,
        phase="open",
        step=None,
        attempt=0,
        manifest=None,
        tree=None,
        parents=b"",
        parent_commit=None,
        code="",
        reason="",
        version=recorded.version,
        opened_at=recorded_at(recorded),
        ended_at=None,
    )


def _moved(
    before: CommitRow,
    event: CommitVerified
    | ManifestRecorded
    | CommitChecked
    | CommitRebased
    | CommitPublished
    | CommitFailed
    | CommitStepCompensated
    | CommitCompensated,
    recorded: Recorded,
) -> CommitRow:
    match event:
        case CommitVerified():
            return replace(before, step="verify")
        case ManifestRecorded():
            return replace(
                before,
                step="store",
                manifest=event.manifest,
                tree=event.tree,
                parents=packed(event.parents),
                parent_commit=event.head,
            )
        case CommitChecked():
            return replace(before, step="check")
        case CommitRebased():
            return replace(
                before,
                step="verify",
                attempt=event.attempt,
                manifest=None,
                tree=None,
                parents=b"",
                parent_commit=None,
            )
        case CommitPublished():
            return replace(before, step="publish", phase="published", ended_at=recorded_at(recorded))
        case CommitFailed():
            ended_at = recorded_at(recorded)
            return replace(before, phase="failed", code=event.code, reason=event.message, ended_at=ended_at)
        case CommitStepCompensated():
            return replace(before, step=STEP_BEFORE[event.step])
        case CommitCompensated():
            return replace(before, phase="compensated")
        case _:
            assert_never(event)


STEP_BEFORE: dict[Step, Step | None] = {
    "verify": None,
    "store": "verify",
    "check": "store",
    "publish": "check",
}

COMMITS = Projection(
    name="commits",
    version=1,
    tables=(TABLE,),
    events=get_args(CommitEvent),
    apply=Folded(CommitRow, lambda row: str(row.commit), touched, fold, LOAD, STORE, ERASE).apply,
)


def one(cursor: Cursor, repo: RepoId, commit: CommitId) -> CommitRow | None:
    return row(cursor, CommitRow, ONE, {"repo": repo, "commit": commit})


def by_manifest(cursor: Cursor, repo: RepoId, manifest: Digest) -> CommitRow | None:
    """The published commit of this manifest."""
    return row(cursor, CommitRow, BY_MANIFEST, {"repo": repo, "manifest": manifest})


def log(cursor: Cursor, repo: RepoId, head: CommitId, *, limit: int) -> list[CommitRow]:
    """A commit and those it was built on, newest first; the last one's `parent_commit` is where to go on."""
    return rows(cursor, CommitRow, LOG, {"repo": repo, "head": head, "limit": limit})


def still_open(cursor: Cursor, *, limit: int) -> list[CommitRow]:
    """Commits whose saga has something left to do, oldest first."""
    return rows(cursor, CommitRow, OPEN, {"limit": limit})
