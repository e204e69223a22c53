"""What is stored, as bytes: by digest and by path, whole and in ranges, and never wrong (I8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.format.digest import digest_of
from domain.format.recipe import ChunkRef, Recipe, Run, Stream
from domain.ids import Digest, repo_id
from domain.ports import ObjectName
from gateway import frames
from gateway.core import Limits
from gateway.ranges import asked_span
from gateway.routes.contents import Chunks
from infra.objects.memory import MemoryStore
from tests.gateway.conftest import QUICK, Tell, living
from tests.gateway.house import House, expect_problem
from tests.gateway.uploading import GONE, Client, Exchange, bytes_of
from tests.media.projects import clips, saved

FILM: str = repo_id("film")
CONTENT = bytes_of(1, 3 << 20)
PATH = "shots/a b.mov"
FILE = "/files/shots/a%20b.mov"


async def film(h: House) -> tuple[Client, str]:
    """A client, and the address of a commit that holds the file."""
    ann = Client(h, await h.repo())
    return ann, f"/commits/{await ann.publish({PATH: CONTENT, 'empty': b''})}"


def chunks_of(h: House, recipe: str) -> list[Digest]:
    encoded = h.store.get(ObjectName("recipes", Digest(bytes.fromhex(recipe))))
    made = Recipe.decode(encoded)
    return [piece.digest for piece in made.pieces(0, made.size_bytes)]


def test_a_file_is_read_whole_with_its_recipe_as_its_tag(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, commit = await film(h)
        listed = (await ann.get(commit + "/files?prefix=shots")).json()["files"]
        answer = await ann.get(commit + FILE)
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert answer.headers["ETag"] == f'"{listed[0]["recipe"]}"'
        assert answer.headers["Content-Length"] == str(len(CONTENT))
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        empty = await ann.get(commit + "/files/empty", Range="bytes=-5")
        assert (empty.status_code, empty.content, empty.headers["Content-Length"]) == (200, b"", "0")

    tell(story)


def test_head_says_all_but_the_bytes_and_no_range(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, commit = await film(h)
        headers = {"X-API-Key": ann.key, "Range": "bytes=0-1"}
        answer = await h.http.head(f"/repos/film{commit}{FILE}", headers=headers)
        assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(CONTENT)))
        assert answer.content == b""

    tell(story)


def test_a_file_that_is_known_is_not_sent_again(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, commit = await film(h)
        etag = (await ann.get(commit + FILE)).headers["ETag"]
        for known in (etag, f'"other", W/{etag}', "*"):
            answer = await ann.get(commit + FILE, If_None_Match=known, Range="bytes=0-1")
            assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
        assert (await ann.get(commit + FILE, If_None_Match='"other"')).status_code == 200

    tell(story)


def test_any_range_is_that_slice_of_the_file() -> None:
    offsets = st.none() | st.integers(0, len(CONTENT) + 10)
    films = list[tuple[Client, str]]()

    async def prepare(h: House) -> None:
        films.append(await film(h))

    with living() as tell:
        tell(prepare)
        check = given(offsets, offsets)(
            lambda first, last: tell(lambda _: slice_is_read(*films[0], first, last))
        )
        settings(max_examples=60)(check)()


async def slice_is_read(ann: Client, commit: str, first: int | None, last: int | None) -> None:
    asked = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    expect_slice(await ann.get(commit + FILE, Range=asked), first, last)


def expect_slice(answer: Any, first: int | None, last: int | None) -> None:
    size = len(CONTENT)
    if first is None:
        span = (size - min(last, size), size) if last else ((size, size) if last == 0 else None)
    elif last is not None and last < first:
        span = None
    else:
        span = (first, size if last is None else min(last + 1, size))
    if span is None:
        assert (answer.status_code, answer.content) == (200, CONTENT)
    elif span[0] >= size:
        expect_problem(answer, 416, "RANGE_NOT_SATISFIABLE")
        assert answer.headers["Content-Range"] == f"bytes */{size}"
    else:
        assert (answer.status_code, answer.content) == (206, CONTENT[slice(*span)])
        assert answer.headers["Content-Range"] == f"bytes {span[0]}-{span[1] - 1}/{size}"
        assert answer.headers["Content-Length"] == str(span[1] - span[0])


VIDEO, AUDIO = bytes_of(2, 3000), bytes_of(3, 900)


def test_tracks_that_are_interleaved_are_read_as_one_file(tell: Tell) -> None:
    streams = (Stream.of(3, [ChunkRef.of(VIDEO)]), Stream.of(4, [ChunkRef.of(AUDIO)]))
    recipe = Recipe(streams, (Run(0, 1000), Run(1, 300), Run(0, 2000), Run(1, 600)))
    whole = VIDEO[:1000] + AUDIO[:300] + VIDEO[1000:] + AUDIO[300:]

    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        session = await ann.session()
        await ann.send(session, "chunks", VIDEO, AUDIO)
        await ann.send(session, "recipes", recipe.encode())
        commit = await ann.commit(session, [{"path": "a.mov", "recipe": recipe.digest.hex()}])
        answer = await ann.get(f"/commits/{commit}/files/a.mov", Range="bytes=900-3200")
        assert (answer.status_code, answer.content) == (206, whole[900:3201])

    tell(story)


PROJECT = saved(clips(1))


@pytest.mark.parametrize("span", [(0, 10), (70_000, 70_001), (len(PROJECT) - 9, len(PROJECT)), (5, 150_000)])
def test_a_range_of_a_packed_file_is_the_same_part_of_it(span: tuple[int, int], tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        session = await ann.session()
        recipe = (await ann.put(session, "a.prproj", PROJECT)).json()["recipe"]
        commit = await ann.commit(session, [{"path": "a.prproj", "recipe": recipe}])
        whole = await ann.get(f"/commits/{commit}/files/a.prproj")
        assert (whole.status_code, whole.content) == (200, PROJECT)
        part = await ann.get(f"/commits/{commit}/files/a.prproj", Range=f"bytes={span[0]}-{span[1] - 1}")
        assert (part.status_code, part.content) == (206, PROJECT[slice(*span)])

    tell(story)


class CountingStore(MemoryStore):
    """Counts what it gave."""

    def __init__(self) -> None:
        super().__init__("memory")
        self.given = Counter[Digest]()

    def get(self, name: ObjectName) -> bytes:
        self.given[name.digest] += 1
        return super().get(name)


def test_a_chunk_is_fetched_once_however_many_tracks_are_interleaved() -> None:
    tracks = [[bytes_of(100 * t + i, 1000) for i in range(6)] for t in range(20)]
    streams = tuple(Stream.of(4, map(ChunkRef.of, chunks)) for chunks in tracks)
    runs = tuple(Run(t, 100) for _ in range(60) for t in range(20))
    store, recipe = CountingStore(), Recipe(streams, runs)
    store.put([(ObjectName("chunks", digest_of(c)), c) for chunks in tracks for c in chunks])
    held = Chunks(store, len(streams))
    sent = b"".join(map(held.part, recipe.pieces(0, recipe.size_bytes)))
    assert sent[:2100] == b"".join(chunks[0][:100] for chunks in tracks) + tracks[0][0][100:200]
    assert len(sent) == 120_000
    assert set(store.given.values()) == {1}


ETAG = '"e"'


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=", "bytes=-", "bytes=a-", "bytes=0-1,3-4", "frames=0-1", "bytes=2-1", "0-1"]
)
def test_what_is_no_single_range_is_passed_over(asked: str) -> None:
    assert asked_span({"range": asked}, ETAG, 10) is None


def test_a_range_counts_only_if_the_file_is_still_the_same() -> None:
    asked = {"range": "bytes=0-1"}
    assert asked_span({**asked, "if-range": ETAG}, ETAG, 10) is not None
    for other in ('"other"', f"W/{ETAG}", "Sun, 22 Nov 2026 12:00:00 GMT"):
        assert asked_span({**asked, "if-range": other}, ETAG, 10) is None


@pytest.mark.parametrize("path", ["shots", "shots/b.mov", "empty/x", "no"])
def test_what_is_no_file_of_the_commit_is_not_found(tell: Tell, path: str) -> None:
    async def story(h: House) -> None:
        ann, commit = await film(h)
        expect_problem(await ann.get(f"{commit}/files/{path}"), 404, "NOT_FOUND")
        expect_problem(await ann.get(f"/commits/{'0' * 32}{FILE}"), 404, "NOT_FOUND")

    tell(story)


# ------------------------------------------------------------------ by digest
def test_chunks_come_as_frames_in_the_order_asked(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, commit = await film(h)
        names = chunks_of(h, (await ann.get(commit + FILE)).headers["ETag"].strip('"'))
        asked = [*reversed(names), names[0]]
        h.presence.live = {FILM: set(names)}
        answer = await ann.post("/chunks", b"".join(asked))
        assert answer.status_code == 200
        got = frames.parse(answer.content, Limits(), frame_bytes_max=1 << 20)
        assert [name for name, _ in got] == list(reversed(names))
        assert b"".join(chunk for _, chunk in reversed(got)) == CONTENT
        assert (await ann.post("/chunks", b"")).content == b""

    tell(story)


@pytest.mark.parametrize("kind", ["recipes", "trees", "manifests"])
def test_objects_are_read_by_their_digest_and_kept_for_ever(tell: Tell, kind: str) -> None:
    async def story(h: House) -> None:
        ann, _ = await film(h)
        name = next(h.store.list(kind)).digest
        h.presence.live = {FILM: {name}}
        answer = await ann.get(f"/{kind}/{name.hex()}")
        assert (answer.status_code, digest_of(answer.content)) == (200, name)
        for_ever = "private, max-age=31536000, immutable"
        assert answer.headers["Cache-Control"] == ("private, no-cache" if kind == "recipes" else for_ever)
        known = await ann.get(f"/{kind}/{name.hex()}", If_None_Match=answer.headers["ETag"])
        assert (known.status_code, known.content) == (304, b"")

    tell(story)


def test_what_lives_elsewhere_is_not_found_by_its_digest(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, _ = await film(h)
        recipe, chunk = next(h.store.list("recipes")).digest, next(h.store.list("chunks")).digest
        h.presence.live = {str(repo_id("other")): {recipe, chunk}}
        expect_problem(await ann.get(f"/recipes/{recipe.hex()}"), 404, "NOT_FOUND")
        expect_problem(await ann.post("/chunks", chunk), 404, "NOT_FOUND")

    tell(story)


def test_what_a_read_model_may_not_have_seen_yet_is_not_said_to_be_missing(tell: Tell) -> None:
    """S3.3"""

    async def story(h: House) -> None:
        ann, _ = await film(h)
        recipe, chunk = next(h.store.list("recipes")).digest, next(h.store.list("chunks")).digest
        h.presence.live, h.presence.is_behind = {FILM: {chunk}}, True
        expect_problem(await ann.get(f"/recipes/{recipe.hex()}"), 503, "READ_NOT_YET_CONSISTENT")
        assert (await ann.post("/chunks", chunk)).status_code == 200

    tell(story)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/recipes/xyz", 400, "INVALID_NAME"), (f"/trees/{'A' * 64}", 400, "INVALID_NAME")],
)
def test_what_is_no_digest_is_refused(tell: Tell, path: str, status: int, code: str) -> None:
    async def story(h: House) -> None:
        expect_problem(await Client(h, await h.repo()).get(path), status, code)

    tell(story)


def test_more_chunks_than_allowed_are_refused(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        expect_problem(await ann.post("/chunks", bytes(32 * 257)), 413, "BODY_TOO_LARGE")
        expect_problem(await ann.post("/chunks", bytes(31)), 400, "MALFORMED_BODY")

    tell(story)


def test_everybody_reads_a_public_repository_and_nobody_else_a_hidden_one(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo(public=True))
        commit = f"/repos/film/commits/{await ann.publish({'a.mov': b'aaaa'})}"
        chunk = next(h.store.list("chunks")).digest
        h.presence.live = {FILM: {chunk}}
        assert (await h.http.get(f"{commit}/files/a.mov")).content == b"aaaa"
        assert (await h.http.post("/repos/film/chunks", content=chunk)).status_code == 200
        await h.ask("PATCH", "/repos/film", key=ann.key, body={"public": False})
        expect_problem(await h.http.get(f"{commit}/files/a.mov"), 401, "UNAUTHORIZED")
        expect_problem(await h.http.post("/repos/film/chunks", content=chunk), 401, "UNAUTHORIZED")

    tell(story)


# ------------------------------------------------------------------ I8
def test_i8_a_file_that_begins_with_a_wrong_chunk_is_an_error(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, commit = await film(h)
        first = chunks_of(h, (await ann.get(commit + FILE)).headers["ETag"].strip('"'))[0]
        h.disk.wrong = {first: b"something else"}
        h.presence.live = {FILM: {first}}
        expect_problem(await ann.get(commit + FILE), 500, "OBJECT_CORRUPTED")
        expect_problem(await ann.post("/chunks", first), 500, "OBJECT_CORRUPTED")

    tell(story)


def test_i8_a_wrong_chunk_further_on_ends_the_connection(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, commit = await film(h)
        last = chunks_of(h, (await ann.get(commit + FILE)).headers["ETag"].strip('"'))[-1]
        h.disk.wrong = {last: bytes(100)}
        exchange = Exchange("GET", f"/repos/film{commit}/files/{PATH}", {"X-API-Key": ann.key})
        await exchange.run(h)
        assert (exchange.status, exchange.is_whole) == (200, False)
        assert 0 < len(exchange.body) < len(CONTENT)
        assert CONTENT.startswith(exchange.body)

    tell(story)


def test_a_reader_who_goes_away_ends_the_reading(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, commit = await film(h)
        gone: list[Mapping[str, Any]] = [{"type": "http.request", "more_body": False}, GONE]
        exchange = Exchange("GET", f"/repos/film{commit}/files/{PATH}", {"X-API-Key": ann.key}, gone)
        await exchange.run(h)
        assert len(exchange.body) < len(CONTENT)

    tell(story, QUICK)
