"""What parking relies on: events of different aggregates may come in any order and in any batches (I5)."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import projections
from domain import consumer, repository, tag
from domain.api_registry import decider as api_registry
from domain.api_registry.commands import PromoteVersion
from domain.consumer import IssueKey, NoteVersionUse, PinVersion, RevokeKey, SetLimit
from domain.event import Recorded
from domain.ids import AggregateId, Digest, KeyId
from domain.repository import CreateRepository, ShowRepository
from domain.tag import CreateTag
from projections import builds
from projections.projection import Projection, TableDigest, digests
from projections.transactions import Pool, transaction
from tests.domain.examples import ADA, CUT_1, FILM
from tests.domain.registries import STD, applying, soon
from tests.fakes import FakeClock
from tests.machines.film import Film
from tests.projections.conftest import emptied


@cache
def history() -> tuple[Recorded, ...]:
    """A film's life, as the product's own deciders and saga wrote it."""
    film = Film()
    film.ask(repository.DECIDER.ask(FILM, CreateRepository(FILM, "film", ADA, public=False)))
    film.ask(repository.DECIDER.ask(FILM, ShowRepository(public=True)))
    for key in ("kept", "lost"):
        issue = IssueKey(ADA, "ada", KeyId(key), key.encode().ljust(32), ("read",), (FILM,))
        film.ask(consumer.DECIDER.ask(ADA, issue))
    film.ask(consumer.DECIDER.ask(ADA, RevokeKey(KeyId("lost"), "leaked")))
    for command in (
        SetLimit(ADA, 5),
        PinVersion(KeyId("kept"), "v1"),
        NoteVersionUse(ADA, "v1", "2026-11-22"),
    ):
        film.ask(consumer.DECIDER.ask(ADA, command))
    for asked in (applying(STD), PromoteVersion("v3-beta", soon())):
        film.ask(api_registry.DECIDER.ask(api_registry.REGISTRY_ID, asked))
    first = film.commit("one", {"a/clip.mov": b"abcdefgh", "a/sound.wav": b"12345678"})
    second = film.commit("two", {"a/clip.mov": b"abcdEFGH"}, base=first)
    film.commit("three", {"a/clip.mov": b"conflict"}, base=first, fixed_head=True)
    film.commit("four", {"b.mov": b"abcd"}, base=second, branch="edit")
    film.ask(tag.DECIDER.ask(CUT_1, CreateTag(FILM, CUT_1, "cut-1", second, Digest(bytes(32)))))
    film.unlock("a/clip.mov", ADA, film.lock("a/clip.mov", ADA))
    film.lock("a/sound.wav", ADA)
    return tuple(film.events())


def folded(pool: Pool, projection: Projection, batches: list[list[Recorded]]) -> tuple[TableDigest, ...]:
    with transaction(emptied(pool)) as cursor:
        builds.create(cursor, projection, FakeClock().now(), indexed=True)
        for batch in batches:
            projection.apply(cursor, [recorded for recorded in batch if projection.wants(recorded)])
        return digests(cursor, projection)


def dealt_anew(chance: Random) -> list[list[Recorded]]:
    """The history with its aggregates in another order, cut into batches."""
    queues: dict[AggregateId, list[Recorded]] = {}
    for recorded in history():
        queues.setdefault(recorded.aggregate, []).append(recorded)
    batches: list[list[Recorded]] = [[]]
    while queues:
        aggregate = chance.choice(sorted(queues, key=str))
        batches[-1].append(queues[aggregate].pop(0))
        if not queues[aggregate]:
            del queues[aggregate]
        if chance.random() < 0.2:
            batches.append([])
    return batches


@pytest.mark.parametrize("projection", projections.ALL, ids=lambda projection: projection.name)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_events_of_different_aggregates_commute(
    module_pool: Pool, projection: Projection, chance: Random
) -> None:
    straight = folded(module_pool, projection, [list(history())])
    assert sum(table.rows for table in straight) > 0
    assert folded(module_pool, projection, dealt_anew(chance)) == straight
