"""What each edition of the wire changed against the one before it: the whole difference, as data.

Promises: nothing else knows that older editions exist; a published change never changes, a new edition is one
more step with its twins; the changelog is what the transformations are.
"""

from __future__ import annotations

from typing import Any, TypedDict, TypeVar

from pydantic import BaseModel

from gateway.wire import v1, v2, v2_uploads
from gateway.wire.twins import AnyTwin, Change, Step, Twin, step
from gateway.wire.v2 import AskedLease, Lease, Listing, Onward, Visibility

M = TypeVar("M", bound=BaseModel)


# ------------------------------------------------------------------ v2: visibility
def _visibility(*, public: bool) -> Visibility:
    return "public" if public else "private"


def _repo_up(repo: v1.Repo) -> v2.Repo:
    return v2.Repo(name=repo.name, id=repo.id, visibility=_visibility(public=repo.public), owner=repo.owner)


def _repo_down(repo: v2.Repo) -> v1.Repo:
    return v1.Repo(name=repo.name, id=repo.id, public=repo.visibility == "public", owner=repo.owner)


REPO = Twin(v2.Repo, v1.Repo, _repo_up, _repo_down)
CREATE_REPO = Twin(
    v2.CreateRepo,
    v1.CreateRepo,
    lambda asked: v2.CreateRepo(name=asked.name, visibility=_visibility(public=asked.public)),
    lambda asked: v1.CreateRepo(name=asked.name, public=asked.visibility == "public"),
)
SHOW_REPO = Twin(
    v2.ShowRepo,
    v1.ShowRepo,
    lambda asked: v2.ShowRepo(visibility=_visibility(public=asked.public)),
    lambda asked: v1.ShowRepo(public=asked.visibility == "public"),
)

VISIBILITY = Change(
    "A repository says its visibility",
    'Where v1 says `"public": true` or `false`, v2 says `"visibility": "public"` or `"private"`, in what is '
    "asked and in what is answered.",
    ("repos.list", "repos.create", "repos.get", "repos.show"),
    (REPO, CREATE_REPO, SHOW_REPO),
)


# ------------------------------------------------------------------ v2: leases
def _lock_up(lock: v1.Lock) -> v2.Lock:
    lease = Lease(kind=lock.lease, seconds=lock.lease_s)
    return v2.Lock(path=lock.path, holder=lock.holder, token=lock.token, lease=lease, since=lock.since)


def _lock_down(lock: v2.Lock) -> v1.Lock:
    return v1.Lock(
        path=lock.path,
        holder=lock.holder,
        token=lock.token,
        lease=lock.lease.kind,
        lease_s=lock.lease.seconds,
        since=lock.since,
    )


LOCK = Twin(v2.Lock, v1.Lock, _lock_up, _lock_down)
ACQUIRE_LOCKS = Twin(
    v2.AcquireLocks,
    v1.AcquireLocks,
    lambda asked: v2.AcquireLocks(
        paths=asked.paths, lease=AskedLease(kind=asked.lease, seconds=asked.lease_s)
    ),
    lambda asked: v1.AcquireLocks(paths=asked.paths, lease=asked.lease.kind, lease_s=asked.lease.seconds),
)

LEASES = Change(
    "A lease is one object",
    'Where v1 says `"lease": "until"` and `"lease_s": 60` side by side, v2 says `"lease": {"kind": "until", '
    '"seconds": 60}`, in what is asked and in what is answered.',
    ("locks.list", "locks.acquire"),
    (LOCK, ACQUIRE_LOCKS),
)


# ------------------------------------------------------------------ v2: consumers
def _key_up(key: v1.Key) -> v2.Key:
    return v2.Key(**key.model_dump(), version=None, requests_per_minute=None)


def _key_down(key: v2.Key) -> v1.Key:
    return v1.Key(**key.model_dump(exclude={"version", "requests_per_minute"}))


KEY = Twin(v2.Key, v1.Key, _key_up, _key_down)
ISSUE_KEY = Twin(
    v2.IssueKey,
    v1.IssueKey,
    lambda asked: v2.IssueKey(**asked.model_dump()),
    lambda asked: v1.IssueKey(**asked.model_dump(exclude={"version"})),
)

CONSUMERS = Change(
    "A key names its version and its limit",
    "v2 issues a key with the `version` that it is pinned to, and lists `version` and `requests_per_minute` "
    "with every key. v1 knows neither; keys that it issues are pinned to nothing.",
    ("keys.issue", "keys.list"),
    (KEY, ISSUE_KEY),
)


