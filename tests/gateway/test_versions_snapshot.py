"""Snapshots: frozen, exact to the moment, and with everything a response needs (V3.1, V3.2, V6.3, V9.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, fields, replace
from datetime import datetime, timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.api_registry.commands import (
    DeprecateVersion,
    PromoteVersion,
    RegistryCommand,
    RollBackVersion,
    ScheduleBrownout,
)
from domain.api_registry.declared import declared
from domain.api_registry.registry import Registry
from domain.errors import DitsError
from domain.version_spec import Asked, Asker, Entry, Live, choose
from gateway.versions.building import EMPTY as UNLOADED
from gateway.versions.building import built
from gateway.versions.metadata import Metadata
from gateway.versions.snapshot import RawHeaders, Snapshot, checksum_of, live_at, missing_fields
from tests.domain.registries import (
    EMPTY,
    HANDOVER,
    PAST_SUNSET,
    SINGLE,
    STD,
    a_version,
    after,
    applying,
    at,
    many,
    soon,
)
from tests.fakes import NOON

LOADED = applying(STD)
PROMOTE = PromoteVersion("v3-beta", soon())
HELD = NOON + timedelta(milliseconds=50)
LATER = NOON + timedelta(minutes=1)
ROLL_BACK = RollBackVersion("v3", "p1", "ada", soon(LATER))
DECEMBER = at("2026-12-01T00:00:00Z")
SECOND = timedelta(seconds=1)
GUIDE = "https://docs.dits.example/migrations/v0-to-v2"


def shot(*commands: RegistryCommand, moment: datetime = NOON) -> Snapshot:
    return built(after(*commands), moment, Metadata())


def named(headers: RawHeaders) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in headers}


def statuses(live: Live) -> dict[str, str]:
    return {entry.version_id: entry.phase for entry in live.entries.values()}


# ------------------------------------------------------------------ frozen
@pytest.mark.parametrize("name", [field.name for field in fields(Snapshot)])
def test_a_snapshot_cannot_be_changed(name: str) -> None:
    """V3.1d."""
    snapshot = shot(LOADED)
    with pytest.raises(FrozenInstanceError):
        setattr(snapshot, name, getattr(snapshot, name))


@pytest.mark.parametrize(
    "change",
    [
        lambda snapshot: snapshot.live.entries.update(v9=None),
        lambda snapshot: snapshot.live.entries.pop("v1"),
        lambda snapshot: snapshot.served.clear(),
        lambda snapshot: snapshot.lifecycle.update(v1=()),
        lambda snapshot: snapshot.pages.clear(),
        lambda snapshot: setattr(snapshot.live, "default", "v1"),
        lambda snapshot: setattr(snapshot.live.entries["v1"], "phase", "current"),
    ],
)
def test_nothing_in_a_snapshot_can_be_changed(change: Callable[[object], object]) -> None:
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        change(shot(LOADED))


# ------------------------------------------------------------------ exact to the moment
def test_a_snapshot_ends_when_the_registry_turns_and_knows_what_follows() -> None:
    snapshot = shot(applying(HANDOVER))
    assert (snapshot.valid_until, snapshot.is_over(DECEMBER - SECOND)) == (DECEMBER, False)
    assert snapshot.is_over(DECEMBER)
    assert statuses(snapshot.live) == {"v1": "current", "v2": "current"}
    assert snapshot.next is not None
    assert statuses(snapshot.next.live) == {"v1": "deprecated", "v2": "current"}
    assert (snapshot.live.default, snapshot.next.live.default) == ("v1", "v2")


def test_what_has_nothing_announced_never_ends() -> None:
    snapshot = shot(applying(SINGLE))
    assert (snapshot.valid_until, snapshot.next) == (None, None)
    assert not snapshot.is_over(at("9999-01-01T00:00:00Z"))


def test_one_snapshot_ahead_is_built_and_no_more() -> None:
    registry = after(LOADED)
    turns = registry.boundaries_after(NOON)
    first = built(registry, NOON, Metadata())
    second = first.next
    assert second is not None
    assert (first.valid_until, second.since, second.valid_until) == (turns[0], turns[0], turns[1])
    assert second.next is None


@pytest.mark.parametrize(
    "story",
    [
        (LOADED,),
        (applying(HANDOVER),),
        (LOADED, PROMOTE),
        (LOADED, PROMOTE, ROLL_BACK),
        (applying(PAST_SUNSET),),
    ],
)
def test_the_chain_of_snapshots_is_the_registry_at_each_moment(story: tuple[RegistryCommand, ...]) -> None:
    registry = after(*story)
    turns = registry.boundaries_after(NOON)
    snapshot: Snapshot | None = built(registry, NOON, Metadata(), ahead=len(turns) + 1)
    for since in (NOON, *turns):
        assert snapshot is not None
        assert snapshot.since == since
        assert snapshot.live == live_at(registry, since)
        assert not snapshot.is_over(since)
        snapshot = snapshot.next
    assert snapshot is None


def test_a_brownout_begins_and_ends_at_its_moments() -> None:
    starts_at, ends_at = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    registry = after(LOADED, ScheduleBrownout("v1", starts_at, ends_at, "why", NOON))
    ends = [live_at(registry, each).entries["v1"].brownout_ends_at for each in (NOON, starts_at, ends_at)]
    assert ends == ["", "2026-11-22T14:00:00Z", ""]
    assert registry.boundaries_after(NOON)[:2] == (starts_at, ends_at)


def test_a_sunset_that_came_outshines_a_brownout() -> None:
    june = at("2027-06-01T00:00:00Z")
    schedule = ScheduleBrownout("v1", june - SECOND, june + SECOND, "why", NOON)
    assert live_at(after(LOADED, schedule), june).entries["v1"].brownout_ends_at == ""


# ------------------------------------------------------------------ what it holds
def test_only_what_everybody_may_use_is_told_as_supported() -> None:
    assert shot(LOADED).supported == b"v1, v2"
    promoted = shot(LOADED, PROMOTE, moment=HELD)
    assert promoted.supported == b"v1, v2, v3, v3-beta"


def test_every_version_has_its_headers_and_pages() -> None:
    snapshot = shot(LOADED, PROMOTE, ROLL_BACK, moment=LATER + SECOND)
    ids = {"v0", "v1", "v2", "v3", "v3-beta", "v4-alpha"}
    assert set(snapshot.served) == set(snapshot.lifecycle) == ids
    assert {f"version:{each}" for each in ids} <= set(snapshot.pages)


def test_an_empty_registry_is_not_usable_and_says_why() -> None:
    for snapshot in (built(Registry(), NOON, None), UNLOADED):
        assert snapshot.trouble is not None
        assert snapshot.trouble.facts["reason"] == "REGISTRY_NOT_INITIALIZED"
    assert EMPTY.versions == ()


def test_a_sunset_current_version_degrades_and_blocks_nothing() -> None:
    snapshot = shot(applying(PAST_SUNSET))
    assert (snapshot.trouble, snapshot.reasons) == (None, ("current_version_sunset",))
    assert shot(LOADED).reasons == ()


def test_a_hundred_versions_are_built_within_a_tenth_of_a_second() -> None:
    """Else one build per 100 ms could not be kept (V9.2a); a generous bound, for a shared machine."""
    registry = after(applying(many(100)))
    began = datetime.now().timestamp()  # noqa: DTZ005 -- a duration
    built(registry, NOON, Metadata())
    assert datetime.now().timestamp() - began < 1  # noqa: DTZ005


# ------------------------------------------------------------ headers, as R25 to R27, R37 and R39 say
def test_a_single_version_announces_nothing() -> None:
    """V2.2d."""
    assert named(shot(applying(SINGLE)).served["v1"]) == {"X-API-Version": "v1"}


def test_a_deprecated_version_says_since_when_and_until_when() -> None:
    """V3.1b, V3.3a."""
    headers = named(shot(LOADED).served["v1"])
    assert headers["Deprecation"] == "@1748736000"
    assert headers["Sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
    assert '</versions/v2>; rel="successor-version"' in headers["Link"]
    assert '</versions/v2>; rel="latest-version"' in headers["Link"]
    assert '</versions/changelog>; rel="version-history"' in headers["Link"]


def test_a_deprecation_is_announced_ahead_of_its_time() -> None:
    """V3.2a; the successor is not named before it is there (R13)."""
    headers = named(shot(applying(HANDOVER), moment=DECEMBER - SECOND).served["v1"])
    assert headers["Deprecation"] == "@1796083200"
    assert "v2" not in headers["Link"]
    assert "v2" in named(shot(applying(HANDOVER), moment=DECEMBER).served["v1"])["Link"]


def test_what_was_deprecated_just_now_says_so() -> None:
    """V3.1b."""
    handed = shot(LOADED, DeprecateVersion("v2", soon(), successor="v3-beta"), moment=HELD)
    assert named(handed.served["v2"])["Deprecation"] == "@1795348800"


def test_a_sunset_version_says_where_to_go() -> None:
    """V7.2a."""
    headers = named(shot(LOADED).lifecycle["v0"])
    assert headers["Sunset"] == "Mon, 01 Jan 2024 00:00:00 GMT"
    assert f'<{GUIDE}>; rel="sunset"' in headers["Link"]
    assert f'<{GUIDE}>; rel="deprecation"' in headers["Link"]
    assert '</versions/v2>; rel="successor-version"' in headers["Link"]
    assert "X-API-Version" not in headers


def test_a_prerelease_says_that_it_is_one() -> None:
    """V4.4e."""
    assert named(shot(LOADED).served["v3-beta"])["X-API-Version-Stability"] == "prerelease"


def test_a_promoted_prerelease_is_answered_by_its_stable_version() -> None:
    """V3.4b."""
    headers = named(shot(LOADED, PROMOTE, moment=HELD).served["v3-beta"])
    assert (headers["X-API-Version"], headers["Deprecation"]) == ("v3", "@1795348800")
    assert '</versions/v3>; rel="successor-version"' in headers["Link"]
    assert "X-API-Version-Stability" not in headers


def test_what_was_rolled_back_names_what_answered_and_what_was_asked_for() -> None:
    """V5.3b."""
    snapshot = shot(LOADED, PROMOTE, ROLL_BACK, moment=LATER + SECOND)
    assert named(snapshot.served["v3"]) == {"X-API-Version": "v2", "X-API-Version-Fallback": "v3"}
    assert named(snapshot.served["v3-beta"])["X-API-Version"] == "v2"
    assert "Deprecation" not in named(snapshot.served["v2"])


@pytest.mark.parametrize("moment", [NOON, HELD, LATER, LATER + SECOND, at("2027-06-01T00:00:00Z")])
@given(asked=st.sampled_from(["v0", "v1", "v2", "v3", "v3-beta", "v4-alpha"]))
def test_whatever_is_chosen_has_the_headers_of_what_serves_it(moment: datetime, asked: str) -> None:
    snapshot = shot(LOADED, PROMOTE, ROLL_BACK, moment=moment)
    asker = Asker(authenticated=True, admin=True, opted_in=True)
    try:
        choice = choose(Asked(asked, "header"), snapshot.live, asker)
    except DitsError:
        return
    headers = named(snapshot.served[choice.requested])
    assert headers["X-API-Version"] == choice.serving.version_id
    assert headers.get("X-API-Version-Fallback", "") == choice.fallback_of


# ------------------------------------------------------------------ whole or broken (V5.2)
OTHER: Mapping[str, object] = {
    "version_id": "v8",
    "phase": "sunset",
    "released": False,
    "opt_in_required": True,
    "served_by": "v2",
    "is_tombstone": True,
    "sunset_at": "2030-01-01T00:00:00Z",
    "successor": "v9",
    "migration_guide_url": "https://elsewhere.example/",
    "brownout_ends_at": "2030-01-01T00:00:00Z",
}


@pytest.mark.parametrize("name", Entry.__slots__)
def test_the_checksum_finds_any_field_that_is_other_or_gone(name: str) -> None:
    live = live_at(after(LOADED), NOON)
    entry = live.entries["v1"]
    for wrong in (OTHER[name], None, object()):
        changed = replace(entry, **{name: wrong})  # type: ignore[arg-type]
        assert checksum_of(with_entry(live, changed)) != checksum_of(live)
    object.__delattr__(entry, name)
    assert missing_fields(live) == (f"v1.{name}",)
    assert checksum_of(live) != checksum_of(live_at(after(LOADED), NOON))


def with_entry(live: Live, entry: Entry) -> Live:
    return replace(live, entries={**live.entries, "v1": entry})


def test_the_checksum_finds_another_default_or_version() -> None:
    live = live_at(after(LOADED), NOON)
    fewer = {id_: entry for id_, entry in live.entries.items() if id_ != "v1"}
    for other in (replace(live, default="v1"), replace(live, visible=()), replace(live, entries=fewer)):
        assert checksum_of(other) != checksum_of(live)


def test_a_phase_that_is_none_is_a_missing_field() -> None:
    live = live_at(after(LOADED), NOON)
    strange = with_entry(live, replace(live.entries["v1"], phase=cast("object", "retired")))  # type: ignore[arg-type]
    assert missing_fields(strange) == ("v1.phase",)
    assert missing_fields(live) == ()


def test_equal_registries_have_equal_checksums() -> None:
    other = declared(list(reversed(STD.versions)), "v2")
    assert shot(LOADED).checksum == shot(applying(other)).checksum
    assert a_version("v1", "current") != STD.versions[0]
