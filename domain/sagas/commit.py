"""The commit saga: which step comes next, how it is undone, and what a failure means.

Promises: the step table is the one list that the runner, the docs and the crash tests enumerate; before
the pivot a permanent failure is compensated in reverse order, a transient one retried with a limit, an
unknown outcome re-sent for ever; a head that moved is followed unless the client fixed it (bounded).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from domain import branch as branches
from domain import locks, references
from domain.branch import Head, MoveBranch
from domain.commit import decider as commits
from domain.commit.decider import (
    Commit,
    CompensateStep,
    EndCompensation,
    FailCommit,
    PublishCommit,
    RebaseCommit,
)
from domain.commit.events import CommitOpened, ManifestRecorded, Step
from domain.decider import Ask
from domain.errors import ConcurrencyConflictError, DitsError, OutcomeUnknownError, StaleHeadError
from domain.format.errors import Fact
from domain.ids import Digest, FilePath
from domain.locks import HonourLocks
from domain.references import MoveHolder, branch_holder
from domain.session import decider as sessions
from domain.session.commands import CompleteSession, FailSession

TRIES_MAX = 8
"""Of one step that fails transiently: about 25 s of backoff, as long as a restart of a server takes."""
REBASES_MAX = 50
"""Of one commit on a hot branch; each one means that somebody else's commit landed."""
REBASE_PAUSE_MS_MAX = 20
"""A pivot takes about 5 ms: enough for two workers on one branch to fall out of step."""
BACKOFF_FIRST_MS = 100
BACKOFF_MAX_MS = 10_000


@dataclass(frozen=True, slots=True)
class StepRule:
    """One row of the step table: the step and, beside it, what undoing it means."""

    step: Step
    undone: str


STEPS: tuple[StepRule, ...] = (
    StepRule("verify", "the content is no longer claimed for this commit"),
    StepRule("store", "trees and manifest are held by nothing; their objects are left to the collector"),
    StepRule("check", "the checks count for nothing"),
    StepRule("publish", "never: after the pivot only forward"),
)


def crash_points() -> tuple[str, ...]:
    """Every place where the runner may die: around each step's effect and append, and each compensation's."""
    forward = tuple(f"{rule.step}:{at}" for rule in STEPS for at in ("begin", "effect", "appended"))
    backward = tuple(f"undo-{rule.step}:{at}" for rule in STEPS[-2::-1] for at in ("begin", "appended"))
    return (*forward, "fail:appended", *backward, "end:begin", "end:appended")


# ------------------------------------------------------------------ what comes next
@dataclass(frozen=True, slots=True)
class Forward:
    """Do the next step."""

    step: Step


@dataclass(frozen=True, slots=True)
class Undo:
    """Compensate the newest step that stands."""

    rule: StepRule


@dataclass(frozen=True, slots=True)
class End:
    """All is undone: say so and end the session."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is left to do."""


Action = Forward | Undo | End | Rest


def next_action(state: Commit) -> Action:
    match state.phase:
        case "open":
            return Forward(STEPS[len(state.done)].step)
        case "failed" if state.done:
            return Undo(next(rule for rule in STEPS if rule.step == state.done[-1]))
        case "failed":
            return End()
        case "absent" | "published" | "compensated":
            return Rest()
        case _:
            assert_never(state.phase)


# ------------------------------------------------------------------ what a failure means
@dataclass(frozen=True, slots=True)
class Retry:
    """Do the same again after a pause."""

    pause_ms: int


@dataclass(frozen=True, slots=True)
class Rebase:
    """Go back to the store step, on the branch's new head, after a moment of chance."""

    command: RebaseCommit
    pause_ms: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Permanent: record it and compensate."""

    command: FailCommit


Verdict = Retry | Rebase | GiveUp


def judge(state: Commit, error: DitsError, *, tries: int, jitter: float) -> Verdict:
    """What an error in the next action means. `tries` counts how often it came in a row, from 1; `jitter` is
    uniform in [0, 1). Compensation and unknown outcomes are tried for ever; an error of kind ``bug`` must
    not come here: it is the supervisor's."""
    action = next_action(state)
    if not isinstance(action, Forward) or isinstance(error, OutcomeUnknownError | ConcurrencyConflictError):
        return Retry(pause_ms(tries, jitter))
    if isinstance(error, StaleHeadError) and _may_follow(state):
        return Rebase(RebaseCommit(state.attempt + 1), int(jitter * REBASE_PAUSE_MS_MAX))
    if may_pass(error) and tries < TRIES_MAX:
        return Retry(pause_ms(tries, jitter))
    facts = tuple((name, _recorded(fact)) for name, fact in sorted(error.facts.items()))
    return GiveUp(FailCommit(action.step, error.code, error.message, facts))


def _recorded(fact: Fact) -> str:
    """As text; what has members as JSON."""
    return json.dumps(fact) if isinstance(fact, tuple | Mapping) else str(fact)


def may_pass(error: DitsError) -> bool:
    """Is it worth asking the same again?"""
    return error.kind in {"unavailable", "throttled", "full"} or isinstance(error, ConcurrencyConflictError)


def _may_follow(state: Commit) -> bool:
    return state.opened is not None and not state.opened.fixed_head and state.attempt < REBASES_MAX


def pause_ms(tries: int, jitter: float) -> int:
    """Exponential backoff with full jitter on its upper half."""
    ceiling = min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (tries - 1))
    return int(ceiling / 2 + jitter * ceiling / 2)


# ------------------------------------------------------------------ the asks that end a step
def pivot(
    opened: CommitOpened, built: ManifestRecorded, held: Digest | None, paths: tuple[FilePath, ...]
) -> tuple[Ask, ...]:
    """The one append that publishes: commit, branch, session, references, and the locks honoured.

    `held` is the manifest that the branch retains while its head is `built.head`; `paths` are all that
    the commit changes.
    """
    head = Head(opened.commit, built.manifest)
    holder = branch_holder(opened.branch)
    tokens = {shown.path: shown.token for shown in opened.tokens}
    return (
        commits.DECIDER.ask(opened.commit, PublishCommit(built.manifest)),
        branches.DECIDER.ask(
            opened.branch, MoveBranch(opened.repo, opened.branch, opened.branch_name, built.head, head)
        ),
        sessions.DECIDER.ask(opened.session, CompleteSession(opened.repo, opened.commit)),
        references.DECIDER.ask(opened.repo, MoveHolder(opened.repo, holder, held, built.manifest)),
        locks.DECIDER.ask(opened.repo, HonourLocks(paths, opened.author, tokens)),
    )


def undo(opened: CommitOpened, rule: StepRule) -> tuple[Ask, ...]:
    return (commits.DECIDER.ask(opened.commit, CompensateStep(rule.step, rule.undone)),)


def end(opened: CommitOpened, code: str) -> tuple[Ask, ...]:
    """Compensation is over: the commit says so, and its session ends with it."""
    return (
        commits.DECIDER.ask(opened.commit, EndCompensation()),
        sessions.DECIDER.ask(opened.session, FailSession(opened.repo, opened.commit, code)),
    )
