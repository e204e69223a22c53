"""Push: bring local files into a commit, sending only what the server does not have.

Promises: memory is bounded at any file size; an interrupted push, run again, goes on where it was; a push
of what is committed already sends nothing and records nothing; locks that are ours are shown. Scenario:
seeds S1.1, S2.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from .calls import Calls
from .commits import Commits, Draft
from .contents import Contents
from .cutting import FileCut, FileCutter
from .errors import ProblemError
from .format.digest import Digest
from .format.recipe import Recipe
from .locks import Locks
from .notes import cache_dir
from .progress import Progress, Report, Tally, say_nothing
from .regrowing import NewFile, regrow
from .repos import Repos, branches
from .results import Commit, Ref
from .resuming import Remembered, session_for
from .sending import WINDOWS_IN_FLIGHT, Sender, upload_batches
from .sessions import Sessions, Upload
from .snapshot import Snapshot
from .threads import workers
from .walking import Found, Skipped, find
from .whole_file import send_whole
from .wire import Buffer

HASHERS = 2
RECIPES_BYTES = 4 << 20
"""Recipes that wait to be sent together."""
COMMITTED_CHUNKS_MAX = 262_144
"""Of one file, remembered as known: about 25 MiB for 80 GiB of film. Chunks of a larger one are asked for."""
CHANGES_BYTES_MAX = 192 * 1024
"""A commit command stays under 256 KiB; beyond this it names its root tree instead of its changes."""


@dataclass(frozen=True, slots=True)
class PushOptions:
    root: str | Path = "."
    """Paths below it keep their path from there; others land under their own name."""
    mirror: bool = False
    """Remove from the commit what is no longer in the directories given."""
    whole_file: bool = False
    """Send files as they are and let the server cut them."""
    raw: tuple[str, ...] = ()
    """Paths of the commit, or patterns of them: kept as they are, also damaged media containers."""
    fixed_head: bool = False
    """Fail with STALE_HEAD rather than follow a branch that moves meanwhile."""
    notes: Path = field(default_factory=cache_dir)
    """Where interrupted pushes are remembered."""


DEFAULTS = PushOptions()


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a push."""

    commit: Commit | None
    """None if there was nothing to commit."""
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    skipped: tuple[Skipped, ...]
    progress: Progress
    resumed: bool
    """An earlier push of the same paths was gone on with."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a push goes."""

    repo: str
    branch: str
    message: str


