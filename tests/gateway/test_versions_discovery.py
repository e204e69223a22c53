"""What /versions says, and to whom (V2.2, V3.4, V4.4, V5.4, V7.2, R12, R13)."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.api_registry.commands import (
    DeprecateVersion,
    PromoteVersion,
    RegisterVersion,
    RegistryCommand,
    RollBackVersion,
)
from domain.api_registry.decider import DECIDER, REGISTRY_ID
from domain.api_registry.declared import declared
from gateway.versions.building import built
from gateway.versions.discovery import Viewer, list_name, may_see
from gateway.versions.metadata import Metadata
from gateway.versions.snapshot import Page, Snapshot
from tests.domain.registries import HANDOVER, SINGLE, STD, V1, V2, a_version, applying, at, soon
from tests.fakes import NOON
from tests.gateway.reading import FoldedReading
from tests.projections.handmade import HandmadeLog

LOADED = applying(STD)
PROMOTE = PromoteVersion("v3-beta", soon())
LATER = NOON + timedelta(minutes=1)
ROLL_BACK = RollBackVersion("v3", "p1 incident", "ada", soon(LATER))
AFTERWARDS = LATER + timedelta(seconds=1)
EVERYBODY: tuple[Viewer, ...] = ("anonymous", "known", "admin")


def shot(*commands: RegistryCommand, moment: datetime = NOON, cold: bool = False) -> Snapshot:
    """As the log and the read model tell it; cold: the read model was away from the start."""
    log = HandmadeLog()
    for command in commands:
        log.ask(DECIDER.ask(REGISTRY_ID, command))
    metadata = None if cold else FoldedReading(lambda: log).versions()
    return built(log.load(DECIDER, REGISTRY_ID).state, moment, metadata)


def body(snapshot: Snapshot, name: str) -> Any:
    return json.loads(snapshot.pages[name].body)


def listed(
    snapshot: Snapshot, viewer: Viewer, *, prerelease: bool = False, sunset: bool = False
) -> list[str]:
    page = body(snapshot, list_name(viewer, prerelease=prerelease, sunset=sunset))
    assert [each["version_id"] for each in page["versions"]] == page["available_versions"]
    assert page["total_count"] == len(page["available_versions"])
    return list(page["available_versions"])


def changes(snapshot: Snapshot, viewer: Viewer = "anonymous") -> list[dict[str, str]]:
    return list(body(snapshot, f"changelog:{viewer}")["changes"])


# ------------------------------------------------------------------ the list
@pytest.mark.parametrize(
    ("viewer", "prerelease", "sunset", "ids"),
    [
        ("anonymous", False, False, ["v1", "v2"]),
        ("anonymous", True, False, ["v1", "v2"]),
        ("anonymous", False, True, ["v0", "v1", "v2"]),
        ("known", False, False, ["v1", "v2"]),
        ("known", True, False, ["v1", "v2", "v3-beta"]),
        ("known", True, True, ["v0", "v1", "v2", "v3-beta"]),
        ("admin", True, True, ["v0", "v1", "v2", "v3-beta", "v4-alpha"]),
        ("admin", False, False, ["v1", "v2"]),
    ],
)
def test_a_list_names_what_its_reader_may_use_and_asked_for(
    viewer: Viewer, prerelease: bool, sunset: bool, ids: list[str]
) -> None:
    assert listed(shot(LOADED), viewer, prerelease=prerelease, sunset=sunset) == ids


def test_a_list_names_the_default_and_the_revision() -> None:
    page = body(shot(LOADED), list_name("anonymous", prerelease=False, sunset=False))
    assert (page["default_version"], page["revision"]) == ("v2", 1)


def test_a_promoted_prerelease_is_listed_beside_its_stable_version() -> None:
    """V3.4a."""
    snapshot = shot(LOADED, PROMOTE, moment=LATER)
    assert listed(snapshot, "anonymous") == ["v1", "v2", "v3", "v3-beta"]
    page = body(snapshot, list_name("anonymous", prerelease=False, sunset=False))
    assert page["default_version"] == "v3"
    assert [each["status"] for each in page["versions"]].count("current") == 1


def test_what_was_rolled_back_is_listed_for_nobody() -> None:
    snapshot = shot(LOADED, PROMOTE, ROLL_BACK, moment=AFTERWARDS)
    for viewer in EVERYBODY:
        assert "v3" not in listed(snapshot, viewer, prerelease=True, sunset=True)
        assert not may_see(viewer, snapshot.live.entries["v3"])


@pytest.mark.parametrize("viewer", ["anonymous", "known"])
def test_nobody_is_told_anywhere_of_what_they_may_not_know(viewer: Viewer) -> None:
    """R12, R13: neither in lists nor as somebody's successor nor in the changelog."""
    v2 = V2.model_copy(update={"successor": "v4-alpha"})
    v1 = V1.model_copy(update={"successor": "v3-beta"})
    snapshot = shot(applying(declared([v1, v2, *STD.versions[3:]], "v2")))
    hidden = {"anonymous": ("v3-beta", "v4-alpha"), "known": ("v4-alpha",)}[viewer]
    pages = [
        name for name in snapshot.pages if viewer in name or name.endswith((":v1", ":v2", "deprecations"))
    ]
    said = b" ".join(snapshot.pages[name].body for name in pages).decode()
    assert len(pages) == 10
    assert not any(each in said for each in hidden)