# ------------------------------------------------------------------ v2: media
def _commit_up(commit: v1.Commit) -> v2.Commit:
    return v2.Commit(**commit.model_dump())


def _commit_down(commit: v2.Commit) -> v1.Commit:
    return v1.Commit(**commit.model_dump(exclude={"warnings"}))


COMMIT = Twin(v2.Commit, v1.Commit, _commit_up, _commit_down)
OPEN_COMMIT = Twin(
    v2.OpenCommit,
    v1.OpenCommit,
    lambda asked: v2.OpenCommit(**asked.model_dump()),
    lambda asked: v1.OpenCommit(**asked.model_dump(exclude={"raw"})),
)

COMPLETED_FILE = Twin(
    v2_uploads.CompletedFile,
    v1.CompletedFile,
    lambda file: v2_uploads.CompletedFile(**file.model_dump()),
    lambda file: v1.CompletedFile(path=file.path, recipe=file.recipe, size_bytes=file.size_bytes),
)

MEDIA = Change(
    "A commit says what was noticed in its files",
    "v2 takes `raw`, the paths whose content is kept as it is even if it is a damaged media container, and "
    "answers with `warnings` about files that were committed; a file sent whole is answered with what it is. "
    "v1 knows none of it: what is damaged is refused, and warnings are told by X-Dits-Warning alone.",
    ("commits.open", "commits.get", "files.put"),
    (COMMIT, OPEN_COMMIT, COMPLETED_FILE),
)


# ------------------------------------------------------------------ v2: lists
def _listing(newer: type[Listing[Any]], older: type[M], word: str, item: AnyTwin | None = None) -> AnyTwin:
    """A list under a word of its own, which says where it goes on beside it, or never does."""
    has_next = "next" in older.model_fields

    def up(old: M) -> Listing[Any]:
        items = getattr(old, word)
        return newer(
            items=items if item is None else [item.up(each) for each in items],
            page=Onward(next=getattr(old, "next", None)),
        )

    def down(new: Listing[Any]) -> M:
        items = new.items if item is None else [item.down(each) for each in new.items]
        onward = {"next": new.page.next} if has_next else {}
        return older(**{word: items}, **onward)

    return Twin(newer, older, up, down)


LIST_COMMITS = Twin(
    v2.ListCommits,
    v1.ListCommits,
    lambda asked: v2.ListCommits(branch=asked.branch, limit=asked.limit, after=asked.before),
    lambda asked: v1.ListCommits(branch=asked.branch, limit=asked.limit, before=asked.after),
)

LISTS = Change(
    "Every list has the same form",
    'Where v1 names the members of a list (`{"branches": [...], "next": ...}`), v2 always says `{"items": '
    '[...], "page": {"next": ...}}`. `page.next` is what `after` says to get the next part, and null at the '
    "end. `commits.list` goes on with `after` as all others do, where v1 says `before`. Pages of events "
    "keep their form.",
    (
        "repos.list",
        "branches.list",
        "tags.list",
        "commits.list",
        "commits.changes",
        "files.list",
        "locks.list",
        "locks.acquire",
        "keys.list",
        "projections.list",
        "projections.parked",
    ),
    (
        _listing(v2.Repos, v1.Repos, "repos", REPO),
        _listing(v2.Branches, v1.Branches, "branches"),
        _listing(v2.Tags, v1.Tags, "tags"),
        _listing(v2.CommitLines, v1.CommitLines, "commits"),
        _listing(v2.ChangedFiles, v1.ChangedFiles, "changes"),
        _listing(v2.Files, v1.Files, "files"),
        _listing(v2.Locks, v1.Locks, "locks", LOCK),
        _listing(v2.Keys, v1.Keys, "keys", KEY),
        _listing(v2.ProjectionLines, v1.ProjectionLines, "projections"),
        _listing(v2.ParkedEvents, v1.ParkedEvents, "parked"),
        LIST_COMMITS,
    ),
)

# ------------------------------------------------------------------ all of them
STEPS: tuple[Step, ...] = (step("v1", "v2", LISTS, LEASES, VISIBILITY, CONSUMERS, MEDIA),)
"""Oldest first."""


class Entry(TypedDict):
    """A line of the changelog."""

    type: str
    version: str
    title: str
    about: str
    operations: list[str]


def changelog() -> tuple[Entry, ...]:
    """Newest edition first."""
    return tuple(
        Entry(
            type="changed",
            version=one.newer,
            title=change.title,
            about=change.about,
            operations=list(change.operations),
        )
        for one in reversed(STEPS)
        for change in one.changes
    )
