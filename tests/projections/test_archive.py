"""The archive: every message, once, byte for byte; and a refusal by name when it and the log differ (I11)."""

from __future__ import annotations

import threading

import pytest

from domain.errors import ArchiveMismatchError, LogRegressedError
from domain.ids import AggregateId, ConsumerId, FilePath, RepoId, SessionId
from domain.repository import RepositoryCreated
from domain.session.events import UploadSessionStarted, UploadStarted
from projections import archive
from projections.transactions import transaction
from tests.projections.conftest import House, wait_for
from workers.archive import Archivist

A, B = RepoId("a"), RepoId("b")
SESSION = AggregateId("session", "s1")


def archivist(house: House) -> Archivist:
    return Archivist(house.pool, house.log, house.log, house.clock)


def record_upload(house: House) -> None:
    """1: a repository, 2: a session of it, 3: an event that names no repository, 4: another repository."""
    house.log.record(
        "repository.a", RepositoryCreated(repo=A, name="a", owner=ConsumerId("ada"), public=True)
    )
    started = UploadSessionStarted(session=SessionId("s1"), repo=A, consumer=ConsumerId("ada"), base="")
    house.log.record(SESSION, started)
    upload = UploadStarted(
        session=SessionId("s1"), path=FilePath("a"), length_bytes=1, offset_bytes=0, writer=2
    )
    house.log.record(SESSION, upload)
    house.log.record(
        "repository.b", RepositoryCreated(repo=B, name="b", owner=ConsumerId("ada"), public=True)
    )


def sequences(house: House, repo: RepoId | None = None, subject: str | None = None) -> list[int]:
    with transaction(house.pool) as cursor:
        found = archive.events_after(cursor, None, limit=100, repo=repo, subject=subject)
    return [message.position.sequence for message in found]


def test_the_archive_holds_every_message_as_the_log_does(house: House) -> None:
    record_upload(house)
    assert archivist(house).step() == 4
    with transaction(house.pool) as cursor:
        kept = archive.events_after(cursor, None, limit=100)
    sent = [message for batch in house.log.messages(None) for message in batch]
    assert [(m.position, m.subject, m.payload, m.headers, m.stored_at, m.append_id) for m in kept] == [
        (m.position, m.subject, m.payload, m.headers, m.stored_at, m.append_id) for m in sent
    ]


def test_the_archive_follows_without_a_gap_or_a_repeat(house: House) -> None:
    record_upload(house)
    follower = archivist(house)
    assert (follower.step(), follower.step()) == (4, 0)
    house.log.record("repository.a", RepositoryCreated(repo=A, name="x", owner=ConsumerId("x"), public=True))
    assert (follower.step(), follower.end()) == (1, house.log.end())
    assert sequences(house) == [1, 2, 3, 4, 5]


def test_events_that_name_no_repository_belong_to_that_of_their_aggregate(house: House) -> None:
    record_upload(house)
    archivist(house).step()
    assert (sequences(house, repo=A), sequences(house, repo=B)) == ([1, 2, 3], [4])
    assert sequences(house, subject=archive.subject_of(SESSION)) == [2, 3]


def test_reading_goes_on_after_a_position(house: House) -> None:
    record_upload(house)
    archivist(house).step()
    with transaction(house.pool) as cursor:
        first = archive.events_after(cursor, None, limit=2)
        rest = archive.events_after(cursor, first[-1].position, limit=100)
    assert [message.position.sequence for message in rest] == [3, 4]


def test_an_audit_compares_what_was_added_since_the_last(house: House) -> None:
    record_upload(house)
    follower = archivist(house)
    follower.step()
    assert (follower.audit(), follower.audit()) == (4, 0)
    assert follower.audit(whole=True) == 4


@pytest.mark.parametrize("column", ["payload = 'x'", "digest = 'x'", "subject = 'x'"])
def test_an_audit_names_the_first_message_that_differs(house: House, column: str) -> None:
    record_upload(house)
    follower = archivist(house)
    follower.step()
    with transaction(house.pool) as cursor:
        cursor.execute(f"UPDATE dits.event_archive SET {column} WHERE sequence >= 3".encode())
    with pytest.raises(ArchiveMismatchError) as refused:
        follower.audit()
    assert refused.value.facts == {"sequence": 3}


def test_an_archive_that_is_ahead_of_the_log_is_refused(house: House) -> None:
    record_upload(house)
    follower = archivist(house)
    follower.step()
    del house.log.recorded[3:]
    with pytest.raises(ArchiveMismatchError) as refused:
        follower.audit()
    assert refused.value.facts == {"sequence": 4}


def test_a_log_that_was_replaced_is_not_archived_on(house: House) -> None:
    record_upload(house)
    follower = archivist(house)
    follower.step()
    with transaction(house.pool) as cursor:
        cursor.execute("UPDATE dits.event_archive SET digest = 'x' WHERE sequence = 4")
    with pytest.raises(LogRegressedError):
        follower.step()


def test_the_worker_audits_follows_and_stops_when_told(house: House) -> None:
    stopping = threading.Event()
    thread = threading.Thread(target=archivist(house).run, args=(stopping,))
    thread.start()
    try:
        record_upload(house)
        wait_for(lambda: archivist(house).end() == house.log.end())
    finally:
        stopping.set()
        thread.join(5)
    assert not thread.is_alive()


def test_a_rebuild_of_everything_leaves_the_archive_alone(house: House) -> None:
    record_upload(house)
    archivist(house).step()
    house.follow()
    for projection in house.all:
        house.rebuilder().rebuild(projection)
    assert sequences(house) == [1, 2, 3, 4]
