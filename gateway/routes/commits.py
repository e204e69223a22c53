"""Commits: ask for one and wait for its saga, look at them, list a branch's history."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain import branch as branches
from domain.commit import decider as commits
from domain.commit.decider import OpenCommit
from domain.commit.events import (
    CheckWarning,
    CommitCompensated,
    CommitOpened,
    CommitPublished,
    LockToken,
    PathChange,
)
from domain.errors import (
    DitsError,
    InvalidBodyError,
    NotFoundError,
    NotYetConsistentError,
    PathCollisionError,
    SessionClosedError,
    UnknownContentError,
    UploadExpiredError,
)
from domain.format.errors import Fact
from domain.ids import (
    CommitId,
    Digest,
    FilePath,
    RepoId,
    SessionId,
    branch_id,
    case_key,
    parse_path,
    parse_ref,
)
from domain.position import Position
from domain.sagas.commit import STEPS
from domain.session import decider as sessions
from gateway.core import Core
from gateway.errors import told
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation, Pending, Wire
from gateway.times import of_ms
from gateway.wire import v2
from projections.commits import CommitRow

WARNING = "X-Dits-Warning"
RAW_CODES = frozenset({"unsupported-codec", "corrupted-container"})
"""Of warnings about files that are stored, and not understood."""
LISTED_FACTS = frozenset({"issues", "recovery"})
"""Of a damaged container: recorded as JSON, told as lists."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a published commit stands for."""

    manifest: Digest
    tree: Digest | None
    parent: CommitId | None


def published(core: Core, repo: RepoId, commit: str) -> Published:
    """Raises UnknownContentError unless it is a published commit of this repository."""
    found = _published(core, repo, commit)
    if found is None:
        raise UnknownContentError(count=1, thing="commit", first=commit)
    return found


def published_in_path(core: Core, call: Call[Wire]) -> Published:
    """The same for the commit in the address. Raises NotFoundError."""
    commit = call.hex_id("commit", "commit")
    found = _published(core, call.repo, commit)
    if found is None:
        raise NotFoundError(thing="published commit", name=commit)
    return found


def _published(core: Core, repo: RepoId, commit: str) -> Published | None:
    state = core.log.load(commits.DECIDER, commit).state
    if state.phase != "published" or state.opened is None or state.opened.repo != repo:
        return None
    assert state.built is not None
    return Published(state.built.manifest, state.built.tree, state.built.head)


# ------------------------------------------------------------------ asking for one
def open_commit(core: Core, call: Call[v2.OpenCommit]) -> Pending:
    commit = CommitId(call.derived("commit"))
    opened = _opened(core, call, commit)
    if core.log.load(commits.DECIDER, commit).version == 0:
        _refuse_broken_base(core, call)
    outcome = core.log.ask(commits.DECIDER.ask(commit, OpenCommit(opened)), context=call.context)

    def look() -> Answer | None:
        return _ended(core, call.repo_name, commit, replayed=outcome.replayed)

    def late() -> Answer:
        return _late(core, call.repo_name, commit, outcome.position, replayed=outcome.replayed)

    return Pending(commits.DECIDER.at(commit), (CommitPublished, CommitCompensated), look, late)


def _opened(core: Core, call: Call[v2.OpenCommit], commit: CommitId) -> CommitOpened:
    """Parsed once, here: whatever does not fit is refused before anything is recorded."""
    asked, principal = call.asked, call.principal
    if (asked.tree is None) == (asked.changes is None):
        raise InvalidBodyError(problems=("either `changes` or `tree` says what the commit holds",))
    name = parse_ref(asked.branch)
    tokens = tuple(LockToken(path=parse_path(shown.path), token=shown.token) for shown in asked.tokens)
    return CommitOpened(
        commit=commit,
        repo=call.repo,
        branch=branch_id(call.repo, name),
        branch_name=name,
        session=SessionId(asked.session),
        base=CommitId(asked.base) if asked.base is not None else None,
        tree=Digest(bytes.fromhex(asked.tree)) if asked.tree is not None else None,
        changes=_changes(asked.changes or ()),
        fixed_head=asked.fixed_head,
        author=principal.consumer,
        author_name=principal.name,
        message=asked.message,
        tokens=tokens,
        raw=tuple(map(parse_path, asked.raw)),
        opened_at_ms=int(core.clock.now().timestamp() * 1000),
    )


