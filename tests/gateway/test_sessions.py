"""Upload sessions through the HTTP door: have and want, chunks, recipes, trees, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InsufficientStorageError
from domain.format.digest import digest_of
from domain.format.recipe import ChunkRef, Recipe
from domain.format.tree import Entry, Tree
from domain.ids import CommitId, Digest, repo_id
from domain.session import decider as sessions
from domain.session.commands import CompleteSession, ExpireSession, FailSession, SessionCommand
from gateway.core import Limits
from gateway.frames import frame
from tests.gateway.conftest import QUICK, Tell, living
from tests.gateway.house import SYSTEM, House, expect_problem
from tests.gateway.uploading import Client, framed

COMMIT = CommitId("c" * 32)
FILM = repo_id("film")


def end(h: House, session: str, command: SessionCommand) -> None:
    h.core.log.ask(sessions.DECIDER.ask(session, command), context=SYSTEM)


async def ann_of(h: House) -> Client:
    return Client(h, await h.repo())


def test_a_session_says_its_limits_and_where_it_is(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        started = await h.ask("POST", "/repos/film/sessions", key=ann, body={})
        assert started.status_code == 201
        assert started.json()["limits"] == {
            "chunk_bytes_max": QUICK.chunk_bytes_max,
            "batch_bytes_max": QUICK.batch_bytes_max,
            "batch_chunks_max": QUICK.batch_chunks_max,
        }
        got = await h.ask("GET", started.headers["Location"], key=ann)
        assert got.json() == started.json()

    tell(story)


def test_a_retry_with_the_same_key_begins_no_second_session(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await h.repo()
        headers = {"Idempotency-Key": "one"}
        first = await h.ask("POST", "/repos/film/sessions", key=ann, body={}, headers=headers)
        again = await h.ask("POST", "/repos/film/sessions", key=ann, body={}, headers=headers)
        assert again.json() == first.json()
        assert again.headers["Idempotency-Replayed"] == "true"

    tell(story)


def test_a_session_is_shown_to_the_one_who_began_it_alone(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        session = await ann.session()
        bob = Client(h, h.key("bob", "write"))
        for path in (f"/sessions/{session}", f"/sessions/{'0' * 32}", "/sessions/x"):
            expect_problem(await bob.get(path), 404, "NOT_FOUND")
        expect_problem(await bob.send(session, "chunks", b"x"), 404, "NOT_FOUND")
        await h.ask("POST", "/repos", key=ann.key, body={"name": "other"})
        expect_problem(await Client(h, ann.key, "other").get(f"/sessions/{session}"), 404, "NOT_FOUND")

    tell(story)


def test_what_a_session_has_sent_is_not_wanted_again(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        session = await ann.session()
        sent = await ann.send(session, "chunks", b"one", b"two", b"one")
        assert sent.json() == {"stored": 2, "known": 0, "stored_bytes": 6}
        assert await ann.have(session, b"three", b"one", b"four", b"three") == names(b"three", b"four")
        again = await ann.send(session, "chunks", b"one", b"three")
        assert again.json() == {"stored": 1, "known": 1, "stored_bytes": 5}

    tell(story)


def test_a_chunk_of_another_repository_is_sent_again_and_stored_once(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        h.presence.live = {FILM: set(names(b"shared")), repo_id("other"): set()}
        await h.ask("POST", "/repos", key=ann.key, body={"name": "other"})
        other = Client(h, ann.key, "other")
        here, there = await ann.session(), await other.session()
        assert (await ann.have(here, b"shared"), await other.have(there, b"shared")) == (
            [],
            names(b"shared"),
        )
        assert (await other.send(there, "chunks", b"shared")).json()["stored"] == 1
        assert len(list(h.store.list("chunks"))) == 1

    tell(story)


def test_what_another_session_sent_is_wanted_until_it_is_committed(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        first, second = await ann.session(), await ann.session()
        await ann.send(first, "chunks", b"one")
        assert await ann.have(second, b"one") == names(b"one")

    tell(story)


BAD_FRAMES: dict[str, tuple[bytes, int, str]] = {
    "other bytes": (frame(Digest(bytes(32)), b"x"), 422, "CHUNK_DIGEST_MISMATCH"),
    "an empty chunk": (frame(Digest(digest_of(b"")), b""), 422, "CHUNK_SIZE"),
    "a chunk that is too large": (framed(b"x" * 1_001), 422, "CHUNK_SIZE"),
    "half a head": (framed(b"x") + b"half", 400, "MALFORMED_BODY"),
    "half a chunk": (framed(b"whole")[:-1], 400, "MALFORMED_BODY"),
    "more than a batch": (framed(*(bytes([each]) * 999 for each in range(5))), 413, "BODY_TOO_LARGE"),
    "too many chunks": (framed(*(bytes([each]) for each in range(6))), 400, "MALFORMED_BODY"),
}
SMALL = Limits(chunk_bytes_max=1_000, batch_bytes_max=4_900, batch_chunks_max=5)


@pytest.mark.parametrize("bad", BAD_FRAMES)
def test_a_batch_with_a_bad_frame_is_refused_whole(tell: Tell, bad: str) -> None:
    content, status, code = BAD_FRAMES[bad]

    async def story(h: House) -> None:
        ann = await ann_of(h)
        answer = await ann.post(f"/sessions/{await ann.session()}/chunks", content)
        expect_problem(answer, status, code)
        assert list(h.store.list("chunks")) == []

    tell(story, SMALL)


ODD_PIECES = st.binary(max_size=80) | st.binary(min_size=1, max_size=40).map(framed)
KINDS = st.sampled_from(["chunks", "recipes", "trees", "have"])


def test_no_body_of_frames_is_a_fault_of_the_server() -> None:
    with living(SMALL) as tell:

        @given(pieces=st.lists(ODD_PIECES, min_size=1, max_size=5), kind=KINDS)
        def check(pieces: list[bytes], kind: str) -> None:
            async def story(h: House) -> None:
                ann = Client(h, h.key("ann", "write"))
                answer = await ann.post(f"/sessions/{await ann.session()}/{kind}", b"".join(pieces))
                assert answer.status_code in {200, 400, 413, 422}, answer.text

            tell(story)

        tell(House.repo)
        check()


def test_more_questions_than_allowed_are_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        many = b"".join(digest_of(bytes([each])) for each in range(5))
        expect_problem(await ann.post(f"/sessions/{await ann.session()}/have", many), 413, "BODY_TOO_LARGE")

    tell(story, Limits(have_digests_max=4))


def test_a_body_that_calls_itself_a_form_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        headers = {"X-API-Key": ann.key, "Content-Type": "text/plain"}
        path = f"/repos/film/sessions/{await ann.session()}/chunks"
        expect_problem(await h.http.post(path, headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE")

    tell(story)


# ------------------------------------------------------------------ recipes and trees
def test_a_recipe_may_come_before_its_chunks_and_twice(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        session, recipe = await ann.session(), Recipe.opaque([ChunkRef.of(b"later")])
        first = await ann.send(session, "recipes", recipe.encode())
        again = await ann.send(session, "recipes", recipe.encode(), Recipe((), ()).encode())
        assert (first.json(), again.json()) == ({"recorded": 1, "known": 0}, {"recorded": 1, "known": 1})
        assert len(list(h.store.list("recipes"))) == 2

    tell(story)


def test_trees_are_stored_and_recorded_once(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        tree = Tree.of([Entry("a.mov", "recipe", Digest(digest_of(b"r")), 3)])
        session = await ann.session()
        answers = [await ann.send(session, "trees", tree.encode()) for _ in range(2)]
        assert [answer.json()["recorded"] for answer in answers] == [1, 0]
        assert answers[0].headers["X-Dits-Position"]

    tell(story)


@pytest.mark.parametrize("broken", [b"nothing", Recipe((), ()).encode()[:-1] + b"\0", b"DITR" + bytes(60)])
def test_a_broken_recipe_is_the_clients_fault_and_is_not_kept(tell: Tell, broken: bytes) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        expect_problem(await ann.send(await ann.session(), "recipes", broken), 422, "FORMAT_INVALID")
        assert list(h.store.list("recipes")) == []

    tell(story)


# ------------------------------------------------------------------ sessions that ended, and full disks
ENDS: dict[str, tuple[Callable[[int], SessionCommand], int, str]] = {
    "completed": (lambda _: CompleteSession(FILM, COMMIT), 409, "UPLOAD_SESSION_CLOSED"),
    "failed": (lambda _: FailSession(FILM, COMMIT, "PATH_CONFLICT"), 409, "UPLOAD_SESSION_CLOSED"),
    "expired": (ExpireSession, 410, "UPLOAD_EXPIRED"),
}


@pytest.mark.parametrize("how", ENDS)
def test_nothing_is_taken_into_a_session_that_ended(tell: Tell, how: str) -> None:
    command, status, code = ENDS[how]

    async def story(h: House) -> None:
        ann = await ann_of(h)
        session = await ann.session()
        end(h, session, command(h.core.log.load(sessions.DECIDER, session).version))
        for kind in ("chunks", "recipes", "trees", "have"):
            expect_problem(await ann.post(f"/sessions/{session}/{kind}", b""), status, code)
        expect_problem(await ann.put(session, "a.mov", b"x"), status, code)
        assert list(h.store.list("chunks")) == []

    tell(story)


def test_a_session_whose_commit_failed_says_so(tell: Tell) -> None:
    """S1.3"""

    async def story(h: House) -> None:
        ann = await ann_of(h)
        session = await ann.session()
        end(h, session, FailSession(FILM, COMMIT, "PATH_CONFLICT"))
        answer = await ann.get(f"/sessions/{session}")
        expect_problem(answer, 409, "COMMIT_FAILED")
        assert answer.json()["details"] == {"commit": COMMIT, "reason": "PATH_CONFLICT"}

    tell(story)


def test_a_full_disk_is_507_and_reads_go_on(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        session = await ann.session()
        h.disk.trouble = InsufficientStorageError(store="memory")
        expect_problem(await ann.send(session, "chunks", b"one"), 507, "INSUFFICIENT_STORAGE")
        assert await ann.have(session, b"one") == names(b"one")
        h.disk.trouble = None
        assert (await ann.send(session, "chunks", b"one")).json()["stored"] == 1

    tell(story)


def names(*contents: bytes) -> list[Digest]:
    return [Digest(digest_of(content)) for content in contents]
