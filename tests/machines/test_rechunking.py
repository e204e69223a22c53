"""Films cut anew by their tracks while the process dies anywhere (issue 4: rechunk; I2-I5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest

from domain.asset.events import RecipeSuperseded
from domain.decider import Ask, Context, Outcome
from domain.errors import AlreadyExistsError, ChunkNotFoundError
from domain.format.recipe import Recipe
from domain.format.succession import Succession
from domain.ids import Digest
from domain.ports import EventLog, ObjectName, ObjectStore
from domain.recutting import source_of
from domain.session.events import UploadExpired
from domain.successions import SUCCESSIONS, newest, supersede
from tests.domain.examples import FILM
from tests.faults import Coin, CrashedError, FlakyStore, UncertainLog
from tests.machines.film import Film
from tests.media.making import clip, movie, song
from tests.media.projects import clips, saved
from workers.rechunk_saving import saving
from workers.rechunking import Converted, Left, Pace, Rechunker

REEL = movie(clip(10, 2_000), song())
OTHER = movie(clip(11, 2_000, b"W"), song())
CONTEXT = Context("operator:test", "correlation")
FAST = 1 << 40


class DyingLog(UncertainLog):
    """The process dies at its nth append, before it or after it."""

    def __init__(self, log: EventLog, nth: int, *, landed: bool) -> None:
        super().__init__(log, Coin(0, 0.0))
        self.left, self.landed = nth, landed

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        self.left -= 1
        if self.left < 0 or (self.left == 0 and not self.landed):
            raise CrashedError("append")
        outcome = super().ask(*asks, context=context)
        if self.left == 0:
            raise CrashedError("append")
        return outcome


class HoledStore(FlakyStore):
    """A chunk is gone."""

    def __init__(self, store: ObjectStore, lost: Digest) -> None:
        super().__init__(store, Coin(0, 0.0))
        self.lost = lost

    def get(self, name: ObjectName) -> bytes:
        if name.digest == self.lost:
            raise ChunkNotFoundError(name=name.digest.hex())
        return super().get(name)


def rechunker(film: Film, log: EventLog | None = None, *, bytes_per_s: int = FAST) -> Rechunker:
    events = log or film.process().events
    pace = Pace(film.clock, bytes_per_s)
    return Rechunker(events, film.store, film.ids, pace, FILM, CONTEXT, lambda: False)


def recipes(film: Film) -> list[Digest]:
    return sorted(name.digest for name in film.store.list("recipes"))


def converted(film: Film, log: EventLog | None = None) -> list[Converted | Left]:
    return list(rechunker(film, log).convert(recipes(film)))


def opaque(content: bytes) -> Digest:
    """As a film's clients cut."""
    film = Film()
    return film.send(film.session("opaque"), content)


def rebuilt(film: Film, recipe: Digest) -> bytes:
    decoded = Recipe.decode(film.store.get(ObjectName("recipes", recipe)))
    return source_of(film.store, decoded).read(0, decoded.size_bytes)


def chunks_of(film: Film, content: bytes) -> set[Digest]:
    name = ObjectName("recipes", opaque(content))
    return set(Recipe.decode(film.store.get(name)).children())


def superseded(film: Film) -> Iterator[RecipeSuperseded]:
    return (each.event for each in film.events() if isinstance(each.event, RecipeSuperseded))


def test_a_film_that_was_cut_blindly_is_read_by_its_tracks_from_then_on() -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL, "notes.txt": b"no film"})
    before = film.files("main")
    (done,) = converted(film)
    assert isinstance(done, Converted)
    assert (done.old, done.size_bytes) == (opaque(REEL), len(REEL))
    assert newest(film.log.events, FILM, done.old) == done.new
    made = Recipe.decode(film.store.get(ObjectName("recipes", done.new)))
    assert [stream.profile_id for stream in made.streams] == [5, 3]
    assert rebuilt(film, done.new) == REEL
    assert film.files("main") == before


def test_a_project_that_was_cut_packed_is_kept_unpacked_from_then_on() -> None:
    film, project = Film(), saved(clips(1))
    film.commit("one", {"film.prproj": project})
    (done,) = converted(film)
    assert isinstance(done, Converted)
    made = Recipe.decode(film.store.get(ObjectName("recipes", done.new)))
    assert (made.packing is not None, made.size_bytes) == (True, len(project))
    assert rebuilt(film, done.new) == project