# ------------------------------------------------------------------ one version
def test_a_version_tells_its_terms() -> None:
    assert body(shot(LOADED), "version:v1") == {
        "version_id": "v1",
        "status": "deprecated",
        "released_at": "2024-01-15T00:00:00Z",
        "deprecated_at": "2025-06-01T00:00:00Z",
        "sunset_at": "2027-06-01T00:00:00Z",
        "successor_version": "v2",
        "migration_guide_url": "https://docs.dits.example/migrations/v1-to-v2",
        "opt_in_required": False,
        "served_by": "v1",
        "wire_form": "v1",
        "openapi": "/openapi/v1.json",
    }


def test_a_version_without_a_guide_says_null() -> None:
    """V2.2f."""
    assert body(shot(applying(SINGLE)), "version:v1")["migration_guide_url"] is None


def test_who_answers_in_the_end_is_named() -> None:
    snapshot = shot(LOADED, PROMOTE, ROLL_BACK, moment=AFTERWARDS)
    assert body(snapshot, "version:v3-beta")["served_by"] == "v2"


def test_a_version_turns_with_the_snapshot() -> None:
    december = at("2026-12-01T00:00:00Z")
    before, then = shot(applying(HANDOVER)), shot(applying(HANDOVER), moment=december)
    assert [body(each, "version:v1")["status"] for each in (before, then)] == ["current", "deprecated"]
    assert listed(before, "anonymous") == ["v1"]
    assert listed(then, "anonymous") == ["v1", "v2"]


# ------------------------------------------------------------------ deprecations
def test_what_nobody_deprecated_has_no_deprecation() -> None:
    """V2.2b, V2.2c, R42."""
    snapshot = shot(applying(SINGLE))
    assert body(snapshot, "deprecation:v1") == {"version_id": "v1", "deprecation": None}
    assert body(snapshot, "deprecations") == {"deprecations": []}


def test_deprecations_tell_of_what_still_works() -> None:
    told = body(shot(LOADED), "deprecations")["deprecations"]
    assert [each["version_id"] for each in told] == ["v1"]
    assert told[0]["deprecation"]["sunset_at"] == "2027-06-01T00:00:00Z"


# ------------------------------------------------------------------ the changelog
def test_a_promotion_stands_in_the_changelog() -> None:
    """V3.4e."""
    told = changes(shot(LOADED, PROMOTE, moment=LATER))
    assert {"type": "promoted", "at": "2026-11-22T12:00:00.050Z", "from": "v3-beta", "to": "v3"} in told
    assert told[-1]["type"] == "changed"


