"""Branches, commits and locks under random crashes and rivals, against dictionaries (I2, I4, I6, I7)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from domain import branch as branches
from domain import references
from domain.branch import DeleteBranch
from domain.event import Recorded
from domain.ids import CommitId, ConsumerId, branch_id
from domain.references import MoveHolder, branch_holder
from domain.sagas.commit import crash_points
from tests.domain.examples import ADA, BOB, FILM
from tests.faults import CrashedError, Moments, crash
from tests.machines.film import Film, commit_of

Files = dict[str, bytes]
branch = st.sampled_from(("main", "side"))
path = st.sampled_from(("a", "b", "c/d", "c/e"))
content = st.none() | st.sampled_from((b"one", b"two", b""))
changes = st.dictionaries(path, content, min_size=1, max_size=3)
point = st.sampled_from(crash_points())


@dataclass(frozen=True)
class Wish:
    """A commit as its client meant it."""

    opened: Recorded
    branch: str
    base: CommitId | None
    changes: dict[str, bytes | None]
    fixed_head: bool
    tokens: dict[str, int]

    @property
    def commit(self) -> CommitId:
        return commit_of(self.opened)


def changed(before: Files, after: Files) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


class RepositoryMachine(RuleBasedStateMachine):
    wishes = Bundle("wishes")

    def __init__(self) -> None:
        super().__init__()
        self.film = Film()
        self.heads: dict[str, CommitId] = {}
        self.files: dict[CommitId | None, Files] = {None: {}}
        self.locks: dict[str, tuple[ConsumerId, int]] = {}
        self.waiting: list[Wish] = []
        self.count = 0

    # ---------------------------------------------------------------- what people do
    @rule(target=wishes, on=branch, what=changes, data=st.data(), fixed=st.booleans(), honest=st.booleans())
    def open(
        self, on: str, what: dict[str, bytes | None], data: st.DataObject, fixed: bool, honest: bool
    ) -> Wish:
        """On the branch's head or on any published commit, with true tokens or with none."""
        bases = [self.heads.get(on), *self.files]
        base = data.draw(st.sampled_from(bases))
        if data.draw(st.integers(0, 9)):
            what = {p: c for p, c in what.items() if c is not None or p in self.files[base]}
        mine = {path: token for path, (holder, token) in self.locks.items() if holder == ADA}
        tokens = {path: token for path, token in mine.items() if honest and path in what}
        self.count += 1
        name = f"wish {self.count}"
        opened = self.film.open(name, what, base=base, branch=on, fixed_head=fixed, tokens=tokens)
        wish = Wish(opened, on, base, what, fixed, tokens)
        self.waiting.append(wish)
        return wish

    @rule(where=path, holder=st.sampled_from((ADA, BOB)))
    def lock(self, where: str, holder: ConsumerId) -> None:
        if where not in self.locks:
            self.locks[where] = (holder, self.film.lock(where, holder))

    @precondition(lambda self: self.locks)
    @rule(data=st.data())
    def unlock(self, data: st.DataObject) -> None:
        where = data.draw(st.sampled_from(sorted(self.locks)))
        self.film.unlock(where, *self.locks.pop(where))

    @rule(on=branch)
    def delete_branch(self, on: str) -> None:
        state = self.film.log.events.load(branches.DECIDER, branch_id(FILM, on)).state
        if state.head is not None:
            holder = branch_holder(state.branch)
            self.film.ask(
                branches.DECIDER.ask(state.branch, DeleteBranch(on, None)),
                references.DECIDER.ask(FILM, MoveHolder(FILM, holder, state.head.manifest, None)),
            )
            del self.heads[on]

    # ---------------------------------------------------------------- what runners do
    @rule(wish=wishes, dies=st.none() | point, nth=st.integers(1, 2))
    def run(self, wish: Wish, dies: str | None, nth: int) -> None:
        """Once; if the process dies, the commit is left for later."""
        moments = Moments()
        if dies is not None:
            moments.plan(dies, crash, nth=nth)
        self.run_with(wish, moments)

    @rule(wish=wishes, rival=wishes, at=point, dies=st.none() | point)
    def run_against_a_rival(self, wish: Wish, rival: Wish, at: str, dies: str | None) -> None:
        """Another process takes a turn, at another commit or at the same one, and may die at it."""
        moments, of_rival = Moments(), Moments()
        if dies is not None:
            of_rival.plan(dies, crash)
        moments.plan(at, self.settle)
        moments.plan(at, lambda: self.run_with(rival, of_rival))
        self.run_with(wish, moments)

    def run_with(self, wish: Wish, moments: Moments) -> None:
        with suppress(CrashedError):
            self.film.runner(crash_points=moments).run(wish.opened)
        self.settle()

    # ---------------------------------------------------------------- what must have come of it
    def settle(self) -> None:
        """Compare every commit whose lot is cast with what the model says to it now."""
        for wish in list(self.waiting):
            state = self.film.state(wish.commit)
            if state.phase == "open":
                continue
            self.waiting.remove(wish)
            expected = self.outcome(wish)
            if isinstance(expected, str):
                assert state.failure is not None, (wish, expected)
                assert state.failure.code == expected
            else:
                assert state.phase == "published", (wish, state.failure)
                self.files[wish.commit] = expected
                self.heads[wish.branch] = wish.commit

    def outcome(self, wish: Wish) -> Files | str:
        """The files after the commit, or the code of its failure."""
        base, head = self.files[wish.base], self.heads.get(wish.branch)
        if any(content is None and path not in base for path, content in wish.changes.items()):
            return "NOT_FOUND"
        ours = {p: c for p, c in {**base, **wish.changes}.items() if c is not None}
        if wish.fixed_head and head != wish.base:
            return "STALE_HEAD"
        onto = self.files[head] if head is not None else base
        both = changed(base, ours) & changed(base, onto)
        if any(ours.get(path) != onto.get(path) for path in both):
            return "PATH_CONFLICT"
        merged = dict(onto)
        for each in changed(base, ours):
            merged.pop(each, None)
            if each in ours:
                merged[each] = ours[each]
        return self.lock_refusal(wish, sorted(changed(onto, merged))) or merged

    def lock_refusal(self, wish: Wish, paths: list[str]) -> str | None:
        for each in paths:
            holder, token = self.locks.get(each, (None, None))
            if holder not in {None, ADA}:
                return "LOCK_HELD"
            if token != wish.tokens.get(each):
                return "LOCK_LOST"
        return None

    @invariant()
    def branches_hold_what_the_model_holds(self) -> None:
        for on in ("main", "side"):
            assert self.film.head(on) == self.heads.get(on)
            if on in self.heads:
                assert self.film.files(on) == self.files[self.heads[on]]

    def teardown(self) -> None:
        for wish in list(self.waiting):
            self.run_with(wish, Moments())
        assert not self.waiting
        self.film.check()


class LongRepositoryMachine(RepositoryMachine):
    """The same for thousands of histories."""


TestRepository = RepositoryMachine.TestCase
TestRepository.settings = settings(stateful_step_count=20)
TestRepositoryAtLength = pytest.mark.long(LongRepositoryMachine.TestCase)
TestRepositoryAtLength.settings = settings(max_examples=500, stateful_step_count=40)
