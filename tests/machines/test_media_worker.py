"""The media worker: what is open is found and ended, also after a death at any moment (S4.1)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import BinaryIO

import pytest

from domain.asset.events import AssetSalvaged, PictureDrawn, SalvageFailed
from domain.commit.events import CommitOpened
from domain.consumer import consumer_id
from domain.decider import Ask, Context, Outcome
from domain.errors import ChunkNotFoundError, UnavailableError
from domain.format.digest import digest_of
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource, Source
from domain.ids import Digest
from domain.ports import DERIVED, LIMIT_EXCEEDED, NOTHING_PLAYABLE, EventLog, ObjectName, Remuxed, Unplayable
from tests.faults import Coin, CrashedError, FlakyStore
from tests.media import encodes
from tests.media.making import truncated
from tests.media.studio import PATH, TARGET, TRIES_MAX, NearTools, Studio
from workers.media_worker import BROKEN

DAMAGED = truncated(encodes.fast_start(), 60)
END_APPEND = 5
"""Session, chunks, recipe, commit, and then the salvage's end."""


def asked(content: bytes = DAMAGED, studio: Studio | None = None) -> tuple[Studio, Digest]:
    """A damaged film at PATH, and the wish to have it salvaged."""
    studio = studio or Studio()
    recipe = studio.keep(content)
    studio.ask(recipe)
    return studio, recipe


def failure(studio: Studio) -> SalvageFailed:
    (told,) = studio.told(SalvageFailed)
    assert isinstance(told, SalvageFailed)
    assert studio.told(AssetSalvaged) == []
    return told


# ------------------------------------------------------------------ salvage
def test_what_can_be_played_is_committed_beside_the_original() -> None:
    studio, _ = asked()
    studio.work()
    files = studio.film.files()
    assert files[PATH] == DAMAGED
    salvaged = read_movie(BytesSource(files[TARGET]))
    assert salvaged is not None
    assert salvaged.issues == ()
    assert all(track.samples.count > 20 for track in salvaged.tracks)
    studio.film.check()


def test_a_salvage_ends_by_an_event_that_names_what_came_of_it() -> None:
    studio, recipe = asked()
    studio.work()
    (told,) = studio.told(AssetSalvaged)
    assert isinstance(told, AssetSalvaged)
    assert (told.recipe, told.salvaged, told.target) == (recipe, studio.recipe_at(TARGET), TARGET)
    assert told.commit == studio.film.head()
    assert studio.asset(recipe).asked is None


def test_the_commit_is_that_of_who_asked() -> None:
    studio, _ = asked()
    studio.work()
    head = studio.film.head()
    assert head is not None
    opened = studio.film.state(head).opened
    assert opened is not None
    assert (opened.author_name, opened.message) == ("ada", f"salvage {PATH}")


def test_the_salvaged_film_is_cut_by_its_tracks() -> None:
    studio, _ = asked()
    studio.work()
    name = studio.recipe_at(TARGET)
    assert name is not None
    assert len(studio.film.edges().children[name]) > 1


def test_a_film_of_which_nothing_can_be_played_is_told_so() -> None:
    studio, _ = asked(truncated(encodes.mp4(), 60))
    before = studio.film.head()
    studio.work()
    assert failure(studio).code == NOTHING_PLAYABLE
    assert studio.film.head() == before


def test_what_failed_can_be_asked_for_again() -> None:
    studio, recipe = asked(studio=Studio(file_bytes_max=1000))
    studio.work()
    assert failure(studio).code == LIMIT_EXCEEDED
    studio.file_bytes_max = 10**9
    studio.ask(recipe)
    studio.work()
    assert studio.recipe_at(TARGET) is not None


def test_a_target_that_somebody_else_locked_is_left_alone() -> None:
    studio, _ = asked()
    studio.film.lock(TARGET, consumer_id("bob"))
    studio.work()
    assert failure(studio).code == "LOCK_HELD"
    assert studio.recipe_at(TARGET) is None


def test_a_salvage_that_is_over_is_not_done_again() -> None:
    studio, _ = asked()
    studio.work()
    studio.work()
    assert len(studio.told(CommitOpened)) == 2
    assert len(studio.told(AssetSalvaged)) == 1


def test_a_lost_chunk_of_the_original_ends_the_salvage() -> None:
    studio, recipe = asked()
    lost = ChunkNotFoundError(name=recipe.hex())
    studio.work(store=FlakyStore(studio.film.store, Coin(1, 1.0), lost))
    assert failure(studio).code == "CHUNK_NOT_FOUND"


# ------------------------------------------------------------------ deaths and troubles
@dataclass
class Dying:
    """An event log on whose n-th append the process dies, before or after it."""

    events: EventLog
    nth: int
    after: bool

    def __getattr__(self, name: str) -> object:
        return getattr(self.events, name)

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        self.nth -= 1
        if self.nth == 0 and not self.after:
            raise CrashedError
        outcome = self.events.ask(*asks, context=context)
        if self.nth == 0:
            raise CrashedError
        return outcome