class Push:
    """One push. For one thread, once."""

    def __init__(self, calls: Calls, target: Target, options: PushOptions, report: Report) -> None:
        self._calls = calls
        self._target = target
        self._options = options
        self._report = report
        self._contents = Contents(calls)

    def run(self, paths: tuple[str | Path, ...]) -> Pushed:
        found = find(paths, self._options.root)
        head = self._head()
        snapshot = Snapshot.of(self._contents, self._target.repo, head.manifest if head else None)
        total = sum(local.size_bytes for local in found.files)
        tally = Tally(self._report, files_total=len(found.files), bytes_total=total)
        with ExitStack() as open_until_the_end:
            opening = partial(self._upload, found, open_until_the_end)
            return self._commit(found, head, snapshot, Opened(opening), tally)

    def _head(self) -> Ref | None:
        Repos(self._calls).get(self._target.repo)  # says so if there is none
        try:
            return branches(self._calls).get(self._target.repo, self._target.branch)
        except ProblemError as problem:
            if problem.kind == "missing":
                return None
            raise

    def _upload(self, found: Found, open_until_the_end: ExitStack) -> tuple[Upload, Remembered]:
        """Whole files are gone on with byte by byte, so there a file that was written to is another one."""
        whole = self._options.whole_file
        parts = [self._calls.http.server, self._target.branch, "whole" if whole else "chunks"]
        for local in found.files:
            parts.append(str(local.file))
            if whole:
                parts.append(f"{local.size_bytes} {local.modified_ns}")
        sessions = Sessions(self._calls)
        opening = session_for(sessions, self._target.repo, self._options.notes, parts)
        remembered = open_until_the_end.enter_context(opening)
        return sessions.within(self._target.repo, remembered.session), remembered

    def _commit(
        self, found: Found, head: Ref | None, snapshot: Snapshot, opened: Opened, tally: Tally
    ) -> Pushed:
        send = self._send_whole if self._options.whole_file else self._send_chunks
        changes: dict[str, NewFile | None] = dict(send(opened, found, snapshot, tally))
        for path in self._absent(found, snapshot):
            changes[path] = None
        commit = None
        if changes:
            draft = self._draft(changes, head, snapshot, opened.upload())
            commit = Commits(self._calls).open(self._target.repo, draft)
            opened.forget()
        tally.report()
        changed = tuple(sorted(path for path, new in changes.items() if new is not None))
        removed = tuple(sorted(path for path, new in changes.items() if new is None))
        return Pushed(
            commit=commit,
            changed=changed,
            removed=removed,
            unchanged=len(found.files) - len(changed),
            skipped=found.skipped,
            progress=tally.now,
            resumed=opened.resumed,
        )

    # ------------------------------------------------------------------ bytes
    def _send_chunks(
        self, opened: Opened, found: Found, snapshot: Snapshot, tally: Tally
    ) -> dict[str, NewFile]:
        """Everything is with the server when this returns: chunks and recipes."""
        changes, machine = dict[str, NewFile](), self._calls.machine
        with (
            workers(WINDOWS_IN_FLIGHT, "send", machine) as senders,
            workers(HASHERS, "hash", machine) as hashers,
        ):
            sender, cutter = Sender(opened.upload, senders, tally), FileCutter(hashers)
            recipes = RecipeBatch(opened.upload)
            for local in found.files:
                tally.work_on(local.path)
                with cutter.opened(local) as cut:
                    recipe = self._cut(cut, _committed(snapshot, local.path), sender, tally)
                if recipe is not None:
                    recipes.add(recipe.digest, recipe.encode())
                    changes[local.path] = NewFile(recipe.digest, local.size_bytes)
                tally.add(files=1)
                tally.report()
            sender.flush()
            recipes.flush()
        return changes

    def _cut(self, cut: FileCut, before: Digest | None, sender: Sender, tally: Tally) -> Recipe | None:
        """None if the file is committed already."""
        recipes = None if before is None else self._contents.recipes(self._target.repo, before)
        committed = None if recipes is None else recipes.newest
        if committed is not None and cut.is_known_otherwise(committed):
            tally.add(read=committed.size_bytes, known=committed.size_bytes)
            return None
        chunks, left_bytes = _chunks(committed), cut.size_bytes
        for group in cut.groups():
            for chunk in group:
                sender.offer(chunk, chunks)
            # Of a file that is unpacked more comes out than was read.
            read_bytes = min(left_bytes, sum(chunk.size_bytes for chunk in group))
            left_bytes -= read_bytes
            tally.add(read=read_bytes)
            tally.report()
        tally.add(read=left_bytes)
        recipe = cut.recipe()
        is_committed = committed is not None and recipe.digest in {before, committed.digest}
        return None if is_committed else recipe

    def _send_whole(
        self, opened: Opened, found: Found, snapshot: Snapshot, tally: Tally
    ) -> dict[str, NewFile]:
        changes, upload = dict[str, NewFile](), opened.upload()
        done = {each.path: each.recipe for each in upload.session.files}
        for local in found.files:
            tally.work_on(local.path)
            recipe = done.get(local.path) or send_whole(self._calls, upload, local, tally)
            digest = Digest(bytes.fromhex(recipe))
            tally.add(files=1)
            tally.report()
            if _committed(snapshot, local.path) != digest:
                changes[local.path] = NewFile(digest, local.size_bytes)
        return changes

    # ------------------------------------------------------------------ the commit
    def _absent(self, found: Found, snapshot: Snapshot) -> Iterator[str]:
        """What the commit has below the given directories and this disk has not."""
        if self._options.mirror:
            here = {local.path for local in found.files}
            for directory in found.directories:
                yield from (path for path, _ in snapshot.files(directory) if path not in here)

    def _draft(
        self, changes: dict[str, NewFile | None], head: Ref | None, snapshot: Snapshot, upload: Upload
    ) -> Draft:
        tokens = Locks(self._calls).own_tokens(self._target.repo, changes)
        draft = Draft(
            branch=self._target.branch,
            session=upload.session.session,
            base=head.commit if head else None,
            message=self._target.message,
            changes={path: new.recipe.hex() if new else None for path, new in changes.items()},
            fixed_head=self._options.fixed_head,
            tokens=tuple(sorted(tokens.items())),
            raw=tuple(
                sorted(path for path, new in changes.items() if new is not None and self._is_raw(path))
            ),
        )
        if len(json.dumps(draft.body())) <= CHANGES_BYTES_MAX:
            return draft
        regrown = regrow(snapshot, changes)
        for batch in upload_batches(upload, regrown.trees):
            upload.send_trees(batch)
        return replace(draft, changes=None, tree=regrown.root.hex() if regrown.root else None)

    def _is_raw(self, path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in self._options.raw)


class Opened:
    """The upload session of a push, opened when something needs it."""

    def __init__(self, opening: Callable[[], tuple[Upload, Remembered]]) -> None:
        self._opening = opening
        self._open: tuple[Upload, Remembered] | None = None

    def upload(self) -> Upload:
        if self._open is None:
            self._open = self._opening()
        return self._open[0]

    @property
    def resumed(self) -> bool:
        return self._open is not None and self._open[1].resumed

    def forget(self) -> None:
        assert self._open is not None, "a commit has a session"
        self._open[1].forget()


class RecipeBatch:
    """Recipes on their way; sent a few MiB at a time, so that a million files need no memory."""

    def __init__(self, upload: Callable[[], Upload]) -> None:
        self._upload = upload
        self._waiting: list[tuple[Digest, Buffer]] = []
        self._size_bytes = 0

    def add(self, digest: Digest, encoded: bytes) -> None:
        self._waiting.append((digest, encoded))
        self._size_bytes += len(encoded)
        if self._size_bytes >= RECIPES_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            upload = self._upload()
            for batch in upload_batches(upload, self._waiting):
                upload.send_recipes(batch)
        self._waiting, self._size_bytes = [], 0


def _committed(snapshot: Snapshot, path: str) -> Digest | None:
    """The recipe of the file under that path."""
    entry = snapshot.find(path)
    return entry.digest if entry is not None and entry.kind == "recipe" else None


def _chunks(recipe: Recipe | None) -> frozenset[Digest]:
    """Of the file as it is committed: an unchanged file then asks for nothing, and opens no session."""
    chunks = () if recipe is None else recipe.children()
    return frozenset(chunks) if len(chunks) <= COMMITTED_CHUNKS_MAX else frozenset()


def push(
    calls: Calls,
    target: Target,
    *paths: str | Path,
    options: PushOptions = DEFAULTS,
    progress: Report = say_nothing,
) -> Pushed:
    """Raises DitsError; after one that may pass, push again."""
    return Push(calls, target, options, progress).run(paths)
