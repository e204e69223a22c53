"""Verified, retrying and bounded stores, over stores that fail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest

from domain.errors import (
    CorruptObjectError,
    InsufficientStorageError,
    UnavailableError,
    WriteVerificationError,
)
from domain.format.digest import digest_of
from domain.ports import ObjectName, StoredObject
from infra.objects.bounded import BoundedStore
from infra.objects.memory import MemoryStore
from infra.objects.retrying import TRIES_MAX, RetryingStore
from infra.objects.verified import VerifiedStore
from tests.fakes import FakeClock, FakeIds
from tests.objects.faulty import FailingStore, FlippingStore, unavailable

CONTENTS = (b"one", b"two", b"three")
BATCH = [(ObjectName("chunks", digest_of(content)), content) for content in CONTENTS]
NAME, CONTENT = BATCH[0]


def test_one_flipped_bit_is_mended_by_a_second_write() -> None:
    flipping = FlippingStore(flips=1)
    VerifiedStore(flipping).put([(NAME, CONTENT)])
    assert flipping.writes == 2
    assert flipping.get(NAME) == CONTENT


def test_only_the_wrong_objects_of_a_batch_are_written_again() -> None:
    flipping = FlippingStore(flips=2)
    VerifiedStore(flipping).put(BATCH)
    assert flipping.writes == len(BATCH) + 2


def test_a_location_that_flips_twice_is_not_believed() -> None:
    flipping = FlippingStore(flips=2)
    with pytest.raises(WriteVerificationError) as caught:
        VerifiedStore(flipping).put([(NAME, CONTENT)])
    assert caught.value.facts["name"] == NAME.digest.hex()
    assert caught.value.facts["actual"] == digest_of(flipping.get(NAME)).hex()


def test_what_was_there_is_read_back_as_well() -> None:
    flipping = FlippingStore(flips=1)
    flipping.put([(NAME, CONTENT)])
    VerifiedStore(flipping).put([(NAME, CONTENT)])
    assert flipping.get(NAME) == CONTENT


def test_wrong_bytes_are_never_served() -> None:
    flipping = FlippingStore(flips=1)
    flipping.put([(NAME, CONTENT)])
    with pytest.raises(CorruptObjectError):
        VerifiedStore(flipping).get(NAME)


@pytest.mark.parametrize("failures", range(TRIES_MAX))
def test_a_store_that_was_briefly_away_is_asked_again(failures: int) -> None:
    failing, clock = FailingStore(*(unavailable() for _ in range(failures))), FakeClock()
    assert not RetryingStore(failing, clock, FakeIds()).put(BATCH)[0].was_there
    assert failing.calls == failures + 1
    assert clock.slept_s == [0.1, 0.2, 0.4, 0.8][:failures]


def test_a_store_that_stays_away_is_given_up() -> None:
    failing = FailingStore(*(unavailable() for _ in range(TRIES_MAX)))
    with pytest.raises(UnavailableError):
        RetryingStore(failing, FakeClock(), FakeIds()).get(NAME)
    assert failing.calls == TRIES_MAX


def test_a_full_store_is_not_asked_again() -> None:
    failing = FailingStore(InsufficientStorageError(store="hot"))
    with pytest.raises(InsufficientStorageError):
        RetryingStore(failing, FakeClock(), FakeIds()).put(BATCH)
    assert failing.calls == 1


def test_a_listing_that_breaks_off_names_everything_once() -> None:
    failing = FailingStore(unavailable(), unavailable())
    MemoryStore.put(failing, BATCH)
    listed = list(RetryingStore(failing, FakeClock(), FakeIds()).list("chunks"))
    assert listed == sorted((name for name, _ in BATCH), key=lambda name: name.digest)


class SlowStore(MemoryStore):
    """Answers a put only when it is let go; knows how many came at once."""

    def __init__(self) -> None:
        super().__init__("hot")
        self.let_go, self.arrived = Event(), Event()
        self.at_once = self.at_once_max = 0
        self._count = Lock()

    def put(self, objects: object) -> tuple[StoredObject, ...]:
        with self._count:
            self.at_once += 1
            self.at_once_max = max(self.at_once_max, self.at_once)
        self.arrived.set()
        assert self.let_go.wait(10)
        with self._count:
            self.at_once -= 1
        return ()


def test_no_more_operations_run_at_once_than_allowed() -> None:
    slow = SlowStore()
    bounded = BoundedStore(slow, operations_max=2, bytes_max=64 << 20)
    with ThreadPoolExecutor(6) as threads:
        puts = [threads.submit(bounded.put, [(NAME, CONTENT)]) for _ in range(6)]
        assert slow.arrived.wait(10)
        slow.let_go.set()
        assert [put.result() for put in puts] == [()] * 6
    assert slow.at_once_max <= 2


def test_bytes_under_way_are_bounded_as_well() -> None:
    slow, large = SlowStore(), bytes(40 << 20)
    bounded = BoundedStore(slow, operations_max=8, bytes_max=64 << 20, wait_s=0.01)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(bounded.put, [(NAME, large)])
        assert slow.arrived.wait(10)
        with pytest.raises(UnavailableError, match="busy"):
            bounded.put([(NAME, large)])
        slow.let_go.set()
        first.result()
    assert bounded.put([(NAME, large)]) == ()


def test_a_failed_operation_gives_its_place_back() -> None:
    failing = FailingStore(unavailable(), unavailable())
    bounded = BoundedStore(failing, operations_max=1, bytes_max=64 << 20, wait_s=0.01)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="store hot does"):
            bounded.get(NAME)
    assert bounded.put(BATCH)
