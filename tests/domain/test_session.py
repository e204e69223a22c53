"""An upload session: offsets that never fall back, fenced writers, one end (S2.1)."""

from __future__ import annotations

import pytest

from domain.errors import (
    NotFoundError,
    SessionClosedError,
    UploadExpiredError,
    UploadFencedError,
    UploadLengthMismatchError,
    UploadOffsetMismatchError,
)
from domain.ids import repo_id
from domain.session import decider as session
from domain.session.commands import (
    CompleteSession,
    CompleteUpload,
    ExpireSession,
    FailSession,
    InterruptUpload,
    ProgressUpload,
    RecordRecipe,
    RecordTree,
    SessionCommand,
    StartSession,
    StartUpload,
    StoreChunks,
)
from domain.session.events import (
    ChunkStored,
    RecipeRecorded,
    TreeRecorded,
    UploadCompleted,
    UploadExpired,
    UploadInterrupted,
    UploadProgressed,
    UploadSessionCompleted,
    UploadSessionFailed,
    UploadSessionStarted,
    UploadStarted,
)
from tests.domain.examples import ADA, CLIP, COMMIT, FILM, OTHER_COMMIT, SESSION, SOUND, named
from tests.spec import Spec

given = Spec(session.DECIDER).given
STARTED = UploadSessionStarted(session=SESSION, repo=FILM, consumer=ADA, base="base")
COMPLETED = UploadSessionCompleted(session=SESSION, repo=FILM, commit=COMMIT)
FAILED = UploadSessionFailed(session=SESSION, repo=FILM, commit=COMMIT, code="PATH_CONFLICT")
EXPIRED = UploadExpired(session=SESSION, repo=FILM)
ONE, TWO = named("chunk 1"), named("chunk 2")
RECIPE, TREE = named("recipe"), named("tree")


def begun(writer: int, offset: int = 0, length: int = 10) -> UploadStarted:
    return UploadStarted(session=SESSION, path=CLIP, length_bytes=length, offset_bytes=offset, writer=writer)


def progressed(offset: int, chunk: bytes, size: int) -> UploadProgressed:
    return UploadProgressed(
        session=SESSION, path=CLIP, offset_bytes=offset, chunks=chunk, sizes_bytes=(size,)
    )


def interrupted(offset: int) -> UploadInterrupted:
    return UploadInterrupted(session=SESSION, path=CLIP, offset_bytes=offset)


WHOLE = (STARTED, begun(2), progressed(10, ONE, 10))
DONE = UploadCompleted(session=SESSION, path=CLIP, recipe=RECIPE, size_bytes=10)


# ------------------------------------------------------------------ start and end
def test_a_session_starts_once() -> None:
    start = StartSession(SESSION, FILM, ADA, "base")
    given().when(start).then(STARTED)
    given(STARTED).when(start).then_nothing()


def test_a_session_completes_at_the_pivot() -> None:
    given(STARTED).when(CompleteSession(FILM, COMMIT)).then(COMPLETED)


@pytest.mark.parametrize("end", [COMPLETED, FAILED])
def test_a_session_that_ended_completes_no_second_commit(
    end: UploadSessionCompleted | UploadSessionFailed,
) -> None:
    given(STARTED, end).when(CompleteSession(FILM, OTHER_COMMIT)).then_refused(
        SessionClosedError, session=SESSION
    )


def test_a_session_fails_with_its_commit() -> None:
    given(STARTED).when(FailSession(FILM, COMMIT, "PATH_CONFLICT")).then(FAILED)
    assert given(STARTED, FAILED).state.failure == "PATH_CONFLICT"


def test_a_session_that_is_over_or_never_was_cannot_fail() -> None:
    for history in ((), (STARTED, COMPLETED), (STARTED, FAILED), (STARTED, EXPIRED)):
        given(*history).when(FailSession(FILM, COMMIT, "X")).then_nothing()


def test_a_commit_of_another_repository_ends_no_session_of_this_one() -> None:
    theirs = repo_id("theirs")
    given(STARTED).when(CompleteSession(theirs, COMMIT)).then_refused(NotFoundError, name=SESSION)
    given(STARTED).when(FailSession(theirs, COMMIT, "X")).then_nothing()


def test_an_idle_session_expires() -> None:
    given(STARTED).when(ExpireSession(seen_version=1)).then(EXPIRED)


def test_a_session_that_moved_on_does_not_expire() -> None:
    given(STARTED, begun(2)).when(ExpireSession(seen_version=1)).then_nothing()
    given(STARTED, COMPLETED).when(ExpireSession(seen_version=2)).then_nothing()
    given().when(ExpireSession(seen_version=0)).then_nothing()


ASKED: list[SessionCommand] = [
    StoreChunks("local", ONE, (1,)),
    RecordRecipe(RECIPE, 1, 0, 1, ONE),
    RecordTree(TREE, 0, 1, b"", RECIPE),
    StartUpload(CLIP, 10, 0),
    ProgressUpload(CLIP, 2, ONE, (1,)),
    InterruptUpload(CLIP, 2),
    CompleteUpload(CLIP, 2, RECIPE),
    CompleteSession(FILM, COMMIT),
]


