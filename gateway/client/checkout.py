"""Checkout: bring the files of a commit onto this disk.

Promises: every chunk is hashed before it is written, no half file ever has its real name, and work that
no checkout wrote is never overwritten unasked; an interrupted checkout, run again, goes on where it was.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .calls import Calls
from .colour_check import lost_hdr
from .commits import Commits
from .contents import Contents
from .errors import BusyDirectoryError, DiskFullError, LocalEditsError, ProblemError
from .notes import Note, cache_dir, name_of, opened
from .placing import Place, Plan, Record
from .progress import Progress, Report, Tally, say_nothing
from .rebuilding import BATCHES_IN_FLIGHT, Rebuilder, Wanted
from .repos import branches, tags
from .results import Commit
from .snapshot import Snapshot
from .threads import workers
from .walking import PARTIAL_PREFIX, PARTIAL_SUFFIX

COMMIT_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class CheckoutOptions:
    overwrite: bool = False
    """Make every file what the commit says, whatever lies there, and look at every byte of it."""
    notes: Path = field(default_factory=cache_dir)
    """Where is remembered what checkouts wrote."""


DEFAULTS = CheckoutOptions()


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What came of a checkout."""

    commit: Commit
    directory: Path
    written: tuple[str, ...]
    removed: tuple[str, ...]
    """Written by an earlier checkout and not in this commit."""
    unchanged: int
    progress: Progress
    hdr_lost: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Of films that do not say what was read of them when they were committed: what is lost (S4.4)."""


def resolved(calls: Calls, repo: str, ref: str) -> Commit:
    """The commit that a commit id, branch or tag names. Raises ProblemError."""
    commits = Commits(calls)
    if COMMIT_ID.fullmatch(ref):
        return commits.get(repo, ref)
    try:
        return commits.get(repo, branches(calls).get(repo, ref).commit)
    except ProblemError as problem:
        if problem.kind != "missing":
            raise
        missing = problem
    try:
        return commits.get(repo, tags(calls).get(repo, ref).commit)
    except ProblemError as problem:
        raise (missing if problem.kind == "missing" else problem) from None


def checkout(
    calls: Calls,
    source: tuple[str, str],
    directory: str | Path,
    *,
    options: CheckoutOptions = DEFAULTS,
    progress: Report = say_nothing,
) -> CheckedOut:
    """`source` is a repository and a commit, branch or tag. Raises DitsError."""
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    place = place.resolve()
    with opened(options.notes, name_of(["checkout", str(place)])) as note:
        if note is None:
            raise BusyDirectoryError(directory=str(place))
        return Checkout(calls, source, place, options, progress).run(note)


def nearest(directory: Path, notes: Path) -> tuple[Path, Record] | None:
    """The checkout that this directory lies in, and what was checked out there."""
    start = directory.resolve()
    for place in (start, *start.parents):
        name = name_of(["checkout", str(place)])
        if (notes / f"{name}.json").exists():
            with opened(notes, name) as note:
                record = Record() if note is None else Record.of(note.read())
            if record.repo:
                return place, record
    return None


class Checkout:
    """One checkout. For one thread, once."""

    def __init__(
        self, calls: Calls, source: tuple[str, str], place: Path, options: CheckoutOptions, report: Report
    ) -> None:
        self._calls = calls
        self._repo, self._ref = source
        self._directory = place
        self._options = options
        self._report = report
        self._contents = Contents(calls)
        self._hdr_lost = dict[str, tuple[str, ...]]()

    def run(self, note: Note) -> CheckedOut:
        commit = resolved(self._calls, self._repo, self._ref)
        snapshot = Snapshot.of(self._contents, self._repo, commit.manifest)
        record = Record.of(note.read())
        place = Place(self._directory, self._repo, self._contents)
        plan = place.plan(snapshot.files(), record, trust_record=not self._options.overwrite)
        self._refuse(plan)
        record.repo, record.ref, record.commit = self._repo, self._ref, commit.commit
        try:
            progress = self._write(plan, record)
            removed = self._remove(plan, record)
        finally:
            note.write(record.as_note(self._directory))
        written = tuple(each.path for each in plan.wanted)
        about = (len(plan.there), progress, self._hdr_lost)
        return CheckedOut(commit, self._directory, written, removed, *about)

    def _refuse(self, plan: Plan) -> None:
        if plan.edited and not self._options.overwrite:
            raise LocalEditsError(count=len(plan.edited), first=plan.edited[0])
        needed_bytes = sum(wanted.size_bytes - _size_bytes(wanted.partial) for wanted in plan.wanted)
        free_bytes = shutil.disk_usage(self._directory).free
        if needed_bytes > free_bytes:
            directory = str(self._directory)
            raise DiskFullError(directory=directory, free_bytes=free_bytes, needed_bytes=needed_bytes)

    def _write(self, plan: Plan, record: Record) -> Progress:
        for path, recipe in plan.there.items():
            record.remember(path, recipe, self._directory.joinpath(*path.split("/")))
        total = sum(wanted.size_bytes for wanted in plan.wanted)
        tally = Tally(self._report, files_total=len(plan.wanted), bytes_total=total)

        def done(wanted: Wanted) -> None:
            record.remember(wanted.path, wanted.recipe, wanted.target)
            if lost := lost_hdr(wanted):
                self._hdr_lost[wanted.path] = lost

        with workers(BATCHES_IN_FLIGHT, "fetch", self._calls.machine) as threads:
            Rebuilder(self._contents, self._repo, threads, tally).run(plan.wanted, done)
        _sweep({wanted.target.parent for wanted in plan.wanted})
        tally.report()
        return tally.now

    def _remove(self, plan: Plan, record: Record) -> tuple[str, ...]:
        for path in plan.gone:
            file = self._directory.joinpath(*path.split("/"))
            file.unlink(missing_ok=True)
            del record.files[path]
            self._remove_empty(file.parent)
        return tuple(plan.gone)

    def _remove_empty(self, directory: Path) -> None:
        while directory != self._directory:
            try:
                directory.rmdir()
            except OSError:  # somebody else's files are in it
                return
            directory = directory.parent


def _sweep(directories: Iterable[Path]) -> None:
    """Everything wanted is there: what other tries began is of no use."""
    for directory in directories:
        for left in directory.glob(f"{PARTIAL_PREFIX}*{PARTIAL_SUFFIX}"):
            left.unlink(missing_ok=True)


def _size_bytes(file: Path) -> int:
    return file.lstat().st_size if file.exists() else 0
