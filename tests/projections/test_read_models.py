"""What the read models answer, each from the events of its own aggregates."""

from __future__ import annotations

import pytest

from domain.branch import BranchCreated, BranchDeleted, BranchMoved
from domain.commit.events import (
    CommitChecked,
    CommitCompensated,
    CommitFailed,
    CommitPublished,
    CommitRebased,
    CommitStepCompensated,
    CommitVerified,
    ManifestRecorded,
)
from domain.consumer import (
    ApiKeyIssued,
    ApiKeyRevoked,
    ConsumerLimitSet,
    KeyVersionPinned,
    VersionUseNoted,
    consumer_id,
)
from domain.event import Event
from domain.ids import CommitId, ConsumerId, Digest, FilePath, KeyId, RepoId, packed
from domain.locks import LockAcquired, LockExpired, LockReleased
from domain.repository import RepositoryCreated, RepositoryMadePublic
from domain.session.events import (
    ChunkStored,
    UploadCompleted,
    UploadInterrupted,
    UploadProgressed,
    UploadSessionCompleted,
    UploadSessionFailed,
    UploadSessionStarted,
    UploadStarted,
)
from domain.tag import TagCreated, TagDeleted
from projections import ALL, branches, commits, consumers, files, locks, repositories, sessions, tags, tiers
from projections.branches import BRANCHES
from projections.commits import COMMITS
from projections.consumers import CONSUMERS, VersionUser
from projections.locks import LOCKS
from projections.reading import reading
from projections.repositories import REPOSITORIES
from projections.sessions import SESSIONS
from projections.tags import TAGS
from projections.tiers import TIERS, Stored
from tests.domain.examples import (
    ADA,
    CLIP,
    COMMIT,
    CUT_1,
    FILM,
    MAIN,
    OTHER_COMMIT,
    SESSION,
    SOUND,
    named,
    opening,
)
from tests.projections.conftest import House

CUT = named("manifest of the first cut")
NEXT_CUT = named("manifest of the second cut")


