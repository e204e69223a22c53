"""The lock table: all or nothing, one holder a path, tokens that grow, no clock (S3.4, I7)."""

from __future__ import annotations

from collections.abc import Mapping

from domain import locks
from domain.errors import LockHeldError, LockLostError
from domain.ids import ConsumerId, FilePath
from domain.locks import (
    AcquireLocks,
    ExpireLock,
    ForceReleaseLocks,
    HonourLocks,
    Lease,
    LockAcquired,
    LockExpired,
    LockForceReleased,
    LockReleased,
    ReleaseLocks,
)
from tests.domain.examples import ADA, BOB, CLIP, FILM, SOUND
from tests.spec import Spec

given = Spec(locks.DECIDER).given
SINCE = "2026-11-22T12:00:00Z"


def acquire(*paths: FilePath, holder: ConsumerId = ADA, name: str = "ada") -> AcquireLocks:
    return AcquireLocks(FILM, paths, holder, name, "until", 8 * 3600 * 1000, SINCE)


def acquired(path: FilePath, token: int, lease: Lease = "until") -> LockAcquired:
    return LockAcquired(
        repo=FILM,
        path=path,
        holder=ADA,
        holder_name="ada",
        fencing_token=token,
        lease=lease,
        lease_ms=8 * 3600 * 1000,
        since=SINCE,
    )


def released(path: FilePath, token: int) -> LockReleased:
    return LockReleased(repo=FILM, path=path, holder=ADA, fencing_token=token)


def honour(holder: ConsumerId, tokens: Mapping[FilePath, int]) -> HonourLocks:
    return HonourLocks((CLIP, SOUND), holder, tokens)


def test_many_paths_are_acquired_in_one_decision_each_with_a_token() -> None:
    given().when(acquire(SOUND, CLIP, CLIP)).then(acquired(CLIP, 1), acquired(SOUND, 2))


def test_all_or_nothing_is_acquired_when_one_path_is_held() -> None:
    held = given(acquired(SOUND, 1)).when(acquire(CLIP, SOUND, holder=BOB, name="bob"))
    held.then_refused(LockHeldError, path=SOUND, holder="ada", since=SINCE)


def test_a_path_that_its_holder_locked_already_stays_as_it_is() -> None:
    given(acquired(CLIP, 1)).when(acquire(CLIP)).then_nothing()
    given(acquired(CLIP, 1)).when(acquire(CLIP, SOUND)).then(acquired(SOUND, 2))


def test_the_next_holder_gets_a_larger_token() -> None:
    given(acquired(CLIP, 1), released(CLIP, 1)).when(acquire(CLIP)).then(acquired(CLIP, 3))


def test_the_holder_releases_with_the_token() -> None:
    story = given(acquired(CLIP, 1), acquired(SOUND, 2))
    release = story.when(ReleaseLocks(ADA, {SOUND: 2, CLIP: 1}))
    release.then(released(CLIP, 1), released(SOUND, 2))


def test_a_release_with_an_old_token_is_refused() -> None:
    history = (acquired(CLIP, 1), released(CLIP, 1), acquired(CLIP, 3))
    given(*history).when(ReleaseLocks(ADA, {CLIP: 1})).then_refused(LockLostError, path=CLIP, token=1)


def test_nobody_releases_what_another_holds_or_what_is_free() -> None:
    given(acquired(CLIP, 1)).when(ReleaseLocks(BOB, {CLIP: 1})).then_refused(LockHeldError, holder="ada")
    given().when(ReleaseLocks(ADA, {CLIP: 1})).then_refused(LockLostError, path=CLIP)


def test_an_administrator_ends_whatever_is_locked_with_a_reason() -> None:
    forced = given(acquired(CLIP, 1)).when(ForceReleaseLocks((SOUND, CLIP, CLIP), BOB, "on holiday"))
    forced.then(
        LockForceReleased(repo=FILM, path=CLIP, holder=ADA, fencing_token=1, actor=BOB, reason="on holiday")
    )


def test_a_beating_lock_expires_for_want_of_a_heartbeat() -> None:
    expired = given(acquired(CLIP, 1, "beating")).when(ExpireLock(CLIP, 1))
    expired.then(LockExpired(repo=FILM, path=CLIP, holder=ADA, fencing_token=1, cause="heartbeat"))


def test_an_agreed_lock_expires_at_its_end() -> None:
    expired = given(acquired(CLIP, 1, "until")).when(ExpireLock(CLIP, 1))
    expired.then(LockExpired(repo=FILM, path=CLIP, holder=ADA, fencing_token=1, cause="until"))


def test_an_expiry_that_comes_late_takes_nobody_elses_lock() -> None:
    given().when(ExpireLock(CLIP, 1)).then_nothing()
    given(acquired(CLIP, 1), released(CLIP, 1), acquired(CLIP, 3)).when(ExpireLock(CLIP, 1)).then_nothing()


def test_paths_that_nobody_locked_may_be_changed_by_everybody() -> None:
    given().when(honour(BOB, {})).then_nothing()


def test_the_holder_may_change_a_locked_path_with_its_token() -> None:
    given(acquired(CLIP, 1)).when(honour(ADA, {CLIP: 1})).then_nothing()


def test_another_may_not_change_a_locked_path_even_with_the_right_token() -> None:
    given(acquired(CLIP, 1)).when(honour(BOB, {CLIP: 1})).then_refused(LockHeldError, holder="ada")
    given(acquired(CLIP, 1)).when(honour(BOB, {})).then_refused(LockHeldError, path=CLIP)


def test_the_holder_must_show_the_newest_token() -> None:
    story = given(acquired(CLIP, 1), released(CLIP, 1), acquired(CLIP, 3))
    story.when(honour(ADA, {CLIP: 1})).then_refused(LockLostError, path=CLIP, token=1)
    story.when(honour(ADA, {})).then_refused(LockLostError, path=CLIP, token=0)


def test_a_token_of_a_lock_that_ended_is_worth_nothing() -> None:
    ended = given(acquired(CLIP, 1), released(CLIP, 1))
    ended.when(honour(ADA, {CLIP: 1})).then_refused(LockLostError, path=CLIP, token=1)
