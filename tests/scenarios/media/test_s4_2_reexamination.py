"""What an older reader could not understand is looked at again when a newer one starts (S4.2)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from threading import Event

from domain.asset.decider import DECIDER, Asset, asset_id
from domain.examination import READER, Examination, examine
from domain.format.media.codecs import SUPPORTED
from domain.format.media.source import Source
from domain.ids import Digest, RepoId, repo_id
from tests.gateway.conftest import QUICK
from tests.gateway.films import sagas, send
from tests.gateway.house import house
from tests.media.making import clip, movie, song
from workers.reexamination import Reexaminer

PRORES = movie(replace(clip(), codec="ap4h"), song())


def understood(source: Source, *, raw: bool) -> Examination:
    """As a reader whose set has grown finds it."""
    found = examine(source, raw=raw)
    return found if raw else replace(found, mode="media", unsupported=())


def looked_again(content: bytes, reader: int, *raw: str) -> tuple[Asset, int]:
    """The asset afterwards, and how many contents were left."""

    async def story() -> tuple[Asset, int]:
        async with house(limits=QUICK) as h:
            ann, sent = await h.repo(), send(h, {"a.mov": content})
            body, headers = {"branch": "main", **sent, "raw": list(raw)}, {"Idempotency-Key": "k"}
            with sagas(h):
                path = "/repos/film/commits"
                answer = await h.ask("POST", path, key=ann, body=body, headers=headers, version="v2")
            assert answer.status_code == 201, answer.text
            again = Reexaminer(h.log.messages, h.core.log, h.store, understood, reader)
            left = again.look_again(again.outdated(), Event())
            recipe = Digest(bytes.fromhex(sent["changes"][0]["recipe"]))
            return h.core.log.load(DECIDER, asset_id(RepoId(repo_id("film")), recipe)).state, len(left)

    return asyncio.run(story())


def test_s4_2_a_grown_set_is_applied_to_what_was_stored_raw() -> None:
    asset, left = looked_again(PRORES, READER + 1)
    assert asset.stored is not None
    assert (asset.stored.mode, left) == ("media", 0)


def test_s4_2_the_same_reader_looks_once() -> None:
    asset, _ = looked_again(PRORES, READER)
    assert asset.stored is not None
    assert asset.stored.mode == "raw"


def test_s4_2_what_is_raw_by_choice_stays_so() -> None:
    asset, _ = looked_again(movie(clip(), song()), READER + 1, "a.mov")
    assert asset.stored is not None
    assert asset.stored.mode == "raw"


def test_s4_2_a_reader_has_its_number() -> None:
    """Whoever changes the set raises READER, so that older contents are looked at again."""
    assert (READER, len(SUPPORTED)) == (1, 10)