@pytest.mark.parametrize("asked_before", range(1, 8))
def test_a_stop_in_the_middle_of_a_film_leaves_it_as_it_was(asked_before: int) -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL})
    asked, before = count(), len(list(film.events()))
    stopped = replace(rechunker(film), stopping=lambda: next(asked) > asked_before)
    assert list(stopped.convert(recipes(film))) == []
    assert list(superseded(film)) == []
    left = [each.event for each in film.events()][before:]
    assert not left or isinstance(left[-1], UploadExpired)
    assert len(converted(film)) == 1


def test_what_is_done_is_not_done_twice() -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL})
    assert len(converted(film)) == 1
    end = film.log.events.end()
    assert converted(film) == []
    assert film.log.events.end() == end


def test_the_object_store_alone_knows_what_stands_for_what() -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL})
    (done,) = converted(film)
    assert isinstance(done, Converted)
    (name,) = film.store.list(SUCCESSIONS)
    assert Succession.decode(film.store.get(name)) == Succession(done.old, done.new)


def test_the_session_that_held_the_new_chunks_ends_with_the_work() -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL})
    converted(film)
    (told,) = superseded(film)
    place = [each.event for each in film.events()]
    assert isinstance(place[place.index(told) + 1], UploadExpired)


@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("nth", range(1, 8))
def test_a_process_that_dies_anywhere_leaves_what_the_next_one_ends(nth: int, landed: bool) -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL, "other.mov": OTHER})
    with pytest.raises(CrashedError):
        converted(film, DyingLog(film.process().events, nth, landed=landed))
    film.check()
    converted(film)
    assert {each.old for each in superseded(film)} == {opaque(REEL), opaque(OTHER)}
    assert len(list(superseded(film))) == 2
    assert rebuilt(film, newest(film.log.events, FILM, opaque(REEL))) == REEL
    film.check()


def test_a_recipe_whose_chunks_are_gone_stays_and_is_told() -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL, "other.mov": OTHER})
    lost = min(chunks_of(film, REEL) - chunks_of(film, OTHER))
    without = replace(rechunker(film), store=HoledStore(film.store, lost))
    left, done = sorted(without.convert(recipes(film)), key=lambda each: isinstance(each, Converted))
    assert left == Left(opaque(REEL), "CHUNK_NOT_FOUND")
    assert done.old == opaque(OTHER)


def test_no_circle_closes() -> None:
    film = Film()
    one, two = opaque(b"one"), opaque(b"two")
    film.ask(*supersede(FILM, one, two))
    with pytest.raises(AlreadyExistsError):
        film.ask(*supersede(FILM, two, one))
    assert newest(film.log.events, FILM, one) == newest(film.log.events, FILM, two) == two


def test_a_chain_is_followed_to_its_end() -> None:
    film = Film()
    one, two, three = opaque(b"one"), opaque(b"two"), opaque(b"three")
    film.ask(*supersede(FILM, one, two))
    film.ask(*supersede(FILM, two, three))
    film.ask(*supersede(FILM, one, three))
    assert newest(film.log.events, FILM, one) == three
    assert len(list(superseded(film))) == 2


def test_a_commit_that_names_the_old_recipe_still_works() -> None:
    film = Film()
    first = film.commit("one", {"reel.mov": REEL})
    converted(film)
    again = film.commit("two", {"again.mov": REEL}, base=first)
    assert film.state(again).phase == "published"
    assert film.files("main")["again.mov"] == REEL
    film.check()


def test_the_saving_is_known_before_anything_is_stored() -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL, "notes.txt": REEL[:4]})
    end, objects = film.log.events.end(), len(recipes(film))
    found = saving(rechunker(film), recipes(film))
    assert (found.recipes, found.size_bytes, found.added_bytes) == (1, len(REEL), len(REEL))
    assert 0 < found.freed_bytes < len(REEL), "the notes hold a chunk of it"
    assert (film.log.events.end(), len(recipes(film))) == (end, objects)


def test_the_store_is_read_no_faster_than_was_asked_for() -> None:
    film = Film()
    film.commit("one", {"reel.mov": REEL})
    began_ms = film.clock.monotonic_ms()
    list(rechunker(film, bytes_per_s=len(REEL)).convert(recipes(film)))
    assert film.clock.monotonic_ms() - began_ms >= 3_000, "cut once, and both compared"
