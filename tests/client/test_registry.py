"""The API's versions over both transports: what everybody sees of them, and what operators decide."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, product
from string import ascii_lowercase

import pytest

from gateway.client import Client, ProblemError
from gateway.client.registry import Brownout, Decided, PublicVersion, Recorded
from gateway.client.results import Fields
from gateway.client.versions import Terms
from infra.clock import SystemClock
from tests.client.conftest import Served

_numbers = count(800)
_words = map("".join, product(ascii_lowercase, repeat=2))
"""Suffixes of versions below v2, so that none of them is ever what a rollback falls back to."""
OF_OLD = Terms("deprecated", "2024-01-01T00:00:00Z", successor="v2", opt_in_required=False)


@pytest.fixture
def anybody(served: Served) -> Iterator[Client]:
    with Client(served.url) as client:
        yield client


@pytest.fixture
def old(client: Client) -> str:
    """A deprecated version of its own."""
    name = f"v1-{next(_words)}"
    client.versions.register(name, OF_OLD)
    return name


def topics(decided: Decided) -> list[str]:
    return [each.topic.split(".")[1] for each in decided.events]


# ------------------------------------------------------------------ to everybody
def test_whoever_has_no_key_sees_what_there_is(anybody: Client) -> None:
    found = anybody.discovery.list()
    while found.versions[0].released_at is None:  # the read model of a server that has just started
        SystemClock().sleep(0.05)
        found = anybody.discovery.list()
    assert {"v1", "v2"} <= {version.version_id for version in found.versions}
    assert found.default_version == "v2"
    assert anybody.discovery.show("v1").successor == "v2"
    assert "v1" in [each.version_id for each in anybody.discovery.deprecations()]
    assert "changed" in [change["type"] for change in anybody.discovery.changelog()]
    assert anybody.discovery.file().state == "ok"


def test_a_prerelease_is_shown_to_those_who_show_a_key(anybody: Client, client: Client) -> None:
    name = f"v{next(_numbers)}-beta"
    client.versions.register(name)
    seen = client.discovery.list(include_prerelease=True)
    while name not in {version.version_id for version in seen.versions}:
        SystemClock().sleep(0.05)
        seen = client.discovery.list(include_prerelease=True)
    with pytest.raises(ProblemError) as refused:
        anybody.discovery.show(name)
    assert refused.value.code == "VERSION_NOT_FOUND"


def test_a_degraded_answer_is_an_id_and_a_status() -> None:
    least = PublicVersion.of(Fields({"version_id": "v1", "status": "current"}, "discovery.show"))
    assert (least.version_id, least.status, least.released_at, least.served_by) == (
        "v1",
        "current",
        None,
        None,
    )


# ------------------------------------------------------------------ to operators
def test_a_registered_version_is_listed_and_shown(client: Client, old: str) -> None:
    shown = client.versions.show(old)
    assert shown in client.versions.list().versions
    assert (shown.status, shown.successor, shown.answered_by) == ("deprecated", "v2", old)


def test_every_decision_can_be_tried_first(client: Client, old: str) -> None:
    tried = client.versions.sunset(old, dry_run=True)
    assert (tried.dry_run, topics(tried), tried.ends_for_good) == (True, ["version_status_changed"], (old,))
    assert client.versions.show(old).status == "deprecated"
    assert client.versions.list().revision == tried.revision - 1
    done = client.versions.sunset(old)
    assert (done.dry_run, topics(done)) == (False, topics(tried))


def test_the_same_decision_is_refused_the_second_time(client: Client, old: str) -> None:
    with pytest.raises(ProblemError) as refused:
        client.versions.register(old, OF_OLD)
    assert (refused.value.code, refused.value.status) == ("VERSION_TRANSITION_REFUSED", 409)


def test_a_brownout_is_scheduled_and_cancelled(client: Client, old: str) -> None:
    window = Brownout("2090-01-01T00:00:00Z", "2090-01-02T00:00:00Z")
    decided = client.versions.brownout(
        old, starts_at=window.starts_at, ends_at=window.ends_at, reason="last call"
    )
    assert topics(decided) == ["brownout_scheduled"]
    assert client.versions.show(old).brownouts == (window,)
    assert topics(client.versions.cancel_brownouts(old, reason="not yet")) == ["brownouts_cancelled"]
    assert client.versions.cancel_brownouts(old, reason="not yet").events == ()


def test_the_history_says_who_decided_what(client: Client, old: str) -> None:
    client.versions.deprecate(old, sunset_at="2090-01-01T00:00:00Z")
    lines = client.versions.history(old)
    assert [line.topic.split(".")[1] for line in lines] == ["version_registered", "version_terms_set"]
    assert {line.actor for line in lines} == {client.whoami().consumer}
    assert client.versions.history(old, limit=1) == lines[1:]


def test_what_is_exported_is_taken_again(client: Client, old: str) -> None:
    text = client.versions.export()
    assert f"{old}:" in text
    client.versions.apply(text)
    assert client.versions.apply(text).events == ()


def test_a_wrong_file_is_refused_at_once_with_its_place(client: Client) -> None:
    with pytest.raises(ProblemError) as refused:
        client.versions.apply("versions:\n  v1: 3\n")
    assert (refused.value.code, refused.value.details["line"]) == ("REGISTRY_FILE_INVALID", 2)
    with pytest.raises(ProblemError) as empty:
        client.versions.apply("versions: {}", dry_run=True)
    assert (empty.value.status, empty.value.code) == (422, "REGISTRY_FILE_INVALID")


def test_what_takes_a_version_away_ends_it_for_good() -> None:
    events = (
        Recorded("api_registry.version_withdrawn.v1", {"version_id": "v5"}),
        Recorded("api_registry.version_status_changed.v1", {"version_id": "v6", "to": "deprecated"}),
        Recorded(
            "api_registry.version_status_changed.v1",
            {"version_id": "v7", "to": "sunset", "decided_by": "clock"},
        ),
    )
    assert Decided(1, dry_run=True, events=events).ends_for_good == ("v5",)
