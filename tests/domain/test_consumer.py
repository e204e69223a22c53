"""Consumers and their keys: digests only, known scopes, and never without an administrator (S5.5); limits,
pinned versions, and the days on which a version was used."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from domain import consumer
from domain.consumer import (
    VERSIONS_NOTED_MAX,
    ApiKeyIssued,
    ApiKeyRevoked,
    Consumer,
    ConsumerLimitSet,
    ConsumerRegistered,
    IssueKey,
    KeyVersionPinned,
    NoteVersionUse,
    PinVersion,
    RevokeKey,
    SetLimit,
    VersionUseNoted,
    consumer_id,
    grants,
)
from domain.errors import InvalidNameError, LastKeyError, NotFoundError
from domain.ids import KeyId
from tests.domain.examples import ADA, FILM
from tests.spec import Spec

given = Spec(consumer.DECIDER).given
REGISTERED = ConsumerRegistered(consumer=ADA, name="ada")
DAYS = st.dates().map(lambda day: day.isoformat())
VERSIONS = st.sampled_from(["v1", "v2", "v3-beta"])


def issue(key: str, *scopes: str) -> IssueKey:
    return IssueKey(ADA, "ada", KeyId(key), b"digest", scopes, (FILM,))


def issued(key: str, *scopes: str) -> ApiKeyIssued:
    return ApiKeyIssued(
        consumer=ADA, name="ada", key_id=KeyId(key), digest=b"digest", scopes=scopes, repos=(FILM,)
    )


def revoked(key: str) -> ApiKeyRevoked:
    return ApiKeyRevoked(consumer=ADA, key_id=KeyId(key), reason="lost")


def test_the_first_key_registers_its_consumer() -> None:
    given().when(issue("k1", "read")).then(REGISTERED, issued("k1", "read"))


def test_a_further_key_registers_nobody() -> None:
    given(REGISTERED, issued("k1", "read")).when(issue("k2", "write")).then(issued("k2", "write"))


@pytest.mark.parametrize("scope", ["", "reads", "Write", "admin:", "admin:Locks", "admin:a b", "read\n"])
def test_a_scope_that_nobody_knows_is_refused(scope: str) -> None:
    given().when(issue("k1", "read", scope)).then_refused(InvalidNameError, name=scope)


@pytest.mark.parametrize("scope", ["read", "write", "admin", "admin:locks", "admin:api-keys"])
def test_every_documented_scope_can_be_issued(scope: str) -> None:
    given().when(issue("k1", scope)).then(REGISTERED, issued("k1", scope))


def test_a_revoked_key_is_gone_and_the_other_stays() -> None:
    story = given(REGISTERED, issued("k1", "read"), issued("k2", "read"))
    story.when(RevokeKey(KeyId("k1"), "lost")).then(revoked("k1"))
    after = given(REGISTERED, issued("k1", "read"), issued("k2", "read"), revoked("k1"))
    assert list(after.state.keys) == ["k2"]


def test_a_key_that_is_not_there_cannot_be_revoked() -> None:
    given().when(RevokeKey(KeyId("k1"), "lost")).then_refused(NotFoundError, thing="key")
    given(REGISTERED).when(RevokeKey(KeyId("k1"), "lost")).then_refused(NotFoundError, name="k1")


def test_the_last_key_that_administers_everything_stays() -> None:
    only = given(REGISTERED, issued("k1", "admin"), issued("k2", "write"))
    only.when(RevokeKey(KeyId("k1"), "lost")).then_refused(LastKeyError)
    two = given(REGISTERED, issued("k1", "admin"), issued("k2", "admin", "read"))
    two.when(RevokeKey(KeyId("k1"), "lost")).then(revoked("k1"))


def test_scopes_grant_what_they_say_and_admin_grants_everything() -> None:
    assert grants(("read",), "read")
    assert grants(("write",), "read")
    assert grants(("admin",), "admin:locks")
    assert not grants(("read",), "write")
    assert not grants(("write",), "admin:locks")
    assert not grants(("admin:locks",), "admin:keys")


def test_a_consumers_id_follows_from_its_name() -> None:
    assert consumer_id("ada") == ADA != consumer_id("bob")


# ------------------------------------------------------------------ the limit of requests
def limited(requests_per_minute: int | None) -> ConsumerLimitSet:
    return ConsumerLimitSet(consumer=ADA, requests_per_minute=requests_per_minute)


def test_a_consumer_gets_a_limit_of_its_own_and_gives_it_back() -> None:
    given(REGISTERED).when(SetLimit(ADA, 5_000)).then(limited(5_000))
    given(REGISTERED, limited(5_000)).when(SetLimit(ADA, None)).then(limited(None))


def test_a_limit_that_stands_already_is_no_news() -> None:
    given(REGISTERED).when(SetLimit(ADA, None)).then_nothing()
    given(REGISTERED, limited(5_000)).when(SetLimit(ADA, 5_000)).then_nothing()


def test_a_limit_is_for_somebody_who_is_known() -> None:
    given().when(SetLimit(ADA, 5_000)).then_refused(NotFoundError, thing="consumer", name=ADA)
    given(used("v1", "2026-11-22")).when(SetLimit(ADA, 5_000)).then(limited(5_000))


# ------------------------------------------------------------------ the pinned version
def pinned(key: str, version_id: str | None) -> KeyVersionPinned:
    return KeyVersionPinned(consumer=ADA, key_id=KeyId(key), version_id=version_id)


def test_a_key_is_pinned_to_a_version_and_let_go() -> None:
    story = given(REGISTERED, issued("k1", "read"))
    story.when(PinVersion(KeyId("k1"), "v1")).then(pinned("k1", "v1"))
    after = given(REGISTERED, issued("k1", "read"), pinned("k1", "v1"))
    after.when(PinVersion(KeyId("k1"), None)).then(pinned("k1", None))


def test_a_key_can_be_issued_with_its_version() -> None:
    command = replace(issue("k1", "read"), version_id="v1")
    given().when(command).then(REGISTERED, issued("k1", "read"), pinned("k1", "v1"))


def test_a_pin_that_stands_already_is_no_news() -> None:
    given(REGISTERED, issued("k1", "read")).when(PinVersion(KeyId("k1"), None)).then_nothing()
    after = given(REGISTERED, issued("k1", "read"), pinned("k1", "v1"))
    after.when(PinVersion(KeyId("k1"), "v1")).then_nothing()


def test_a_revoked_key_is_not_pinned() -> None:
    gone = given(REGISTERED, issued("k1", "read"), revoked("k1"))
    gone.when(PinVersion(KeyId("k1"), "v1")).then_refused(NotFoundError, thing="key", name="k1")


def test_a_pin_is_of_one_key_and_leaves_the_others() -> None:
    after = given(REGISTERED, issued("k1", "read"), issued("k2", "read"), pinned("k1", "v1")).state
    assert [key.version_id for key in after.keys.values()] == ["v1", None]


# ------------------------------------------------------------------ the days a version was used
def used(version_id: str, day: str) -> VersionUseNoted:
    return VersionUseNoted(consumer=ADA, version_id=version_id, day=day)


def test_a_version_is_noted_once_a_day() -> None:
    given().when(NoteVersionUse(ADA, "v1", "2026-11-22")).then(used("v1", "2026-11-22"))
    noted = given(used("v1", "2026-11-22"))
    noted.when(NoteVersionUse(ADA, "v1", "2026-11-22")).then_nothing()
    noted.when(NoteVersionUse(ADA, "v1", "2026-11-23")).then(used("v1", "2026-11-23"))
    noted.when(NoteVersionUse(ADA, "v2", "2026-11-22")).then(used("v2", "2026-11-22"))


def test_a_day_that_has_passed_is_not_noted_any_more() -> None:
    given(used("v1", "2026-11-22")).when(NoteVersionUse(ADA, "v1", "2026-11-21")).then_nothing()


@for_any(st.lists(st.tuples(VERSIONS, DAYS), max_size=30))
def test_the_newest_day_of_each_version_is_kept_however_uses_come(uses: list[tuple[str, str]]) -> None:
    state, events = Consumer(), list[consumer.ConsumerEvent]()
    for version_id, day in uses:
        facts = consumer.decide(state, NoteVersionUse(ADA, version_id, day))
        state, events = reduce(consumer.evolve, facts, state), [*events, *facts]
    assert state.version_days == {v: max(day for u, day in uses if u == v) for v, _ in uses}
    assert len(set(map(str, events))) == len(events)


def test_the_version_used_longest_ago_makes_room() -> None:
    full = [used(f"v{n}", f"2026-01-{1 + n // 28:02}") for n in range(VERSIONS_NOTED_MAX)]
    days = given(*full, used("v999", "2026-11-22")).state.version_days
    assert len(days) == VERSIONS_NOTED_MAX
    assert ("v0" in days, "v1" in days, days["v999"]) == (False, True, "2026-11-22")


def test_limits_pins_and_noted_days_outlive_a_registration() -> None:
    after = given(used("v1", "2026-11-22"), limited(5), REGISTERED).state
    assert (after.requests_per_minute, dict(after.version_days)) == (5, {"v1": "2026-11-22"})
