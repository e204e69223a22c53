"""The bodies of edition v2, the head: what is asked and what is answered, and what handlers speak.

Promises: closed and strict; digests are 64 hex characters, times RFC 3339 in UTC, positions opaque. Text that
reaches events is bounded and free of control characters, so that it fits every store that it will lie in.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from domain.consumer import SCOPE_PATTERN
from domain.format.manifest import MESSAGE_BYTES_MAX
from domain.ids import NAME_PATTERN, REF_PATTERN
from gateway.operation import Wire
from gateway.wire.consumers import VersionId

REASON_CHARACTERS_MAX = 1_000
CHANGES_MAX = 4_096
BEATING_S_MAX = 8 * 3600


def _plain(allowed: str) -> AfterValidator:
    def check(text: str) -> str:
        if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in allowed for char in text):
            raise ValueError("holds control characters")
        return text

    return AfterValidator(check)


def _message(text: str) -> str:
    if len(text.encode()) > MESSAGE_BYTES_MAX:
        raise ValueError(f"has more than {MESSAGE_BYTES_MAX} bytes")
    return text


HexDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
HexId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Reason = Annotated[
    str, StringConstraints(min_length=1, max_length=REASON_CHARACTERS_MAX), _plain(allowed="\n\t")
]
Message = Annotated[str, _plain(allowed="\n\r\t"), AfterValidator(_message)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=1_024)]
Name = Annotated[str, Field(json_schema_extra={"pattern": f"^{NAME_PATTERN.pattern}$"})]
RefName = Annotated[str, Field(json_schema_extra={"pattern": f"^{REF_PATTERN.pattern}$", "maxLength": 128})]
ScopeName = Annotated[str, Field(json_schema_extra={"pattern": f"^({SCOPE_PATTERN.pattern})$"})]
"""Described here and parsed by the domain, whose refusal names the rule."""
Token = Annotated[int, Field(ge=1, le=2**63 - 1)]
CommitState = Literal["open", "published", "failed", "compensated"]
Visibility = Literal["public", "private"]
LeaseKind = Literal["until", "beating"]
T = TypeVar("T")


class Page(Wire):
    """A part of a long list."""

    limit: int = Field(10_000, ge=1, le=50_000)
    after: str = Field("", max_length=1_024)
    """The `page.next` of the part before."""


class Onward(Wire):
    """Where a long list goes on."""

    next: str | None
    """What `after` says to get the next part; null at the end."""


THE_END = Onward(next=None)


class Listing(Wire, Generic[T]):
    """A list, or a part of a long one."""

    items: list[T]
    page: Onward


# ------------------------------------------------------------------ repositories
class CreateRepo(Wire):
    name: Name
    visibility: Visibility = "private"


class ShowRepo(Wire):
    visibility: Visibility


class Repo(Wire):
    name: str
    id: str
    visibility: Visibility
    owner: str
    """The consumer's id."""


class Repos(Listing[Repo]):
    """All that the caller may see."""


# ------------------------------------------------------------------ branches and tags
class NameCommit(Wire):
    """A new branch or tag."""

    name: RefName
    commit: HexId


class Branch(Wire):
    name: str
    commit: str
    manifest: str


class Branches(Listing[Branch]):
    """By name."""


class Tag(Wire):
    name: str
    commit: str
    manifest: str


class Tags(Listing[Tag]):
    """By name."""


# ------------------------------------------------------------------ commits
class Change(Wire):
    """A path's new recipe; null removes the path."""

    path: Path
    recipe: HexDigest | None


class ShownToken(Wire):
    """The fencing token of a lock that the caller holds."""

    path: Path
    token: Token


class OpenCommit(Wire):
    branch: RefName
    session: HexId
    base: HexId | None = None
    changes: list[Change] | None = Field(None, max_length=CHANGES_MAX)
    tree: HexDigest | None = None
    fixed_head: bool = False
    message: Message = ""
    raw: list[Path] = Field(default_factory=list[Path], max_length=CHANGES_MAX)
    """Paths whose content is taken as it is, also a damaged media container."""
    tokens: list[ShownToken] = Field(default_factory=list[ShownToken], max_length=CHANGES_MAX)


class Failure(Wire):
    code: str
    message: str
    details: dict[str, str]


class CommitWarning(Wire):
    """What a check let pass."""

    path: str
    code: str
    """As X-Dits-Warning lists them: `WarningWord` of the media bodies, but for hdr-metadata-lost."""
    warning: str
    fallback: str | None = None
    """How the file is stored instead: raw."""