def _changes(asked: Sequence[v2.Change]) -> tuple[PathChange, ...]:
    """Raises InvalidPathError, InvalidBodyError for a path named twice, PathCollisionError."""
    changes: dict[FilePath, PathChange] = {}
    kept: dict[str, FilePath] = {}
    for change in asked:
        path = parse_path(change.path)
        if path in changes:
            raise InvalidBodyError(problems=(f"changes: '{path[:64]}' is named twice",))
        recipe = Digest(bytes.fromhex(change.recipe)) if change.recipe is not None else None
        changes[path] = PathChange(path=path, recipe=recipe)
        if recipe is not None:
            other = kept.setdefault(case_key(path), path)
            if other != path:
                raise PathCollisionError(path=path, other=other)
    return tuple(changes.values())


def _refuse_broken_base(core: Core, call: Call[v2.OpenCommit]) -> None:
    """What the saga would find out as well, said at once. Raises NotFoundError, UnknownContentError,
    SessionClosedError, UploadExpiredError."""
    asked = call.asked
    session = core.log.load(sessions.DECIDER, asked.session).state
    if session.repo != call.repo or session.consumer != call.principal.consumer:
        raise NotFoundError(thing="upload session", name=asked.session)
    if session.phase == "expired":
        raise UploadExpiredError(session=asked.session)
    if session.phase != "open":
        raise SessionClosedError(session=asked.session, state=session.phase)
    if asked.base is not None:
        published(core, call.repo, asked.base)


def _ended(core: Core, repo_name: str, commit: CommitId, *, replayed: bool) -> Answer | None:
    """201, or the failure as the error that it was; None while it is open or being compensated."""
    state = core.log.load(commits.DECIDER, commit).state
    if state.phase == "compensated":
        raise _failure(state, replayed=replayed)
    if state.phase != "published":
        return None
    # The end, not the pivot's own message: a read after it sees all that the pivot's append holds.
    return Answer(
        _commit(commit, state),
        core.log.end(),
        headers=(_location(repo_name, commit), *_warning_headers(state)),
        replayed=replayed,
    )


def _late(core: Core, repo_name: str, commit: CommitId, position: Position, *, replayed: bool) -> Answer:
    state = core.log.load(commits.DECIDER, commit).state
    if state.phase == "failed":
        raise _failure(state, replayed=replayed)
    return Answer(
        _commit(commit, state),
        position,
        status=202,
        headers=(_location(repo_name, commit),),
        replayed=replayed,
    )


def _failure(state: commits.Commit, *, replayed: bool) -> DitsError:
    failed = state.failure
    assert failed is not None
    facts: dict[str, Fact] = {"commit": failed.commit, **dict(failed.facts)}
    for name in LISTED_FACTS & facts.keys():
        facts[name] = tuple(json.loads(str(facts[name])))
    return told(failed.code, failed.message, facts, replayed=replayed)


def _location(repo_name: str, commit: CommitId) -> tuple[str, str]:
    return ("Location", f"/repos/{repo_name}/commits/{commit}")


# ------------------------------------------------------------------ looking
def get(core: Core, call: Call[Nothing]) -> Answer:
    commit = CommitId(call.hex_id("commit", "commit"))
    position = core.directory.position
    state = core.log.load(commits.DECIDER, commit).state
    if state.opened is None or state.opened.repo != call.repo:
        raise NotFoundError(thing="commit", name=commit)
    return Answer(_commit(commit, state), position)


