"""What readers get of a film that was cut anew: the same file, by the newest recipe (issue 4: rechunk)."""

from __future__ import annotations

from dataclasses import dataclass

from domain.format.recipe import ChunkRef, Recipe
from domain.ids import Digest, repo_id
from domain.ports import ObjectName
from domain.successions import supersede
from gateway import frames
from gateway.core import Limits
from tests.gateway.conftest import Tell
from tests.gateway.house import SYSTEM, House, expect_problem
from tests.gateway.uploading import Client, bytes_of

FILM = repo_id("film")
CONTENT = bytes_of(7, 3 << 20)
FILE = "/files/reel.mov"
CUT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Reel:
    """A published film that has a successor."""

    ann: Client
    commit: str
    old: Digest
    new: Recipe


async def reel(h: House) -> Reel:
    ann = Client(h, await h.repo())
    commit = f"/commits/{await ann.publish({'reel.mov': CONTENT})}"
    old = Digest(bytes.fromhex((await ann.get(commit + FILE)).headers["ETag"].strip('"')))
    chunks = [CONTENT[at : at + CUT_BYTES] for at in range(0, len(CONTENT), CUT_BYTES)]
    new = Recipe.opaque(map(ChunkRef.of, chunks))
    h.store.put([(ObjectName("chunks", ChunkRef.of(each).digest), each) for each in chunks])
    h.store.put([(ObjectName("recipes", new.digest), new.encode())])
    h.core.log.ask(*supersede(FILM, old, new.digest), context=SYSTEM)
    return Reel(ann, commit, old, new)


def old_chunks(h: House, reel: Reel) -> list[Digest]:
    return list(Recipe.decode(h.store.get(ObjectName("recipes", reel.old))).children())


def test_a_file_is_read_by_the_newest_recipe_under_its_old_tag(tell: Tell) -> None:
    async def story(h: House) -> None:
        film = await reel(h)
        h.disk.lost = set(old_chunks(h, film))
        answer = await film.ann.get(film.commit + FILE)
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert answer.headers["ETag"] == f'"{film.old.hex()}"'
        part = await film.ann.get(film.commit + FILE, Range="bytes=1048570-1048580")
        assert (part.status_code, part.content) == (206, CONTENT[1_048_570:1_048_581])

    tell(story)


def test_a_recipe_names_the_one_that_stands_for_it(tell: Tell) -> None:
    async def story(h: House) -> None:
        film = await reel(h)
        h.presence.live = {FILM: {film.old, film.new.digest}}
        old = await film.ann.get(f"/recipes/{film.old.hex()}")
        assert Recipe.decode(old.content).digest == film.old
        assert old.headers["X-Dits-Superseded-By"] == film.new.digest.hex()
        known = await film.ann.get(f"/recipes/{film.old.hex()}", If_None_Match=old.headers["ETag"])
        assert (known.status_code, known.headers["X-Dits-Superseded-By"]) == (304, film.new.digest.hex())
        new = await film.ann.get(f"/recipes/{film.new.digest.hex()}")
        assert "X-Dits-Superseded-By" not in new.headers

    tell(story)


def test_spares_are_read_while_they_last_and_are_not_had(tell: Tell) -> None:
    async def story(h: House) -> None:
        film = await reel(h)
        chunks = old_chunks(h, film)
        h.presence.live, h.presence.spares = {FILM: set(film.new.children())}, {FILM: set(chunks)}
        answer = await film.ann.post("/chunks", b"".join(chunks))
        got = frames.parse(answer.content, Limits(), frame_bytes_max=1 << 20)
        assert b"".join(content for _, content in got) == CONTENT
        h.disk.lost = set(chunks)
        expect_problem(await film.ann.post("/chunks", chunks[0]), 404, "NOT_FOUND")

    tell(story)
