"""A commit's state and answers. A command whose step is behind us is no news: it decides nothing.

One is refused instead: publishing. Its append moves a branch too, which must not happen without it (I2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, assert_never, get_args

from domain.commit.events import (
    WARNINGS_MAX,
    CheckWarning,
    CommitChecked,
    CommitCompensated,
    CommitEvent,
    CommitFailed,
    CommitOpened,
    CommitPublished,
    CommitRebased,
    CommitStepCompensated,
    CommitVerified,
    ManifestRecorded,
    Step,
)
from domain.decider import Decider
from domain.errors import ConcurrencyConflictError
from domain.ids import CommitId, Digest

Phase = Literal["absent", "open", "published", "failed", "compensated"]


@dataclass(frozen=True, slots=True)
class OpenCommit:
    opened: CommitOpened


@dataclass(frozen=True, slots=True)
class RecordVerified:
    recipe_count: int
    chunk_count: int


@dataclass(frozen=True, slots=True)
class RecordManifest:
    manifest: Digest
    tree: Digest | None
    parents: tuple[Digest, ...]
    head: CommitId | None


@dataclass(frozen=True, slots=True)
class RecordChecked:
    manifest: Digest
    """What was checked; another runner may have built another one since."""
    checks: tuple[str, ...]
    warnings: tuple[CheckWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishCommit:
    """Refused unless the commit is ready: two runners, one of them late, must not move its branch twice."""

    manifest: Digest


@dataclass(frozen=True, slots=True)
class RebaseCommit:
    attempt: int


@dataclass(frozen=True, slots=True)
class FailCommit:
    step: Step
    code: str
    message: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CompensateStep:
    step: Step
    undone: str


@dataclass(frozen=True, slots=True)
class EndCompensation:
    pass


CommitCommand = (
    OpenCommit
    | RecordVerified
    | RecordManifest
    | RecordChecked
    | PublishCommit
    | RebaseCommit
    | FailCommit
    | CompensateStep
    | EndCompensation
)


@dataclass(frozen=True, slots=True)
class Commit:
    phase: Phase = "absent"
    opened: CommitOpened | None = None
    done: tuple[Step, ...] = ()
    """Steps that stand, oldest first; compensation takes them away from the end."""
    built: ManifestRecorded | None = None
    warnings: tuple[CheckWarning, ...] = ()
    """Of the check that stands."""
    attempt: int = 0
    failure: CommitFailed | None = None


def decide(state: Commit, command: CommitCommand) -> tuple[CommitEvent, ...]:
    if isinstance(command, OpenCommit):
        return (command.opened,) if state.opened is None else ()
    if isinstance(command, PublishCommit):
        return (_published(state, command.manifest),)
    if state.opened is None:
        return ()
    if isinstance(command, CompensateStep | EndCompensation):
        return _compensate(state, state.opened, command)
    if state.phase != "open":
        return ()
    return _advance(state, state.opened, command)


def _advance(
    state: Commit,
    opened: CommitOpened,
    command: RecordVerified | RecordManifest | RecordChecked | RebaseCommit | FailCommit,
) -> tuple[CommitEvent, ...]:
    commit = opened.commit
    match command:
        case RecordVerified(recipes, chunks):
            verified = CommitVerified(commit=commit, recipe_count=recipes, chunk_count=chunks)
            return (verified,) if state.done == () else ()
        case RecordManifest(manifest, tree, parents, head):
            recorded = ManifestRecorded(
                commit=commit, repo=opened.repo, manifest=manifest, tree=tree, parents=parents, head=head
            )
            return (recorded,) if state.done == ("verify",) else ()
        case RecordChecked(manifest, checks, warnings):
            checked = CommitChecked(commit=commit, checks=checks, warnings=warnings[:WARNINGS_MAX])
            due = state.done == ("verify", "store") and _is_built(state, manifest)
            return (checked,) if due else ()
        case RebaseCommit(attempt):
            rebased = CommitRebased(commit=commit, attempt=attempt)
            return (rebased,) if attempt == state.attempt + 1 else ()
        case FailCommit(step, code, message, facts):
            return (CommitFailed(commit=commit, step=step, code=code, message=message, facts=facts),)
        case _:
            assert_never(command)


def _is_built(state: Commit, manifest: Digest) -> bool:
    return state.built is not None and state.built.manifest == manifest


def _published(state: Commit, manifest: Digest) -> CommitPublished:
    opened = state.opened
    ready = state.phase == "open" and state.done == ("verify", "store", "check")
    if opened is None or not ready or not _is_built(state, manifest):
        raise ConcurrencyConflictError(aggregate=f"commit {opened.commit if opened else ''}")
    return CommitPublished(
        commit=opened.commit,
        repo=opened.repo,
        branch=opened.branch,
        branch_name=opened.branch_name,
        manifest=manifest,
        author_name=opened.author_name,
        message=opened.message,
    )


def _compensate(
    state: Commit, opened: CommitOpened, command: CompensateStep | EndCompensation
) -> tuple[CommitEvent, ...]:
    if state.phase != "failed" or state.failure is None:
        return ()
    match command:
        case CompensateStep(step, undone):
            compensated = CommitStepCompensated(commit=opened.commit, step=step, undone=undone)
            return (compensated,) if state.done[-1:] == (step,) else ()
        case EndCompensation():
            ended = CommitCompensated(commit=opened.commit, repo=opened.repo, code=state.failure.code)
            return (ended,) if state.done == () else ()
        case _:
            assert_never(command)


def evolve(state: Commit, event: CommitEvent) -> Commit:
    match event:
        case CommitOpened():
            return Commit("open", event)
        case CommitVerified():
            return replace(state, done=(*state.done, "verify"))
        case ManifestRecorded():
            return replace(state, done=(*state.done, "store"), built=event)
        case CommitChecked():
            return replace(state, done=(*state.done, "check"), warnings=event.warnings)
        case CommitRebased():
            return replace(state, done=("verify",), built=None, warnings=(), attempt=event.attempt)
        case CommitPublished():
            return replace(state, phase="published", done=(*state.done, "publish"))
        case CommitFailed():
            return replace(state, phase="failed", failure=event)
        case CommitStepCompensated():
            return replace(state, done=state.done[:-1])
        case CommitCompensated():
            return replace(state, phase="compensated")
        case _:
            assert_never(event)


DECIDER = Decider("commit", Commit(), decide, evolve, get_args(CommitEvent), fold=2)
