"""Follows the log for commits that were opened and runs their sagas, one at a time a branch.

Promises: folds to the log's end before it acts, and then acts only on sagas that are still open there;
commits of one branch run in the order in which they were opened, so on a hot branch nobody starves; a saga
that a fault of ours breaks is set aside, said, and tried again, and stops nobody else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from domain.commit import decider as commits
from domain.commit.events import CommitCompensated, CommitOpened, CommitPublished
from domain.event import Recorded
from domain.ids import BranchId, CommitId
from domain.ports import EventLog, Feed
from domain.position import Position
from workers.saga_runner import SagaRunner

SAGAS_AT_ONCE = 4
"""Branches that move at the same time; a saga mostly waits for disks."""
MESSAGES_PER_READ = 1_000
WAIT_S = 1.0
ASIDE_S = 60
"""A saga that a fault broke may fare better after a restart of what it depends on."""

Contained = Callable[[str, Callable[[], None]], bool]
"""Runs a piece of work; False if it is to be set aside (`Supervisor.contained`)."""
Open = Callable[[], tuple[Iterable[CommitId], Position | None]]
"""The commits that a read model knows as open, and the position up to which it knows."""


@dataclass(slots=True)
class CommitWorker:
    """The loop behind `dits work`: one follower, a bounded pool of saga runs."""

    feed: Feed
    events: EventLog
    runner: SagaRunner
    known_open: Open
    contained: Contained
    _waiting: dict[BranchId, deque[Recorded]] = field(default_factory=dict[BranchId, deque[Recorded]])
    """The queue of each branch that has a saga running; its head is the running one."""
    _aside: list[tuple[int, Recorded]] = field(default_factory=list[tuple[int, Recorded]])
    """Sagas that a fault of ours broke, and when: tried again later, while all others go on."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _broken: list[BaseException] = field(default_factory=list[BaseException])

    def run(self, stopping: threading.Event) -> None:
        self._waiting, self._broken, self._aside = {}, [], []
        still_open, after = self._fold_to_the_end(stopping)
        with ThreadPoolExecutor(SAGAS_AT_ONCE, thread_name_prefix="saga") as pool:
            for opened in still_open.values():
                self._enqueue(pool, opened)
            while not stopping.is_set():
                batch = self.feed.read(after, MESSAGES_PER_READ)
                for recorded in batch:
                    if isinstance(recorded.event, CommitOpened):
                        self._enqueue(pool, recorded)
                if self._broken:
                    raise self._broken[0]
                if batch:
                    after = batch[-1].position
                else:
                    self._take_up_again(pool)
                    self.feed.wait(after, WAIT_S)

    def _fold_to_the_end(self, stopping: threading.Event) -> tuple[dict[CommitId, Recorded], Position | None]:
        known, after = self.known_open()
        still_open = {commit: self._opening(commit) for commit in known}
        while not stopping.is_set():
            batch = self.feed.read(after, MESSAGES_PER_READ)
            if not batch:
                break
            for recorded in batch:
                match recorded.event:
                    case CommitOpened(commit=commit):
                        still_open[commit] = recorded
                    case CommitPublished(commit=commit) | CommitCompensated(commit=commit):
                        still_open.pop(commit, None)
                    case _:
                        pass
            after = batch[-1].position
        return still_open, after

    def _opening(self, commit: CommitId) -> Recorded:
        return next(self.events.history(commits.DECIDER.at(commit)))

    def _enqueue(self, pool: ThreadPoolExecutor, opened: Recorded) -> None:
        branch = _branch(opened)
        with self._lock:
            queue = self._waiting.get(branch)
            if queue is not None:
                queue.append(opened)
                return
            self._waiting[branch] = deque([opened])
        pool.submit(self._work_off, branch)

    def _take_up_again(self, pool: ThreadPoolExecutor) -> None:
        horizon_ms = self.runner.clock.monotonic_ms() - ASIDE_S * 1000
        with self._lock:
            due = [opened for since_ms, opened in self._aside if since_ms <= horizon_ms]
            self._aside = [each for each in self._aside if each[0] > horizon_ms]
        for opened in due:
            self._enqueue(pool, opened)

    def _work_off(self, branch: BranchId) -> None:
        """Run the branch's sagas until none waits; an error ends the whole loop, to be started anew."""
        try:
            while not self._broken:
                with self._lock:
                    queue = self._waiting[branch]
                    if not queue:
                        del self._waiting[branch]
                        return
                    opened = queue.popleft()
                if not self.contained(f"commit {opened.aggregate.id}", partial(self.runner.run, opened)):
                    with self._lock:
                        self._aside.append((self.runner.clock.monotonic_ms(), opened))
        except BaseException as error:
            self._broken.append(error)
            raise


def _branch(opened: Recorded) -> BranchId:
    assert isinstance(opened.event, CommitOpened)
    return opened.event.branch
