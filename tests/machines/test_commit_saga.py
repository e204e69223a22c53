"""The real runner over a memory log and a memory store: what comes of a commit when nothing breaks."""

from __future__ import annotations

import pytest

from domain.commit.events import CommitStepCompensated, PathChange
from domain.format.tree import Entry, Tree
from domain.ids import CommitId, FilePath, SessionId, repo_id
from domain.session import decider as sessions
from tests.domain.examples import ADA, BOB
from tests.machines.film import Film, commit_of

PUBLISHED = ["CommitOpened", "CommitVerified", "ManifestRecorded", "CommitChecked", "CommitPublished"]


@pytest.fixture
def film() -> Film:
    return Film()


def failure_of(film: Film, commit: CommitId) -> str:
    """The code of a commit that failed and was compensated."""
    state = film.state(commit)
    assert state.phase == "compensated"
    assert state.failure is not None
    film.check()
    return state.failure.code


def session_phase(film: Film, commit: CommitId) -> str:
    opened = film.state(commit).opened
    assert opened is not None
    return film.log.events.load(sessions.DECIDER, opened.session).state.phase


# ------------------------------------------------------------------ what is published
def test_a_first_commit_bears_its_branch(film: Film) -> None:
    one = film.commit("one", {"a/clip.mov": b"moving", "a/sound.wav": b"", "notes": b"text"})
    assert film.topics(one) == PUBLISHED
    assert film.head() == one
    assert film.files() == {"a/clip.mov": b"moving", "a/sound.wav": b"", "notes": b"text"}
    assert session_phase(film, one) == "completed"
    film.check()


def test_commits_follow_each_other_on_one_branch(film: Film) -> None:
    one = film.commit("one", {"a/clip": b"first", "b": b"stays"})
    two = film.commit("two", {"a/clip": b"second", "c/d/e": b"deep"}, base=one)
    three = film.commit("three", {"a/clip": None, "b": b"changed"}, base=two)
    assert film.head() == three
    assert film.files() == {"b": b"changed", "c/d/e": b"deep"}
    film.check()


def test_the_last_file_may_go(film: Film) -> None:
    one = film.commit("one", {"a/clip": b"first"})
    film.commit("two", {"a/clip": None}, base=one)
    assert film.files() == {}
    film.check()


