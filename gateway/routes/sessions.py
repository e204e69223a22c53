"""Upload sessions: begin one, ask what must be sent, send chunks, recipes and trees (house: Sessions).

Promises: "have" is answered only for what this repository references or this session sent, from a read model
that has reached the session's beginning; a chunk, recipe or tree is said to be there after it is durable and
verified, never before (I2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from domain.errors import (
    CommitFailedError,
    FormatError,
    ManifestCorruptionError,
    NotFoundError,
    SessionClosedError,
    UploadExpiredError,
)
from domain.event import Event
from domain.format.recipe import Recipe
from domain.format.tree import Tree
from domain.ids import Digest, SessionId, packed
from domain.ports import ObjectName
from domain.position import Position
from domain.session import decider as sessions
from domain.session.commands import Session, StartSession, StoreChunks
from domain.session.events import RecipeRecorded, TreeRecorded, UploadSessionFailed
from domain.session.recording import Recording, in_appends, recipe_commands, tree_commands
from gateway import frames
from gateway.core import Core, Limits
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.wire import v2_uploads as wire


def start(core: Core, call: Call[Nothing]) -> Answer:
    session = SessionId(call.derived("session"))
    end = core.log.end()
    command = StartSession(
        session, call.repo, call.principal.consumer, end.encode() if end is not None else ""
    )
    outcome = core.log.ask(sessions.DECIDER.ask(session, command), context=call.context)
    location = (("Location", f"/repos/{call.repo_name}/sessions/{session}"),)
    body = _session(core.log.load(sessions.DECIDER, session).state, core.limits)
    return Answer(body, outcome.position, headers=location, replayed=outcome.replayed)


def get(core: Core, call: Call[Nothing]) -> Answer:
    state = session_of(core, call)
    if state.phase == "failed":
        history = (recorded.event for recorded in core.log.history(sessions.DECIDER.at(state.session)))
        failed = next(event for event in history if isinstance(event, UploadSessionFailed))
        raise CommitFailedError(commit=failed.commit, reason=failed.code)
    if state.phase == "expired":
        raise UploadExpiredError(session=state.session)
    return Answer(_session(state, core.limits), core.log.end())


def have(core: Core, call: Call[Nothing]) -> Answer:
    """The digests that must be sent, in the order asked."""
    state = _open_session_of(core, call)
    asked = frames.digests(call.content, count_max=core.limits.have_digests_max)
    sent = core.sent.among(state.session, asked)
    unsent = [name for name in asked if name not in sent]
    base = Position.decode(state.base) if state.base else None
    missing = core.presence.missing(state.repo, "chunks", unsent, base)
    return Answer(frames.joined([name for name in unsent if name in missing]))


def send_chunks(core: Core, call: Call[Nothing]) -> Answer:
    state, limits = _open_session_of(core, call), core.limits
    chunks = frames.parse(call.content, limits, frame_bytes_max=limits.chunk_bytes_max)
    known = core.sent.among(state.session, [name for name, _ in chunks])
    fresh = [(name, chunk) for name, chunk in chunks if name not in known]
    position = core.log.end()
    if fresh:
        core.store.put([(ObjectName("chunks", name), chunk) for name, chunk in fresh])
        sizes = tuple(len(chunk) for _, chunk in fresh)
        command = StoreChunks(core.store.location, packed([name for name, _ in fresh]), sizes)
        ask = sessions.DECIDER.ask(state.session, command)
        position = core.log.ask(ask, context=call.step_context()).position
    stored_bytes = sum(len(chunk) for _, chunk in fresh)
    body = wire.StoredChunks(stored=len(fresh), known=len(known), stored_bytes=stored_bytes)
    return Answer(body, position)


def send_recipes(core: Core, call: Call[Nothing]) -> Answer:
    return _record(core, call, "recipes", lambda encoded: recipe_commands(Recipe.decode(encoded)))


def send_trees(core: Core, call: Call[Nothing]) -> Answer:
    return _record(core, call, "trees", lambda encoded: tree_commands(Tree.decode(encoded)))


def _record(
    core: Core, call: Call[Nothing], kind: str, commands_of: Callable[[bytes], Iterable[Recording]]
) -> Answer:
    state, limits = _open_session_of(core, call), core.limits
    objects = frames.parse(call.content, limits, frame_bytes_max=limits.batch_bytes_max)
    commands = [command for _, encoded in objects for command in _understood(bytes(encoded), commands_of)]
    if objects:
        core.store.put([(ObjectName(kind, name), encoded) for name, encoded in objects])
    position, news = core.log.end(), set[Digest]()
    for group in in_appends(commands):
        asks = [sessions.DECIDER.ask(state.session, command) for command in group]
        outcome = core.log.ask(*asks, context=call.step_context())
        position = outcome.position
        news.update(_name(told.event) for told in outcome.events)
    return Answer(wire.RecordedObjects(recorded=len(news), known=len(objects) - len(news)), position)


def _understood(encoded: bytes, commands_of: Callable[[bytes], Iterable[Recording]]) -> list[Recording]:
    """Raises FormatError: what a client sends broken is no damage of ours."""
    try:
        return list(commands_of(encoded))
    except ManifestCorruptionError as error:
        raise FormatError(reason="its checksum does not fit its bytes") from error


def _name(event: Event) -> Digest:
    assert isinstance(event, RecipeRecorded | TreeRecorded), event
    return event.recipe if isinstance(event, RecipeRecorded) else event.tree


def session_of(core: Core, call: Call[Nothing]) -> Session:
    """The session, if it is this caller's in this repository. Raises NotFoundError."""
    name = call.hex_id("session", "upload session")
    state = core.log.load(sessions.DECIDER, name).state
    if state.phase == "absent" or state.repo != call.repo or state.consumer != call.principal.consumer:
        raise NotFoundError(thing="upload session", name=name)
    return state


