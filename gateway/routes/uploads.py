"""Whole files, cut by the server: a PUT at a byte offset, resumable (seed S2.1).

Promises: the confirmed offset is what is durable and in the log, and a chunk border, so cutting goes on there
with the same result; a newer writer fences the older one; bytes beyond the announced length are refused and
nothing of them is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.decider import Context
from domain.errors import BodyTooLargeError, DitsError, InvalidQueryError, NotFoundError
from domain.format.chunking import OPAQUE
from domain.format.recipe import ChunkRef, Recipe
from domain.ids import FilePath, SessionId, packed, parse_path, unpacked
from domain.ports import ObjectName, Part, Pouring
from domain.session import decider as sessions
from domain.session.commands import (
    CompleteUpload,
    InterruptUpload,
    ProgressUpload,
    StartUpload,
    StoreChunks,
)
from domain.session.events import UploadProgressed
from domain.session.recording import in_appends, recipe_commands
from gateway.core import Core, Limits
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.routes.sessions import SESSION, session_of
from gateway.wire.v1_uploads import CompletedFile

OFFSET, LENGTH = "Upload-Offset", "Upload-Length"


def offset(core: Core, call: Call[Nothing]) -> Answer:
    path = parse_path(call.path["path"])
    file = session_of(core, call).files.get(path)
    if file is None:
        raise NotFoundError(thing="upload", name=path)
    headers = (
        (OFFSET, str(file.offset_bytes)),
        (LENGTH, str(file.length_bytes)),
        ("Cache-Control", "no-store"),
    )
    return Answer(None, core.log.end(), headers=headers)


def put(core: Core, call: Call[Nothing]) -> FileSink:
    state = session_of(core, call)
    path = parse_path(call.path["path"])
    begin, length = _number(call, OFFSET), _number(call, LENGTH)
    if length > core.limits.file_bytes_max:
        raise BodyTooLargeError(limit_bytes=core.limits.file_bytes_max)
    announced = call.headers.get("content-length", "")
    if announced.isdigit() and begin + int(announced) > length:
        raise BodyTooLargeError(limit_bytes=length - begin)
    ask = sessions.DECIDER.ask(state.session, StartUpload(path, length, begin))
    core.log.ask(ask, context=call.step_context())
    writer = core.log.load(sessions.DECIDER, state.session).state.files[path].writer
    pouring = core.streams.begin(OPAQUE, begin)
    return FileSink(core, call.step_context(), state.session, path, writer, length, pouring, begin)


@dataclass(slots=True)
class FileSink:
    """One request's bytes on their way into a file (port Sink)."""

    core: Core
    context: Context
    session: SessionId
    path: FilePath
    writer: int
    length_bytes: int
    pouring: Pouring
    received_bytes: int
    """Offset of the byte that comes next; the confirmed offset lies behind it."""

    def write(self, block: bytes) -> None:
        self.received_bytes += len(block)
        if self.received_bytes > self.length_bytes:
            raise BodyTooLargeError(limit_bytes=self.length_bytes)
        self._record(self.pouring.write(block))

    def end(self) -> Answer:
        if self.received_bytes < self.length_bytes:
            self._record(self.pouring.stop())
            file = self.core.log.load(sessions.DECIDER, self.session).state.files[self.path]
            return Answer(None, self.core.log.end(), 204, ((OFFSET, str(file.offset_bytes)),))
        self._record(self.pouring.end())
        recipe = self._recipe()
        self.core.store.put([(ObjectName("recipes", recipe.digest), recipe.encode())])
        for group in in_appends(recipe_commands(recipe)):
            asks = [sessions.DECIDER.ask(self.session, command) for command in group]
            self.core.log.ask(*asks, context=self.context)
        complete = CompleteUpload(self.path, self.writer, recipe.digest)
        outcome = self.core.log.ask(sessions.DECIDER.ask(self.session, complete), context=self.context)
        body = CompletedFile(path=self.path, recipe=recipe.digest.hex(), size_bytes=self.length_bytes)
        return Answer(body, outcome.position, 201, ((OFFSET, str(self.length_bytes)),))

    def interrupted(self) -> None:
        """What became durable is confirmed; if even that fails, the client's next HEAD says how far it is."""
        try:
            self._record(self.pouring.stop())
            ask = sessions.DECIDER.ask(self.session, InterruptUpload(self.path, self.writer))
            self.core.log.ask(ask, context=self.context)
        except DitsError:
            return

    def _record(self, parts: Sequence[Part]) -> None:
        for part in parts:
            fresh = {chunk.digest: chunk.size_bytes for chunk in part.chunks}
            store = StoreChunks(self.core.streams.location, packed(list(fresh)), tuple(fresh.values()))
            progress = ProgressUpload(
                self.path,
                self.writer,
                packed([chunk.digest for chunk in part.chunks]),
                tuple(chunk.size_bytes for chunk in part.chunks),
            )
            asks = (sessions.DECIDER.ask(self.session, each) for each in (store, progress))
            self.core.log.ask(*asks, context=self.context)

    def _recipe(self) -> Recipe:
        """From the log, because earlier parts may have come through other requests and processes."""
        chunks = [
            ChunkRef(name, size_bytes)
            for recorded in self.core.log.history(sessions.DECIDER.at(self.session))
            if isinstance(recorded.event, UploadProgressed) and recorded.event.path == self.path
            for name, size_bytes in zip(
                unpacked(recorded.event.chunks), recorded.event.sizes_bytes, strict=True
            )
        ]
        return Recipe.opaque(chunks, OPAQUE)


def _number(call: Call[Nothing], header: str) -> int:
    text = call.headers.get(header.lower(), "")
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise InvalidQueryError(problems=(f"the header {header} is a number of bytes",))
    return int(text)


def _file_limit(limits: Limits) -> int:
    return limits.file_bytes_max


FILE = SESSION + "/files/{path:path}"
OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "files.put",
        "PUT",
        FILE,
        "write",
        Nothing,
        put,
        "Send a file, or the rest of it, from its confirmed offset on.",
        CompletedFile,
        success=201,
        takes="stream",
        limit_bytes=_file_limit,
    ),
    Operation(
        "files.offset", "HEAD", FILE, "write", Nothing, offset, "How many bytes of a file are confirmed."
    ),
)
