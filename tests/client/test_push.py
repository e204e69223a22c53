"""Push on the real product, over both transports (seeds S1.1, S2.1)."""

from __future__ import annotations

import os
from random import Random

import pytest

from gateway.client import Client, DitsError, ProblemError, Progress
from tests.client.conftest import Desk, NewClient, tree_of

MIB = 1 << 20


def noise(seed: int, size_bytes: int) -> bytes:
    return Random(seed).randbytes(size_bytes)


def test_a_push_makes_a_commit_of_what_was_given(client: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", noise(1, MIB))
    desk.put("sound/a.wav", b"wave")
    pushed = client.push(repo, "main", desk.here, message="First cut", options=desk.pushing())
    assert pushed.commit is not None
    assert pushed.changed == ("reel.mov", "sound/a.wav")
    files = {each.path: each.size_bytes for each in client.commits.files(repo, pushed.commit.commit)}
    assert files == {"reel.mov": MIB, "sound/a.wav": 4}
    (listed,) = client.commits.list(repo, "main")
    assert (listed.commit, listed.message, listed.author) == (pushed.commit.commit, "First cut", "owner")


def test_what_is_committed_already_is_not_sent_again(client: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", noise(2, 2 * MIB))
    first = client.push(repo, "main", desk.here, message="one", options=desk.pushing())
    again = client.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert first.progress.bytes_sent == 2 * MIB
    assert (again.commit, again.progress.bytes_sent, again.unchanged) == (None, 0, 1)
    assert len(list(client.commits.list(repo, "main"))) == 1


def test_a_push_of_what_is_committed_leaves_no_trace(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", noise(8, 2 * MIB))
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    before = list(http.events.replay(repo))
    http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert list(http.events.replay(repo, after=before[-1].resume_after)) == []


def test_an_edit_sends_about_what_was_edited(http: Client, repo: str, desk: Desk) -> None:
    content = noise(3, 12 * MIB)
    desk.put("reel.mov", content)
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    desk.put("reel.mov", content[:100] + b"a new title" + content[5000:])
    pushed = http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert 0 < pushed.progress.bytes_sent <= 2 * MIB
    assert pushed.progress.bytes_known >= 10 * MIB


def test_equal_chunks_are_sent_once(http: Client, repo: str, desk: Desk) -> None:
    desk.put("a.mov", bytes(8 * MIB) + b"end")
    desk.put("b.mov", bytes(8 * MIB) + b"end")
    pushed = http.push(repo, "main", desk.here, message="black", options=desk.pushing())
    assert pushed.progress.bytes_sent <= 2 * MIB


def test_files_that_are_not_given_stay_in_the_commit(client: Client, repo: str, desk: Desk) -> None:
    desk.put("a", b"a")
    desk.put("d/b", b"b")
    client.push(repo, "main", desk.here, message="one", options=desk.pushing())
    (desk.here / "a").unlink()
    desk.put("d/b", b"new")
    client.push(repo, "main", desk.here / "d", message="two", options=desk.pushing())
    head = client.branches.get(repo, "main").commit
    assert [each.path for each in client.commits.files(repo, head)] == ["a", "d/b"]


def test_a_mirror_removes_what_is_gone(client: Client, repo: str, desk: Desk) -> None:
    desk.put("a", b"a")
    desk.put("d/b", b"b")
    client.push(repo, "main", desk.here, message="one", options=desk.pushing())
    (desk.here / "d" / "b").unlink()
    pushed = client.push(repo, "main", desk.here, message="two", options=desk.pushing(mirror=True))
    assert pushed.removed == ("d/b",)
    assert pushed.commit is not None
    changes = [(each.kind, each.path) for each in client.commits.changes(repo, pushed.commit.commit)]
    assert changes == [("removed", "d/b")]


def test_a_commit_of_many_files_names_its_tree(http: Client, repo: str, desk: Desk) -> None:
    deep = "/".join(["x" * 240] * 4)
    for number in range(220):
        desk.put(f"{deep}/{number:06}", b"%d" % number)
    pushed = http.push(repo, "main", desk.here, message="frames", options=desk.pushing())
    assert pushed.commit is not None
    files = {each.path: each.size_bytes for each in http.commits.files(repo, pushed.commit.commit)}
    assert files == {path: len(content) for path, content in tree_of(desk.here).items()}


def test_own_locks_are_shown_by_themselves(client: Client, another: NewClient, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", b"one")
    (lock,) = client.locks.acquire(repo, "reel.mov")
    assert lock.token is not None
    pushed = client.push(repo, "main", desk.here, message="mine", options=desk.pushing())
    assert pushed.commit is not None
    desk.put("reel.mov", b"two")
    with pytest.raises(ProblemError) as refused:
        another("bob", "write").push(repo, "main", desk.here, message="his", options=desk.pushing())
    assert (refused.value.code, refused.value.kind) == ("LOCK_HELD", "conflict")
    assert "owner" in refused.value.message


def test_a_refused_push_goes_through_when_the_reason_is_gone(
    http: Client, another: NewClient, repo: str, desk: Desk
) -> None:
    desk.put("reel.mov", b"one")
    (lock,) = http.locks.acquire(repo, "reel.mov")
    bob = another("bob", "write")
    with pytest.raises(ProblemError):
        bob.push(repo, "main", desk.here, message="his", options=desk.pushing())
    assert lock.token is not None
    http.locks.release(repo, {"reel.mov": lock.token})
    assert bob.push(repo, "main", desk.here, message="his", options=desk.pushing()).commit is not None


def test_a_whole_file_is_the_same_as_its_chunks(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", noise(4, 3 * MIB))
    desk.put("empty", b"")
    first = http.push(repo, "main", desk.here, message="one", options=desk.pushing(whole_file=True))
    assert first.commit is not None
    again = http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert (again.commit, again.progress.bytes_sent) == (None, 0)


def test_progress_grows_to_the_end(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", noise(5, 6 * MIB))
    told: list[Progress] = []
    http.push(repo, "main", desk.here, message="m", options=desk.pushing(), progress=told.append)
    assert [each.bytes_read for each in told] == sorted(each.bytes_read for each in told)
    assert (told[-1].bytes_read, told[-1].bytes_sent, told[-1].files) == (6 * MIB, 6 * MIB, 1)


def test_a_file_that_grows_while_it_is_read_is_not_committed(http: Client, repo: str, desk: Desk) -> None:
    file = desk.put("reel.mov", noise(6, 9 * MIB))

    def write_on(_now: Progress) -> None:
        with file.open("ab") as stream:
            stream.write(os.urandom(10))

    with pytest.raises(DitsError) as refused:
        http.push(repo, "main", desk.here, message="m", options=desk.pushing(), progress=write_on)
    assert refused.value.code == "FILE_CHANGED"


def test_a_repository_that_is_not_there_is_said(client: Client, desk: Desk) -> None:
    desk.put("a", b"a")
    with pytest.raises(ProblemError) as refused:
        client.push("nowhere", "main", desk.here, message="m", options=desk.pushing())
    assert (refused.value.kind, refused.value.status) == ("missing", 404)
    assert refused.value.correlation_id


def test_a_fixed_head_that_moved_is_a_conflict(http: Client, repo: str, desk: Desk) -> None:
    desk.put("a", b"a")
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    moved = desk.put("b", b"b")

    def move(now: Progress) -> None:
        if now.files == now.files_total and moved.exists():
            moved.unlink()
            desk.put("c", b"c")
            http.push(repo, "main", desk.here / "c", message="other", options=desk.pushing())

    with pytest.raises(ProblemError) as refused:
        http.push(repo, "main", moved, message="m", options=desk.pushing(fixed_head=True), progress=move)
    assert refused.value.code == "STALE_HEAD"
