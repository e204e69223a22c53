"""What every ObjectStore promises (domain/ports.py), asked of each adapter, bare and decorated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count

import pytest

from domain.errors import ChunkNotFoundError
from domain.format.digest import digest_of
from domain.ports import DERIVED, ObjectName, ObjectStore
from infra.clock import SystemClock, SystemIds
from infra.objects.bounded import BoundedStore
from infra.objects.local import LocalStore
from infra.objects.memory import MemoryStore
from infra.objects.retrying import RetryingStore
from infra.objects.s3 import S3Account, S3Store
from infra.objects.verified import VerifiedStore
from tests.fault_proxy import FaultProxy
from tests.weed import weed

_numbers = count()


def fresh(size_bytes: int = 1000) -> tuple[ObjectName, bytes]:
    """An object that no store has seen, not even one that outlives the test."""
    content = f"{next(_numbers)}:{SystemIds().token(8).hex()}:".encode().ljust(size_bytes, b".")
    return named(content)


def named(content: bytes, kind: str = "chunks") -> tuple[ObjectName, bytes]:
    return ObjectName(kind, digest_of(content)), content


@pytest.fixture(scope="module")
def s3_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Account]:
    with weed(tmp_path_factory.mktemp("weed")) as account:
        yield account


@pytest.fixture(scope="module")
def make_store(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], ObjectStore]]:
    with ExitStack() as cleanup:

        def make(adapter: str) -> ObjectStore:
            if adapter == "memory":
                return MemoryStore("hot")
            if adapter == "local":
                local = LocalStore("hot", tmp_path_factory.mktemp("objects"), SystemIds())
                cleanup.callback(local.close)
                return local
            account: S3Account = request.getfixturevalue("s3_account")
            if adapter == "s3 through the proxy":
                proxy = cleanup.enter_context(FaultProxy(int(account.endpoint.rpartition(":")[2])).running())
                account = S3Account(
                    f"http://127.0.0.1:{proxy.port}",
                    account.bucket,
                    account.region,
                    account.access_key,
                    account.secret_key,
                )
            s3 = S3Store("hot", account, timeout_s=10, connections=4)
            cleanup.callback(s3.close)
            return s3

        yield make


ADAPTERS = ("memory", "local", "s3", "s3 through the proxy")


@pytest.fixture(scope="module", params=[*ADAPTERS, *(f"decorated {adapter}" for adapter in ADAPTERS[:3])])
def stores(
    request: pytest.FixtureRequest, make_store: Callable[[str], ObjectStore]
) -> tuple[ObjectStore, ObjectStore]:
    """The store under test, and the adapter below its decorators, where wrong bytes can be planted."""
    adapter: str = request.param
    bare = make_store(adapter.removeprefix("decorated "))
    if not adapter.startswith("decorated "):
        return bare, bare
    bounded = BoundedStore(bare, operations_max=4, bytes_max=64 << 20)
    return VerifiedStore(RetryingStore(bounded, SystemClock(), SystemIds())), bare


@pytest.fixture
def store(stores: tuple[ObjectStore, ObjectStore]) -> ObjectStore:
    return stores[0]


@pytest.fixture
def bare(stores: tuple[ObjectStore, ObjectStore]) -> ObjectStore:
    return stores[1]


def test_what_was_put_is_got(store: ObjectStore) -> None:
    name, content = fresh()
    (receipt,) = store.put([(name, content)])
    assert (receipt.name, receipt.size_bytes, receipt.was_there) == (name, len(content), False)
    assert store.get(name) == content
    assert store.size(name) == len(content)


def test_a_batch_is_answered_in_its_order(store: ObjectStore) -> None:
    batch = [fresh(size_bytes) for size_bytes in range(100, 240)]
    receipts = store.put(batch)
    assert [(receipt.name, receipt.size_bytes) for receipt in receipts] == [(n, len(c)) for n, c in batch]
    assert store.read_back([name for name, _ in batch]) == tuple(name.digest for name, _ in batch)


def test_an_empty_batch_is_no_work(store: ObjectStore) -> None:
    assert store.put([]) == ()
    assert store.read_back([]) == ()


def test_a_view_into_a_larger_buffer_is_stored_as_it_is(store: ObjectStore) -> None:
    content = SystemIds().token(4096)
    name, _ = named(content)
    store.put([(name, memoryview(b"before" + content + b"after")[6:-5])])
    assert store.get(name) == content


def test_a_large_object_survives(store: ObjectStore) -> None:
    name, content = named(SystemIds().token(5 << 20))
    store.put([(name, content)])
    assert store.get(name) == content


def test_what_is_there_is_not_written_again(store: ObjectStore) -> None:
    there, other, new = fresh(), fresh(), fresh()
    store.put([there])
    receipts = store.put([other, there, new])
    assert [receipt.was_there for receipt in receipts] == [False, True, False]


def test_an_object_named_twice_in_a_batch_is_new_once(store: ObjectStore) -> None:
    twice = fresh()
    assert sorted(receipt.was_there for receipt in store.put([twice, twice])) == [False, True]


def test_kinds_do_not_mix(store: ObjectStore) -> None:
    name, content = fresh()
    store.put([(name, content)])
    assert store.size(ObjectName("trees", name.digest)) is None


def test_what_was_never_put_is_not_there(store: ObjectStore) -> None:
    name, _ = fresh()
    assert store.size(name) is None
    assert store.read_back([name]) == (None,)
    with pytest.raises(ChunkNotFoundError):
        store.get(name)


def test_wrong_bytes_are_mended(store: ObjectStore, bare: ObjectStore) -> None:
    (name, content), (_, wrong) = fresh(), fresh()
    bare.put([(name, wrong)])
    assert store.read_back([name]) == (digest_of(wrong),)
    store.mend(name, content)
    assert store.get(name) == content


def test_mending_what_is_right_or_missing_leaves_it_right(store: ObjectStore) -> None:
    name, content = fresh()
    store.mend(name, content)
    store.mend(name, content)
    assert store.get(name) == content


def test_mending_refuses_bytes_of_another_name(store: ObjectStore) -> None:
    (name, content), (_, wrong) = fresh(), fresh()
    store.put([(name, content)])
    with pytest.raises(AssertionError):
        store.mend(name, wrong)
    assert store.get(name) == content


@pytest.mark.parametrize("kind", ["manifests", DERIVED])
def test_a_listing_names_every_object_of_a_kind_in_order(store: ObjectStore, kind: str) -> None:
    batch = [named(SystemIds().token(20), kind) for _ in range(25)]
    store.put(batch)
    listed = [name for name in store.list(kind) if name in dict(batch)]
    assert listed == sorted((name for name, _ in batch), key=lambda name: name.digest)


def test_a_listing_of_nothing_is_empty(store: ObjectStore) -> None:
    assert list(store.list("recipes")) == []


def test_a_store_that_is_there_passes_its_check(store: ObjectStore) -> None:
    store.check()
    store.check()
    assert store.location == "hot"


def test_a_race_for_one_name_has_one_winner_and_whole_bytes(store: ObjectStore) -> None:
    name, content = fresh(200_000)
    with ThreadPoolExecutor(4) as threads:
        puts = [threads.submit(store.put, [(name, content)]) for _ in range(8)]
        receipts = [put.result()[0] for put in puts]
    assert store.get(name) == content
    assert [receipt.was_there for receipt in receipts].count(False) == 1