class Commit(Wire):
    commit: str
    state: CommitState
    step: str | None = None
    """The next step of an open commit, or the one that failed."""
    branch: str
    session: str
    manifest: str | None
    tree: str | None
    parents: list[str]
    """Commit ids."""
    author: str
    message: str
    committed_at: str
    attempts: int = 1
    """How often it was built; more than one means that the branch moved meanwhile."""
    failure: Failure | None = None
    warnings: list[CommitWarning] = Field(default_factory=list[CommitWarning])


class CommitLine(Wire):
    """A commit in a list."""

    commit: str
    state: CommitState
    branch: str
    manifest: str | None
    parents: list[str]
    author: str
    message: str
    committed_at: str


class CommitLines(Listing[CommitLine]):
    """Newest first."""


class ListCommits(Wire):
    branch: RefName = "main"
    limit: int = Field(50, ge=1, le=1_000)
    after: HexId | None = None
    """The `page.next` of the part before: the commit that the next part follows."""


class ChangedFile(Wire):
    path: str
    kind: Literal["added", "changed", "removed"]
    size_bytes: int
    recipe: str | None


class ChangedFiles(Listing[ChangedFile]):
    """By path."""


class File(Wire):
    path: str
    size_bytes: int
    recipe: str


class Files(Listing[File]):
    """In the order of their path's segments."""


class ListFiles(Page):
    prefix: str = Field("", max_length=1_024)


# ------------------------------------------------------------------ locks
LeaseSeconds = Annotated[int, Field(ge=1, le=30 * 24 * 3600)]


def refuse_rare_beats(kind: LeaseKind, seconds: int | None) -> None:
    """Heartbeats are kept for a day; a lease that beats less often than every 8 hours is no heartbeat."""
    if kind == "beating" and (seconds or 0) > BEATING_S_MAX:
        raise ValueError(f"a beating lease has at most {BEATING_S_MAX} seconds")


class AskedLease(Wire):
    """How long a lock is to be held: `until` lasts, `beating` ends without heartbeats."""

    kind: LeaseKind = "until"
    seconds: LeaseSeconds | None = None
    """None is the server's own choice for this kind."""

    @model_validator(mode="after")
    def _beats_often_enough(self) -> Self:
        refuse_rare_beats(self.kind, self.seconds)
        return self


class AcquireLocks(Wire):
    paths: list[Path] = Field(min_length=1, max_length=1_000)
    lease: AskedLease = AskedLease()


class ReleaseLocks(Wire):
    tokens: list[ShownToken] = Field(min_length=1, max_length=1_000)


class ForceRelease(Wire):
    paths: list[Path] = Field(min_length=1, max_length=1_000)
    reason: Reason


class Lease(Wire):
    kind: LeaseKind
    seconds: int


class Lock(Wire):
    path: str
    holder: str
    token: int | None
    """Shown to its holder only."""
    lease: Lease
    since: str


class Locks(Listing[Lock]):
    """Listed by path, acquired as asked."""


class Released(Wire):
    released: list[str]


# ------------------------------------------------------------------ keys
class IssueKey(Wire):
    name: Name
    scopes: list[ScopeName] = Field(min_length=1, max_length=16)
    repos: list[Name] | None = Field(None, max_length=256)
    version: VersionId | None = None
    """What requests that name no version get; null is the server's default."""


class IssuedKey(Wire):
    consumer: str
    key_id: str
    key: str | None
    """Shown once; a replay comes without it."""


class Key(Wire):
    consumer: str
    name: str
    key_id: str
    scopes: list[str]
    repos: list[str] | None
    version: str | None
    """What it is pinned to."""
    requests_per_minute: int | None
    """Of its consumer; null is what everybody has."""


class Keys(Listing[Key]):
    """Keys that are valid."""


class RevokeKey(Wire):
    reason: Reason = "revoked by an administrator"


class Whoami(Wire):
    consumer: str
    name: str
    scopes: list[str]
    repos: list[str] | None


# ------------------------------------------------------------------ projections
class ProjectionLine(Wire):
    name: str
    version: int
    build: str | None
    """The schema that answers; null while nothing does."""
    position: str | None
    lag_events: int
    """In messages of the log."""
    parked: int


class ProjectionLines(Listing[ProjectionLine]):
    """Every read model."""


class ProjectionDigest(Wire):
    name: str
    digest: str
    rows: int
    position: str | None


class ParkedEvent(Wire):
    projection: str
    aggregate: str
    version: int
    sequence: int
    index: int
    topic: str
    code: str
    reason: str


class ParkedEvents(Listing[ParkedEvent]):
    """What waits to be retried or skipped."""


class RetryStream(Wire):
    aggregate: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}\.[a-z0-9-]{1,64}$")]
    reason: Reason


class SkipEvent(Wire):
    sequence: Annotated[int, Field(ge=1, le=2**63 - 1)]
    index: Annotated[int, Field(ge=0, le=1_000)]
    aggregate: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}\.[a-z0-9-]{1,64}$")]
    reason: Reason
