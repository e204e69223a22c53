"""Every topic is known once, every event survives the log, and an old one is read as the newest."""

from __future__ import annotations

import re
from collections import Counter
from functools import reduce
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain import catalogue
from domain.api_registry.decider import DECIDER as REGISTRY
from domain.api_registry.events import RegistryEvent
from domain.catalogue import DECIDERS, TOPICS, UPCASTERS, decider_of, upcast
from domain.event import Envelope, Event, HybridTime
from domain.ids import SUBJECT_ID_PATTERN
from domain.repository import RepositoryCreated
from infra.eventlog.mapper import EventMapper, Fact, Topics
from tests.fakes import NOON

MAPPER = EventMapper(Topics(TOPICS, upcast))
ENVELOPE = Envelope(b"append", HybridTime(1 << 16), "ada", "correlation")
OLD: dict[str, object] = {"repo": "5e" * 16, "name": "film", "owner": "ada"}
OLDER: dict[str, dict[str, object]] = {
    "repository.created.v1": OLD,
    "api_registry.loaded.v1": {
        "revision": 1,
        "source": "built-in",
        "sha256": "5e" * 32,
        "version_count": 1,
        "default_version": "v1",
    },
    "api_registry.version_registered.v1": {
        "version_id": "v1",
        "status": "current",
        "released_at": "2026-11-22T00:00:00Z",
    },
    "commit.opened.v1": {
        "commit": "c1",
        "repo": "r1",
        "branch": "b1",
        "branch_name": "main",
        "session": "s1",
        "base": None,
        "tree": None,
        "changes": (),
        "fixed_head": False,
        "author": "a1",
        "author_name": "ann",
        "message": "",
        "tokens": (),
        "opened_at_ms": 1,
    },
    "commit.checked.v1": {"commit": "c1", "checks": ("media",)},
}
FACT = Fact("x.1", 1, ENVELOPE, RepositoryCreated.model_validate({**OLD, "public": True}))
EVENTS = [event for decider in DECIDERS for event in decider.events]
st.register_type_strategy(str, st.text(st.characters(codec="utf-8"), max_size=8))
st.register_type_strategy(int, st.integers(0, 2**63 - 1))


def test_a_topic_belongs_to_one_event() -> None:
    assert [topic for topic, count in Counter(event.TOPIC for event in EVENTS).items() if count > 1] == []
    assert len(TOPICS) == len(EVENTS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_a_topic_names_its_aggregate_its_fact_and_a_version(event: type[Event]) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+\.v[1-9][0-9]*", event.TOPIC)
    assert event.__doc__
    assert event.model_config.get("frozen")
    assert event.model_config.get("extra") == "forbid"


def test_a_family_is_known_once_and_may_stand_in_a_subject() -> None:
    families = [decider.family for decider in DECIDERS]
    assert len(set(families)) == len(families)
    assert all(SUBJECT_ID_PATTERN.fullmatch(family) for family in families)
    assert [decider_of(family) for family in families] == list(DECIDERS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
@settings(max_examples=10)
@given(data=st.data())
def test_every_event_comes_back_from_the_log_as_it_went_in(event: type[Event], data: st.DataObject) -> None:
    said = data.draw(st.builds(event))
    stored = MAPPER.to_stored_event(Fact("x.1", 1, ENVELOPE, said))
    assert MAPPER.read(stored.topic, stored.state) == (ENVELOPE, said)
    assert event.model_validate_json(said.model_dump_json()) == said


def test_a_v1_event_is_read_as_its_v2() -> None:
    topic, lifted = upcast("repository.created.v1", OLD)
    assert topic == RepositoryCreated.TOPIC
    assert RepositoryCreated.model_validate(lifted).public is False


def test_a_v1_event_in_the_log_is_read_as_its_v2() -> None:
    """As an older Dits wrote it: the same bytes, another topic."""
    said = RepositoryCreated.model_validate({**OLD, "public": True})
    stored = MAPPER.to_stored_event(Fact("x.1", 1, ENVELOPE, said))
    envelope, payload = MAPPER.opened(stored.topic, stored.state)
    older = {name: value for name, value in payload.items() if name != "public"}
    state = MAPPER.transcoder.encode((MAPPER.transcoder.decode(stored.state)[0], older))
    read = MAPPER.read("repository.created.v1", state)
    assert read == (envelope, said.model_copy(update={"public": False}))


def test_the_newest_form_stays_as_it_is() -> None:
    assert upcast(RepositoryCreated.TOPIC, OLD) == (RepositoryCreated.TOPIC, OLD)
    assert upcast("nobody.knows.v1", OLD) == ("nobody.knows.v1", OLD)


def test_every_old_topic_is_lifted_to_one_that_is_known() -> None:
    assert not UPCASTERS.keys() & TOPICS.keys()
    assert OLDER.keys() == UPCASTERS.keys()


@pytest.mark.parametrize("topic", OLDER)
def test_an_old_event_in_the_log_is_read_as_the_newest(topic: str) -> None:
    """As an older Dits wrote it: its own topic and its own fields, which nobody can name any more."""
    packed, _ = cast("tuple[object, object]", MAPPER.transcoder.decode(MAPPER.to_stored_event(FACT).state))
    state = MAPPER.transcoder.encode((packed, OLDER[topic]))
    envelope, event = MAPPER.read(topic, state)
    assert (envelope, type(event)) == (ENVELOPE, TOPICS[upcast(topic, OLDER[topic])[0]])


def test_the_registry_of_an_older_log_serves_its_one_version() -> None:
    old = ("api_registry.loaded.v1", "api_registry.version_registered.v1")
    lifted = [upcast(topic, OLDER[topic]) for topic in old]
    events = [TOPICS[topic].model_validate(fields) for topic, fields in lifted]
    registry = reduce(REGISTRY.evolve, cast("list[RegistryEvent]", events), REGISTRY.initial)
    assert (registry.currents_at(NOON), registry.default_at(NOON)) == (("v1",), "v1")
    assert registry.versions["v1"].decision == ""


def test_an_event_takes_no_unknown_field_and_no_other_type() -> None:
    for wrong in ({**OLD, "public": False, "more": 1}, {**OLD, "public": "yes"}, OLD):
        with pytest.raises(ValidationError):
            RepositoryCreated.model_validate(wrong)


def test_every_aggregate_of_the_domain_is_in_the_catalogue() -> None:
    assert {decider.family for decider in catalogue.DECIDERS} >= {"commit", "session", "locks", "references"}
