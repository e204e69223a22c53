"""Read models as operators see them: how they stand, their digests, and what became of poison events."""

from __future__ import annotations

from domain import readmodel
from domain.decider import Ask
from domain.errors import NotFoundError
from domain.readmodel import RetryStream, SkipEvent
from gateway.core import Core
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.wire import v2
from projections import ALL
from projections.operating import by_name


def list_projections(core: Core, call: Call[Nothing]) -> Answer:  # noqa: ARG001 -- every handler has this shape
    end = core.log.end()
    lines = [
        v2.ProjectionLine(
            name=one.name,
            version=one.version,
            build=one.schema,
            position=one.position.encode() if one.position is not None else None,
            lag_events=one.lag_messages,
            parked=one.parked,
        )
        for one in core.reading.standings(end)
    ]
    return Answer(v2.ProjectionLines(items=lines, page=v2.THE_END), end)


def digest(core: Core, call: Call[Nothing]) -> Answer:
    found = core.reading.digest(call.path["name"])
    position = found.position.encode() if found.position is not None else None
    body = v2.ProjectionDigest(name=found.projection, digest=found.whole, rows=found.rows, position=position)
    return Answer(body, found.position)


def parked(core: Core, call: Call[Nothing]) -> Answer:  # noqa: ARG001
    lines = [
        v2.ParkedEvent(
            projection=one.projection,
            aggregate=one.aggregate,
            version=one.version,
            sequence=one.sequence,
            index=one.index,
            topic=one.topic,
            code=one.code,
            reason=one.reason,
        )
        for one in core.reading.parked()
    ]
    return Answer(v2.ParkedEvents(items=lines, page=v2.THE_END), core.directory.position)


def retry(core: Core, call: Call[v2.RetryStream]) -> Answer:
    name, asked = by_name(ALL, call.path["name"]).name, call.asked
    waits = any((one.projection, one.aggregate) == (name, asked.aggregate) for one in core.reading.parked())
    if not waits and not _was_asked(core, name, call):
        raise NotFoundError(thing="parked stream", name=f"{name} {asked.aggregate}"[:64])
    return _asked(core, call, readmodel.DECIDER.ask(name, RetryStream(name, asked.aggregate, asked.reason)))


def skip(core: Core, call: Call[v2.SkipEvent]) -> Answer:
    name, asked = by_name(ALL, call.path["name"]).name, call.asked
    place = (name, asked.aggregate, asked.sequence, asked.index)
    waits = any(
        (one.projection, one.aggregate, one.sequence, one.index) == place for one in core.reading.parked()
    )
    if not waits and not _was_asked(core, name, call):
        raise NotFoundError(thing="parked event", name=f"{name} {asked.sequence}.{asked.index}")
    command = SkipEvent(name, asked.aggregate, asked.sequence, asked.index, asked.reason)
    return _asked(core, call, readmodel.DECIDER.ask(name, command))


def _asked(core: Core, call: Call[v2.RetryStream] | Call[v2.SkipEvent], ask: Ask) -> Answer:
    outcome = core.log.ask(ask, context=call.context)
    return Answer(Nothing(), outcome.position, replayed=outcome.replayed)


def _was_asked(core: Core, name: str, call: Call[v2.RetryStream] | Call[v2.SkipEvent]) -> bool:
    """A retry of this very command, whose effect has emptied the place that it was asked about (I6)."""
    key, actor = call.key, call.principal.consumer
    return any(
        told.envelope.actor == actor
        and told.envelope.idempotency is not None
        and (told.envelope.idempotency.command, told.envelope.idempotency.key) == (key.command, key.key)
        for told in core.log.history(readmodel.DECIDER.at(name))
    )


PATH = "/admin/projections"
SCOPE = "admin:projections"

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "projections.list",
        "GET",
        PATH,
        SCOPE,
        Nothing,
        list_projections,
        "Every read model: build, position, lag, parked events.",
        v2.ProjectionLines,
    ),
    Operation(
        "projections.parked",
        "GET",
        PATH + "/parked",
        SCOPE,
        Nothing,
        parked,
        "Poison events and what waits behind them.",
        v2.ParkedEvents,
    ),
    Operation(
        "projections.digest",
        "GET",
        PATH + "/{name}/digest",
        SCOPE,
        Nothing,
        digest,
        "A digest over every row of one read model.",
        v2.ProjectionDigest,
    ),
    Operation(
        "projections.retry",
        "POST",
        PATH + "/{name}/retry",
        SCOPE,
        v2.RetryStream,
        retry,
        "Apply a parked stream again.",
        Nothing,
        takes="json",
    ),
    Operation(
        "projections.skip",
        "POST",
        PATH + "/{name}/skip",
        SCOPE,
        v2.SkipEvent,
        skip,
        "Pass over a parked event, now and in every rebuild.",
        Nothing,
        takes="json",
    ),
)
