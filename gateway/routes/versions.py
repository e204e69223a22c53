"""Versions of the API, as operators decide about them: the same aggregate that the file speaks to.

Promises: every decision is one append with its key, so a retry has one effect; `dry_run` says the events that
would be recorded; what is decided holds a moment later, so that all gateways turn together (R41).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.api_registry.commands import (
    ApplyFile,
    CancelBrownouts,
    DeprecateVersion,
    Moment,
    PromoteVersion,
    RegisterVersion,
    RegistryCommand,
    ReleaseVersion,
    RollBackVersion,
    ScheduleBrownout,
    SunsetVersion,
)
from domain.api_registry.decider import DECIDER, REGISTRY_ID
from domain.api_registry.declared import declared_form, declared_one
from domain.api_registry.events import DeclaredVersion, RegistryLoaded
from domain.api_registry.registry import Registry, Version, moment_of, text_of
from domain.decider import Outcome
from domain.errors import InvalidBodyError, NotFoundError, RegistryFileError, RegistryUnusableError
from domain.event import Event
from domain.version_spec import LENGTH_MAX, escaped, is_version_id, sort_key
from gateway.core import Core
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.times import of_ms
from gateway.versions.file import parsed, written
from gateway.wire import versions as wire

CONSUMERS_MAX = 1_000
HYBRID_COUNTER_BITS = 16


# ------------------------------------------------------------------ looking
def registry(core: Core, call: Call[Nothing]) -> Answer:  # noqa: ARG001 -- every handler has this shape
    state, now = _state(core), core.clock.now()
    turns = state.boundaries_after(now)
    body = wire.VersionRegistry(
        revision=state.revision,
        default_version=state.default_at(now),
        file_sha256=state.file_sha256,
        next_turn_at=text_of(turns[0]) if turns else None,
        versions=[_shown(state.versions[each], now) for each in sorted(state.versions, key=sort_key)],
    )
    return Answer(body, core.log.end())


def show(core: Core, call: Call[Nothing]) -> Answer:
    version = _state(core).versions.get(call.path["version_id"])
    if version is None:
        raise NotFoundError(thing="API version", name=escaped(call.path["version_id"][:LENGTH_MAX]))
    return Answer(_shown(version, core.clock.now()), core.log.end())


def export(core: Core, call: Call[Nothing]) -> Answer:  # noqa: ARG001
    return Answer(wire.ExportedFile(text=written(declared_form(_state(core)))), core.log.end())


def consumers(core: Core, call: Call[Nothing]) -> Answer:
    version_id = call.path["version_id"]
    if not is_version_id(version_id):  # the bus brings any text, also such as no database takes
        raise NotFoundError(thing="API version", name=escaped(version_id[:LENGTH_MAX]))
    seen = core.reading.using(version_id, call.after, CONSUMERS_MAX)
    lines = [
        wire.VersionUser(
            consumer=row.consumer, name=row.name, last_used_on=row.last_day, pinned_keys=list(row.pinned_keys)
        )
        for row in seen.rows
    ]
    return Answer(wire.VersionUsers(consumers=lines), seen.position)


def history(core: Core, call: Call[wire.HistoryPage]) -> Answer:
    lines = [
        wire.HistoryLine(
            position=each.position.encode(),
            recorded_at=of_ms(each.envelope.recorded_at >> HYBRID_COUNTER_BITS),
            actor=each.envelope.actor,
            topic=each.event.TOPIC,
            event=each.event.model_dump(mode="json"),
        )
        for each in core.log.history(DECIDER.at(REGISTRY_ID))
        if call.asked.version_id is None or _names(each.event, call.asked.version_id)
    ]
    return Answer(wire.VersionHistory(history=lines[-call.asked.limit :]), core.log.end())


def _names(event: Event, version_id: str) -> bool:
    if isinstance(event, RegistryLoaded):
        return any(version.version_id == version_id for version in event.versions)
    return version_id in event.model_dump().values()


# ------------------------------------------------------------------ deciding
def register(core: Core, call: Call[wire.RegisterVersion]) -> Answer:
    asked, now = call.asked, core.clock.now()
    said = asked.model_dump(exclude={"dry_run"})
    said["released_at"] = asked.released_at or text_of(now)
    said["opt_in_required"] = asked.opt_in_required and asked.status == "prerelease"
    version = declared_one(DeclaredVersion.model_validate(said))
    return _decided(core, call, RegisterVersion(version, now))


def release(core: Core, call: Call[wire.Decision]) -> Answer:
    return _decided(core, call, ReleaseVersion(call.path["version_id"], _when(core)))


def promote(core: Core, call: Call[wire.Decision]) -> Answer:
    return _decided(core, call, PromoteVersion(call.path["version_id"], _when(core)))


def deprecate(core: Core, call: Call[wire.DeprecateVersion]) -> Answer:
    asked = call.asked
    command = DeprecateVersion(
        call.path["version_id"],
        _when(core),
        asked.successor,
        _moment(asked.sunset_at),
        asked.migration_guide_url,
    )
    return _decided(core, call, command)


def sunset(core: Core, call: Call[wire.Decision]) -> Answer:
    return _decided(core, call, SunsetVersion(call.path["version_id"], _when(core)))


def roll_back(core: Core, call: Call[wire.RollBack]) -> Answer:
    actor = call.principal.name
    command = RollBackVersion(call.path["version_id"], call.asked.reason, actor, _when(core))
    return _decided(core, call, command)


def brownout(core: Core, call: Call[wire.Brownout]) -> Answer:
    asked = call.asked
    starts_at, ends_at = _moment(asked.starts_at), _moment(asked.ends_at)
    assert starts_at is not None
    assert ends_at is not None
    command = ScheduleBrownout(call.path["version_id"], starts_at, ends_at, asked.reason, core.clock.now())
    return _decided(core, call, command)


def cancel_brownouts(core: Core, call: Call[wire.Because]) -> Answer:
    command = CancelBrownouts(call.path["version_id"], call.asked.reason, core.clock.now())
    return _decided(core, call, command)


def apply(core: Core, call: Call[wire.ApplyFile]) -> Answer:
    asked, declared = call.asked, parsed(call.asked.text)
    command = ApplyFile(asked.source, declared.sha256, declared, core.clock.now(), asked.adopt)
    try:
        return _decided(core, call, command)
    except RegistryUnusableError as error:
        # What the file would leave cannot be served: its sender's to mend, not an outage to wait for.
        raise RegistryFileError(problem=error.message) from error


def _decided(core: Core, call: Call[wire.Decision], command: RegistryCommand) -> Answer:
    if call.asked.dry_run:
        state = _state(core)
        events = DECIDER.decide(state, command)
        return Answer(_said(state.revision + bool(events), events, dry_run=True), core.log.end())
    outcome = core.log.ask(DECIDER.ask(REGISTRY_ID, command), context=call.context)
    events = tuple(each.event for each in outcome.events)
    if not outcome.replayed:
        core.teller.recorded(events)
    body = _said(_revision(core, outcome), events, dry_run=False)
    return Answer(body, outcome.position, replayed=outcome.replayed)


def _said(revision: int, events: Sequence[Event], *, dry_run: bool) -> wire.Decided:
    facts = [wire.Fact(topic=each.TOPIC, event=each.model_dump(mode="json")) for each in events]
    return wire.Decided(revision=revision, dry_run=dry_run, events=facts)


def _revision(core: Core, outcome: Outcome) -> int:
    """As these events say, so that a replay says the same."""
    said = [getattr(each.event, "revision", 0) for each in outcome.events]
    return max(said, default=0) or _state(core).revision


def _state(core: Core) -> Registry:
    return core.log.load(DECIDER, REGISTRY_ID).state


def _when(core: Core) -> Moment:
    now = core.clock.now()
    return Moment(now, now + timedelta(milliseconds=core.limits.transition_lead_ms))


def _moment(text: str | None) -> datetime | None:
    """Raises InvalidBodyError."""
    try:
        return moment_of(text) if text is not None else None
    except ValueError as error:
        raise InvalidBodyError(problems=("a time is RFC 3339 with a zone",)) from error


def _shown(version: Version, now: datetime) -> wire.RegisteredVersion:
    substitute = version.substitute
    return wire.RegisteredVersion(
        version_id=version.version_id,
        status=version.phase_at(now),
        is_released=version.is_released_at(now),
        released_at=text_of(version.released_at),
        deprecated_at=_text(version.deprecated_at),
        sunset_at=_text(version.sunset_at),
        successor=version.successor,
        migration_guide_url=version.migration_guide_url,
        opt_in_required=version.opt_in_required,
        answered_by=substitute.version_id if substitute is not None else version.version_id,
        is_rolled_back=version.is_tombstone,
        brownouts=[
            {"starts_at": text_of(each.starts_at), "ends_at": text_of(each.ends_at)}
            for each in version.brownouts
        ],
        decision=version.decision,
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else text_of(moment)


PATH = "/admin/versions"
ONE = PATH + "/{version_id}"
SCOPE = "admin:versions"
SINCE = "v2"
"""The first edition that describes them."""


def _decision(
    name: str, path: str, asks: type[wire.Decision], handler: object, about: str, method: str = "POST"
) -> AnyOperation:
    """Every decision has a key, and answers with the events that it was."""
    return Operation(
        f"versions.{name}",
        method,  # type: ignore[arg-type]
        path,
        SCOPE,
        asks,
        handler,  # type: ignore[arg-type]
        about,
        wire.Decided,
        takes="json",
        needs_key=True,
        since=SINCE,
    )


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "versions.registry",
        "GET",
        PATH,
        SCOPE,
        Nothing,
        registry,
        "Every version of the API, hidden ones too.",
        wire.VersionRegistry,
        since=SINCE,
    ),
    _decision("register", PATH, wire.RegisterVersion, register, "A new version of the API."),
    _decision("apply", PATH + "/apply", wire.ApplyFile, apply, "Apply a file of versions."),
    Operation(
        "versions.export",
        "GET",
        PATH + "/export",
        SCOPE,
        Nothing,
        export,
        "The file that says what stands.",
        wire.ExportedFile,
        since=SINCE,
    ),
    Operation(
        "versions.history",
        "GET",
        PATH + "/history",
        SCOPE,
        wire.HistoryPage,
        history,
        "What happened to the versions, by whom.",
        wire.VersionHistory,
        since=SINCE,
    ),
    Operation(
        "versions.show",
        "GET",
        ONE,
        SCOPE,
        Nothing,
        show,
        "One version, hidden or not.",
        wire.RegisteredVersion,
        since=SINCE,
    ),
    Operation(
        "versions.consumers",
        "GET",
        ONE + "/consumers",
        SCOPE,
        Nothing,
        consumers,
        "Who uses a version, or has keys pinned to it.",
        wire.VersionUsers,
        since=SINCE,
    ),
    _decision("release", ONE + "/release", wire.Decision, release, "Make it the current version."),
    _decision("promote", ONE + "/promote", wire.Decision, promote, "Make a prerelease stable."),
    _decision(
        "deprecate",
        ONE + "/deprecate",
        wire.DeprecateVersion,
        deprecate,
        "Announce its end; a current one hands over to its successor.",
    ),
    _decision("sunset", ONE + "/sunset", wire.Decision, sunset, "End a deprecated version, for good."),
    _decision("rollback", ONE + "/rollback", wire.RollBack, roll_back, "Take a version back."),
    _decision(
        "brownout",
        ONE + "/brownouts",
        wire.Brownout,
        brownout,
        "Switch a deprecated version off for a while.",
    ),
    _decision("bright", ONE + "/brownouts/cancel", wire.Because, cancel_brownouts, "Cancel its brownouts."),
)