def _open_session_of(core: Core, call: Call[Nothing]) -> Session:
    """Before anything is stored in vain. Raises NotFoundError, UploadExpiredError, SessionClosedError."""
    state = session_of(core, call)
    if state.phase == "expired":
        raise UploadExpiredError(session=state.session)
    if state.phase != "open":
        raise SessionClosedError(session=state.session, state=state.phase)
    return state


def _session(state: Session, limits: Limits) -> wire.Session:
    files = [
        wire.SessionFile(
            path=path,
            offset_bytes=file.offset_bytes,
            length_bytes=file.length_bytes,
            recipe=file.recipe.hex() if file.recipe is not None else None,
        )
        for path, file in sorted(state.files.items())
    ]
    bounds = wire.SessionLimits(
        chunk_bytes_max=limits.chunk_bytes_max,
        batch_bytes_max=limits.batch_bytes_max,
        batch_chunks_max=limits.batch_chunks_max,
    )
    return wire.Session(
        session=state.session, state=state.phase, position=state.base, files=files, limits=bounds
    )


def _have_limit(limits: Limits) -> int:
    return limits.have_digests_max * 32


def _batch_limit(limits: Limits) -> int:
    return limits.batch_bytes_max + limits.batch_chunks_max * frames.HEAD_BYTES


SESSION = "/repos/{repo}/sessions/{session}"
OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "sessions.start",
        "POST",
        "/repos/{repo}/sessions",
        "write",
        Nothing,
        start,
        "Begin to send content; what the repository holds now stays until the session ends.",
        wire.Session,
        success=201,
        takes="json",
    ),
    Operation(
        "sessions.get", "GET", SESSION, "write", Nothing, get, "How far an upload session is.", wire.Session
    ),
    Operation(
        "chunks.have",
        "POST",
        SESSION + "/have",
        "write",
        Nothing,
        have,
        "Of these digests, 32 bytes each, the ones whose chunks must be sent.",
        takes="bytes",
        limit_bytes=_have_limit,
    ),
    Operation(
        "chunks.send",
        "POST",
        SESSION + "/chunks",
        "write",
        Nothing,
        send_chunks,
        "Store a batch of chunks, as frames.",
        wire.StoredChunks,
        takes="bytes",
        limit_bytes=_batch_limit,
    ),
    Operation(
        "recipes.send",
        "POST",
        SESSION + "/recipes",
        "write",
        Nothing,
        send_recipes,
        "Store and record recipes, as frames; their chunks may come later.",
        wire.RecordedObjects,
        takes="bytes",
        limit_bytes=_batch_limit,
    ),
    Operation(
        "trees.send",
        "POST",
        SESSION + "/trees",
        "write",
        Nothing,
        send_trees,
        "Store and record trees, as frames.",
        wire.RecordedObjects,
        takes="bytes",
        limit_bytes=_batch_limit,
    ),
)
