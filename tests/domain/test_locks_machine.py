"""The lock table against a model that a child could keep: a dictionary and a list of used tokens (I7)."""

from __future__ import annotations

from functools import reduce

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain import locks
from domain.errors import LockHeldError, LockLostError
from domain.ids import ConsumerId, FilePath
from domain.locks import (
    AcquireLocks,
    ExpireLock,
    ForceReleaseLocks,
    HonourLocks,
    LockAcquired,
    LocksCommand,
    LockTable,
    ReleaseLocks,
)
from tests.domain.examples import ADA, BOB, FILM

people = st.sampled_from((ADA, BOB))
path = st.sampled_from([FilePath(name) for name in ("a", "b", "c")])
paths = st.lists(path, min_size=1, max_size=3).map(tuple)
tokens = st.integers(1, 12)


class LockTableMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.table = LockTable()
        self.held: dict[FilePath, tuple[ConsumerId, int]] = {}
        self.used: list[int] = []

    def ask(self, command: LocksCommand) -> bool:
        """True if it was answered, and not refused."""
        try:
            events = locks.DECIDER.decide(self.table, command)
        except (LockHeldError, LockLostError):
            return False
        self.table = reduce(locks.DECIDER.evolve, events, self.table)
        self.used += [event.fencing_token for event in events if isinstance(event, LockAcquired)]
        return True

    def owns(self, who: ConsumerId, where: FilePath, token: int) -> bool:
        return self.held.get(where) == (who, token)

    @rule(who=people, where=paths)
    def acquire(self, who: ConsumerId, where: tuple[FilePath, ...]) -> None:
        free = all(self.held.get(each, (who, 0))[0] == who for each in where)
        assert self.ask(AcquireLocks(FILM, where, who, who, "beating", 30_000, "noon")) == free
        for each in where if free else ():
            self.held.setdefault(each, (who, self.table.locks[each].fencing_token))

    @rule(who=people, where=path, token=tokens)
    def release(self, who: ConsumerId, where: FilePath, token: int) -> None:
        mine = self.owns(who, where, token)
        assert self.ask(ReleaseLocks(who, {where: token})) == mine
        if mine:
            del self.held[where]

    @rule(where=path, token=tokens)
    def expire(self, where: FilePath, token: int) -> None:
        assert self.ask(ExpireLock(where, token))
        if where in self.held and self.held[where][1] == token:
            del self.held[where]

    @rule(where=paths)
    def force(self, where: tuple[FilePath, ...]) -> None:
        assert self.ask(ForceReleaseLocks(where, BOB, "holiday"))
        for each in where:
            self.held.pop(each, None)

    @rule(who=people, where=paths, shown=st.dictionaries(path, tokens))
    def honour(self, who: ConsumerId, where: tuple[FilePath, ...], shown: dict[FilePath, int]) -> None:
        version = self.table.version
        allowed = all(
            self.owns(who, each, shown.get(each, 0)) if each in self.held else each not in shown
            for each in where
        )
        assert self.ask(HonourLocks(where, who, shown)) == allowed
        assert self.table.version == version

    @rule(who=people, where=path)
    def zombie(self, who: ConsumerId, where: FilePath) -> None:
        """Whoever shows any token but the newest of its own lock is refused."""
        for token in self.used:
            allowed = self.ask(HonourLocks((where,), who, {where: token}))
            assert allowed == self.owns(who, where, token)

    @invariant()
    def table_and_model_agree(self) -> None:
        told = {where: (lock.holder, lock.fencing_token) for where, lock in self.table.locks.items()}
        assert told == self.held

    @invariant()
    def tokens_strictly_grow_and_are_never_used_again(self) -> None:
        assert self.used == sorted(set(self.used))


TestLockTable = LockTableMachine.TestCase
