"""Consumers and their keys: digests only, known scopes, and never without an administrator (S5.5)."""

from __future__ import annotations

import pytest

from domain import consumer
from domain.consumer import (
    ApiKeyIssued,
    ApiKeyRevoked,
    ConsumerRegistered,
    IssueKey,
    RevokeKey,
    consumer_id,
    grants,
)
from domain.errors import InvalidNameError, LastKeyError, NotFoundError
from domain.ids import KeyId
from tests.domain.examples import ADA, FILM
from tests.spec import Spec

given = Spec(consumer.DECIDER).given
REGISTERED = ConsumerRegistered(consumer=ADA, name="ada")


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