def test_a_rollback_stands_in_the_changelog_without_its_reason() -> None:
    told = changes(shot(LOADED, PROMOTE, ROLL_BACK, moment=AFTERWARDS))
    assert {each["type"] for each in told} >= {"rolled_back", "registered", "deprecated", "default"}
    assert "incident" not in repr(told)


def test_a_version_stands_in_no_changelog_of_who_may_not_see_it() -> None:
    seen = {
        viewer: {each.get("version_id") for each in changes(shot(LOADED), viewer)} for viewer in EVERYBODY
    }
    assert "v3-beta" not in seen["anonymous"]
    assert "v3-beta" in seen["known"]
    assert "v4-alpha" not in seen["known"]
    assert "v4-alpha" in seen["admin"]


@pytest.mark.parametrize("end", ["withdrawn", "rolled back"])
def test_a_hidden_version_that_is_gone_stays_hidden(end: str) -> None:
    secret = RegisterVersion(a_version("v9-secret", "prerelease", "2027-01-01"), NOON)
    file = declared([*STD.versions, a_version("v9-secret", "prerelease", "2027-01-01")], "v2")
    story: tuple[RegistryCommand, ...] = (LOADED, secret, RollBackVersion("v9-secret", "no", "ada", soon()))
    if end == "withdrawn":
        story = (LOADED, applying(file), applying(declared(list(STD.versions[1:]), "v2"), LATER))
    snapshot = shot(*story, moment=AFTERWARDS)
    assert [viewer for viewer in EVERYBODY if "v9-secret" in repr(changes(snapshot, viewer))] == ["admin"]


# ------------------------------------------------------------------ without the read model (V5.4, R21)
def test_without_metadata_a_version_is_its_id_and_its_status() -> None:
    snapshot = shot(LOADED, cold=True)
    assert body(snapshot, "version:v1") == {"version_id": "v1", "status": "deprecated"}
    page = body(snapshot, list_name("anonymous", prerelease=False, sunset=False))
    assert [set(each) for each in page["versions"]] == [{"version_id", "status"}] * 2
    assert page["default_version"] == "v2"


def test_without_metadata_every_page_says_so_and_with_it_none_does() -> None:
    degraded = (b"X-Degraded-Mode", b"metadata-unavailable")
    assert all(degraded in page.headers for page in shot(LOADED, cold=True).pages.values())
    assert not any(degraded in page.headers for page in shot(LOADED).pages.values())


def test_a_version_that_the_read_model_has_not_heard_of_is_its_id_and_its_status() -> None:
    log = HandmadeLog()
    log.ask(DECIDER.ask(REGISTRY_ID, LOADED))
    behind = built(log.load(DECIDER, REGISTRY_ID).state, NOON, Metadata())
    assert body(behind, "version:v2") == {"version_id": "v2", "status": "current"}


# ------------------------------------------------------------------ pages
def test_a_page_is_ready_to_be_sent() -> None:
    for page in shot(LOADED).pages.values():
        headers = dict(page.headers)
        assert headers[b"Content-Length"] == str(len(page.body)).encode()
        assert headers[b"ETag"] == page.etag == etag_of(page)
        assert headers[b"Content-Type"] == b"application/json"
        assert headers[b"Cache-Control"] == b"private, no-cache"


def etag_of(page: Page) -> bytes:
    return b'"' + hashlib.sha256(page.body).hexdigest()[:32].encode() + b'"'


def test_a_tag_stays_while_a_page_says_the_same_and_no_longer() -> None:
    end = DeprecateVersion("v1", soon(), sunset_at=at("2028-01-01T00:00:00Z"))
    one, same, other = shot(LOADED), shot(LOADED, moment=LATER), shot(LOADED, end, moment=LATER)
    for name in ("version:v1", "deprecations", "changelog:anonymous"):
        assert one.pages[name].etag == same.pages[name].etag != other.pages[name].etag
    assert one.pages["version:v2"].etag == other.pages["version:v2"].etag
