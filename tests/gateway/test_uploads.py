"""Whole files through the HTTP door: resumed after any byte, fenced, and never beyond their length (S2.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InsufficientStorageError
from domain.format.chunking import OPAQUE, cut
from domain.format.recipe import ChunkRef, Recipe
from domain.ids import Digest
from domain.ports import ObjectName
from domain.session import decider as sessions
from domain.session.events import UploadInterrupted, UploadProgressed
from tests.faults import Coin, UncertainLog
from tests.gateway.conftest import QUICK, Tell, living
from tests.gateway.house import House, expect_problem, house, run_story
from tests.gateway.uploading import SEEDS, Client, bytes_of

KIB, MIB = 1 << 10, 1 << 20
BLOCKS = replace(QUICK, block_bytes=256 * KIB)
FILM_BYTES = 3 * MIB
PATH = "shots/a b.mov"


def recipe_of(content: bytes) -> Recipe:
    """As anybody would cut it."""
    return Recipe.opaque(ChunkRef.of(chunk) for chunk in cut(content, OPAQUE))


def read_back(h: House, recipe: str) -> bytes:
    """From the store, past every route."""
    made = Recipe.decode(h.store.get(ObjectName("recipes", Digest(bytes.fromhex(recipe)))))
    pieces = made.pieces(0, made.size_bytes)
    return b"".join(h.store.get(ObjectName("chunks", piece.digest)) for piece in pieces)


async def ann_of(h: House) -> Client:
    return Client(h, await h.repo())


def test_a_file_in_one_request_is_what_its_own_cutting_gives(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content = await ann_of(h), bytes_of(1, FILM_BYTES)
        session = await ann.session()
        answer = await ann.put(session, PATH, content)
        recipe = recipe_of(content).digest.hex()
        assert answer.status_code == 201, answer.text
        assert answer.json() == {"path": PATH, "recipe": recipe, "size_bytes": FILM_BYTES}
        assert (answer.headers["Upload-Offset"], read_back(h, recipe)) == (str(FILM_BYTES), content)
        files = (await ann.get(f"/sessions/{session}")).json()["files"]
        assert files == [
            {"path": PATH, "recipe": recipe, "offset_bytes": FILM_BYTES, "length_bytes": FILM_BYTES}
        ]

    tell(story, BLOCKS)


def test_an_empty_file_is_a_file(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        answer = await ann.put(await ann.session(), PATH, b"")
        assert answer.status_code == 201, answer.text
        assert answer.json()["recipe"] == Recipe((), ()).digest.hex()

    tell(story)


def test_the_last_request_may_be_repeated(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content = await ann_of(h), bytes_of(2, MIB)
        session = await ann.session()
        first = await ann.put(session, PATH, content)
        again = await ann.put(session, PATH, b"", offset=MIB, length=MIB)
        assert (again.status_code, again.json()) == (201, first.json())

    tell(story)


# ------------------------------------------------------------------ S2.1
@dataclass
class Broken:
    """A client whose connection is lost again and again, and what it knows."""

    client: Client
    session: str
    content: bytes
    offset: int = 0
    path: str = PATH
    seen: list[int] = field(default_factory=list[int])

    async def send(self, size_bytes: int, block_bytes: int, *, is_cut: bool) -> None:
        """The next bytes, from the confirmed offset, as a whole request or as one that is cut off."""
        part = self.content[self.offset : self.offset + size_bytes]
        if is_cut:
            blocks = [part[at : at + block_bytes] for at in range(0, len(part), block_bytes)]
            length = len(self.content)
            await self.client.put_and_vanish(
                self.session, self.path, blocks, offset=self.offset, length=length
            )
        else:
            await self.client.put(self.session, self.path, part, offset=self.offset, length=len(self.content))
        confirmed = await self.client.offset(self.session, self.path)
        assert self.offset <= confirmed <= self.offset + len(part)
        assert confirmed == self.durable_bytes()
        self.offset = confirmed
        self.seen.append(confirmed)

    def durable_bytes(self) -> int:
        """As the parts in the log add up."""
        log = self.client.house.core.log
        return sum(
            sum(told.event.sizes_bytes)
            for told in log.history(sessions.DECIDER.at(self.session))
            if isinstance(told.event, UploadProgressed) and told.event.path == self.path
        )


async def resumed(h: House, content: bytes, tries: Sequence[tuple[int, int, bool]]) -> None:
    ann = Client(h, h.key("ann", "write"))
    broken = Broken(ann, await ann.session(), content)
    for sent_bytes, block_bytes, is_cut in tries:
        await broken.send(sent_bytes, block_bytes, is_cut=is_cut)
    last = await ann.put(broken.session, PATH, content[broken.offset :], offset=broken.offset)
    assert last.json()["recipe"] == recipe_of(content).digest.hex(), last.text
    assert read_back(h, last.json()["recipe"]) == content


SENT_BYTES = st.integers(0, 2 * MIB) | st.sampled_from([1, 64 * KIB, 256 * KIB, 256 * KIB + 1, MIB, 2 * MIB])
BLOCK_BYTES = st.sampled_from([7 * KIB, 256 * KIB, 3 * MIB])


def test_s2_1_after_a_loss_at_any_byte_the_offset_is_confirmed_and_the_resumed_file_is_the_same() -> None:
    with living(BLOCKS) as tell:

        @settings(max_examples=25)
        @given(
            SEEDS,
            st.integers(0, FILM_BYTES),
            st.lists(st.tuples(SENT_BYTES, BLOCK_BYTES, st.booleans()), max_size=5),
        )
        def check(seed: int, size_bytes: int, tries: list[tuple[int, int, bool]]) -> None:
            tell(lambda h: resumed(h, bytes_of(seed, size_bytes), tries))

        tell(House.repo)
        check()


def test_s2_1_a_request_of_a_largest_chunk_moves_the_offset(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content = await ann_of(h), bytes_of(3, FILM_BYTES)
        broken = Broken(ann, await ann.session(), content)
        while broken.offset < FILM_BYTES:
            before = broken.offset
            await broken.send(OPAQUE.max_bytes, 64 * KIB, is_cut=True)
            assert broken.offset > before or before + OPAQUE.max_bytes > FILM_BYTES
            if before + OPAQUE.max_bytes > FILM_BYTES:
                break

    tell(story, BLOCKS)


def test_s2_1_a_lost_client_is_noted_in_the_log(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content = await ann_of(h), bytes_of(4, 2 * MIB)
        session = await ann.session()
        await ann.put_and_vanish(session, "a.mov", [content[:MIB]], offset=0, length=len(content))
        history = [told.event for told in h.core.log.history(sessions.DECIDER.at(session))]
        lost = history[-1]
        assert isinstance(lost, UploadInterrupted)
        assert 0 < lost.offset_bytes == await ann.offset(session, "a.mov") <= MIB

    tell(story, BLOCKS)


def test_s2_1_another_offset_is_refused_with_the_right_one(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content = await ann_of(h), bytes_of(5, 2 * MIB)
        session = await ann.session()
        part = await ann.put(session, PATH, content[: MIB + 1], length=len(content))
        assert part.status_code == 204
        confirmed = await ann.offset(session, PATH)
        assert part.headers["Upload-Offset"] == str(confirmed)
        for wrong in (0, confirmed + 1, len(content), 10**12):
            answer = await ann.put(session, PATH, b"", offset=wrong, length=len(content))
            expect_problem(answer, 409, "UPLOAD_OFFSET_MISMATCH")
            assert answer.headers["Upload-Offset"] == str(confirmed)

    tell(story)


def test_s2_1_a_newer_writer_fences_the_older_one_off(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content, gate = await ann_of(h), bytes_of(6, FILM_BYTES), asyncio.Event()
        session = await ann.session()
        body = slowly(gate, content[: 2 * MIB], content[2 * MIB :])
        older = asyncio.ensure_future(ann.put_body(session, PATH, body, length=FILM_BYTES))
        while not (offset := await ann.offset(session, PATH)):
            await asyncio.sleep(0.01)
        newer = await ann.put(session, PATH, content[offset:], offset=offset)
        gate.set()
        expect_problem(await older, 409, "UPLOAD_FENCED")
        assert read_back(h, newer.json()["recipe"]) == content

    tell(story, BLOCKS)


async def slowly(gate: asyncio.Event, first: bytes, *rest: bytes) -> AsyncGenerator[bytes]:
    """The rest comes when the gate opens."""
    yield first
    await gate.wait()
    for block in rest:
        yield block


async def rivals(h: House, content: bytes, begin_ms: Sequence[int]) -> None:
    """Writers of one file, each from where it stands when they begin."""
    ann = Client(h, h.key("ann", "write"))
    session = await ann.session()

    async def writer(wait_ms: int) -> int:
        await asyncio.sleep(wait_ms / 1000)
        return (await ann.put_rest(session, PATH, content)).status_code

    statuses = await asyncio.gather(*(writer(wait_ms) for wait_ms in begin_ms))
    assert set(statuses) <= {201, 409}
    last = await ann.put_rest(session, PATH, content)
    assert last.json()["recipe"] == recipe_of(content).digest.hex()


def test_s2_1_many_writers_at_once_never_interleave() -> None:
    with living(BLOCKS) as tell:

        @settings(max_examples=8)
        @given(SEEDS, st.lists(st.integers(0, 20), min_size=2, max_size=4))
        def check(seed: int, begin_ms: list[int]) -> None:
            tell(lambda h: rivals(h, bytes_of(seed, 2 * MIB), begin_ms))

        tell(House.repo)
        check()


def test_s2_1_a_body_beyond_its_length_is_413_and_nothing_is_stored(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        session = await ann.session()
        expect_problem(await ann.put(session, PATH, bytes(11), length=10), 413, "BODY_TOO_LARGE")
        assert (await ann.get(f"/sessions/{session}")).json()["files"] == []
        assert list(h.store.list("chunks")) == []

    tell(story)


def test_s2_1_bytes_beyond_an_unannounced_length_are_not_stored(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, gate = await ann_of(h), asyncio.Event()
        session = await ann.session()
        gate.set()
        body = slowly(gate, *(bytes(256 * KIB) for _ in range(4)))
        answer = await ann.put_body(session, PATH, body, length=400 * KIB)
        expect_problem(answer, 413, "BODY_TOO_LARGE")
        assert await ann.offset(session, PATH) <= 256 * KIB

    tell(story, BLOCKS)


def test_another_length_than_before_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        session = await ann.session()
        await ann.put(session, PATH, b"half", length=8)
        expect_problem(await ann.put(session, PATH, b"half", length=9), 422, "UPLOAD_LENGTH_MISMATCH")

    tell(story)


def test_a_put_without_its_numbers_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        address = f"/repos/film/sessions/{await ann.session()}/files/a.mov"
        for offset, length in (("", "1"), ("0", ""), ("-1", "1"), ("0", "1" * 17), ("0x1", "2")):
            headers = {"X-API-Key": ann.key, "Upload-Offset": offset, "Upload-Length": length}
            expect_problem(await h.http.put(address, content=b"x", headers=headers), 400, "INVALID_QUERY")
        huge = await ann.put(await ann.session(), PATH, b"", length=QUICK.file_bytes_max + 1)
        expect_problem(huge, 413, "BODY_TOO_LARGE")

    tell(story)


def test_a_path_that_is_none_is_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = await ann_of(h)
        session = await ann.session()
        for path in ("a//b", "e\u0301.mov", "a\\b", "x" * 1025):
            expect_problem(await ann.put(session, path, b"x"), 400, "INVALID_PATH")

    tell(story)


def test_a_disk_that_fills_up_is_507_and_what_was_durable_stays(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content = await ann_of(h), bytes_of(7, FILM_BYTES)
        session = await ann.session()
        part = await ann.put(session, PATH, content[: 2 * MIB], length=FILM_BYTES)
        h.disk.trouble = InsufficientStorageError(store="memory")
        offset = int(part.headers["Upload-Offset"])
        failed = await ann.put(session, PATH, content[offset:], offset=offset)
        expect_problem(failed, 507, "INSUFFICIENT_STORAGE")
        assert await ann.offset(session, PATH) == offset > 0
        h.disk.trouble = None
        last = await ann.put(session, PATH, content[offset:], offset=offset)
        assert read_back(h, last.json()["recipe"]) == content

    tell(story, BLOCKS)


@dataclass
class Sometimes:
    """A coin that falls on its good side until it is told otherwise."""

    coin: Coin
    is_on: bool = False

    def bad(self) -> bool:
        return self.is_on and self.coin.bad()


def test_parts_whose_confirmation_was_lost_are_never_misplaced() -> None:
    """I6: what follows an unknown outcome must not take its place."""
    sometimes = Sometimes(Coin(0, 0.2))

    async def story() -> None:
        async with house(limits=BLOCKS, through=lambda log: UncertainLog(log, sometimes)) as h:
            ann = await ann_of(h)
            for seed in range(12):
                session, content = await ann.session(), bytes_of(seed, FILM_BYTES)
                sometimes.is_on = True
                recipe = await upload_at_last(ann, session, content)
                sometimes.is_on = False
                assert recipe == recipe_of(content).digest.hex()

    run_story(story)


async def upload_at_last(ann: Client, session: str, content: bytes) -> str:
    while True:
        offset = await ann.offset(session, PATH)
        sent = content[offset : offset + 11 * MIB // 4]
        answer = await ann.put(session, PATH, sent, offset=offset, length=len(content))
        if answer.status_code == 201:
            return str(answer.json()["recipe"])