@dataclass
class Meeting:
    """An event log before whose n-th append another worker does all that there is to do, unless it dies."""

    events: EventLog
    nth: int
    studio: Studio
    dies_at: int

    def __getattr__(self, name: str) -> object:
        return getattr(self.events, name)

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        self.nth -= 1
        if self.nth == 0:
            with suppress(CrashedError):
                other = Dying(self.studio.film.process().events, self.dies_at, after=False)
                self.studio.work(events=other)  # type: ignore[arg-type]
        return self.events.ask(*asks, context=context)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_append_leaves_one_salvage(after: bool) -> None:
    for nth in count(1):
        studio, _ = asked()
        try:
            studio.work(events=Dying(studio.film.process().events, nth, after))  # type: ignore[arg-type]
        except CrashedError:
            studio.work()
            assert len(studio.told(AssetSalvaged)) == 1
            assert len(studio.told(CommitOpened)) == 2
            studio.film.check()
        else:
            assert nth > 5
            return


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_two_workers_on_one_salvage_do_no_harm(nth: int, dies: bool) -> None:
    studio, _ = asked()
    events = Meeting(studio.film.process().events, nth, studio, END_APPEND if dies else 0)
    studio.work(events=events)  # type: ignore[arg-type]
    assert events.nth <= 0
    assert len(studio.told(AssetSalvaged)) == 1
    assert studio.told(SalvageFailed) == []
    assert len(studio.told(CommitOpened)) == 2
    studio.film.check()


def test_a_store_that_is_away_for_a_while_is_waited_for() -> None:
    studio, _ = asked()
    away = FlakyStore(studio.film.store, Coin(1, 1.0))
    studio.work(store=away)
    assert studio.told(SalvageFailed) == []
    studio.work()
    assert len(studio.told(AssetSalvaged)) == 1


class Tools(NearTools):
    """Tools that fail as they are told."""

    def __init__(self, error: Exception, times: int = 10**6) -> None:
        self._error = error
        self._left = times

    def remux(self, damaged: Source, sound: BinaryIO) -> Remuxed | Unplayable:
        self._left -= 1
        if self._left >= 0:
            raise self._error
        return super().remux(damaged, sound)


@pytest.mark.parametrize(
    ("error", "code"),
    [(RuntimeError("a fault of ours"), BROKEN), (UnavailableError(dependency="it"), UnavailableError.code)],
)
def test_what_fails_too_often_is_told_as_a_failure(error: Exception, code: str) -> None:
    studio, _ = asked(studio=Studio(tools=Tools(error)))
    studio.work(patience=TRIES_MAX)
    assert failure(studio).code == code


def test_a_fault_of_ours_stops_nobody_else() -> None:
    studio = Studio(tools=Tools(RuntimeError("a fault of ours"), times=1))
    asked(studio=studio)
    second = studio.keep(truncated(encodes.fast_start(), 70), "b.mp4")
    studio.ask(second, "b.mp4", "b.salvaged.mp4")
    studio.work()
    assert studio.recipe_at("b.salvaged.mp4") is not None
    assert studio.recipe_at(TARGET) is None


# ------------------------------------------------------------------ pictures
def test_a_film_gets_its_pictures_once() -> None:
    studio = Studio()
    recipe = studio.keep(encodes.mp4(), raw=False)
    studio.work()
    studio.work()
    pictures = studio.asset(recipe).pictures
    assert set(pictures) == {"poster", "sheet"}
    for each in pictures.values():
        content = studio.film.store.get(ObjectName(DERIVED, each.picture))
        assert (digest_of(content), len(content)) == (each.picture, each.size_bytes)
    assert len(studio.told(PictureDrawn)) == 2


def test_a_salvaged_film_gets_pictures_too() -> None:
    studio, _ = asked()
    studio.work()
    salvaged = studio.recipe_at(TARGET)
    assert salvaged is not None
    assert set(studio.asset(salvaged).pictures) == {"poster", "sheet"}


@pytest.mark.parametrize(
    "content", [encodes.encode(encodes.Recording(pictures=())), b"no film"], ids=["a song", "a text"]
)
def test_what_shows_no_pictures_gets_none(content: bytes) -> None:
    studio = Studio()
    studio.keep(content, raw=False)
    studio.work()
    assert studio.told(PictureDrawn) == []


def test_a_film_that_nobody_can_draw_stops_nobody_else() -> None:
    studio = Studio()
    first, second = encodes.mp4(), encodes.with_b_frames()
    broken = first[:1000] + bytes(60_000) + first[61_000:]
    studio.keep(broken, "a.mp4", raw=False)
    recipe = studio.keep(second, "b.mp4", raw=False)
    studio.work()
    assert set(studio.asset(recipe).pictures) == {"poster", "sheet"}


def test_a_picture_can_be_drawn_again() -> None:
    studio = Studio()
    recipe = studio.keep(encodes.mp4(), raw=False)
    drawn = NearTools().draw(BytesSource(encodes.mp4()))
    studio.work()
    assert isinstance(drawn, tuple)
    told = {each.kind: digest_of(each.content) for each in drawn}
    assert {kind: each.picture for kind, each in studio.asset(recipe).pictures.items()} == told
