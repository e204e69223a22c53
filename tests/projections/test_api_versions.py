"""The API's versions in PostgreSQL: the registry's own terms, its changelog, its revision (V5.4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.api_registry.commands import (
    ApplyFile,
    CancelBrownouts,
    DeprecateVersion,
    ObserveTime,
    PromoteVersion,
    RegistryCommand,
    RollBackVersion,
    ScheduleBrownout,
    SunsetVersion,
)
from domain.api_registry.decider import DECIDER, REGISTRY_ID
from domain.api_registry.declared import declared, declared_version
from domain.errors import UnavailableError
from gateway.reading import PostgresReading
from gateway.versions.metadata import Metadata
from projections.api_versions.queries import API_VERSIONS
from projections.operating import digest
from tests.domain.registries import SOON, STD, V1, V2, applying, at, soon
from tests.fakes import NOON
from tests.gateway.reading import FoldedReading
from tests.projections.conftest import House

WITHOUT_BETA = declared([V1.model_copy(update={"status": "sunset"}), V2], "v2")
LATER = at("2027-06-01T00:00:00Z")
THEN, NEXT, LAST = (NOON + timedelta(minutes=passed) for passed in (1, 2, 3))
STORY: tuple[RegistryCommand, ...] = (
    applying(STD),
    PromoteVersion("v3-beta", soon()),
    ScheduleBrownout("v1", NOON, NOON + timedelta(hours=1), "look out", NOON),
    CancelBrownouts("v1", "enough", NOON),
    DeprecateVersion("v2", soon(THEN), sunset_at=LATER),
    RollBackVersion("v3", "p1 incident", "ada", soon(NEXT)),
    SunsetVersion("v3-beta", soon(LAST)),
    ObserveTime(LATER),
    applying(WITHOUT_BETA, LATER, adopt=True),
)


@pytest.fixture(params=[1, 500], ids=["one by one", "in one batch"])
def batch_messages(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def told(house: House, *commands: RegistryCommand, batch_messages: int = 500) -> Metadata:
    house.all = (API_VERSIONS,)
    for command in commands:
        house.log.ask(DECIDER.ask(REGISTRY_ID, command))
    house.follow(batch_messages)
    return PostgresReading(house.pool).versions()


@pytest.mark.parametrize("end", range(1, len(STORY) + 1))
def test_a_versions_terms_are_those_of_the_registrys_own_fold(house: House, end: int) -> None:
    metadata = told(house, *STORY[:end])
    registry = house.log.load(DECIDER, REGISTRY_ID).state
    assert metadata.revision == registry.revision
    assert metadata.versions.keys() == registry.versions.keys()
    for version_id, version in registry.versions.items():
        said = declared_version(version).model_dump(exclude={"status"})
        row = metadata.versions[version_id]
        assert said == {name: getattr(row, name) for name in said}


def test_the_changelog_tells_a_promotion_newest_first(house: House, batch_messages: int) -> None:
    metadata = told(house, *STORY[:2], batch_messages=batch_messages)
    newest = [(change.type, change.at, dict(change.members)) for change in metadata.changes[:3]]
    assert newest == [
        ("default", SOON, {"from": "v2", "to": "v3"}),
        ("promoted", SOON, {"from": "v3-beta", "to": "v3"}),
        (
            "deprecated",
            SOON,
            {"version_id": "v3-beta", "before": "prerelease", "cause": "promotion"},
        ),
    ]


def test_the_changelog_has_a_word_for_everything(house: House, batch_messages: int) -> None:
    metadata = told(house, *STORY, batch_messages=batch_messages)
    assert {change.type for change in metadata.changes} == {
        "registered",
        "released",
        "deprecated",
        "sunset",
        "sunset_announced",
        "promoted",
        "rolled_back",
        "withdrawn",
        "default",
        "brownout",
        "brownouts_cancelled",
    }


def test_the_changelog_keeps_reasons_and_names_of_operators_to_itself(house: House) -> None:
    metadata = told(house, *STORY)
    said = repr(metadata.changes)
    assert not any(word in said for word in ("p1 incident", "ada", "look out", "enough"))


def test_a_rebuild_gives_the_same_digest(house: House, batch_messages: int) -> None:
    told(house, *STORY, batch_messages=batch_messages)
    live = digest(house.pool, API_VERSIONS)
    assert all(table.rows for table in live.tables)
    house.rebuilder().rebuild(API_VERSIONS)
    assert digest(house.pool, API_VERSIONS) == live


def test_the_reading_without_a_database_tells_the_same(house: House) -> None:
    assert told(house, *STORY) == FoldedReading(lambda: house.log).versions()


def test_a_read_model_that_is_not_there_yet_is_away(house: House) -> None:
    with pytest.raises(UnavailableError):
        PostgresReading(house.pool).versions()


def test_an_empty_log_tells_of_nothing(house: House) -> None:
    assert told(house) == Metadata({}, [], 0)


def test_a_file_that_is_no_news_is_no_change(house: House) -> None:
    again = ApplyFile("again.yaml", STD.sha256, STD, NOON)
    assert told(house, applying(STD)) == told(house, again)
