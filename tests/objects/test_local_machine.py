"""The local store and the memory model do the same, over any sequence of puts, reads, mends and crashes."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import ChunkNotFoundError
from domain.format.digest import digest_of
from domain.ports import ObjectName, ObjectStore
from infra.clock import SystemIds
from infra.objects.local import LocalStore
from infra.objects.memory import MemoryStore
from tests.objects.crash import killed_before_call

KINDS = ("chunks", "trees")
OBJECTS = [
    (ObjectName(KINDS[number % 2], digest_of(content)), content)
    for number, content in enumerate(
        Random(7).randbytes(size) for size in (1, 10, 4096, 5000, 70_000, 300_000)
    )
]
ONE = st.integers(0, len(OBJECTS) - 1)
SOME = st.lists(ONE, max_size=8)


class LocalStoreMachine(RuleBasedStateMachine):
    """Two stores, one history."""

    @initialize()
    def start(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="dits-objects-"))
        self.local = self._opened()
        self.model = MemoryStore("hot")

    def teardown(self) -> None:
        self.local.close()
        shutil.rmtree(self.root)

    @rule(batch=SOME)
    def put(self, batch: list[int]) -> None:
        objects = [OBJECTS[number] for number in batch]
        assert self.local.put(objects) == self.model.put(objects)

    @rule(one=ONE)
    def mend(self, one: int) -> None:
        self.local.mend(*OBJECTS[one])
        self.model.mend(*OBJECTS[one])

    @rule(one=ONE)
    def lose_a_bit(self, one: int) -> None:
        """As a medium does; both must show it, and only `mend` may take it back."""
        name, content = OBJECTS[one]
        path, wrong = self.root / name.key, bytes([content[0] ^ 1]) + content[1:]
        if path.exists():
            path.write_bytes(wrong)
            self.model = _with(self.model, name, wrong)

    @rule(batch=SOME, number=st.integers(1, 80))
    def crash_while_putting(self, batch: list[int], number: int) -> None:
        """Whatever became visible is whole, and was in the batch."""
        objects, before = [OBJECTS[number] for number in batch], set(_names(self.model))
        killed_before_call(number, partial(_put_in_a_new_process, self.root, objects))
        visible = set(_names(self.local)) - before
        self.model.put([(name, content) for name, content in objects if name in visible])

    @rule()
    def restart(self) -> None:
        self.local.close()
        self.local = self._opened()

    @invariant()
    def both_hold_the_same(self) -> None:
        names = [name for name, _ in OBJECTS]
        assert _names(self.local) == _names(self.model)
        assert self.local.read_back(names) == self.model.read_back(names)
        assert [_got(self.local, name) for name in names] == [_got(self.model, name) for name in names]
        assert [self.local.size(name) for name in names] == [self.model.size(name) for name in names]

    def _opened(self) -> LocalStore:
        return LocalStore("hot", self.root, SystemIds())


def _put_in_a_new_process(root: Path, batch: list[tuple[ObjectName, bytes]]) -> None:
    LocalStore("hot", root, SystemIds()).put(batch)


def _with(model: MemoryStore, name: ObjectName, content: bytes) -> MemoryStore:
    changed = MemoryStore(model.location)
    changed.put([(other, model.get(other)) for other in _names(model) if other != name])
    changed.put([(name, content)])
    return changed


def _names(store: ObjectStore) -> list[ObjectName]:
    return [name for kind in KINDS for name in store.list(kind)]


def _got(store: ObjectStore, name: ObjectName) -> bytes | None:
    try:
        return store.get(name)
    except ChunkNotFoundError:
        return None


class LongLocalStoreMachine(LocalStoreMachine):
    """The same, for longer."""


TestLocalStoreMachine = LocalStoreMachine.TestCase
TestLocalStoreMachine.settings = settings(max_examples=10, stateful_step_count=20, deadline=None)
TestLongLocalStoreMachine = pytest.mark.long(LongLocalStoreMachine.TestCase)
TestLongLocalStoreMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
