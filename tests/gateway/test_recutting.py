"""A file that is sent whole is cut by what it is once it is there, as a client would have cut it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.format.cutters import cutter_for
from domain.format.media.source import BytesSource
from domain.format.recipe import ChunkRef, Recipe
from domain.ids import Digest
from domain.ports import ObjectName
from domain.recutting import source_of
from tests.gateway.conftest import Tell
from tests.gateway.house import House
from tests.gateway.uploading import Client
from tests.media import encodes
from tests.media.making import clip, ftyp, movie, song, truncated
from tests.media.projects import clips, saved

PATH = "shots/a.mov"
PRORES = movie(replace(clip(), codec="ap4h"), song())
DAMAGED = movie(clip(), song())[len(ftyp()) :]
SAID = {"fallback", "warning", "stored_as", "nle", "supported"}
PREMIERE = b'<?xml version="1.0"?><PremiereData Version="3"><Project Version="99"/></PremiereData>'


def as_a_client_cuts(content: bytes) -> Recipe:
    cutter = cutter_for(BytesSource(content))
    assert cutter is not None
    rows = [bytearray() for _ in cutter.profiles]
    for group in cutter.groups():
        for chunk in group:
            rows[chunk.stream] += ChunkRef.of(chunk.content).row()
    return cutter.recipe(rows)


def kept(h: House, name: str) -> tuple[Recipe, bytes]:
    recipe = Recipe.decode(h.store.get(ObjectName("recipes", Digest(bytes.fromhex(name)))))
    return recipe, source_of(h.store, recipe).read(0, recipe.size_bytes)


def project() -> bytes:
    return saved(clips(1))


@pytest.mark.parametrize(
    "make", [encodes.mp4, encodes.mov, encodes.fast_start, encodes.fragmented_mp4, project]
)
def test_a_file_sent_whole_has_the_recipe_that_a_client_makes(make: object, tell: Tell) -> None:
    content: bytes = make()  # type: ignore[operator]

    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        answer = await ann.put(await ann.session(), PATH, content)
        assert answer.status_code == 201, answer.text
        recipe, rebuilt = kept(h, answer.json()["recipe"])
        assert rebuilt == content
        assert recipe == as_a_client_cuts(content)

    tell(story)


def test_a_film_that_came_in_two_parts_is_cut_the_same(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content = Client(h, await h.repo()), encodes.mp4()
        session = await ann.session()
        await ann.put(session, PATH, content[: len(content) // 2], length=len(content))
        answer = await ann.put_rest(session, PATH, content)
        assert kept(h, answer.json()["recipe"]) == (as_a_client_cuts(content), content)

    tell(story)


def test_a_damaged_film_stays_as_it_was_cut(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann, content = Client(h, await h.repo()), truncated(encodes.fast_start(), 60)
        answer = await ann.put(await ann.session(), PATH, content)
        recipe, rebuilt = kept(h, answer.json()["recipe"])
        assert (len(recipe.streams), rebuilt) == (1, content)

    tell(story)


@pytest.mark.parametrize(
    ("content", "told", "warning"),
    [
        (PRORES, {"fallback": "raw", "warning": "Unsupported codec: ap4h"}, "unsupported-codec"),
        (DAMAGED, {"warning": "Missing ftyp box"}, "corrupted-container"),
        (PREMIERE, {"stored_as": "opaque", "nle": "premiere", "supported": False}, None),
        (b"a script", {}, None),
    ],
    ids=["prores", "damaged", "premiere", "script"],
)
def test_a_file_is_answered_with_what_it_is(
    content: bytes, told: dict[str, object], warning: str | None, tell: Tell
) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        address = f"/repos/film/sessions/{await ann.session()}/files/{PATH}"
        length = {"Upload-Offset": "0", "Upload-Length": str(len(content))}
        headers = {"X-API-Key": ann.key, "X-API-Version": "v2", **length}
        answer = await h.http.put(address, content=content, headers=headers)
        assert (answer.status_code, answer.headers.get("X-Dits-Warning")) == (201, warning)
        assert {
            name: each for name, each in answer.json().items() if each is not None and name in SAID
        } == told

    tell(story)