def _commit(commit: CommitId, state: commits.Commit) -> v2.Commit:
    opened, built = state.opened, state.built
    assert opened is not None
    assert state.phase != "absent"
    return v2.Commit(
        commit=commit,
        state=state.phase,
        step=_step(state),
        branch=opened.branch_name,
        session=opened.session,
        manifest=built.manifest.hex() if built is not None else None,
        tree=built.tree.hex() if built is not None and built.tree is not None else None,
        parents=[built.head] if built is not None and built.head is not None else [],
        author=opened.author_name,
        message=opened.message,
        committed_at=of_ms(opened.opened_at_ms),
        attempts=state.attempt + 1,
        failure=_told_failure(state),
        warnings=[_warning(each) for each in state.warnings],
    )


def _warning(told: CheckWarning) -> v2.CommitWarning:
    fallback = "raw" if told.code in RAW_CODES else None
    return v2.CommitWarning(path=told.path, code=told.code, warning=told.message, fallback=fallback)


def _warning_headers(state: commits.Commit) -> Iterator[tuple[str, str]]:
    """Each kind once."""
    codes = sorted({each.code for each in state.warnings})
    if codes:
        yield WARNING, ", ".join(codes)


def _step(state: commits.Commit) -> str | None:
    if state.failure is not None:
        return state.failure.step
    return STEPS[len(state.done)].step if state.phase == "open" else None


def _told_failure(state: commits.Commit) -> v2.Failure | None:
    failed = state.failure
    if failed is None:
        return None
    return v2.Failure(code=failed.code, message=failed.message, details=dict(failed.facts))


def list_commits(core: Core, call: Call[v2.ListCommits]) -> Answer:
    """From a head that the log knows; a read model that has not seen it published yet is waited for."""
    head = _start(core, call)
    if head is None:
        return Answer(v2.CommitLines(items=[], page=v2.THE_END), core.directory.position)
    seen = core.reading.history(call.repo, call.after, head, call.asked.limit)
    if not seen.rows or seen.rows[0].phase != "published":
        raise NotYetConsistentError()
    lines = [_line(row) for row in seen.rows]
    last = lines[-1]
    more = last.commit if len(lines) == call.asked.limit and last.parents else None
    return Answer(v2.CommitLines(items=lines, page=v2.Onward(next=more)), seen.position)


def _start(core: Core, call: Call[v2.ListCommits]) -> CommitId | None:
    """The first commit of the page; None after the root."""
    after = call.asked.after
    if after is not None:
        found = _published(core, call.repo, after)
        if found is None:
            raise NotFoundError(thing="published commit", name=after)
        return found.parent
    name = parse_ref(call.asked.branch)
    head = core.log.load(branches.DECIDER, branch_id(call.repo, name)).state.commit
    if head is None:
        raise NotFoundError(thing="branch", name=name)
    return head


def _line(row: CommitRow) -> v2.CommitLine:
    return v2.CommitLine(
        commit=row.commit,
        state="published",
        branch=row.branch_name,
        manifest=row.manifest.hex() if row.manifest is not None else None,
        parents=[row.parent_commit] if row.parent_commit is not None else [],
        author=row.author_name,
        message=row.message,
        committed_at=of_ms(int(row.opened_at.timestamp() * 1000)),
    )


PATH = "/repos/{repo}/commits"

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "commits.open",
        "POST",
        PATH,
        "write",
        v2.OpenCommit,
        open_commit,
        "Ask for a commit; answers when its saga ended, or 202 with its address (`Prefer: wait=<s>`).",
        v2.Commit,
        success=201,
        takes="json",
        needs_key=True,
        limit_bytes=lambda limits: limits.commit_bytes_max,
    ),
    Operation(
        "commits.list",
        "GET",
        PATH,
        "read",
        v2.ListCommits,
        list_commits,
        "A branch's commits, newest first.",
        v2.CommitLines,
    ),
    Operation(
        "commits.get",
        "GET",
        PATH + "/{commit}",
        "read",
        Nothing,
        get,
        "One commit: where it stands, and why it failed if it did.",
        v2.Commit,
    ),
)
