"""Every kind of operation, over both transports: same answers, same errors."""

from __future__ import annotations

from itertools import islice
from threading import Thread

import pytest

from gateway.client import Client, Draft, Event, Pacing, ProblemError, operations
from gateway.client.errors import ConnectionLostError, NotDitsError
from gateway.client.operations import Operation
from gateway.operations import OPERATIONS
from tests.client.conftest import Desk, NewClient, Served
from tests.client.machine import QuickMachine


def test_the_table_of_the_client_is_the_servers() -> None:
    ours = {
        (each.name, each.method, each.path, each.subject if each.door else None)
        for each in vars(operations).values()
        if isinstance(each, Operation) and each not in operations.BESIDE_THE_API
    }
    theirs = {(each.name, each.method, each.path.replace(":path}", "}"), each.subject) for each in OPERATIONS}
    assert ours == theirs


def test_repositories_are_begun_listed_and_shown(client: Client) -> None:
    name = f"reels-{client.calls.machine.token()}"
    assert not client.repos.create(name).public
    assert client.repos.show(name, public=True).public
    assert client.repos.get(name).public
    assert name in {each.name for each in client.repos.list()}


def test_a_name_that_is_taken_is_a_conflict(client: Client, repo: str) -> None:
    with pytest.raises(ProblemError) as refused:
        client.repos.create(repo)
    assert (refused.value.status, refused.value.kind) == (409, "conflict")
    assert refused.value.correlation_id


def test_branches_and_tags_come_and_go(client: Client, repo: str, desk: Desk) -> None:
    desk.put("a", b"a")
    pushed = client.push(repo, "main", desk.here, message="m", options=desk.pushing())
    assert pushed.commit is not None
    for refs in (client.branches, client.tags):
        assert refs.create(repo, "trim/v2", pushed.commit.commit).commit == pushed.commit.commit
        assert refs.get(repo, "trim/v2") in refs.list(repo)
        refs.delete(repo, "trim/v2")
        assert "trim/v2" not in {each.name for each in refs.list(repo)}


def test_locks_are_taken_listed_and_given_back(client: Client, repo: str) -> None:
    locks = client.locks.acquire(repo, "a.mov", "b.mov", lease_s=60)
    assert {each.path for each in client.locks.list(repo)} == {"a.mov", "b.mov"}
    tokens = {each.path: each.token for each in locks if each.token is not None}
    assert client.locks.own_tokens(repo, ["a.mov", "c.mov"]) == {"a.mov": tokens["a.mov"]}
    assert set(client.locks.release(repo, tokens)) == {"a.mov", "b.mov"}
    assert client.locks.list(repo) == ()


def test_a_beating_lease_is_kept_alive(client: Client, repo: str) -> None:
    (lock,) = client.locks.acquire(repo, "a.mov", lease="beating", lease_s=30)
    assert lock.token is not None
    client.locks.beat(repo, {"a.mov": lock.token})
    with pytest.raises(ProblemError) as refused:
        client.locks.beat(repo, {"a.mov": lock.token + 1})
    assert refused.value.code == "LOCK_LOST"


def test_somebody_elses_token_is_not_shown_and_his_lock_can_be_ended(
    client: Client, another: NewClient, served: Served, repo: str
) -> None:
    bob = another("bob", "write")
    bob.locks.acquire(repo, "a.mov")
    with Client(client.server, served.key, position=bob.position) as seeing:
        (lock,) = seeing.locks.list(repo)
    assert (lock.holder, lock.token) == ("bob", None)
    assert client.locks.force_release(repo, "a.mov", reason="bob is on holiday") == ("a.mov",)


def test_keys_are_issued_listed_and_revoked(client: Client, served: Served) -> None:
    issued = client.keys.issue("carol", ["read"])
    assert issued.key is not None
    assert issued.key not in repr(issued)
    with Client(served.url, issued.key) as carol:
        assert carol.whoami().name == "carol"
        assert issued.key_id in {each.key_id for each in client.keys.list()}
        client.keys.revoke(issued.consumer, issued.key_id, reason="tried")
        with pytest.raises(ProblemError) as refused:
            carol.whoami()
    assert refused.value.kind == "unauthorized"


def test_consumers_are_limited_and_keys_pinned(client: Client) -> None:
    issued = client.keys.issue("carl", ["read"], version="v2")
    client.keys.limit(issued.consumer, 5_000)
    (line,) = [each for each in client.keys.list() if each.key_id == issued.key_id]
    assert (line.version, line.requests_per_minute) == ("v2", 5_000)
    client.keys.limit(issued.consumer, None)
    client.keys.pin(issued.consumer, issued.key_id, None)
    (line,) = [each for each in client.keys.list() if each.key_id == issued.key_id]
    assert (line.version, line.requests_per_minute) == (None, None)
    with pytest.raises(ProblemError, match="'v77' not found"):
        client.keys.pin(issued.consumer, issued.key_id, "v77")


def test_the_operators_see_the_read_models(client: Client) -> None:
    names = [each.name for each in client.projections.list()]
    assert "commits" in names
    assert client.projections.parked() == ()


def test_a_commit_that_fails_is_its_error(client: Client, repo: str) -> None:
    session = client.sessions.start(repo)
    draft = Draft("main", session.session, None, "m", changes={"a": "ab" * 32})
    with pytest.raises(ProblemError) as refused:
        client.commits.open(repo, draft)
    assert refused.value.code == "UNKNOWN_CONTENT"


def test_what_happened_can_be_replayed_from_anywhere(client: Client, repo: str) -> None:
    client.locks.acquire(repo, "a.mov", "b.mov")
    events = list(client.events.replay(repo))
    assert [each.topic for each in events][-2:] == ["locks.acquired.v1", "locks.acquired.v1"]
    for count, event in enumerate(events, start=1):
        rest = list(client.events.replay(repo, after=event.resume_after))
        assert [each.event for each in rest][-len(events) + count :] == [
            each.event for each in events[count:]
        ]


def test_what_happens_is_told_as_it_happens(client: Client, http: Client, repo: str) -> None:
    seen: list[Event] = []
    past = list(client.events.replay(repo))
    follower = Thread(
        target=lambda: seen.extend(islice(client.events.subscribe(repo, after=past[-1].resume_after), 2))
    )
    follower.start()
    http.locks.acquire(repo, "a.mov", "b.mov")
    follower.join(timeout=20)
    assert [each.event["path"] for each in seen] == ["a.mov", "b.mov"]


def test_a_server_that_is_not_there_is_said() -> None:
    with (
        Client("http://127.0.0.1:9", "dits_x", machine=QuickMachine(), pacing=Pacing(tries_max=3)) as client,
        pytest.raises(ConnectionLostError) as lost,
    ):
        client.repos.list()
    assert "refused" in lost.value.message


@pytest.mark.parametrize("url", ["", "localhost:8420", "ftp://x", "http://"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(NotDitsError):
        Client(url, None)


def test_no_error_shows_the_key(served: Served) -> None:
    key = "dits_" + "a" * 32 + "_" + "b" * 43
    with Client(served.url, key, nats_url=served.nats_url) as client, pytest.raises(ProblemError) as refused:
        client.whoami()
    assert key not in f"{refused.value!r} {refused.value.details} {vars(client)}"
