"""Runs one commit saga at a time: takes each step, records what came of it.

Promises: two runners on one commit do no harm, because every step ends in an append that decides nothing
the second time; after a kill at any crash point the next runner finishes or compensates (I2, I4, I6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from domain.commit import decider as commits
from domain.commit.decider import Commit, FailCommit, RebaseCommit
from domain.commit.events import CommitOpened
from domain.decider import Context
from domain.errors import DitsError, LogRegressedError
from domain.event import Recorded
from domain.ports import Clock, CrashPoints, EventLog, Ids
from domain.sagas import commit as saga
from workers.commit_steps import CommitSteps

log = structlog.get_logger(__name__)
ACTOR = "system:saga-runner"


@dataclass(frozen=True, slots=True)
class SagaRunner:
    """Takes a commit from where it stands to its end. Safe to call for one that is over."""

    events: EventLog
    steps: CommitSteps
    clock: Clock
    ids: Ids
    crash_points: CrashPoints
    stopping: Callable[[], bool]

    def run(self, opened: Recorded) -> None:
        """`opened` is the log's CommitOpened. Returns at the saga's end, or when the process is stopping.

        Raises LogRegressedError, and errors of kind ``bug``.
        """
        assert isinstance(opened.event, CommitOpened)
        context = Context(ACTOR, opened.envelope.correlation_id, opened.position.encode())
        tries, last = 0, None
        while not self.stopping():
            state = Commit()
            try:
                state = self.events.load(commits.DECIDER, opened.event.commit).state
                action = saga.next_action(state)
                if isinstance(action, saga.Rest):
                    return
                self._act(state, opened.event, action, context)
                tries, last = 0, None
            except DitsError as error:
                if error.kind == "bug" or isinstance(error, LogRegressedError):
                    raise
                tries, last = (tries + 1 if type(error) is last else 1), type(error)
                self._pause_or_give_up(state, error, tries, context)

    def _act(
        self,
        state: Commit,
        opened: CommitOpened,
        action: saga.Forward | saga.Undo | saga.End,
        context: Context,
    ) -> None:
        reached = self.crash_points.reached
        match action:
            case saga.Forward(step):
                reached(f"{step}:begin")
                asks = self.steps.take(state, opened, step, context)
                reached(f"{step}:effect")
                self.events.ask(*asks, context=context)
                reached(f"{step}:appended")
            case saga.Undo(rule):
                reached(f"undo-{rule.step}:begin")
                self.events.ask(*saga.undo(opened, rule), context=context)
                reached(f"undo-{rule.step}:appended")
            case saga.End():
                assert state.failure is not None
                reached("end:begin")
                self.events.ask(*saga.end(opened, state.failure.code), context=context)
                reached("end:appended")

    def _pause_or_give_up(self, state: Commit, error: DitsError, tries: int, context: Context) -> None:
        jitter = self.ids.jitter()
        verdict = saga.judge(state, error, tries=tries, jitter=jitter)
        log.info(
            "saga_step_failed",
            commit=state.opened.commit if state.opened is not None else None,
            code=error.code,
            verdict=type(verdict).__name__,
            tries=tries,
        )
        match verdict:
            case saga.Retry(pause_ms):
                self.clock.sleep(pause_ms / 1000)
            case saga.Rebase(command, pause_ms):
                self._record(state, command, context)
                self.clock.sleep(pause_ms / 1000)
            case saga.GiveUp(command):
                self._record(state, command, context)
                self.crash_points.reached("fail:appended")

    def _record(self, state: Commit, command: RebaseCommit | FailCommit, context: Context) -> None:
        """A verdict is recorded before anything else happens to the commit."""
        assert state.opened is not None
        ask, tries = commits.DECIDER.ask(state.opened.commit, command), 0
        while not self.stopping():
            try:
                self.events.ask(ask, context=context)
            except DitsError as error:
                if not saga.may_pass(error) or isinstance(error, LogRegressedError):
                    raise
                tries += 1
                self.clock.sleep(saga.pause_ms(tries, self.ids.jitter()) / 1000)
            else:
                return