@pytest.mark.parametrize("command", ASKED, ids=lambda command: type(command).__name__)
def test_only_an_open_session_takes_anything(command: SessionCommand) -> None:
    given().when(command).then_refused(NotFoundError, thing="upload session")
    given(STARTED, COMPLETED).when(command).then_refused(SessionClosedError, state="completed")
    given(STARTED, FAILED).when(command).then_refused(SessionClosedError, state="failed")
    given(STARTED, EXPIRED).when(command).then_refused(UploadExpiredError, session=SESSION)


# ------------------------------------------------------------------ chunks, recipes, trees
def test_one_fact_carries_every_chunk_that_one_request_stored() -> None:
    stored = given(STARTED).when(StoreChunks("local", ONE + TWO, (3, 4)))
    stored.then(
        ChunkStored(session=SESSION, repo=FILM, location="local", chunks=ONE + TWO, sizes_bytes=(3, 4))
    )


def recipe_part(part: int, chunk: bytes) -> RecipeRecorded:
    return RecipeRecorded(
        session=SESSION, repo=FILM, recipe=RECIPE, size_bytes=7, part=part, parts=2, chunks=chunk
    )


def test_every_part_of_a_recipe_is_recorded_once() -> None:
    first, second = RecordRecipe(RECIPE, 7, 0, 2, ONE), RecordRecipe(RECIPE, 7, 1, 2, TWO)
    given(STARTED).when(first).then(recipe_part(0, ONE))
    given(STARTED, recipe_part(0, ONE)).when(first).then_nothing()
    given(STARTED, recipe_part(0, ONE)).when(second).then(recipe_part(1, TWO))


def test_every_part_of_a_tree_is_recorded_once() -> None:
    told = TreeRecorded(session=SESSION, repo=FILM, tree=TREE, part=0, parts=1, trees=b"", recipes=RECIPE)
    given(STARTED).when(RecordTree(TREE, 0, 1, b"", RECIPE)).then(told)
    given(STARTED, told).when(RecordTree(TREE, 0, 1, b"", RECIPE)).then_nothing()


# ------------------------------------------------------------------ whole files
def test_a_writer_begins_at_byte_0() -> None:
    given(STARTED).when(StartUpload(CLIP, 10, 0)).then(begun(2))
    given(STARTED).when(StartUpload(CLIP, 10, 4)).then_refused(UploadOffsetMismatchError, offset=0, given=4)


def test_a_writer_resumes_at_the_confirmed_offset_and_fences_the_older_one() -> None:
    story = given(STARTED, begun(2), progressed(4, ONE, 4))
    story.when(StartUpload(CLIP, 10, 4)).then(begun(4, offset=4))
    story.when(StartUpload(CLIP, 10, 0)).then_refused(UploadOffsetMismatchError, offset=4, given=0)
    resumed = given(STARTED, begun(2), progressed(4, ONE, 4), begun(4, offset=4))
    resumed.when(ProgressUpload(CLIP, 2, TWO, (3,))).then_refused(UploadFencedError, path=CLIP)
    resumed.when(ProgressUpload(CLIP, 4, TWO, (3,))).then(progressed(7, TWO, 3))


def test_a_file_keeps_the_length_it_was_announced_with() -> None:
    again = given(STARTED, begun(2)).when(StartUpload(CLIP, 11, 0))
    again.then_refused(UploadLengthMismatchError, path=CLIP, announced=10, given=11)


def test_a_file_takes_no_byte_beyond_its_length() -> None:
    beyond = given(STARTED, begun(2), progressed(4, ONE, 4)).when(ProgressUpload(CLIP, 2, TWO, (7,)))
    beyond.then_refused(UploadLengthMismatchError, announced=10, given=11)


def test_a_writer_of_nothing_is_told_so() -> None:
    given(STARTED, begun(2)).when(ProgressUpload(SOUND, 2, ONE, (1,))).then_refused(NotFoundError, name=SOUND)


def test_a_writer_that_went_away_is_noted_once() -> None:
    story = given(STARTED, begun(2), progressed(4, ONE, 4))
    story.when(InterruptUpload(CLIP, 2)).then(interrupted(4))
    given(STARTED, begun(2), interrupted(0)).when(InterruptUpload(CLIP, 2)).then_nothing()
    given(*WHOLE, DONE).when(InterruptUpload(CLIP, 2)).then_nothing()
    story.when(InterruptUpload(CLIP, 1)).then_refused(UploadFencedError)


def test_a_file_is_complete_when_its_last_byte_is_there() -> None:
    given(*WHOLE).when(CompleteUpload(CLIP, 2, RECIPE)).then(DONE)
    given(*WHOLE, DONE).when(CompleteUpload(CLIP, 2, RECIPE)).then_nothing()


def test_a_file_is_not_complete_before_its_last_byte() -> None:
    early = given(STARTED, begun(2), progressed(4, ONE, 4)).when(CompleteUpload(CLIP, 2, RECIPE))
    early.then_refused(UploadLengthMismatchError, announced=10, given=4)


def test_a_fenced_writer_completes_nothing() -> None:
    given(*WHOLE, begun(4, offset=10)).when(CompleteUpload(CLIP, 2, RECIPE)).then_refused(UploadFencedError)
