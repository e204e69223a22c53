"""Whole files, cut by the server: a PUT at a byte offset, resumable (seed S2.1).

Promises: the confirmed offset is what is durable and in the log, and a chunk border, so cutting goes on there
with the same result; a newer writer fences the older one; bytes beyond the announced length are refused and
nothing of them is stored. A request that sends a largest chunk or more (1 MiB, 4 MiB from 128 GiB on), or the
file's end, moves the offset.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from domain.decider import Context
from domain.errors import BodyTooLargeError, DitsError, InvalidQueryError, NotFoundError, UploadExpiredError
from domain.examination import Examination, examine
from domain.format.chunking import Profile, profile_for
from domain.format.recipe import ChunkRef, Recipe, Run, Stream
from domain.ids import FilePath, SessionId, packed, parse_path, unpacked
from domain.ports import ObjectName, Part, Pouring
from domain.recutting import RECUT_BYTES_MAX, Fresh, recut, source_of, stored
from domain.session import decider as sessions
from domain.session.commands import (
    CompleteUpload,
    InterruptUpload,
    ProgressUpload,
    SessionCommand,
    StartUpload,
    StoreChunks,
)
from domain.session.events import UploadProgressed, UploadStarted
from domain.session.recording import in_appends, recipe_commands
from gateway.core import Core, Limits
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.routes.commits import WARNING
from gateway.routes.sessions import SESSION, session_of
from gateway.wire.v2_uploads import CompletedFile

OFFSET, LENGTH = "Upload-Offset", "Upload-Length"
NUMBER_DIGITS_MAX = 16


def offset(core: Core, call: Call[Nothing]) -> Answer:
    path, state = parse_path(call.path["path"]), session_of(core, call)
    if state.phase == "expired":
        raise UploadExpiredError(session=state.session)
    file = state.files.get(path)
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
    if announced.isdigit() and begin <= length < begin + int(announced):
        raise BodyTooLargeError(limit_bytes=length - begin)
    context = call.step_context()
    outcome = core.log.ask(
        sessions.DECIDER.ask(state.session, StartUpload(path, length, begin)), context=context
    )
    # Our own event tells which writer we are: somebody else may have become the newest one already.
    writer = next(told.event.writer for told in outcome.events if isinstance(told.event, UploadStarted))
    profile = profile_for(length)
    upload = Upload(core, context, state.session, path, writer, length, begin)
    return FileSink(upload, profile, core.streams.begin(profile, begin), begin)


@dataclass(frozen=True, slots=True)
class Completed:
    """A file that is all there, and what it is."""

    recipe: Recipe
    found: Examination

    def told(self, path: FilePath) -> CompletedFile:
        """With what a client should know of it at once (S4.2, S4.5); the commit says the rest."""
        project, unsupported = self.found.project, self.found.unsupported
        return CompletedFile(
            path=path,
            recipe=self.recipe.digest.hex(),
            size_bytes=self.recipe.size_bytes,
            fallback="raw" if unsupported else None,
            warning=self._warning(),
            stored_as=None if project is None else "opaque" if project.is_opaque else "parsed",
            nle=project.nle if project is not None else None,
            version=project.version_told if project is not None else None,
            supported=project.is_supported if project is not None else None,
        )

    def warnings(self) -> tuple[str, ...]:
        """As X-Dits-Warning has them."""
        found = self.found
        words = {"corrupted-container": found.is_damaged, "unsupported-codec": bool(found.unsupported)}
        return tuple(word for word, is_so in words.items() if is_so)

    def _warning(self) -> str | None:
        """The worst of it; the commit will be refused if the container is damaged, and says all."""
        if self.found.is_damaged:
            return next(issue.message for issue in self.found.issues if issue.severity == "error")
        return f"Unsupported codec: {self.found.unsupported[0]}" if self.found.unsupported else None


@dataclass(slots=True)
class Upload:
    """One request's writing of one file, as the log is told of it."""

    core: Core
    context: Context
    session: SessionId
    path: FilePath
    writer: int
    length_bytes: int
    begin_bytes: int
    rows: bytearray = field(default_factory=bytearray)
    """Of the recipe: what this request added, 36 bytes a chunk."""
    confirmed_bytes: int = 0
    """Of this request."""
    is_settled: bool = True
    """False from the moment a part is being told until it is known to be in the log. What follows a part
    whose fate is unknown must not be told: it would take that part's place."""

    @property
    def offset_bytes(self) -> int:
        return self.begin_bytes + self.confirmed_bytes

    def tell(self, parts: Sequence[Part]) -> None:
        """They are durable: confirm them."""
        if not self.is_settled:
            return
        for part in parts:
            self.is_settled = False
            fresh = {chunk.digest: chunk.size_bytes for chunk in part.chunks}
            chunks, sizes = [each.digest for each in part.chunks], [each.size_bytes for each in part.chunks]
            self._ask(
                StoreChunks(self.core.streams.location, packed(list(fresh)), tuple(fresh.values())),
                ProgressUpload(self.path, self.writer, packed(chunks), tuple(sizes)),
            )
            self.is_settled = True
            for each in part.chunks:
                self.rows += ChunkRef(each.digest, each.size_bytes).row()
            self.confirmed_bytes += sum(sizes)

    def complete(self, profile: Profile) -> Completed:
        """All parts are told: look at the file, cut it by what it is, make the recipe durable, say so."""
        blind = self._recipe(profile)
        source = source_of(self.core.store, blind)
        found = examine(source)
        recipe = recut(source, self._keep, bytes_max=RECUT_BYTES_MAX) or blind
        self.core.store.put([(ObjectName("recipes", recipe.digest), recipe.encode())])
        for group in in_appends(recipe_commands(recipe)):
            self._ask(*group)
        self._ask(CompleteUpload(self.path, self.writer, recipe.digest))
        return Completed(recipe, found)

    def _keep(self, fresh: Fresh) -> None:
        """Chunks of the same bytes, cut otherwise: they are no progress."""
        self._ask(stored(self.core.store, fresh))

    def interrupt(self) -> None:
        self._ask(InterruptUpload(self.path, self.writer))

    def _ask(self, *commands: SessionCommand) -> None:
        asks = [sessions.DECIDER.ask(self.session, command) for command in commands]
        self.core.log.ask(*asks, context=self.context)

    def _recipe(self, profile: Profile) -> Recipe:
        rows = b"".join(self._earlier_rows()) + self.rows
        return Recipe((Stream(profile.id, rows),), (Run(0, self.length_bytes),)) if rows else Recipe((), ())

    def _earlier_rows(self) -> Iterator[bytes]:
        """From the log, because earlier parts may have come through other requests and processes."""
        left_bytes = self.begin_bytes
        history = self.core.log.history(sessions.DECIDER.at(self.session)) if left_bytes else ()
        for event in (recorded.event for recorded in history):
            if left_bytes and isinstance(event, UploadProgressed) and event.path == self.path:
                for name, size_bytes in zip(unpacked(event.chunks), event.sizes_bytes, strict=True):
                    yield ChunkRef(name, size_bytes).row()
                left_bytes -= sum(event.sizes_bytes)
        assert left_bytes == 0, self.path