def test_a_branch_is_born_from_the_base_of_its_first_commit(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    film.commit("two", {"a": b"2"}, base=one)
    film.lock("a", BOB)
    film.commit("side", {"b": b"3"}, base=one, branch="side")
    assert (film.files(), film.files("side")) == ({"a": b"2"}, {"b": b"3", "a": b"1"})
    film.check()


def whole(film: Film, name: str, base: CommitId | None, files: dict[str, bytes]) -> CommitId:
    """A commit that names its whole root tree, as the SDK's push does."""
    session = film.session(name)
    entries = [Entry(p, "recipe", film.send(session, c), len(c)) for p, c in files.items()]
    tree = film.send_tree(session, Tree.of(entries))
    opened = film.open_commit(film.opening(name, session, tree=tree, base=base))
    film.run(opened)
    return commit_of(opened)


def test_a_commit_may_name_its_whole_tree(film: Film) -> None:
    whole(film, "w1", None, {"a": b"1", "b": b"2"})
    assert film.files() == {"a": b"1", "b": b"2"}
    film.check()


def test_a_whole_tree_says_what_is_gone_too(film: Film) -> None:
    one = whole(film, "w1", None, {"a": b"1", "b": b"2"})
    whole(film, "w2", one, {"b": b"3"})
    assert film.files() == {"b": b"3"}
    film.check()


def sends_nothing(film: Film, name: str, content: bytes, base: CommitId | None) -> CommitId:
    """A commit of a file whose recipe is recorded and whose chunks are not sent."""
    session = film.session(name)
    recipe = film.send(session, content, without_chunks=True)
    change = PathChange(path=FilePath("new"), recipe=recipe)
    opened = film.open_commit(film.opening(name, session, change, base=base))
    film.run(opened)
    return commit_of(opened)


def test_equal_content_is_sent_once_and_known_from_then_on(film: Film) -> None:
    one = film.commit("one", {"a": b"the same bytes"})
    sends_nothing(film, "two", b"the same bytes", one)
    assert film.files() == {"a": b"the same bytes", "new": b"the same bytes"}
    film.check()


# ------------------------------------------------------------------ a head that moved
def test_a_commit_follows_a_head_that_moved_and_keeps_both_changes(film: Film) -> None:
    one = film.commit("one", {"a": b"1", "b": b"1"})
    two = film.open("two", {"a": b"2"}, base=one)
    film.moments.plan("check:appended", lambda: _commit(film, "other", {"b": b"other"}, one))
    film.runner(crash_points=film.moments).run(two)
    assert film.files() == {"a": b"2", "b": b"other"}
    rebased = [*PUBLISHED[:4], "CommitRebased", *PUBLISHED[2:]]
    assert film.topics(commit_of(two)) == rebased
    film.check()


def _commit(film: Film, name: str, files: dict[str, bytes | None], base: CommitId) -> None:
    film.commit(name, files, base=base)


def test_a_commit_on_an_older_base_is_put_on_top_of_the_head(film: Film) -> None:
    one = film.commit("one", {"a": b"1", "b": b"1"})
    film.commit("two", {"a": b"2"}, base=one)
    film.commit("three", {"b": b"3"}, base=one)
    assert film.files() == {"a": b"2", "b": b"3"}
    film.check()


def test_two_changes_of_one_path_are_a_conflict(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    two = film.commit("two", {"a": b"2"}, base=one)
    three = film.commit("three", {"a": b"3"}, base=one)
    assert failure_of(film, three) == "PATH_CONFLICT"
    assert (film.head(), film.files()) == (two, {"a": b"2"})


def test_a_head_that_the_client_fixed_must_not_have_moved(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    two = film.commit("two", {"a": b"2"}, base=one)
    three = film.commit("three", {"b": b"3"}, base=one, fixed_head=True)
    assert failure_of(film, three) == "STALE_HEAD"
    assert film.head() == two
    assert session_phase(film, three) == "failed"


def test_compensation_comes_in_reverse_order(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    film.commit("two", {"a": b"2"}, base=one)
    three = film.commit("three", {"b": b"3"}, base=one, fixed_head=True)
    undone = [r.event.step for r in film.events() if isinstance(r.event, CommitStepCompensated)]
    assert undone == ["check", "store", "verify"]
    assert film.topics(three)[-5:] == ["CommitFailed", *["CommitStepCompensated"] * 3, "CommitCompensated"]


# ------------------------------------------------------------------ locks
def test_another_holders_lock_stops_a_commit_even_with_the_right_token(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    token = film.lock("a", BOB)
    assert failure_of(film, film.commit("two", {"a": b"2"}, base=one, tokens={"a": token})) == "LOCK_HELD"
    assert film.files() == {"a": b"1"}


def test_the_holder_commits_with_its_token_and_with_no_other(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    token = film.lock("a", ADA)
    assert failure_of(film, film.commit("two", {"a": b"2"}, base=one, tokens={"a": token + 1})) == "LOCK_LOST"
    assert failure_of(film, film.commit("three", {"a": b"2"}, base=one)) == "LOCK_LOST"
    film.commit("four", {"a": b"2"}, base=one, tokens={"a": token})
    assert film.files() == {"a": b"2"}


def test_a_lock_on_another_path_stops_nobody(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    film.lock("b", BOB)
    film.commit("two", {"a": b"2"}, base=one)
    assert film.files() == {"a": b"2"}


def test_removing_a_locked_path_is_changing_it(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    film.lock("a", BOB)
    assert failure_of(film, film.commit("two", {"a": None}, base=one)) == "LOCK_HELD"


# ------------------------------------------------------------------ what cannot be committed
def test_a_chunk_that_was_never_sent_fails_at_the_first_step(film: Film) -> None:
    bad = sends_nothing(film, "bad", b"never sent", None)
    assert failure_of(film, bad) == "UNKNOWN_CONTENT"
    assert film.topics(bad) == ["CommitOpened", "CommitFailed", "CommitCompensated"]
    one = film.commit("one", {"a": b"1"})
    assert failure_of(film, sends_nothing(film, "worse", b"never sent", one)) == "UNKNOWN_CONTENT"


def test_a_session_of_another_repository_brings_nothing_here(film: Film) -> None:
    session = film.session("ours")
    change = PathChange(path=FilePath("a"), recipe=film.send(session, b"ours"))
    theirs = film.open_commit(film.opening("theirs", session, change, repo=repo_id("theirs")))
    film.run(theirs)
    assert failure_of(film, commit_of(theirs)) == "NOT_FOUND"
    assert film.log.events.load(sessions.DECIDER, session).state.phase == "open"


def test_a_session_that_nobody_started_is_not_found(film: Film) -> None:
    lost = film.open_commit(film.opening("lost", SessionId("nobody")))
    film.run(lost)
    assert failure_of(film, commit_of(lost)) == "NOT_FOUND"
    assert film.topics(commit_of(lost)) == ["CommitOpened", "CommitFailed", "CommitCompensated"]


def test_a_base_that_was_never_published_is_not_found(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    failed = film.commit("failed", {"a": None, "nowhere": None}, base=one)
    assert failure_of(film, failed) == "NOT_FOUND"
    assert failure_of(film, film.commit("two", {"b": b"2"}, base=failed)) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"A": b"2"}, "PATH_COLLISION"),
        ({"a/b": b"2"}, "PATH_CLASH"),
        ({"gone": None}, "NOT_FOUND"),
    ],
)
def test_paths_that_do_not_fit_are_refused(film: Film, files: dict[str, bytes | None], code: str) -> None:
    one = film.commit("one", {"a": b"1"})
    assert failure_of(film, film.commit("two", files, base=one)) == code


def test_one_session_serves_one_commit(film: Film) -> None:
    one = film.commit("one", {"a": b"1"})
    opened = film.state(one).opened
    assert opened is not None
    again = film.open_commit(film.opening("again", opened.session, *opened.changes, base=one))
    film.run(again)
    assert failure_of(film, commit_of(again)) == "UPLOAD_SESSION_CLOSED"
    assert session_phase(film, one) == "completed"
