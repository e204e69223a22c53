"""The registry of API versions: loaded once, and a start that changes nothing appends nothing."""

from __future__ import annotations

from domain import api_registry
from domain.api_registry import LoadRegistry, RegistryLoaded, VersionRegistered
from tests.spec import Spec

given = Spec(api_registry.DECIDER).given
SINCE = "2026-11-22T00:00:00Z"
LOADED = RegistryLoaded(
    revision=1, source="built-in", sha256="ab" * 32, version_count=1, default_version="v1"
)
V1 = VersionRegistered(version_id="v1", status="current", released_at=SINCE)


def test_the_first_start_loads_the_registry() -> None:
    given().when(LoadRegistry("built-in", "ab" * 32, "v1", SINCE)).then(LOADED, V1)


def test_a_start_that_changes_nothing_appends_nothing() -> None:
    given(LOADED, V1).when(LoadRegistry("built-in", "ab" * 32, "v1", SINCE)).then_nothing()


def test_a_version_is_registered_once_whatever_names_its_content() -> None:
    given(LOADED, V1).when(LoadRegistry("built-in", "cd" * 32, "v1", SINCE)).then_nothing()


def test_the_registry_knows_its_current_version() -> None:
    state = given(LOADED, V1).state
    assert (state.revision, state.default_version, state.versions) == (1, "v1", {"v1": "current"})