@dataclass(slots=True)
class FileSink:
    """One request's bytes on their way into a file (port Sink)."""

    upload: Upload
    profile: Profile
    pouring: Pouring
    received_bytes: int
    """Offset of the byte that comes next; the confirmed offset lies behind it."""

    def write(self, block: bytes) -> None:
        self.received_bytes += len(block)
        if self.received_bytes > self.upload.length_bytes:
            raise BodyTooLargeError(limit_bytes=self.upload.length_bytes - self.upload.begin_bytes)
        self.upload.tell(self.pouring.write(block))

    def end(self) -> Answer:
        upload = self.upload
        if self.received_bytes < upload.length_bytes:
            upload.tell(self.pouring.stop())
            return Answer(None, upload.core.log.end(), 204, ((OFFSET, str(upload.offset_bytes)),))
        upload.tell(self.pouring.end())
        done = upload.complete(self.profile)
        headers = [(OFFSET, str(done.recipe.size_bytes))]
        headers += [(WARNING, ", ".join(done.warnings()))] if done.warnings() else []
        return Answer(done.told(upload.path), upload.core.log.end(), 201, tuple(headers))

    def interrupted(self) -> None:
        """What became durable is confirmed; if even that fails, the client's next HEAD says how far it is."""
        try:
            self.upload.tell(self.pouring.stop())
            self.upload.interrupt()
        except DitsError:
            return


def _number(call: Call[Nothing], header: str) -> int:
    text = call.headers.get(header.lower(), "")
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX):
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
        "Send a file, or the rest of it, from its confirmed offset on: 201 when it is complete, else 204.",
        CompletedFile,
        success=201,
        takes="stream",
        limit_bytes=_file_limit,
    ),
    Operation(
        "files.offset", "HEAD", FILE, "write", Nothing, offset, "How many bytes of a file are confirmed."
    ),
)
