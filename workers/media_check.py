"""The first named check of a commit: what its new files are, and whether their containers are whole.

Promises: looks at bytes and never at names; the same content is looked at once while it is remembered, and
says the same whoever asks (I6); a damaged container is refused unless its path is taken raw, and either way
is an event (S4.1); everything else that is found is told as a warning and an event (S4.2-S4.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from domain.asset import decider as assets
from domain.asset.decider import RecordFailure, RecordFindings, asset_id
from domain.asset.events import AssetValidationFailed
from domain.commit.events import CheckWarning, CommitOpened
from domain.counting import Count, Counts
from domain.decider import Ask, Context
from domain.errors import CorruptedContainerError
from domain.examination import Examination, examine, findings, issues_told, reason_of_opaque
from domain.format.extension import MEDIA_FACTS, Extension, Extensions
from domain.format.media.movie import Issue
from domain.ids import Digest, FilePath, RepoId
from domain.ports import EventLog, ObjectStore
from domain.snapshots import Change
from domain.successions import opened_source

REMEMBERED_MAX = 4_096
"""Contents whose examination is kept, some kB each: a commit is described first and checked then."""
ASKS_AT_ONCE = 64
"""Assets recorded in one append."""
RECOVERY = ("salvage", "raw")


@dataclass(frozen=True, slots=True)
class MediaCounts:
    """What is counted here (acceptance: S4.1-S4.5)."""

    validation: Mapping[str, Count]
    """By result: passed, failed."""
    unsupported_codecs: Count
    sync_warnings: Count
    projects: Counts
    """By program, and whether its version is supported (yes, no)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A content to be looked at, and whether somebody takes it as it is."""

    repo: RepoId
    recipe: Digest
    raw: bool


@dataclass(frozen=True)
class MediaCheck:
    """One a worker process; safe for the threads of the saga pool."""

    events: EventLog
    store: ObjectStore
    counts: MediaCounts
    look: Callable[[Wanted], Examination] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "look", lru_cache(REMEMBERED_MAX)(self._examine))

    def describe(self, repo: RepoId, recipe: Digest, *, raw: bool) -> Extensions:
        facts = self.look(Wanted(repo, recipe, raw)).facts
        return (Extension(MEDIA_FACTS, facts),) if facts else ()

    def passes(
        self, opened: CommitOpened, changes: Sequence[Change], context: Context
    ) -> Sequence[CheckWarning]:
        """Raises CorruptedContainerError for the first damaged container that is not taken raw."""
        looked = list(self._looked_at(opened, changes))
        damaged = [each for each in looked if each.found.is_damaged]
        self._record((_failure(opened, each) for each in damaged), context)
        for each in damaged:
            self.counts.validation["failed"].inc()
            if each.path not in opened.raw:
                raise _refusal(each)
        self._record((_found(opened, each) for each in looked if each.found.mode is not None), context)
        for each in looked:
            self._count(each.found)
        return [warning for each in looked for warning in _warnings(each)]

    def _looked_at(self, opened: CommitOpened, changes: Iterable[Change]) -> Iterator[Looked]:
        raw = frozenset(opened.raw)
        for change in changes:
            if change.after is not None:
                recipe = change.after.digest
                yield Looked(change.path, recipe, self.look(Wanted(opened.repo, recipe, change.path in raw)))

    def _examine(self, wanted: Wanted) -> Examination:
        return examine(opened_source(self.events, self.store, wanted.repo, wanted.recipe), raw=wanted.raw)

    def _record(self, asks: Iterable[Ask], context: Context) -> None:
        waiting = {ask.aggregate: ask for ask in asks}  # two paths may have one content
        for at in range(0, len(waiting), ASKS_AT_ONCE):
            self.events.ask(*list(waiting.values())[at : at + ASKS_AT_ONCE], context=context)

    def _count(self, found: Examination) -> None:
        if found.mode in {"media", "raw"} and not found.is_damaged:
            self.counts.validation["passed"].inc()
        self.counts.unsupported_codecs.inc(len(found.unsupported))
        if found.sync is not None and not found.sync.valid:
            self.counts.sync_warnings.inc()
        if found.project is not None:
            supported = "yes" if found.project.is_supported else "no"
            self.counts.projects.of(found.project.nle, supported).inc()


@dataclass(frozen=True, slots=True)
class Looked:
    """A file of the commit, and what it is."""

    path: FilePath
    recipe: Digest
    found: Examination


def _failure(opened: CommitOpened, each: Looked) -> Ask:
    failed = AssetValidationFailed(
        repo=opened.repo,
        recipe=each.recipe,
        path=each.path,
        commit=opened.commit,
        issues=issues_told(each.found),
    )
    return assets.DECIDER.ask(asset_id(opened.repo, each.recipe), RecordFailure(failed))


def _found(opened: CommitOpened, each: Looked) -> Ask:
    told = findings(each.found, opened.repo, each.recipe)
    return assets.DECIDER.ask(asset_id(opened.repo, each.recipe), RecordFindings(told))


def _refusal(each: Looked) -> CorruptedContainerError:
    issues = tuple(issue.model_dump() for issue in issues_told(each.found))
    return CorruptedContainerError(path=each.path, issues=issues, recovery=RECOVERY)


def _first_of(issues: Sequence[Issue]) -> str:
    more = len(issues) - 1
    return issues[0].message + (f" (and {more} more)" if more else "")


def _warnings(each: Looked) -> Iterator[CheckWarning]:
    found = each.found
    if found.is_damaged:
        yield CheckWarning(path=each.path, code="corrupted-container", message=_first_of(found.issues))
    elif found.issues:
        yield CheckWarning(path=each.path, code="container-warning", message=_first_of(found.issues))
    for codec in found.unsupported:
        yield CheckWarning(path=each.path, code="unsupported-codec", message=f"Unsupported codec: {codec}")
    if found.sync is not None and found.sync.suggestion:
        yield CheckWarning(path=each.path, code="av-sync", message=found.sync.suggestion)
    if found.project is not None and found.project.is_opaque:
        words = f"{found.project.nle} {found.project.version_told}, {reason_of_opaque(found.project)}"
        yield CheckWarning(path=each.path, code="opaque-project", message=f"Stored opaque: {words}")