@pytest.fixture(params=[1, 500], ids=["one by one", "in one batch"])
def batch_messages(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def follow(house: House, batch_messages: int, aggregate: str, *events: Event) -> None:
    family = aggregate.partition(".")[0]
    house.all = tuple(projection for projection in ALL if family in projection.families)
    house.follow()
    for event in events:
        house.log.record(aggregate, event)
    house.follow(batch_messages)


# -------------------------------------------------------------------- repositories, keys
def test_a_repository_is_found_by_name_and_shown_to_whom_it_concerns(
    house: House, batch_messages: int
) -> None:
    other = RepoId("other")
    follow(
        house, batch_messages, f"repository.{FILM}", created(FILM, "film"), RepositoryMadePublic(repo=FILM)
    )
    follow(house, batch_messages, "repository.other", created(other, "other"))
    with reading(house.pool, REPOSITORIES) as (cursor, _):
        film = repositories.named(cursor, "film")
        assert film is not None
        assert film.public
        assert [row.name for row in repositories.listed(cursor, [], limit=9)] == ["film"]
        assert [row.name for row in repositories.listed(cursor, [other], limit=9)] == ["film", "other"]
        assert [row.name for row in repositories.listed(cursor, None, limit=9, after="film")] == ["other"]


def created(repo: RepoId, name: str) -> RepositoryCreated:
    return RepositoryCreated(repo=repo, name=name, owner=ADA, public=False)


def test_a_revoked_key_speaks_for_nobody(house: House, batch_messages: int) -> None:
    kept, lost = issued("kept"), issued("lost")
    revoked = ApiKeyRevoked(consumer=ADA, key_id=lost.key_id, reason="leaked")
    follow(house, batch_messages, f"consumer.{ADA}", kept, lost, revoked)
    with reading(house.pool, CONSUMERS) as (cursor, _):
        found = consumers.by_digest(cursor, kept.digest)
        assert found is not None
        assert (found.scopes, found.repos) == (["read"], [FILM])
        assert consumers.by_digest(cursor, lost.digest) is None
        reasons = {each.key.key_id: each.key.revoke_reason for each in consumers.listed(cursor, 9)}
    assert reasons == {"kept": "", "lost": "leaked"}


def issued(key: str, consumer: ConsumerId = ADA, name: str = "ada") -> ApiKeyIssued:
    digest = named(key)
    return ApiKeyIssued(
        consumer=consumer, name=name, key_id=KeyId(key), digest=digest, scopes=("read",), repos=(FILM,)
    )


def test_a_consumer_is_listed_with_its_limit_and_each_key_with_its_version(
    house: House, batch_messages: int
) -> None:
    other = consumer_id("other")
    follow(house, batch_messages, f"consumer.{ADA}", issued("one"), issued("two"), limited(5), pinned("two"))
    follow(house, batch_messages, f"consumer.{other}", issued("three", other, "other"))
    with reading(house.pool, CONSUMERS) as (cursor, _):
        seen = [(k.key.key_id, k.requests_per_minute, k.key.version_id) for k in consumers.listed(cursor, 9)]
    assert seen == [("one", 5, None), ("two", 5, "v1"), ("three", None, None)]


def test_a_limit_that_is_taken_back_leaves_no_row(house: House, batch_messages: int) -> None:
    follow(house, batch_messages, f"consumer.{ADA}", issued("one"), limited(5), limited(None))
    with reading(house.pool, CONSUMERS) as (cursor, _):
        assert [each.requests_per_minute for each in consumers.listed(cursor, 9)] == [None]


def test_the_users_of_a_version_are_those_pinned_to_it_and_those_who_came(
    house: House, batch_messages: int
) -> None:
    token = consumer_id("token")
    came = (used(token, "v1", "2026-01-02"), used(token, "v1", "2026-01-03"))
    elsewhere = used(ADA, "v2", "2026-01-01")
    follow(house, batch_messages, f"consumer.{ADA}", issued("one"), pinned("one"), elsewhere)
    follow(house, batch_messages, f"consumer.{token}", *came)
    with reading(house.pool, CONSUMERS) as (cursor, _):
        assert consumers.using(cursor, "v1", 9) == [
            VersionUser(token, "", [], "2026-01-03"),
            VersionUser(ADA, "ada", [KeyId("one")], None),
        ]
        assert [user.consumer for user in consumers.using(cursor, "v1", 1)] == [token]


def test_a_revoked_key_is_pinned_to_nothing(house: House, batch_messages: int) -> None:
    revoked = ApiKeyRevoked(consumer=ADA, key_id=KeyId("one"), reason="leaked")
    follow(house, batch_messages, f"consumer.{ADA}", issued("one"), pinned("one"), revoked)
    with reading(house.pool, CONSUMERS) as (cursor, _):
        assert consumers.using(cursor, "v1", 9) == []


def limited(requests_per_minute: int | None) -> ConsumerLimitSet:
    return ConsumerLimitSet(consumer=ADA, requests_per_minute=requests_per_minute)


def pinned(key: str) -> KeyVersionPinned:
    return KeyVersionPinned(consumer=ADA, key_id=KeyId(key), version_id="v1")


def used(consumer: ConsumerId, version_id: str, day: str) -> VersionUseNoted:
    return VersionUseNoted(consumer=consumer, version_id=version_id, day=day)


# -------------------------------------------------------------------- branches, tags
def test_a_branch_stands_at_its_last_move(house: House, batch_messages: int) -> None:
    follow(house, batch_messages, f"branch.{MAIN}", moved(COMMIT), moved(OTHER_COMMIT))
    with reading(house.pool, BRANCHES) as (cursor, _):
        main = branches.named(cursor, FILM, "main")
        assert main is not None
        assert (main.commit, main.version) == (OTHER_COMMIT, 2)
        assert branches.listed(cursor, FILM, limit=9) == [main]


def test_a_deleted_branch_is_gone_and_may_be_born_again(house: House, batch_messages: int) -> None:
    deleted = BranchDeleted(repo=FILM, branch=MAIN, name="main", manifest=CUT)
    born = BranchCreated(repo=FILM, branch=MAIN, name="main", commit=COMMIT, manifest=CUT)
    follow(house, batch_messages, f"branch.{MAIN}", moved(COMMIT), deleted)
    with reading(house.pool, BRANCHES) as (cursor, _):
        assert branches.named(cursor, FILM, "main") is None
    follow(house, batch_messages, f"branch.{MAIN}", born)
    with reading(house.pool, BRANCHES) as (cursor, _):
        assert branches.named(cursor, FILM, "main") is not None


def moved(commit: CommitId) -> BranchMoved:
    return BranchMoved(repo=FILM, branch=MAIN, name="main", commit=commit, manifest=CUT, previous=None)


def test_a_tag_names_its_commit_until_it_is_deleted(house: House, batch_messages: int) -> None:
    tagged = TagCreated(repo=FILM, tag=CUT_1, name="cut-1", commit=COMMIT, manifest=CUT)
    follow(house, batch_messages, f"tag.{CUT_1}", tagged)
    with reading(house.pool, TAGS) as (cursor, _):
        tag = tags.named(cursor, FILM, "cut-1")
        assert tag is not None
        assert tag.commit == COMMIT
        assert tags.listed(cursor, FILM, limit=9) == [tag]
    deleted = TagDeleted(repo=FILM, tag=CUT_1, name="cut-1", manifest=CUT)
    follow(house, batch_messages, f"tag.{CUT_1}", deleted)
    with reading(house.pool, TAGS) as (cursor, _):
        assert tags.listed(cursor, FILM, limit=9) == []


# -------------------------------------------------------------------- commits
def test_a_published_commit_shows_its_manifest_and_parent(house: House, batch_messages: int) -> None:
    follow(house, batch_messages, f"commit.{COMMIT}", *course_of(COMMIT, CUT, None))
    with reading(house.pool, COMMITS) as (cursor, _):
        commit = commits.one(cursor, FILM, COMMIT)
        assert commit is not None
        assert (commit.phase, commit.step, commit.manifest) == ("published", "publish", CUT)
        assert commit.opened_at < (commit.ended_at or commit.opened_at)
        assert commits.by_manifest(cursor, FILM, CUT) == commit
        assert commits.still_open(cursor, limit=9) == []


def test_a_branchs_log_goes_from_the_head_to_the_first_commit(house: House, batch_messages: int) -> None:
    follow(house, batch_messages, f"commit.{OTHER_COMMIT}", *course_of(OTHER_COMMIT, NEXT_CUT, COMMIT))
    follow(house, batch_messages, f"commit.{COMMIT}", *course_of(COMMIT, CUT, None))
    with reading(house.pool, COMMITS) as (cursor, _):
        line = commits.log(cursor, FILM, OTHER_COMMIT, limit=9)
        assert [row.commit for row in line] == [OTHER_COMMIT, COMMIT]
        assert line[0].parent_manifests == (CUT,)
        assert len(commits.log(cursor, FILM, OTHER_COMMIT, limit=1)) == 1


def course_of(commit: CommitId, manifest: Digest, head: CommitId | None) -> tuple[Event, ...]:
    """Rebased once on its way."""
    recorded = ManifestRecorded(
        commit=commit,
        repo=FILM,
        manifest=manifest,
        tree=named("tree"),
        parents=() if head is None else (CUT,),
        head=head,
    )
    published = CommitPublished(
        commit=commit,
        repo=FILM,
        branch=MAIN,
        branch_name="main",
        manifest=recorded.manifest,
        author_name="ada",
        message="first cut",
    )
    verified = CommitVerified(commit=commit, recipe_count=1, chunk_count=1)
    rebased = CommitRebased(commit=commit, attempt=1)
    checked = CommitChecked(commit=commit, checks=(), warnings=())
    return opening(commit=commit), verified, recorded, rebased, recorded, checked, published


FAILED = CommitFailed(commit=COMMIT, step="check", code="STALE_HEAD", message="it moved", facts=())
UNDONE = CommitStepCompensated(commit=COMMIT, step="store", undone="held by nothing")
ENDED = CommitCompensated(commit=COMMIT, repo=FILM, code="STALE_HEAD")


def test_a_failed_commit_tells_why_and_goes_back_step_by_step(house: House, batch_messages: int) -> None:
    course = course_of(COMMIT, CUT, None)[:3]
    follow(house, batch_messages, f"commit.{COMMIT}", *course, FAILED, UNDONE)
    with reading(house.pool, COMMITS) as (cursor, _):
        (commit,) = commits.still_open(cursor, limit=9)
    assert (commit.phase, commit.step, commit.code) == ("failed", "verify", "STALE_HEAD")
    assert commit.reason == "it moved"


def test_a_compensated_commit_has_nothing_left_to_do(house: House, batch_messages: int) -> None:
    course = course_of(COMMIT, CUT, None)[:3]
    follow(house, batch_messages, f"commit.{COMMIT}", *course, FAILED, UNDONE, ENDED)
    with reading(house.pool, COMMITS) as (cursor, _):
        assert commits.still_open(cursor, limit=9) == []


# -------------------------------------------------------------------- locks
def test_a_lock_stands_until_an_event_ends_it(house: House, batch_messages: int) -> None:
    released = LockReleased(repo=FILM, path=CLIP, holder=ADA, fencing_token=1)
    follow(house, batch_messages, f"locks.{FILM}", locked(CLIP, 1), locked(SOUND, 2), released)
    with reading(house.pool, LOCKS) as (cursor, _):
        assert locks.held(cursor, FILM, CLIP) is None
        assert [(row.path, row.fencing_token) for row in locks.listed(cursor, FILM, limit=9)] == [(SOUND, 2)]
        assert [row.path for row in locks.every(cursor, limit=9)] == [SOUND]


def test_the_end_of_an_older_lock_does_not_end_a_newer_one(house: House, batch_messages: int) -> None:
    expired = LockExpired(repo=FILM, path=CLIP, holder=ADA, fencing_token=1, cause="heartbeat")
    follow(house, batch_messages, f"locks.{FILM}", locked(CLIP, 1), expired, locked(CLIP, 3))
    with reading(house.pool, LOCKS) as (cursor, _):
        lock = locks.held(cursor, FILM, CLIP)
        assert lock is not None
        assert (lock.fencing_token, lock.holder_name, lock.lease) == (3, "ada", "beating")


def locked(path: FilePath, token: int) -> LockAcquired:
    return LockAcquired(
        repo=FILM,
        path=path,
        holder=ADA,
        holder_name="ada",
        fencing_token=token,
        lease="beating",
        lease_ms=30_000,
        since="2026-11-22T12:00:00Z",
    )


# -------------------------------------------------------------------- sessions, tiers
STARTED = UploadSessionStarted(session=SESSION, repo=FILM, consumer=ADA, base="")
STORED = ChunkStored(
    session=SESSION, repo=FILM, location="local", chunks=packed([named("x"), named("y")]), sizes_bytes=(3, 4)
)


def test_a_session_tells_how_far_it_is(house: House, batch_messages: int) -> None:
    follow(house, batch_messages, f"session.{SESSION}", STARTED, STORED, STORED)
    with reading(house.pool, SESSIONS) as (cursor, _):
        session = sessions.one(cursor, FILM, SESSION)
        assert session is not None
        assert (session.phase, session.chunks, session.size_bytes, session.version) == ("open", 4, 14, 3)
        assert session.started_at < session.active_at
        assert sessions.still_open(cursor, limit=9) == [session]
        assert sessions.still_open(cursor, limit=9, after=SESSION) == []


@pytest.mark.parametrize(
    ("end", "phase", "code"),
    [
        (UploadSessionCompleted(session=SESSION, repo=FILM, commit=COMMIT), "completed", ""),
        (
            UploadSessionFailed(session=SESSION, repo=FILM, commit=COMMIT, code="STALE_HEAD"),
            "failed",
            "STALE_HEAD",
        ),
    ],
)
def test_a_session_ends_once(house: House, batch_messages: int, end: Event, phase: str, code: str) -> None:
    follow(house, batch_messages, f"session.{SESSION}", STARTED, end)
    with reading(house.pool, SESSIONS) as (cursor, _):
        session = sessions.one(cursor, FILM, SESSION)
        assert session is not None
        assert (session.phase, session.code, session.commit) == (phase, code, COMMIT)
        assert sessions.still_open(cursor, limit=9) == []


def test_a_file_goes_on_where_it_was_confirmed(house: House, batch_messages: int) -> None:
    begun = UploadStarted(session=SESSION, path=CLIP, length_bytes=7, offset_bytes=0, writer=2)
    step = UploadProgressed(session=SESSION, path=CLIP, offset_bytes=3, chunks=named("x"), sizes_bytes=(3,))
    broken = UploadInterrupted(session=SESSION, path=CLIP, offset_bytes=3)
    follow(house, batch_messages, f"session.{SESSION}", STARTED, begun, step, broken)
    with reading(house.pool, SESSIONS) as (cursor, _):
        (file,) = files.listed(cursor, SESSION, limit=9)
        assert (file.path, file.length_bytes, file.offset_bytes, file.interrupted) == (CLIP, 7, 3, True)
    rest = UploadProgressed(session=SESSION, path=CLIP, offset_bytes=7, chunks=named("y"), sizes_bytes=(4,))
    done = UploadCompleted(session=SESSION, path=CLIP, recipe=named("recipe"), size_bytes=7)
    follow(house, batch_messages, f"session.{SESSION}", rest, done)
    with reading(house.pool, SESSIONS) as (cursor, _):
        (file,) = files.listed(cursor, SESSION, limit=9)
        assert (file.offset_bytes, file.interrupted, file.recipe) == (7, False, named("recipe"))


def test_the_tier_map_knows_every_place_of_a_chunk_once(house: House, batch_messages: int) -> None:
    elsewhere = STORED.model_copy(update={"location": "s3"})
    follow(house, batch_messages, f"session.{SESSION}", STARTED, STORED, STORED, elsewhere)
    with reading(house.pool, TIERS) as (cursor, _):
        found = tiers.locations(cursor, [named("x"), named("z")])
        assert found == {named("x"): ("local", "s3")}
        assert tiers.stored(cursor, "local") == Stored(2, 7)
        assert tiers.stored(cursor) == Stored(4, 14)
