"""Push: bring local files into a commit, sending only what the server does not have.

Promises: memory is bounded at any file size; an interrupted push, run again, goes on where it was; a push
of what is committed already sends nothing and makes no commit; locks that are ours are shown. Scenario:
seeds S1.1, S2.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from .calls import Calls
from .commits import Commits, Draft
from .contents import Contents
from .cutting import FileCutter, recipe_of
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
from .sending import BATCH_BYTES, WINDOWS_IN_FLIGHT, Sender, batches
from .sessions import Sessions, Upload
from .snapshot import Snapshot
from .threads import workers
from .walking import Found, LocalFile, Skipped, find
from .whole_file import send_whole
from .wire import Buffer

HASHERS = 2
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
        with self._session(found) as remembered:
            pushed = self._commit(found, head, snapshot, remembered, tally)
            if pushed.commit is not None:
                remembered.forget()
        return pushed

    def _head(self) -> Ref | None:
        Repos(self._calls).get(self._target.repo)  # says so if there is none
        try:
            return branches(self._calls).get(self._target.repo, self._target.branch)
        except ProblemError as problem:
            if problem.kind == "missing":
                return None
            raise

    def _session(self, found: Found) -> AbstractContextManager[Remembered]:
        """Whole files are gone on with byte by byte, so there a file that was written to is another one."""
        whole = self._options.whole_file
        parts = [self._calls.http.server, self._target.branch, "whole" if whole else "chunks"]
        for local in found.files:
            parts.append(str(local.file))
            if whole:
                parts.append(f"{local.size_bytes} {local.modified_ns}")
        return session_for(Sessions(self._calls), self._target.repo, self._options.notes, parts)

    def _commit(
        self, found: Found, head: Ref | None, snapshot: Snapshot, remembered: Remembered, tally: Tally
    ) -> Pushed:
        upload = Sessions(self._calls).within(self._target.repo, remembered.session)
        send = self._send_whole if self._options.whole_file else self._send_chunks
        changes: dict[str, NewFile | None] = dict(send(upload, found, snapshot, tally))
        for path in self._absent(found, snapshot):
            changes[path] = None
        commit = None
        if changes:
            draft = self._draft(changes, head, snapshot, upload)
            commit = Commits(self._calls).open(self._target.repo, draft)
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
            resumed=remembered.resumed,
        )

    # ------------------------------------------------------------------ bytes
    def _send_chunks(
        self, upload: Upload, found: Found, snapshot: Snapshot, tally: Tally
    ) -> dict[str, NewFile]:
        """Everything is with the server when this returns: chunks and recipes."""
        changes, machine = dict[str, NewFile](), self._calls.machine
        with (
            workers(WINDOWS_IN_FLIGHT, "send", machine) as senders,
            workers(HASHERS, "hash", machine) as hashers,
        ):
            sender, cutter = Sender(upload, senders, tally), FileCutter(hashers)
            recipes = RecipeBatch(upload)
            for local in found.files:
                recipe = self._cut(local, cutter, sender, tally)
                if not _is_there(snapshot, local.path, recipe.digest):
                    recipes.add(recipe.digest, recipe.encode())
                    changes[local.path] = NewFile(recipe.digest, local.size_bytes)
            sender.flush()
            recipes.flush()
        return changes

    def _cut(self, local: LocalFile, cutter: FileCutter, sender: Sender, tally: Tally) -> Recipe:
        rows = bytearray()
        tally.work_on(local.path)
        for group in cutter.chunks(local, rows):
            for chunk in group:
                sender.offer(chunk)
            tally.add(read=sum(chunk.size_bytes for chunk in group))
            tally.report()
        tally.add(files=1)
        tally.report()
        return recipe_of(local, rows)

    def _send_whole(
        self, upload: Upload, found: Found, snapshot: Snapshot, tally: Tally
    ) -> dict[str, NewFile]:
        changes, done = dict[str, NewFile](), {each.path: each.recipe for each in upload.session.files}
        for local in found.files:
            tally.work_on(local.path)
            recipe = done.get(local.path) or send_whole(self._calls, upload, local, tally)
            digest = Digest(bytes.fromhex(recipe))
            tally.add(files=1)
            tally.report()
            if not _is_there(snapshot, local.path, digest):
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
        )
        if len(json.dumps(draft.body())) <= CHANGES_BYTES_MAX:
            return draft
        regrown = regrow(snapshot, changes)
        for batch in batches(regrown.trees, bytes_max=BATCH_BYTES, count_max=upload.session.batch_chunks_max):
            upload.send_trees(batch)
        return replace(draft, changes=None, tree=regrown.root.hex() if regrown.root else None)


class RecipeBatch:
    """Recipes on their way; sent a few MiB at a time, so that a million files need no memory."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._waiting: list[tuple[Digest, Buffer]] = []
        self._size_bytes = 0

    def add(self, digest: Digest, encoded: bytes) -> None:
        self._waiting.append((digest, encoded))
        self._size_bytes += len(encoded)
        if self._size_bytes >= BATCH_BYTES // 4:
            self.flush()

    def flush(self) -> None:
        limit = self._upload.session.batch_chunks_max
        for batch in batches(self._waiting, bytes_max=BATCH_BYTES, count_max=limit):
            self._upload.send_recipes(batch)
        self._waiting, self._size_bytes = [], 0


def _is_there(snapshot: Snapshot, path: str, recipe: Digest) -> bool:
    entry = snapshot.find(path)
    return entry is not None and entry.kind == "recipe" and entry.digest == recipe


def push(
    calls: Calls,
    target: Target,
    *paths: str | Path,
    options: PushOptions = DEFAULTS,
    progress: Report = say_nothing,
) -> Pushed:
    """Raises DitsError; after one that may pass, push again."""
    return Push(calls, target, options, progress).run(paths)
