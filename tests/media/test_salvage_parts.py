"""The parts of a salvage, one by one: where it begins, how content is sent, where files are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from domain.asset.events import AssetStored, SalvageAsked
from domain.decider import Context
from domain.errors import InsufficientStorageError, UnavailableError
from domain.format.chunking import OPAQUE, cut
from domain.format.media.source import BytesSource
from domain.format.rebuilding import RecipeSource
from domain.format.recipe import ChunkRef, Recipe
from domain.ports import ObjectName
from infra.eventlog.bulk import LogMessages
from infra.media.scratch import ScratchFiles
from tests.domain.examples import ADA
from tests.media import encodes
from tests.media.making import truncated
from tests.media.studio import Studio, never
from workers.content_sending import SessionSender
from workers.open_media import open_media

DAMAGED = truncated(encodes.fast_start(), 60)


# ------------------------------------------------------------------ where the worker begins
def open_in(studio: Studio) -> set[tuple[str, str]]:
    messages = studio.film.log.messages
    assert isinstance(messages, LogMessages)
    found, end = open_media(messages, studio.film.log.events)
    assert end == studio.film.log.events.end()
    return {(type(each.event).__name__, each.aggregate.id) for each in found}


def test_what_is_open_is_found_in_the_log() -> None:
    studio = Studio()
    studio.ask(studio.keep(DAMAGED))
    studio.keep(encodes.mp4(), "b.mp4", raw=False)
    assert {kind for kind, _ in open_in(studio)} == {SalvageAsked.__name__, AssetStored.__name__}


def test_what_is_over_is_not_found_as_open() -> None:
    studio = Studio()
    studio.ask(studio.keep(DAMAGED))
    studio.ask(studio.keep(truncated(encodes.mp4(), 50), "b.mp4"), "b.mp4", "c.mp4")
    studio.work()
    assert open_in(studio) == set()


# ------------------------------------------------------------------ sending
def sender(studio: Studio, stopping: Callable[[], bool] = never) -> SessionSender:
    film = studio.film
    return SessionSender(film.log.events, film.store, film.session("one"), Context(ADA, "test"), stopping)


def sent(content: bytes) -> tuple[Recipe, bytes]:
    """The recipe, and what it rebuilds."""
    studio = Studio()
    recipe = sender(studio).send(BytesSource(content))
    source = RecipeSource(recipe, lambda name: studio.film.store.get(ObjectName("chunks", name)))
    return recipe, source.read(0, recipe.size_bytes)


@pytest.mark.parametrize("content", [encodes.mp4(), encodes.fragmented_mp4(), DAMAGED, b"text" * 100_000])
def test_what_is_sent_is_rebuilt_bit_by_bit(content: bytes) -> None:
    assert sent(content)[1] == content


def test_a_film_is_sent_by_its_tracks() -> None:
    assert len(sent(encodes.mp4())[0].streams) == 3


def test_what_is_no_film_is_cut_as_everybody_cuts_it() -> None:
    content = b"".join(number.to_bytes(4, "big") for number in range(500_000))
    assert sent(content)[0] == Recipe.opaque(map(ChunkRef.of, cut(content, OPAQUE)))


def test_a_stop_is_noticed_between_two_parts() -> None:
    with pytest.raises(UnavailableError):
        sender(Studio(), lambda: True).send(BytesSource(encodes.mp4()))


# ------------------------------------------------------------------ scratch files
def test_a_scratch_file_has_no_name(tmp_path: Path) -> None:
    with ScratchFiles(tmp_path / "media").file(1000) as file:
        file.write(b"something")
        assert list((tmp_path / "media").iterdir()) == []


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InsufficientStorageError), ScratchFiles(tmp_path).file(1 << 60):
        pass


def test_a_disk_that_fills_up_is_told_the_same_way(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no such device here")
    with pytest.raises(InsufficientStorageError), ScratchFiles(tmp_path).file(0):
        full.write_bytes(b"x")
