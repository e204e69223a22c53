"""Upload sessions: begin one, ask what must be sent, send chunks, recipes and trees (house: Sessions).

Promises: "have" is answered only for what this repository references or this session sent, from a read model
that has reached the session's beginning; a chunk, recipe or tree is said to be there after it is durable and
verified, never before (I2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from domain.errors import CommitFailedError, NotFoundError, UploadExpiredError
from domain.format.recipe import Recipe
from domain.format.tree import Tree
from domain.ids import SessionId, packed
from domain.ports import ObjectName
from domain.position import Position
from domain.session import decider as sessions
from domain.session.commands import RecordRecipe, RecordTree, Session, StartSession, StoreChunks
from domain.session.recording import in_appends, recipe_commands, tree_commands
from gateway import frames
from gateway.core import Core, Limits
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.wire import v1_uploads as wire

D = TypeVar("D")


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
        raise CommitFailedError(commit="of this session", reason=state.failure)
    if state.phase == "expired":
        raise UploadExpiredError(session=state.session)
    return Answer(_session(state, core.limits), core.log.end())


def have(core: Core, call: Call[Nothing]) -> Answer:
    """The digests that must be sent, in the order asked."""
    state = session_of(core, call)
    asked = frames.digests(call.content, count_max=core.limits.have_digests_max)
    sent = core.sent.among(state.session, asked)
    unsent = [name for name in asked if name not in sent]
    missing = core.presence.missing(state.repo, unsent, Position.decode(state.base))
    return Answer(frames.joined([name for name in unsent if name in missing]))


def send_chunks(core: Core, call: Call[Nothing]) -> Answer:
    state = session_of(core, call)
    limits = core.limits
    chunks = frames.parse(
        call.content, frames_max=limits.batch_chunks_max, frame_bytes_max=limits.chunk_bytes_max
    )
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
    commands = [
        command
        for encoded in _stored(core, call, "recipes", Recipe.decode)
        for command in recipe_commands(encoded)
    ]
    return _recorded(core, call, [list(group) for group in in_appends(commands)])


def send_trees(core: Core, call: Call[Nothing]) -> Answer:
    commands = [
        command for tree in _stored(core, call, "trees", Tree.decode) for command in tree_commands(tree)
    ]
    return _recorded(core, call, [list(group) for group in in_appends(commands)])


def _stored(core: Core, call: Call[Nothing], kind: str, decode: Callable[[bytes], D]) -> list[D]:
    """The objects of the body, decoded, each durable under its name."""
    session_of(core, call)
    limits = core.limits
    objects = frames.parse(
        call.content, frames_max=limits.batch_chunks_max, frame_bytes_max=limits.batch_bytes_max
    )
    decoded = [decode(bytes(encoded)) for _, encoded in objects]
    if objects:
        core.store.put([(ObjectName(kind, name), encoded) for name, encoded in objects])
    return decoded


def _recorded(
    core: Core, call: Call[Nothing], groups: Sequence[Sequence[RecordRecipe | RecordTree]]
) -> Answer:
    session = SessionId(call.path["session"])
    position, asked, recorded = core.log.end(), 0, 0
    for group in groups:
        asks = [sessions.DECIDER.ask(session, command) for command in group]
        outcome = core.log.ask(*asks, context=call.step_context())
        position, asked, recorded = outcome.position, asked + len(asks), recorded + len(outcome.events)
    return Answer(wire.RecordedObjects(recorded=recorded, known=asked - recorded), position)


def session_of(core: Core, call: Call[Nothing]) -> Session:
    """The session, if it is this caller's in this repository. Raises NotFoundError."""
    name = call.path["session"]
    if len(name) == SESSION_CHARACTERS and name.isalnum() and name.islower() | name.isdigit():
        state = core.log.load(sessions.DECIDER, name).state
        if state.phase != "absent" and state.repo == call.repo and state.consumer == call.principal.consumer:
            return state
    raise NotFoundError(thing="upload session", name=name[:64].encode("unicode_escape").decode())


SESSION_CHARACTERS = 32


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
