"""The registry under any files, any operators and any clock: what must hold of it at every instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import reduce

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.api_registry.commands import (
    ApplyFile,
    CancelBrownouts,
    DeprecateVersion,
    ObserveTime,
    PromoteVersion,
    RegisterVersion,
    RegistryCommand,
    ReleaseVersion,
    RollBackVersion,
    ScheduleBrownout,
    SunsetVersion,
)
from domain.api_registry.decider import DECIDER, REGISTRY_ID
from domain.api_registry.declared import Declared, declared, declared_form, declared_version
from domain.api_registry.events import DeclaredVersion, RegistryEvent, RegistryLoaded
from domain.api_registry.registry import Registry, text_of
from domain.errors import DitsError
from domain.version_spec import Phase
from tests.domain.registries import EMPTY, HANDOVER, PAST_SUNSET, PAST_SUNSET_WITH_OLD, STD, soon
from tests.fakes import NOON
from tests.gateway.reading import FoldedReading
from tests.projections.handmade import HandmadeLog

IDS = ("v1", "v2", "v3", "v4", "v3-beta", "v4-beta", "v5-rc")
LAST = NOON + timedelta(days=999)
ids = st.sampled_from(IDS)
moments = st.sampled_from([-20, -2, -1, 0, 1, 2, 3, 30]).map(lambda days: NOON + timedelta(days=days))
phases: st.SearchStrategy[Phase] = st.sampled_from(["prerelease", "current", "deprecated", "sunset"])
passed = st.sampled_from(
    [
        timedelta(),
        timedelta(milliseconds=20),
        timedelta(milliseconds=50),
        timedelta(hours=11),
        timedelta(days=1),
    ]
)


def text(moment: datetime | None) -> str | None:
    return None if moment is None else text_of(moment)


@st.composite
def versions(draw: st.DrawFn, version_id: str, status: Phase | None = None) -> DeclaredVersion:
    deprecated_at, sunset_at = draw(st.none() | moments), draw(st.none() | moments)
    if deprecated_at is not None and sunset_at is not None and sunset_at < deprecated_at:
        deprecated_at, sunset_at = sunset_at, deprecated_at
    return DeclaredVersion(
        version_id=version_id,
        status=status or draw(phases),
        released_at=text_of(min(draw(moments), (sunset_at or LAST) - timedelta(days=1))),
        deprecated_at=text(deprecated_at),
        sunset_at=text(sunset_at),
        successor=draw(st.none() | ids),
        migration_guide_url=draw(st.sampled_from([None, "https://docs.dits.example/guide"])),
        opt_in_required=draw(st.booleans()),
    )


@st.composite
def files(draw: st.DrawFn) -> Declared:
    """Half of them with one plainly current version, so that they are taken."""
    named = draw(st.lists(ids, min_size=1, max_size=5, unique=True))
    made = [draw(versions(version_id)) for version_id in named]
    if draw(st.booleans()):
        current = DeclaredVersion(version_id=named[0], status="current", released_at=text_of(NOON))
        rest = [
            each.model_copy(update={"status": "deprecated"}) for each in made[1:] if each.status == "current"
        ]
        others = [each for each in made[1:] if each.status != "current"]
        made = [current, *rest, *others]
    defaults = [each.version_id for each in made if each.status != "prerelease"]
    return declared(made, draw(st.none() | st.sampled_from(defaults)) if defaults else None)


def sampled(registry: Registry, now: datetime) -> Iterator[datetime]:
    """Every moment that can differ from the one before."""
    yield now
    for boundary in registry.boundaries_after(now):
        yield max(now, boundary - timedelta(milliseconds=1))
        yield boundary
        yield boundary + timedelta(milliseconds=1)


class RegistryMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.now = NOON
        self.history: list[RegistryEvent] = []
        self.over: set[str] = set()

    def ask(self, command: RegistryCommand) -> tuple[RegistryEvent, ...]:
        before = self.registry
        try:
            events = DECIDER.decide(before, command)
        except DitsError:
            return ()
        self.registry = reduce(DECIDER.evolve, events, before)
        self.history += events
        if isinstance(command, ApplyFile) or before.trouble_at(self.now) is None:
            assert self.registry.trouble_at(self.now) is None, events
        return events

    # -------------------------------------------------------------- files
    @initialize(file=st.sampled_from([STD, HANDOVER, PAST_SUNSET, PAST_SUNSET_WITH_OLD, EMPTY]))
    def begin(self, file: Declared) -> None:
        self.take(file, adopt=False)

    @rule(file=files(), adopt=st.booleans())
    def apply(self, file: Declared, adopt: bool) -> None:
        self.take(file, adopt=adopt)

    @rule(data=st.data(), adopt=st.booleans())
    def edit(self, data: st.DataObject, adopt: bool) -> None:
        """One version of the last file is other, or of what stands."""
        stands = declared_form(self.registry)
        before = data.draw(st.sampled_from([self.registry.file, stands.versions]))
        version_id = data.draw(ids)
        rest = [each for each in before if each.version_id != version_id]
        added = data.draw(st.lists(versions(version_id), max_size=1))
        default = self.registry.file_default
        known = {each.version_id for each in (*rest, *added) if each.status != "prerelease"}
        self.take(declared([*rest, *added], default if default in known else None), adopt=adopt)

    def take(self, file: Declared, *, adopt: bool) -> None:
        self.ask(ApplyFile("a file", file.sha256, file, self.now, adopt))

    # -------------------------------------------------------------- operators
    @rule(data=st.data(), version_id=ids)
    def register(self, data: st.DataObject, version_id: str) -> None:
        self.ask(RegisterVersion(data.draw(versions(version_id)), self.now))

    @rule(version_id=ids, kind=st.sampled_from([ReleaseVersion, PromoteVersion, SunsetVersion]))
    def move(self, version_id: str, kind: type[ReleaseVersion | PromoteVersion | SunsetVersion]) -> None:
        self.ask(kind(version_id, soon(self.now)))

    @rule(version_id=ids, successor=st.none() | ids, sunset_at=st.none() | moments)
    def deprecate(self, version_id: str, successor: str | None, sunset_at: datetime | None) -> None:
        self.ask(DeprecateVersion(version_id, soon(self.now), successor, sunset_at))

    @rule(version_id=ids)
    def roll_back(self, version_id: str) -> None:
        self.ask(RollBackVersion(version_id, "p1", "ada", soon(self.now)))

    @rule(version_id=ids, starts_at=moments, lasts=passed)
    def brown_out(self, version_id: str, starts_at: datetime, lasts: timedelta) -> None:
        self.ask(ScheduleBrownout(version_id, starts_at, starts_at + lasts, "why", self.now))

    @rule(version_id=ids)
    def brighten(self, version_id: str) -> None:
        self.ask(CancelBrownouts(version_id, "why", self.now))

    # -------------------------------------------------------------- time
    @rule(by=passed)
    def wait(self, by: timedelta) -> None:
        was_sound = self.registry.trouble_at(self.now) is None
        self.now += by
        assert self.registry.trouble_at(self.now) is None or not was_sound

    @rule()
    def observe(self) -> None:
        self.ask(ObserveTime(self.now))
        assert DECIDER.decide(self.registry, ObserveTime(self.now)) == ()

    # -------------------------------------------------------------- what always holds
    @invariant()
    def exactly_one_is_current_from_now_on(self) -> None:
        if self.registry.trouble_at(self.now) is not None:
            return
        sunset_already = not self.registry.currents_at(self.now)
        for moment in sampled(self.registry, self.now):
            count = len(self.registry.currents_at(moment))
            assert count == 1 or (sunset_already and count == 0), moment

    @invariant()
    def nothing_leaves_sunset(self) -> None:
        alive = {id_ for id_, each in self.registry.versions.items() if not each.is_tombstone}
        self.over &= alive
        for moment in sampled(self.registry, self.now):
            for id_ in alive:
                over = self.registry.versions[id_].phase_at(moment) == "sunset"
                assert over or id_ not in self.over, (id_, moment)
                if over and moment == self.now and self.registry.versions[id_].is_released_at(moment):
                    self.over.add(id_)

    @invariant()
    def the_default_lives_if_anything_does(self) -> None:
        for moment in sampled(self.registry, self.now):
            default = self.registry.default_at(moment)
            assert (
                self.registry.lives_at(default, moment) if default else not self.registry.currents_at(moment)
            )

    @invariant()
    def every_stand_in_is_there_and_none_goes_in_a_circle(self) -> None:
        for version_id in self.registry.versions:
            seen = [version_id]
            while (by := self.registry.versions[seen[-1]].answered_by) != seen[-1]:
                assert by not in seen
                seen.append(by)
            assert not self.registry.versions[seen[-1]].is_tombstone

    @invariant()
    def applying_the_export_changes_nothing(self) -> None:
        export = declared_form(self.registry)
        if self.registry.trouble_at(self.now) is not None:
            return
        due = DECIDER.decide(self.registry, ObserveTime(self.now))
        command = ApplyFile("export", export.sha256, export, self.now)
        events = DECIDER.decide(self.registry, command)
        assert all(isinstance(event, RegistryLoaded) for event in events[len(due) :]), events

    @invariant()
    def the_history_folds_to_the_same_state(self) -> None:
        assert reduce(DECIDER.evolve, self.history, Registry()) == self.registry

    def teardown(self) -> None:
        """The read model is the same fold (I5)."""
        log = HandmadeLog()
        log.record(DECIDER.at(REGISTRY_ID), *self.history)
        told = FoldedReading(lambda: log).versions()
        assert told.revision == self.registry.revision
        assert told.versions.keys() == self.registry.versions.keys()
        for version_id, version in self.registry.versions.items():
            said = declared_version(version).model_dump(exclude={"status"})
            assert said == {name: getattr(told.versions[version_id], name) for name in said}


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


class LongRegistryMachine(RegistryMachine):
    """The same, for longer."""


TestLongRegistryMachine = pytest.mark.long(pytest.mark.timeout(900)(LongRegistryMachine.TestCase))
TestLongRegistryMachine.settings = settings(max_examples=1_000, stateful_step_count=50, deadline=None)
