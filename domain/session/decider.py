"""What an upload session answers: guards first, then the facts."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never, get_args

from domain.decider import Decider
from domain.errors import (
    NotFoundError,
    SessionClosedError,
    UploadExpiredError,
    UploadFencedError,
    UploadLengthMismatchError,
    UploadOffsetMismatchError,
)
from domain.ids import DIGEST_BYTES, FilePath
from domain.session.commands import (
    CompleteSession,
    CompleteUpload,
    ExpireSession,
    FailSession,
    FileUpload,
    InterruptUpload,
    ProgressUpload,
    RecordRecipe,
    RecordTree,
    Session,
    SessionCommand,
    StartSession,
    StartUpload,
    StoreChunks,
)
from domain.session.events import (
    NAMES_PER_PART_MAX,
    ChunkStored,
    RecipeRecorded,
    SessionEvent,
    TreeRecorded,
    UploadCompleted,
    UploadExpired,
    UploadInterrupted,
    UploadProgressed,
    UploadSessionCompleted,
    UploadSessionFailed,
    UploadSessionStarted,
    UploadStarted,
)


def decide(state: Session, command: SessionCommand) -> tuple[SessionEvent, ...]:
    match command:
        case StartSession():
            return _start(state, command)
        case CompleteSession() | FailSession() | ExpireSession():
            return _end(state, command)
        case StoreChunks() | RecordRecipe() | RecordTree():
            _refuse_unless_open(state)
            return _record(state, command)
        case StartUpload():
            _refuse_unless_open(state)
            return _start_upload(state, command)
        case ProgressUpload() | InterruptUpload() | CompleteUpload():
            _refuse_unless_open(state)
            return _write(state, command, _written_by(state, command.path, command.writer))
        case _:
            assert_never(command)


def _record(state: Session, command: StoreChunks | RecordRecipe | RecordTree) -> tuple[SessionEvent, ...]:
    names_bytes_max = DIGEST_BYTES * NAMES_PER_PART_MAX
    session, repo = state.session, state.repo
    match command:
        case StoreChunks(location, chunks, sizes):
            assert len(chunks) == DIGEST_BYTES * len(sizes) <= names_bytes_max
            return (
                ChunkStored(session=session, repo=repo, location=location, chunks=chunks, sizes_bytes=sizes),
            )
        case RecordRecipe(recipe, size, part, parts, chunks):
            assert len(chunks) <= names_bytes_max
            recorded = RecipeRecorded(
                session=session,
                repo=repo,
                recipe=recipe,
                size_bytes=size,
                part=part,
                parts=parts,
                chunks=chunks,
            )
            return () if (recipe, part) in state.recorded else (recorded,)
        case RecordTree(tree, part, parts, trees, recipes):
            assert len(trees) + len(recipes) <= names_bytes_max
            told = TreeRecorded(
                session=session, repo=repo, tree=tree, part=part, parts=parts, trees=trees, recipes=recipes
            )
            return () if (tree, part) in state.recorded else (told,)
        case _:
            assert_never(command)


def _write(
    state: Session, command: ProgressUpload | InterruptUpload | CompleteUpload, file: FileUpload
) -> tuple[SessionEvent, ...]:
    session, path = state.session, command.path
    match command:
        case ProgressUpload(chunks=chunks, sizes_bytes=sizes):
            offset = file.offset_bytes + sum(sizes)
            if offset > file.length_bytes:
                raise UploadLengthMismatchError(path=path, announced=file.length_bytes, given=offset)
            return (
                UploadProgressed(
                    session=session, path=path, offset_bytes=offset, chunks=chunks, sizes_bytes=sizes
                ),
            )
        case InterruptUpload():
            ended = file.interrupted or file.recipe is not None
            told = UploadInterrupted(session=session, path=path, offset_bytes=file.offset_bytes)
            return () if ended else (told,)
        case CompleteUpload(recipe=recipe):
            length = file.length_bytes
            if file.offset_bytes != length:
                raise UploadLengthMismatchError(path=path, announced=length, given=file.offset_bytes)
            done = UploadCompleted(session=session, path=path, recipe=recipe, size_bytes=length)
            return () if file.recipe == recipe else (done,)
        case _:
            assert_never(command)


def _start(state: Session, command: StartSession) -> tuple[SessionEvent, ...]:
    if state.phase != "absent":
        return ()
    return (
        UploadSessionStarted(
            session=command.session, repo=command.repo, consumer=command.consumer, base=command.base
        ),
    )


def _end(state: Session, command: CompleteSession | FailSession | ExpireSession) -> tuple[SessionEvent, ...]:
    if isinstance(command, ExpireSession):
        if state.phase != "open" or state.version != command.seen_version:
            return ()
        return (UploadExpired(session=state.session, repo=state.repo),)
    if isinstance(command, FailSession):
        if state.phase != "open" or state.repo != command.repo:
            return ()
        return (
            UploadSessionFailed(
                session=state.session, repo=state.repo, commit=command.commit, code=command.code
            ),
        )
    if state.repo != command.repo:
        raise NotFoundError(thing="upload session", name=state.session)
    _refuse_unless_open(state)
    return (UploadSessionCompleted(session=state.session, repo=state.repo, commit=command.commit),)


def _start_upload(state: Session, command: StartUpload) -> tuple[SessionEvent, ...]:
    file = state.files.get(command.path)
    confirmed = file.offset_bytes if file is not None else 0
    if file is not None and file.length_bytes != command.length_bytes:
        raise UploadLengthMismatchError(
            path=command.path, announced=file.length_bytes, given=command.length_bytes
        )
    if command.offset_bytes != confirmed:
        raise UploadOffsetMismatchError(path=command.path, offset=confirmed, given=command.offset_bytes)
    return (
        UploadStarted(
            session=state.session,
            path=command.path,
            length_bytes=command.length_bytes,
            offset_bytes=confirmed,
            writer=state.version + 1,
        ),
    )


def _refuse_unless_open(state: Session) -> None:
    if state.phase == "absent":
        raise NotFoundError(thing="upload session", name=state.session)
    if state.phase == "expired":
        raise UploadExpiredError(session=state.session)
    if state.phase != "open":
        raise SessionClosedError(session=state.session, state=state.phase)


def _written_by(state: Session, path: FilePath, writer: int) -> FileUpload:
    file = state.files.get(path)
    if file is None:
        raise NotFoundError(thing="upload", name=path)
    if file.writer != writer:
        raise UploadFencedError(path=path)
    return file


def evolve(state: Session, event: SessionEvent) -> Session:
    return replace(_evolved(state, event), version=state.version + 1)


def _evolved(state: Session, event: SessionEvent) -> Session:
    match event:
        case UploadSessionStarted():
            return Session("open", event.session, event.repo, event.consumer, event.base)
        case ChunkStored():
            return state
        case UploadStarted(path=path):
            return _with_file(state, path, FileUpload(event.length_bytes, event.offset_bytes, event.writer))
        case UploadProgressed(path=path):
            return _with_file(state, path, replace(state.files[path], offset_bytes=event.offset_bytes))
        case UploadInterrupted(path=path):
            return _with_file(state, path, replace(state.files[path], interrupted=True))
        case UploadCompleted(path=path):
            return _with_file(state, path, replace(state.files[path], recipe=event.recipe))
        case RecipeRecorded():
            return replace(state, recorded=state.recorded.with_item((event.recipe, event.part)))
        case TreeRecorded():
            return replace(state, recorded=state.recorded.with_item((event.tree, event.part)))
        case UploadSessionCompleted():
            return replace(state, phase="completed")
        case UploadSessionFailed():
            return replace(state, phase="failed", failure=event.code)
        case UploadExpired():
            return replace(state, phase="expired")
        case _:
            assert_never(event)


def _with_file(state: Session, path: FilePath, file: FileUpload) -> Session:
    return replace(state, files={**state.files, path: file})


DECIDER = Decider("session", Session(), decide, evolve, get_args(SessionEvent))
